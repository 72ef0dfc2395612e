BEGIN TRANSACTION;
CREATE TABLE account (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	address VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	CONSTRAINT uq_account_address UNIQUE (address)
);
INSERT INTO "account" VALUES(1,'ann@example.org','$argon2id$an old hash');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE content (
	message_id VARCHAR NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_content PRIMARY KEY (message_id), 
	CONSTRAINT fk_content_message FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
);
INSERT INTO "content" VALUES('Q1',X'5375626A6563743A2068656C6C6F0D0A546F3A20616E6E0D0A0D0A41206C696E652E0D0A');
INSERT INTO "content" VALUES('Q3',X'5375626A6563743A2068656C640D0A0D0A');
CREATE TABLE identity (
	account VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	first_seen DOUBLE NOT NULL, 
	last_seen DOUBLE NOT NULL, 
	count INTEGER NOT NULL, 
	CONSTRAINT pk_identity PRIMARY KEY (account, hash)
)
 WITHOUT ROWID

;
INSERT INTO "identity" VALUES('ann@example.org','00112233445566778899aabbccddeeff','UUID','phone','active',900.0,990.0,3);
CREATE TABLE message (
	id VARCHAR NOT NULL, 
	arrived DOUBLE NOT NULL, 
	size BIGINT NOT NULL, 
	clientid VARCHAR NOT NULL, 
	sender_local_part VARCHAR, 
	sender_domain VARCHAR, 
	declared_size BIGINT, 
	body VARCHAR, 
	smtputf8 BOOLEAN NOT NULL, 
	auth VARCHAR, 
	ret VARCHAR, 
	envid VARCHAR, 
	requiretls BOOLEAN NOT NULL, 
	tls_demand INTEGER NOT NULL, 
	next_attempt DOUBLE NOT NULL, 
	lease_until DOUBLE NOT NULL, 
	hold BOOLEAN NOT NULL, 
	CONSTRAINT pk_message PRIMARY KEY (id)
)
 WITHOUT ROWID

;
INSERT INTO "message" VALUES('Q1',1000.0,35,'0123456789abcdef','carol','example.net',35,'8BITMIME',0,NULL,'HDRS','env1',1,2,1000.0,0.0,0);
INSERT INTO "message" VALUES('Q2',1001.0,70000,'',NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,0,1,1001.0,9999.0,0);
INSERT INTO "message" VALUES('Q3',1002.0,35,'','carol','example.net',NULL,NULL,0,NULL,NULL,NULL,0,1,1002.0,0.0,1);
CREATE TABLE recipient (
	message_id VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	local_part VARCHAR NOT NULL, 
	domain VARCHAR NOT NULL, 
	original_local_part VARCHAR, 
	original_domain VARCHAR, 
	notify VARCHAR NOT NULL, 
	orcpt VARCHAR, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	last_reply VARCHAR NOT NULL, 
	CONSTRAINT pk_recipient PRIMARY KEY (message_id, position), 
	CONSTRAINT fk_recipient_message FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "recipient" VALUES('Q1',0,'ann','example.org','info','example.org','FAILURE,DELAY','rfc822;info@example.org','queued',2,'451 4.3.0 Later');
INSERT INTO "recipient" VALUES('Q1',1,'bob','example.org',NULL,NULL,'',NULL,'delivered',1,'250 2.0.0 Ok');
INSERT INTO "recipient" VALUES('Q2',0,'ann','example.org',NULL,NULL,'',NULL,'queued',0,'');
INSERT INTO "recipient" VALUES('Q3',0,'ann','example.org',NULL,NULL,'',NULL,'queued',0,'');
CREATE INDEX ix_message_hold_next_attempt ON message (hold, next_attempt);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('account',1);
COMMIT;

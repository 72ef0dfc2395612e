"""IMAP4rev1 as octets: what is offered when, and what is answered."""

from __future__ import annotations

from base64 import b64encode

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.mail.imap4 import IAccount, IMailboxInfo, IMessage, IMessageFile, INamespacePresenter
from zope.interface.verify import verifyObject

from mailext.access.account import MaildirAccount
from mailext.access.arguments import LONGEST_LINE
from mailext.access.imap import IMAP4
from mailext.access.mailbox import FolderInfo
from mailext.access.sequences import parse_set
from mailext.interfaces import IMailboxWatcher, IRefreshableMailbox
from mailext.testing import ScriptedChecker
from mailext.values import ClientIdentity, LoginOutcome, Protocol, Verdict
from tests.access.dialogue import ANN, Client
from tests.support import success_result_of

TOKEN = b"23bf83be-aad7-46aa-9e0f-39191ccf402f"
NOTE = b"From: Ann <ann@example.org>\r\nSubject: note\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\nbody\r\n"
PLAIN = b64encode(b"\0ann\0secret")
REFUSED = b" NO [AUTHENTICATIONFAILED] Authentication failed"


def words_of(greeting: bytes) -> set[bytes]:
    return set(greeting.partition(b"[CAPABILITY ")[2].partition(b"]")[0].split())


class TestOffer:
    @pytest.mark.requirement("R21")
    def test_without_tls_nobody_logs_in(self, site):
        client = site.imap(encrypted=False)
        offered = words_of(client.greeting[0])
        assert b"LOGINDISABLED" in offered
        assert not any(word.startswith(b"AUTH=") for word in offered)
        assert b"CLIENTID" not in offered
        for command in (b"LOGIN ann secret", b"AUTHENTICATE PLAIN " + PLAIN, b"AUTHENTICATE PLAIN"):
            assert client.say(b"a " + command)[-1].startswith(b"a NO [PRIVACYREQUIRED]")
        assert client.say(b"b SELECT INBOX")[-1].startswith(b"b BAD")

    def test_under_tls_everything_is_offered(self, site):
        offered = words_of(site.imap().greeting[0])
        assert offered >= {b"AUTH=PLAIN", b"AUTH=LOGIN", b"SASL-IR", b"CLIENTID", b"IDLE"}
        assert not {b"LOGINDISABLED", b"STARTTLS"} & offered

    def test_an_operator_can_allow_it_in_clear(self, site):
        client = site.imap(encrypted=False, plaintext_auth=True)
        assert b"LOGINDISABLED" not in words_of(client.greeting[0])
        assert client.say(b"a LOGIN ann secret")[-1].startswith(b"a OK")

    def test_starttls(self, site):
        client = site.imap(encrypted=False, tls=object())
        assert b"STARTTLS" in words_of(client.greeting[0])
        assert client.say(b"a STARTTLS") == [b"a OK Begin TLS negotiation now"]
        client.protocol.handshakeCompleted()
        assert b"AUTH=PLAIN" in client.say(b"b CAPABILITY")[0].split()
        assert client.say(b"c STARTTLS")[0].startswith(b"c BAD")
        assert client.say(b"d LOGIN ann secret")[-1].startswith(b"d OK")

    def test_what_follows_starttls_in_clear_is_never_taken(self, site):
        client = site.imap(encrypted=False, tls=object())
        answer = client.say(b"a STARTTLS", b"b NOOP")
        assert [line[:5] for line in answer] == [b"* BYE"]
        assert not client.transport.tls_began
        assert client.ended


class TestLogin:
    @pytest.mark.parametrize(
        "lines",
        [
            (b"a LOGIN ann secret",),
            (b'a LOGIN "ann" "secret"',),
            (b'a login "ann" "sec\\ret"',),
            (b"a LOGIN {3}", b"ann {6}", b"secret"),
            (b"a AUTHENTICATE PLAIN " + PLAIN,),
            (b"a AUTHENTICATE plain", PLAIN),
            (b"a AUTHENTICATE LOGIN", b64encode(b"ann"), b64encode(b"secret")),
        ],
    )
    def test_forms(self, site, lines):
        answer = site.imap().say(*lines)[-1]
        if b"sec\\ret" in lines[0]:
            # A backslash stands before a quote or itself only.
            assert answer.startswith(b"a BAD")
        else:
            assert answer.startswith(b"a OK [CAPABILITY ")
            assert answer.endswith(b"Logged in")

    def test_a_password_with_quotes(self, site):
        client = site.imap(passwords=InMemoryUsernamePasswordDatabaseDontUse(ann=b'se"c\\ret'))
        assert client.say(b'a LOGIN ann "se\\"c\\\\ret"')[-1].startswith(b"a OK")

    def test_failures_are_answered_on_the_grid_and_counted(self, site):
        client = site.imap()
        for number in range(3):
            assert client.say(b"a%d LOGIN ann wrong%d" % (number, number), b"n NOOP") == []
            site.clock.advance(0.99)
            assert client.heard() == []
            site.clock.advance(0.01)
            assert client.heard()[0] == b"a%d" % number + REFUSED
        assert client.ended

    def test_the_same_failure_over_and_over_has_an_end_too(self, site):
        client = site.imap()
        for number in range(20):
            assert not client.ended
            client.say(b"a%d LOGIN ann wrong" % number)
            site.clock.advance(1.0)
        assert client.ended

    def test_an_exchange_can_be_cancelled(self, site):
        client = site.imap()
        assert client.say(b"a AUTHENTICATE PLAIN") == [b"+ "]
        assert client.say(b"*") == [b"a BAD Malformed command"]
        assert client.say(b"b LOGIN ann secret")[-1].startswith(b"b OK")

    def test_an_unknown_mechanism(self, site):
        assert site.imap().say(b"a AUTHENTICATE GSSAPI") == [b"a NO No such mechanism"]

    def test_one_who_is_logged_in_does_not_log_in_again(self, site):
        assert site.reader().say(b"a LOGIN ann secret")[0].startswith(b"a BAD")


class TestClientIdentity:
    def site_with(self, site, verdict=None):
        checker = ScriptedChecker(**({} if verdict is None else {"login": verdict}))
        site.checkers = (checker,)
        return checker

    def test_it_comes_before_the_login_and_its_checkers_hear_of_it(self, site):
        checker = self.site_with(site)
        client = site.imap()
        assert client.say(b"a CLIENTID uuid " + TOKEN) == [b"a OK CLIENTID completed"]
        assert client.say(b"b LOGIN ann secret")[-1].startswith(b"b OK")
        ((attempt, outcome),) = (call[1:] for call in checker.calls if call[0] == "settled")
        assert attempt.session.identity == ClientIdentity("UUID", TOKEN.decode())
        assert attempt.session.protocol is Protocol.IMAP
        assert outcome is LoginOutcome.SUCCESS

    @pytest.mark.parametrize(
        "line",
        [b'a CLIENTID "UUID" "' + TOKEN + b'"', b"a CLIENTID UUID {%d}\r\n" % len(TOKEN) + TOKEN],
    )
    def test_its_arguments_are_astrings(self, site, line):
        answer = site.imap().send(line + b"\r\n")
        assert answer[-1] == b"a OK CLIENTID completed"

    @pytest.mark.parametrize(
        "arguments",
        [
            b"",
            b"UUID",
            b'UUID ""',
            b"DEVICE_ID x",
            b'UUID "a b"',
            b"UUID x y",
            b'"U ID" x',
            b"A" * 17 + b" x",
        ],
    )
    def test_syntax(self, site, arguments):
        client = site.imap()
        assert client.say(b"a CLIENTID " + arguments)[0].startswith(b"a BAD")
        assert client.say(b"b CLIENTID UUID x") == [b"b OK CLIENTID completed"]

    def test_state(self, site):
        clear = site.imap(encrypted=False, plaintext_auth=True)
        assert clear.say(b"a CLIENTID UUID x")[0].startswith(b"a BAD")
        client = site.imap()
        assert client.say(b"a CLIENTID UUID x")[0].startswith(b"a OK")
        assert client.say(b"b CLIENTID UUID x")[0].startswith(b"b BAD")
        assert b"CLIENTID" not in client.say(b"c CAPABILITY")[0].split()
        assert site.reader().say(b"a CLIENTID UUID x")[0].startswith(b"a BAD")

    def test_after_a_failed_login_it_is_too_late(self, site):
        client = site.imap()
        client.say(b"a LOGIN ann wrong")
        site.clock.advance(1)
        client.heard()
        assert client.say(b"b CLIENTID UUID x")[0].startswith(b"b BAD")

    def test_a_refusal_comes_with_the_login_alone(self, site):
        self.site_with(site, Verdict(550, "5.7.1", "no", "not this device"))
        client = site.imap()
        assert client.say(b"a CLIENTID UUID x") == [b"a OK CLIENTID completed"]
        assert client.say(b"b LOGIN ann secret") == []
        site.clock.advance(1)
        assert client.heard() == [b"b" + REFUSED]

    def test_not_offered_where_it_is_off(self, site):
        client = site.imap(clientid_enabled=False)
        assert b"CLIENTID" not in words_of(client.greeting[0])
        assert client.say(b"a CLIENTID UUID x")[0].startswith(b"a BAD")


class TestHostile:
    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"a",
            b"\xff\xff NOOP",
            b"a \xff\xff",
            b"a UNKNOWN",
            b"a __class__",
            b"a LOGIN",
            b"a LOGIN {99999999999}",
            b"a LOGIN {5000}",
            b"a LOGIN {-5}",
            b'a LOGIN "x',
            b"a LOGIN ann secret more",
            b"+ NOOP",
        ],
    )
    def test_before_the_login(self, site, line):
        client = site.imap()
        answer = client.say(line)
        assert b" BAD " in answer[0]
        assert client.say(b"b NOOP") == [b"b OK NOOP completed"]

    @pytest.mark.parametrize(
        "line",
        [
            b"FETCH 1 (BODY[0])",
            b"FETCH 1 (BODY[]<-1.5>)",
            b"FETCH 1 BODY[HEADER.FIELDS (\xff)]",
            b"FETCH 1 (",
            b"FETCH 0 FLAGS",
            b"FETCH 1:x FLAGS",
            b"FETCH 1 " + b"(" * 5000,
            b"SEARCH " + b"(" * 20000 + b"ALL" + b")" * 20000,
            b"SEARCH " + b"NOT " * 10000 + b"ALL",
            b"SEARCH " + b"OR " * 10000 + b"ALL ALL",
            b"SEARCH ON 99-Foo-0000",
            b"SEARCH LARGER x",
            b"SEARCH FROBNICATE",
            b"SEARCH SUBJECT",
            b"SEARCH SUBJECT \xff",
            b"SEARCH (",
            b'SEARCH "',
            b"SEARCH",
            b"STORE 1 FROBNICATE (\\Seen)",
            b"STORE 1 FLAGS (\\Seen",
            b"STORE 1 FLAGS " + b"a" * 60000 + b"(",
            b"STATUS INBOX (FOO)",
            b"STATUS INBOX ()",
            b"STATUS INBOX",
            b"UID EXPUNGE 1",
            b"UID",
            b"APPEND INBOX {x}",
            b"APPEND INBOX",
        ],
    )
    def test_after_the_login(self, site, line):
        site.deliver(NOTE)
        client = site.reader(b"s SELECT INBOX")
        assert client.say(b"a " + line)[-1].startswith(b"a BAD")
        assert client.say(b"b NOOP") == [b"b OK NOOP completed"]

    def test_a_line_without_end(self, site):
        client = site.imap()
        answer = client.send(b"x" * (LONGEST_LINE + 2))
        assert answer == [b"* BYE The line is too long"]
        assert client.ended

    def test_too_many_errors(self, site):
        client = site.imap()
        answer = client.say(*[b"a FOO"] * 25)
        assert answer[-1] == b"* BYE Too many errors"
        assert len(answer) == 21
        assert client.ended

    def test_too_many_commands_without_a_login(self, site):
        client = site.imap()
        answer = client.say(*[b"a NOOP"] * 101)
        assert answer[-1].startswith(b"* BYE Too many commands")
        assert client.ended

    def test_a_message_that_is_too_big_is_refused_before_it_comes(self, site):
        client = site.reader(message_size=1000)
        assert client.say(b"a APPEND INBOX {1001}") == [b"a NO Illegal operation: the message is too big"]
        assert client.say(b"b NOOP") == [b"b OK NOOP completed"]

    def test_a_huge_set_of_numbers_costs_nothing(self, site):
        site.deliver(NOTE)
        client = site.reader(b"s SELECT INBOX")
        numbers = b",".join(b"%d:%d" % (number, number + 1) for number in range(3, 30000, 3))
        assert client.say(b"a UID FETCH 1:4294967295 FLAGS")[0] == b"* 1 FETCH (UID 1 FLAGS (\\Recent))"
        assert client.say(b"a FETCH %b,1 FLAGS" % numbers[:60000].rpartition(b",")[0])[-1].startswith(b"a OK")

    def test_patterns_of_names_take_no_time(self, site):
        client = site.reader(b"c CREATE " + b"a" * 150)
        assert client.say(b'a LIST "" "' + b"*a" * 500 + b'b"') == [b"a OK LIST completed"]

    @pytest.mark.parametrize("name", [b"../../etc", b".", b"a..b", b"a/b", b'""', b"&AAA-", b"&", b"x" * 250])
    def test_names_that_no_folder_can_have(self, site, name):
        client = site.reader()
        assert client.say(b"a CREATE " + name)[0][:5] in (b"a NO ", b"a BAD")
        assert not (site.folder.parent / "etc").exists()

    def test_an_idle_client_is_told_goodbye(self, site):
        client = site.imap(command_timeout=60.0)
        site.clock.advance(59)
        assert not client.ended
        site.clock.advance(1)
        assert client.heard()[0].startswith(b"* BYE Autologout")
        assert client.ended

    def test_one_that_is_logged_in_has_half_an_hour(self, site):
        client = site.reader(command_timeout=60.0)
        site.clock.advance(1799)
        assert not client.ended
        site.clock.advance(1)
        assert client.ended

    def test_commands_that_come_ahead_are_answered_in_their_order(self, site):
        client = site.imap()
        assert client.say(b"a LOGIN ann wrong", b"b NOOP", b"c LOGIN ann secret", b"d SELECT INBOX") == []
        site.clock.advance(1)
        answer = client.heard()
        tagged = [line.split()[0] for line in answer if not line.startswith(b"*")]
        assert tagged == [b"a", b"b", b"c", b"d"]


class TestLimits:
    def test_connections(self, site):
        for _ in range(2):
            site.imap(connections_per_address=2)
        refused = Client(site.factory(IMAP4, connections_per_address=2), encrypted=False)
        assert refused.greeting == [b"* BYE [UNAVAILABLE] Too many connections"]
        assert refused.ended

    def test_sessions_of_an_account_are_ended(self, site):
        factory = site.factory(IMAP4)
        ann, stranger = Client(factory, encrypted=True), Client(factory, encrypted=True)
        ann.say(b"a LOGIN ann secret", b"b IDLE")
        factory.end_sessions("ann")
        assert ann.heard() == [b"* BYE The login is no longer valid"]
        assert ann.ended
        assert not stranger.ended
        drained = factory.drain()
        assert stranger.heard() == [b"* BYE The server is shutting down"]
        success_result_of(drained)
        assert not factory.has_connections


class TestMailboxes:
    def test_objects_are_what_twisted_wants(self, site):
        site.deliver(NOTE)
        account = MaildirAccount(site.mailboxes.of(ANN))
        assert verifyObject(IAccount, account)
        assert verifyObject(INamespacePresenter, account)
        mailbox = success_result_of(account.select("inbox"))
        assert verifyObject(IRefreshableMailbox, mailbox)
        assert verifyObject(IMailboxInfo, FolderInfo())
        ((number, message),) = mailbox.fetch(parse_set(b"1:*"), uid=False)
        assert number == 1
        assert verifyObject(IMessage, message)
        assert verifyObject(IMessageFile, message)
        assert message.getHeaders(False, "subject") == {"subject": "note"}
        assert "subject" not in message.getHeaders(True, "Subject")
        assert message.getBodyFile().read() == b"body\r\n"
        assert not message.isMultipart()
        assert verifyObject(IMailboxWatcher, site.imap().protocol)

    def test_select(self, site):
        site.deliver(NOTE)
        answer = site.reader().say(b"a SELECT inbox")
        assert answer[0:2] == [b"* 1 EXISTS", b"* 1 RECENT"]
        assert b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)" in answer
        assert any(line.startswith(b"* OK [UIDVALIDITY 17") for line in answer)
        assert b"* OK [UIDNEXT 2] The next identifier" in answer
        assert answer[-1] == b"a OK [READ-WRITE] SELECT completed"
        # Recent to one session alone.
        assert b"* 0 RECENT" in site.reader().say(b"a SELECT INBOX")

    def test_to_examine_changes_nothing(self, site):
        base = site.deliver(NOTE)
        client = site.reader(b"s EXAMINE INBOX")
        assert client.say(b"a FETCH 1 BODY[]")[-1] == b"a OK FETCH completed"
        assert client.say(b"a STORE 1 +FLAGS (\\Seen)")[0].startswith(b"a NO")
        assert client.say(b"a EXPUNGE")[0].startswith(b"a NO")
        assert client.say(b"a CLOSE") == [b"a OK CLOSE completed"]
        assert (site.maildir / "new" / base).exists()

    def test_folders(self, site):
        client = site.reader()
        assert client.say(b"a CREATE Work.Reports")[0].startswith(b"a OK")
        assert (site.maildir / ".Work.Reports" / "cur").is_dir()
        assert client.say(b'b LIST "" *') == [
            b'* LIST () "." "INBOX"',
            b'* LIST () "." "Work"',
            b'* LIST () "." "Work.Reports"',
            b"b OK LIST completed",
        ]
        assert client.say(b'c LIST "" %')[1] == b'* LIST () "." "Work"'
        assert client.say(b'd LIST "" ""')[0] == b'* LIST (\\Noselect) "." ""'
        assert client.say(b"e RENAME Work Play")[0].startswith(b"e OK")
        assert client.say(b'f LIST "Play." %')[0] == b'* LIST () "." "Play.Reports"'
        assert client.say(b"g DELETE Play")[0].startswith(b"g OK")
        assert client.say(b'h LIST "" P*')[:2] == [
            b'* LIST () "." "Play.Reports"',
            b'* LIST (\\Noselect) "." "Play"',
        ]
        assert client.say(b"i SELECT Play")[-1] == b"i NO [NONEXISTENT] No such mailbox"
        assert client.say(b"j DELETE INBOX")[0].startswith(b"j NO")
        assert client.say(b"k CREATE Play.Reports") == [
            b"k NO [ALREADYEXISTS] There is a mailbox of this name"
        ]
        assert client.say(b"l CREATE Entw&APw-rfe")[0].startswith(b"l OK")
        assert (site.maildir / ".Entw&APw-rfe").is_dir()
        assert client.say(b"m NAMESPACE")[0] == b'* NAMESPACE (("" ".")) NIL NIL'

    def test_subscriptions(self, site):
        client = site.reader(b"a CREATE Work")
        assert client.say(b"b SUBSCRIBE Work")[0].startswith(b"b OK")
        assert client.say(b'c LSUB "" *') == [b'* LSUB () "." "Work"', b"c OK LSUB completed"]
        assert client.say(b"d UNSUBSCRIBE Work")[0].startswith(b"d OK")
        assert client.say(b"e UNSUBSCRIBE Work")[0].startswith(b"e NO")
        assert client.say(b'f LSUB "" *') == [b"f OK LSUB completed"]

    def test_a_folder_that_is_created_again_has_another_validity(self, site):
        client = site.reader(b"a CREATE Work")
        first = client.say(b"b STATUS Work (UIDVALIDITY)")[0]
        assert client.say(b"c DELETE Work", b"d CREATE Work")[-1].startswith(b"d OK")
        assert client.say(b"e STATUS Work (UIDVALIDITY)")[0] != first

    def test_append(self, site):
        client = site.reader(b"c CREATE Sent")
        size = b"{%d}" % len(NOTE)
        assert client.say(b'a APPEND Sent (\\Seen) " 7-Feb-2024 10:00:00 +0100" ' + size)[0].startswith(b"+ ")
        assert client.send(NOTE + b"\r\n") == [b"a OK APPEND completed"]
        answer = client.say(b"s SELECT Sent", b"f FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)")
        assert answer[-2] == (
            b'* 1 FETCH (FLAGS (\\Seen) INTERNALDATE " 7-Feb-2024 09:00:00 +0000" RFC822.SIZE %d)' % len(NOTE)
        )
        assert client.say(b"a APPEND Nowhere " + size) == [b"+ Ready for %d octets of data" % len(NOTE)]
        assert client.send(NOTE + b"\r\n") == [b"a NO [TRYCREATE] No such mailbox"]
        assert client.say(b'a APPEND Sent "yesterday" ' + size) == [
            b"+ Ready for %d octets of data" % len(NOTE)
        ]
        assert client.send(NOTE + b"\r\n")[0].startswith(b"a NO")

    def test_copy_store_expunge(self, site):
        for _ in range(3):
            site.deliver(NOTE)
        client = site.reader(b"c CREATE Work", b"s SELECT INBOX")
        assert client.say(b"a STORE 1,3 +FLAGS (\\Deleted)") == [
            b"* 1 FETCH (FLAGS (\\Deleted \\Recent))",
            b"* 3 FETCH (FLAGS (\\Deleted \\Recent))",
            b"a OK STORE completed",
        ]
        assert client.say(b"b UID STORE 2 FLAGS.SILENT (\\Flagged $Label)") == [b"b OK STORE completed"]
        assert client.say(b"c COPY 1:* Work") == [b"c OK COPY completed"]
        assert client.say(b"d EXPUNGE") == [b"* 3 EXPUNGE", b"* 1 EXPUNGE", b"d OK EXPUNGE completed"]
        assert client.say(b"e UID FETCH 1:* FLAGS") == [
            b"* 1 FETCH (UID 2 FLAGS (\\Flagged \\Recent))",
            b"e OK FETCH completed",
        ]
        assert client.say(b"f COPY 1 Nowhere") == [b"f NO [TRYCREATE] No such mailbox"]
        status = client.say(b"g STATUS Work (MESSAGES UIDNEXT UNSEEN)")[0]
        assert status == b'* STATUS "Work" (MESSAGES 3 UIDNEXT 4 UNSEEN 3)'

    def test_what_is_fetched_is_seen(self, site):
        site.deliver(NOTE)
        client = site.reader(b"s SELECT INBOX")
        assert b"FLAGS" not in client.say(b"a FETCH 1 BODY.PEEK[]")[0]
        assert client.say(b"b FETCH 1 BODY[TEXT]")[-2:] == [
            b" FLAGS (\\Seen \\Recent))",
            b"b OK FETCH completed",
        ]
        assert b"FLAGS" not in client.say(b"c FETCH 1 RFC822")[-2]


class TestNews:
    def test_noop_tells_what_others_did(self, site):
        site.deliver(NOTE)
        client = site.reader(b"s SELECT INBOX")
        site.deliver(NOTE)
        assert client.say(b"a NOOP") == [b"* 2 EXISTS", b"* 2 RECENT", b"a OK NOOP completed"]
        other = site.reader(b"s SELECT INBOX")
        other.say(b"a STORE 2 +FLAGS (\\Answered)", b"b STORE 1 +FLAGS (\\Deleted)", b"c EXPUNGE")
        # Not while numbers are in use.
        assert client.say(b"a FETCH 1:2 UID")[-2:] == [b"* 2 FETCH (UID 2)", b"a OK FETCH completed"]
        assert client.say(b"b FETCH 1 BODY[]")[-1].startswith(b"b OK")
        assert client.say(b"c NOOP") == [
            b"* 1 EXPUNGE",
            b"* 1 FETCH (FLAGS (\\Answered \\Recent))",
            b"c OK NOOP completed",
        ]

    def test_idle(self, site):
        site.deliver(NOTE)
        client = site.reader(b"s SELECT INBOX")
        assert client.say(b"a IDLE") == [b"+ idling"]
        site.deliver(NOTE)
        assert client.heard() == [b"* 2 EXISTS", b"* 2 RECENT"]
        site.reader(b"s SELECT INBOX", b"a STORE 1 +FLAGS (\\Flagged)")
        assert client.heard() == [b"* 1 FETCH (FLAGS (\\Flagged \\Recent))"]
        assert client.say(b"DONE") == [b"a OK IDLE completed"]
        site.deliver(NOTE)
        assert client.heard() == []

    def test_one_that_has_left_is_told_nothing(self, site):
        client = site.reader(b"s SELECT INBOX", b"a IDLE")
        client.leave()
        site.deliver(NOTE)
        assert client.heard() == []

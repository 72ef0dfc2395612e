"""
What becomes of mail that goes elsewhere, each scenario a line; how to read it
stands in :mod:`tests.relay.scenario`.
"""

from __future__ import annotations

#: R9: where mail goes, by RFC 5321 section 5.1.
ROUTES = """
insecure a b           | a plain; b plain                | none | a clear | done
insecure 20:a 10:b     | a plain; b plain                | none | b clear | done
insecure a b           | b plain                         | none | b clear | done               # a is dead
insecure a b           |                                 | none | nowhere | waits 451 4.4.1
insecure alias a       | a plain                         | none | a clear | done
no-mx                  | net plain                       | none | net clear | done
literal                | a plain                         | none | a clear | done
null-mx                |                                 | none | nowhere | failed 5.1.10
nothing                |                                 | none | nowhere | failed 5.1.2
no-data                |                                 | none | nowhere | failed 5.1.2
bogus                  |                                 | none | nowhere | waits 451 4.4.3
servfail               |                                 | none | nowhere | waits 451 4.4.3
timeout                |                                 | none | nowhere | waits 451 4.4.3
insecure a!servfail b  | b plain                         | none | b clear | done
insecure a!servfail    |                                 | none | nowhere | waits 451 4.4.3
insecure a!nothing b   | b plain                         | none | b clear | done
insecure a!nothing     |                                 | none | nowhere | failed 5.4.4
insecure self          |                                 | none | nowhere | failed 5.4.6
insecure a!self        |                                 | none | nowhere | failed 5.4.6
insecure a self b      | a MAIL=450; b plain             | none | nowhere | waits 450 4.9.0    # b is farther than we are
insecure a b!self      | a plain                         | none | a clear | done
insecure 10:self 10:a  | a plain                         | none | nowhere | failed 5.4.6
"""

#: What hosts do, right and wrong.
HOSTS = """
insecure a b | a GREET=421; b plain                         | none            | b clear          | done
insecure a b | a GREET=554; b plain                         | none            | b clear          | done
insecure a b | a GREET=cut; b plain                         | none            | b clear          | done
insecure a b | a GREET=malformed; b plain                   | none            | b clear          | done
insecure a b | a GREET=endless; b plain                     | none            | b clear          | done
insecure a b | a EHLO=cut; b plain                          | none            | b clear          | done
insecure a b | a EHLO=malformed; b plain                    | none            | b clear          | done
insecure a b | a EHLO=endless; b plain                      | none            | b clear          | done
insecure a b | a EHLO=502; b plain                          | none            | a clear          | done    # HELO will do
insecure a b | a MAIL=450; b plain                          | none            | b clear          | done
insecure a b | a MAIL=550; b plain                          | none            | nowhere          | failed 5.9.0
insecure a b | a MAIL=cut; b plain                          | none            | b clear          | done
insecure a b | a RCPT=450; b plain                          | none            | b clear          | done
insecure a b | a RCPT=550:5.1.1; b plain                    | none            | nowhere          | failed 5.1.1
insecure a b | a DATA=451; b plain                          | none            | b clear          | done
insecure a b | a DATA=554; b plain                          | none            | nowhere          | failed 5.9.4
insecure a b | a BODY=cut; b plain                          | none            | nowhere          | waits 451 4.4.2
insecure a b | a END=452:4.3.1; b plain                     | none            | nowhere          | waits 452 4.3.1
insecure a b | a END=554:5.6.0; b plain                     | none            | nowhere          | failed 5.6.0
insecure a b | a END=taken-and-cut; b plain                 | none            | a clear          | waits 451 4.4.2
insecure a   | a slow                                       | none            | a clear          | done
insecure a   | a chunking                                   | none            | a clear BDAT     | done
insecure a   | a small                                      | none            | nowhere          | failed 5.3.4
insecure a   | a RCPT.eve=550:5.1.1                         | none to=bob,eve | a clear          | eve failed 5.1.1
insecure a   | a RCPT.eve=450:4.2.1                         | none to=bob,eve | a clear          | eve waits 450 4.2.1
insecure a   | a RCPT.eve=550:5.1.1 RCPT.kim=450 chunking   | none to=bob,eve,kim | a clear BDAT | eve failed 5.1.1; kim waits 450
insecure a   | a RCPT=550:5.1.1                             | none to=bob,eve | nowhere          | failed 5.1.1; eve failed 5.1.1
insecure a   | a smtputf8                                   | utf8            | a clear SMTPUTF8 BODY=8BITMIME | done
insecure a   | a plain                                      | utf8            | nowhere          | failed 5.6.7
insecure a b | a plain; b smtputf8                          | utf8            | b clear SMTPUTF8 BODY=8BITMIME | done
insecure a   | a smtputf8                                   | utf8 to=jürgen  | a clear SMTPUTF8 BODY=8BITMIME | done
insecure a   | a plain                                      | utf8 to=jürgen  | nowhere          | jürgen failed 5.6.7
insecure a   | a plain                                      | 8bit            | a clear BODY=8BITMIME | done
insecure a   | a seven-bit                                  | 8bit            | nowhere          | failed 5.6.3
insecure a b | a seven-bit; b plain                         | 8bit            | b clear BODY=8BITMIME | done
"""

#: Ordinary mail: TLS where it can be had, or as the operator wants it.
OPPORTUNISTIC = """
insecure a   | a starttls good                              | none                    | a tls   | done
insecure a   | a starttls wrong-name                        | none                    | a tls   | done
insecure a   | a starttls self-signed                       | none                    | a tls   | done
insecure a   | a starttls good keyword                      | none                    | a tls   | done
insecure a b | a starttls STARTTLS=454; b plain             | none                    | a clear | done
insecure a b | a starttls STARTTLS=cut; b plain             | none                    | b clear | done
insecure a   | a starttls STARTTLS=injection good           | none                    | nowhere | waits 451
insecure a b | a starttls STARTTLS=injection good; b plain  | none                    | b clear | done
insecure a   | a starttls no-handshake                      | none                    | a clear | done
insecure a   | a starttls good old-tls                      | none                    | a clear | done
insecure a   | a starttls good weak-cipher                  | none                    | a tls   | done
insecure a   | a starttls good                              | none security=none      | a clear | done
insecure a b | a plain; b starttls self-signed              | none security=encrypt   | b tls   | done
insecure a   | a plain                                      | none security=encrypt   | nowhere | waits 451 4.7.10
insecure a b | a starttls stranger; b starttls good         | none security=verify    | b tls   | done
insecure a   | a starttls wrong-name                        | none security=verify    | nowhere | waits 451 4.7.10
insecure a   | a starttls expired                           | none security=verify    | nowhere | waits 451 4.7.10
secure a     | a starttls good                              | none security=sts       | a tls   | done
insecure a   | a starttls good                              | none security=sts       | nowhere | waits 451 4.7.10
secure a     | a starttls good                              | none security=dane      | nowhere | waits 451 4.7.10
null-mx      | a starttls good                              | none security=verify next-hop=a.DOMAIN:PORT | a tls | done
bogus        | a plain                                      | none next-hop=a.DOMAIN  | a clear | done
servfail     | a starttls good keyword                      | require next-hop=a.DOMAIN | a tls REQUIRETLS | done
"""

#: R10 to R17: REQUIRETLS, by RFC 8689 section 4.2.1.
REQUIRED = """
secure a     | a starttls good keyword                              | require         | a tls REQUIRETLS  | done
secure a     | a starttls good keyword                              | require to=bob,eve | a tls REQUIRETLS  | done
secure a b   | a starttls good; b starttls good keyword             | require         | b tls REQUIRETLS  | done
secure a b   | a plain; b starttls good keyword                     | require         | b tls REQUIRETLS  | done
secure a b   | a starttls wrong-name keyword; b starttls good keyword | require       | b tls REQUIRETLS  | done
secure a     | a plain                                              | require         | nowhere           | failed 5.7.10
secure a     | a starttls good                                      | require         | nowhere           | failed 5.7.30
secure a     | a starttls good keyword-in-clear                     | require         | nowhere           | failed 5.7.30
secure a     | a keyword-in-clear                                   | require         | nowhere           | failed 5.7.10
secure a     | a starttls wrong-name keyword                        | require         | nowhere           | failed 5.7.10
secure a     | a starttls expired keyword                           | require         | nowhere           | failed 5.7.10
secure a     | a starttls self-signed keyword                       | require         | nowhere           | failed 5.7.10
secure a     | a starttls stranger keyword                          | require         | nowhere           | failed 5.7.10
secure a     | a starttls no-handshake keyword                      | require         | nowhere           | failed 5.7.10
secure a     | a starttls STARTTLS=501 keyword                      | require         | nowhere           | failed 5.7.10
secure a     | a starttls STARTTLS=454 keyword                      | require         | nowhere           | waits 454
secure a     | a starttls STARTTLS=injection good keyword           | require         | nowhere           | waits 451
insecure a   | a starttls good keyword                              | require         | nowhere           | failed 5.7.10
secure a b   | a starttls good; b plain                             | require         | nowhere           | failed 5.7.30
secure a b   | a plain; b starttls good                             | require         | nowhere           | failed 5.7.30
secure a b   | a starttls good; b GREET=421                         | require         | nowhere           | waits 421
secure a b   | a starttls good                                      | require         | nowhere           | waits 451 4.4.1
secure a b!servfail | a starttls good                               | require         | nowhere           | waits 451 4.4.3
servfail     |                                                      | require         | nowhere           | waits 451 4.4.3
bogus        |                                                      | require         | nowhere           | waits 451 4.4.3
null-mx      |                                                      | require         | nowhere           | failed 5.1.10
no-mx        | net starttls good keyword                            | require         | net tls REQUIRETLS | done
no-mx        | net starttls good                                    | require         | nowhere           | failed 5.7.30
no-mx        | net starttls wrong-name keyword                      | require         | nowhere           | failed 5.7.10
literal      | a starttls good keyword                              | require         | a tls REQUIRETLS  | done
secure alias a | a starttls good keyword                            | require         | a tls REQUIRETLS  | done
secure a     | a starttls good keyword dsn                          | require RET=FULL ENVID=E1 | a tls REQUIRETLS RET=HDRS ENVID=E1 | done
secure a     | a starttls good keyword smtputf8                     | require utf8    | a tls REQUIRETLS SMTPUTF8 BODY=8BITMIME | done
secure a     | a starttls good keyword                              | require optional | a tls REQUIRETLS | done
insecure a   | a plain                                              | require mode=opportunistic | a clear | done
secure a     | a starttls good keyword                              | require mode=opportunistic | a tls REQUIRETLS | done
insecure a   | a starttls self-signed                               | require mode=opportunistic+starttls | a tls | done
insecure a   | a plain                                              | require mode=opportunistic+starttls | nowhere | failed 5.7.10
"""

#: R13: strong ciphers and versions of TLS alone.
STRONG = """
secure a     | a starttls good old-tls keyword                      | require         | nowhere           | failed 5.7.10
secure a     | a starttls good weak-cipher keyword                  | require         | nowhere           | failed 5.7.10
secure a b   | a starttls good weak-cipher keyword; b starttls good keyword | require | b tls REQUIRETLS  | done
secure a     | a starttls good weak-cipher keyword                  | null require    | a tls             | done
secure a     | a starttls good weak-cipher keyword                  | require mode=opportunistic | a tls  | done
"""

#: R17, R24: reports about mail with REQUIRETLS are not lost for want of the keyword.
NULL_REVERSE_PATH = """
secure a     | a starttls good keyword                      | null require    | a tls REQUIRETLS | done
secure a b   | a starttls good; b starttls good keyword     | null require    | b tls REQUIRETLS | done
secure a     | a starttls good                              | null require    | a tls            | done
insecure a   | a starttls self-signed keyword               | null require    | a tls            | done
insecure a   | a plain                                      | null require    | a clear          | done
null-mx      |                                              | null require    | nowhere          | unreported
insecure a   | a RCPT=550:5.1.1                             | null none       | nowhere          | unreported
"""

#: R18, R19: TLS-Required: No, by RFC 8689 section 4.2.2.
OPTIONAL = """
insecure a   | a plain                                      | optional                   | a clear | done
secure a     | a starttls good                              | optional                   | a tls   | done
insecure a   | a starttls wrong-name                        | optional                   | a tls   | done
insecure a   | a starttls STARTTLS=454                      | optional                   | a clear | done
insecure a   | a starttls no-handshake                      | optional                   | a clear | done
insecure a   | a starttls good old-tls                      | optional                   | a clear | done
insecure a   | a insists                                    | optional                   | nowhere | failed 5.7.0
insecure a   | a starttls no-handshake insists              | optional                   | nowhere | failed 5.7.0
insecure a   | a starttls good insists                      | optional                   | a tls   | done
insecure a   | a plain                                      | optional security=encrypt  | nowhere | failed 5.7.10
insecure a   | a starttls expired                           | optional security=verify   | nowhere | failed 5.7.10
insecure a   | a starttls good                              | optional security=verify   | a tls   | done
servfail     |                                              | optional                   | nowhere | waits 451 4.4.3
"""

#: RFC 3461: what was asked for is carried onward, or reported here.
NOTIFICATIONS = """
insecure a   | a dsn                 | none NOTIFY=SUCCESS,FAILURE RET=FULL ENVID=Q1 | a clear NOTIFY=FAILURE,SUCCESS RET=FULL ENVID=Q1 | done
insecure a   | a dsn                 | none ORCPT=rfc822;Bob@old.test                | a clear ORCPT=rfc822;Bob@old.test | done
insecure a   | a dsn                 | none NOTIFY=NEVER                             | a clear NOTIFY=NEVER | done
insecure a   | a plain               | none NOTIFY=SUCCESS RET=FULL ENVID=Q2         | a clear              | relayed 2.0.0
insecure a   | a plain               | none NOTIFY=FAILURE                           | a clear              | done
insecure a   | a plain               | none NOTIFY=SUCCESS to=bob,eve                | a clear              | relayed 2.0.0; eve relayed 2.0.0
insecure a   | a RCPT.eve=550:5.1.1  | none NOTIFY=SUCCESS,FAILURE to=bob,eve        | a clear              | relayed 2.0.0; eve failed 5.1.1
insecure a   | a RCPT=550:5.1.1      | none NOTIFY=NEVER                             | nowhere              | unreported
insecure a   | a RCPT=550:5.1.1      | none NOTIFY=SUCCESS                           | nowhere              | unreported
insecure a   | a RCPT=550:5.1.1 dsn  | none NOTIFY=FAILURE ORCPT=rfc822;Bob@old.test ENVID=Q3 | nowhere     | failed 5.1.1
secure a     | a starttls good keyword | require NOTIFY=SUCCESS                      | a tls REQUIRETLS     | relayed 2.0.0
"""

#: Hosts with TLSA records (RFC 7672).
DANE = """
secure a b   | a starttls self-signed tlsa=right; b plain                          | none               | a tls             | done
secure a b   | a starttls expired tlsa=right; b plain                              | none               | a tls             | done
secure a b   | a starttls wrong-name tlsa=right; b plain                           | none               | a tls             | done
secure a     | a starttls self-signed tlsa=alias                                   | none security=dane | a tls             | done
secure a b   | a starttls good tlsa=wrong; b plain                                 | none               | b clear           | done
secure a b   | a starttls good tlsa=wrong; b starttls self-signed tlsa=right       | none               | b tls             | done
secure a     | a starttls good tlsa=wrong                                          | none               | nowhere           | waits 451 4.7.10
secure a     | a plain tlsa=wrong                                                  | none               | nowhere           | waits 451 4.7.10
secure a     | a starttls no-handshake good tlsa=right                             | none               | nowhere           | waits 451 4.7.10
secure a     | a starttls self-signed tlsa=unusable                                | none               | a tls             | done
secure a     | a plain tlsa=unusable                                               | none               | nowhere           | waits 451 4.7.10
secure a     | a starttls self-signed tlsa=senseless                               | none               | a tls             | done
secure a     | a plain tlsa=senseless                                              | none               | nowhere           | waits 451 4.7.10
secure a     | a starttls self-signed tlsa=beside                                  | none security=dane | a tls             | done
secure a     | a starttls no-handshake good tlsa=beside                            | none               | nowhere           | waits 451 4.7.10
secure a     | a starttls self-signed keyword tlsa=senseless                       | require            | nowhere           | failed 5.7.10
secure a     | a starttls good keyword tlsa=senseless                              | require            | a tls REQUIRETLS  | done
secure a b   | a plain tlsa=none; b starttls good tlsa=right                       | none               | a clear           | done
secure a     | a starttls good tlsa=insecure                                       | none               | a tls             | done
secure a     | a plain tlsa=none                                                   | none               | a clear           | done
secure a b   | a starttls good tlsa=servfail; b plain                              | none               | b clear           | done
secure a     | a starttls good tlsa=servfail                                       | none               | nowhere           | waits 451 4.4.3
secure a     | a starttls good tlsa=bogus                                          | none               | nowhere           | waits 451 4.4.3
insecure a   | a starttls self-signed tlsa=right                                   | none               | a tls             | done
insecure a   | a starttls good tlsa=wrong                                          | none               | nowhere           | waits 451 4.7.10
no-mx        | net starttls self-signed tlsa=right                                 | none               | net tls           | done
no-mx        | net plain tlsa=wrong                                                | none               | nowhere           | waits 451 4.7.10
secure a     | a starttls self-signed tlsa=right                                   | none security=dane | a tls             | done
secure a     | a starttls good tlsa=none                                           | none security=dane | nowhere           | waits 451 4.7.10
insecure a   | a starttls self-signed tlsa=right                                   | none security=dane | nowhere           | waits 451 4.7.10
secure a     | a starttls good tlsa=wrong                                          | none security=none | a clear           | done
secure a     | a starttls self-signed keyword tlsa=right                           | require            | a tls REQUIRETLS  | done
secure a     | a starttls self-signed keyword tlsa=alias                           | require            | a tls REQUIRETLS  | done
secure a     | a starttls good keyword tlsa=unusable                               | require            | a tls REQUIRETLS  | done
secure a     | a starttls self-signed keyword tlsa=unusable                        | require            | nowhere           | failed 5.7.10
secure a     | a starttls good keyword tlsa=wrong                                  | require            | nowhere           | failed 5.7.10
secure a b   | a starttls good keyword tlsa=wrong; b starttls good                 | require            | nowhere           | failed 5.7.30
secure a     | a starttls good keyword tlsa=servfail                               | require            | nowhere           | waits 451 4.4.3
insecure a   | a starttls self-signed keyword tlsa=right                           | require            | nowhere           | failed 5.7.10
no-mx        | net starttls self-signed keyword tlsa=right                         | require            | net tls REQUIRETLS | done
secure a b   | a starttls self-signed tlsa=right; b starttls good keyword          | require            | b tls REQUIRETLS  | done
secure a b c | a starttls good keyword tlsa=wrong; b starttls good; c starttls self-signed keyword tlsa=right | require | c tls REQUIRETLS | done
secure a b c | a plain; b starttls expired keyword; c starttls good keyword       | require            | c tls REQUIRETLS  | done
secure a b   | a starttls self-signed keyword tlsa=right; b plain                  | require            | a tls REQUIRETLS  | done
secure a b c | a plain tlsa=wrong; b starttls good keyword tlsa=servfail; c starttls good | require     | nowhere           | waits 451 4.4.3
secure a     | a starttls good tlsa=wrong                                          | optional           | a tls             | done
secure a     | a plain tlsa=wrong                                                  | optional           | a clear           | done
secure a     | a plain tlsa=servfail                                               | optional           | a clear           | done
secure a     | a starttls good tlsa=wrong                                          | optional security=dane | nowhere       | failed 5.7.10
"""

#: What the operator wants of a destination, beside what a message demands.
SETTINGS = """
secure a     | a starttls good keyword   | require security=none                              | a tls REQUIRETLS | done
secure a     | a starttls good keyword   | require security=encrypt                           | a tls REQUIRETLS | done
secure a     | a starttls good keyword   | require security=dane                              | nowhere          | failed 5.7.10
secure a     | a starttls good keyword   | require security=sts                               | a tls REQUIRETLS | done
secure a     | a starttls good keyword   | require security=verify                            | a tls REQUIRETLS | done
insecure a   | a plain                   | require security=none mode=opportunistic           | a clear          | done
insecure a   | a plain                   | require security=encrypt mode=opportunistic        | nowhere          | waits 451 4.7.10
insecure a   | a starttls self-signed    | require security=encrypt mode=opportunistic        | a tls            | done
insecure a   | a starttls self-signed    | require security=verify mode=opportunistic+starttls | nowhere         | failed 5.7.10
insecure a   | a starttls good           | require security=verify mode=opportunistic+starttls | a tls           | done
"""

TABLES = (
    SETTINGS,
    DANE,
    ROUTES,
    HOSTS,
    OPPORTUNISTIC,
    REQUIRED,
    STRONG,
    NULL_REVERSE_PATH,
    OPTIONAL,
    NOTIFICATIONS,
)

"""
What becomes of a message: DNS, the hosts, and what the message demands, each
scenario a line.

The columns: what DNS says of the domain; the first and the second host (in a
domain without MX records, or behind a smarthost, the only one); the message,
and what the operator wants; the outcome: ``HOST tls`` or ``HOST clear`` where
it was taken, with ``requiretls`` if MAIL said so, or the code.
"""

from __future__ import annotations

import pytest

from mailext.values import RequireTlsMode, Security
from tests.delivery.relay_site import BOB, RelaySite, message

ORDINARY = """
secure           | plain                          | plain             | none                  | a clear
secure           | starttls good                  | plain             | none                  | a tls
secure           | starttls wrong-name            | plain             | none                  | a tls
insecure         | starttls expired               | plain             | none                  | a tls
insecure         | starttls good keyword          | plain             | none                  | a tls
insecure         | starttls good STARTTLS=cut     | plain             | none                  | b clear
insecure         | starttls STARTTLS=454          | plain             | none                  | a clear
insecure         | starttls STARTTLS=injection    | plain             | none                  | b clear
insecure         | starttls STARTTLS=injection    | dead              | none                  | 451
insecure         | dead                           | starttls good     | none                  | b tls
insecure         | dead                           | dead              | none                  | 451 4.4.1
bogus            | plain                          | plain             | none                  | 451 4.4.3
servfail         | plain                          | plain             | none                  | 451 4.4.3
timeout          | plain                          | plain             | none                  | 451 4.4.3
no-address       | plain                          | plain             | none                  | 451 4.4.3
null-mx          | plain                          | plain             | none                  | 556 5.1.10
nothing          | plain                          | plain             | none                  | 550 5.1.2
no-mx            | plain                          | -                 | none                  | net clear
secure           | plain                          | starttls good     | none security=encrypt | b tls
secure           | plain                          | plain             | none security=encrypt | 451 4.7.10
secure           | starttls wrong-name            | starttls good     | none security=verify  | b tls
secure           | starttls wrong-name            | starttls stranger | none security=verify  | 451 4.7.10
secure           | starttls good                  | plain             | none security=none    | a clear
secure           | starttls good                  | plain             | none security=dane    | 451 4.7.10
smarthost        | starttls good                  | -                 | none                  | smart tls
smarthost        | starttls wrong-name            | -                 | none                  | 451 4.7.10
smarthost        | plain                          | -                 | none                  | 451 4.7.10
insecure         | starttls no-handshake          | plain             | none                  | a clear
insecure         | starttls no-handshake          | starttls good     | none security=encrypt | b tls
insecure         | starttls no-handshake          | plain             | none security=encrypt | 451 4.7.10
insecure         | starttls no-handshake MAIL=450 | plain             | none                  | b clear
no-first-address | plain                          | plain             | none                  | b clear
"""

REQUIRED = """
secure           | starttls good keyword           | plain                 | require                             | a tls requiretls
insecure         | starttls good keyword           | plain                 | require                             | 550 5.7.10
bogus            | starttls good keyword           | plain                 | require                             | 451 4.4.3
servfail         | starttls good keyword           | plain                 | require                             | 451 4.4.3
timeout          | starttls good keyword           | plain                 | require                             | 451 4.4.3
null-mx          | starttls good keyword           | plain                 | require                             | 556 5.1.10
secure           | starttls good                   | starttls good         | require                             | 550 5.7.30
secure           | starttls good                   | starttls good keyword | require                             | b tls requiretls
secure           | starttls good keyword-in-clear  | plain                 | require                             | 550 5.7.30
secure           | plain keyword-in-clear          | plain                 | require                             | 550 5.7.10
secure           | plain                           | starttls good keyword | require                             | b tls requiretls
secure           | starttls wrong-name keyword     | starttls good keyword | require                             | b tls requiretls
secure           | starttls wrong-name keyword     | plain                 | require                             | 550 5.7.10
secure           | starttls expired keyword        | plain                 | require                             | 550 5.7.10
secure           | starttls stranger keyword       | plain                 | require                             | 550 5.7.10
secure           | starttls wrong-name keyword     | starttls good         | require                             | 550 5.7.30
secure           | starttls good                   | dead                  | require                             | 451 4.4.1
secure           | dead                            | starttls good keyword | require                             | b tls requiretls
secure           | starttls good                   | starttls STARTTLS=454 | require                             | 454 4.9.4
secure           | starttls good keyword MAIL=450  | starttls good keyword | require                             | b tls requiretls
secure           | starttls good keyword MAIL=450  | plain                 | require                             | 450 4.9.0
secure           | starttls good keyword MAIL=550  | starttls good keyword | require                             | 550 5.9.0
no-mx            | starttls good keyword           | -                     | require                             | net tls requiretls
no-mx            | starttls wrong-name keyword     | -                     | require                             | 550 5.7.10
no-mx            | starttls good                   | -                     | require                             | 550 5.7.30
smarthost        | starttls good keyword           | -                     | require                             | smart tls requiretls
smarthost        | starttls good                   | -                     | require                             | 550 5.7.30
smarthost        | starttls wrong-name keyword     | -                     | require                             | 550 5.7.10
insecure         | starttls good                   | -                     | require mode=opportunistic          | a tls
insecure         | plain                           | -                     | require mode=opportunistic          | a clear
secure           | starttls good keyword           | -                     | require mode=opportunistic          | a tls requiretls
insecure         | plain                           | plain                 | require mode=opportunistic+starttls | 550 5.7.10
insecure         | starttls stranger keyword       | -                     | require mode=opportunistic+starttls | a tls
secure           | starttls no-handshake           | plain                 | require                             | 550 5.7.10
secure           | starttls no-handshake           | starttls good keyword | require                             | b tls requiretls
secure           | starttls STARTTLS=501           | plain                 | require                             | 550 5.7.10
secure           | starttls STARTTLS=injection     | plain                 | require                             | 451 4.7.0
secure           | starttls good keyword GREET=421 | starttls good         | require                             | 421 4.9.1
secure           | starttls good keyword GREET=554 | starttls good         | require                             | 550 5.7.30
no-first-address | plain                           | starttls good         | require                             | 451 4.4.3
no-first-address | plain                           | starttls good keyword | require                             | b tls requiretls
"""

REPORTS = """
secure   | starttls good            | plain                 | null require | a tls
insecure | plain                    | plain                 | null require | a clear
insecure | starttls expired keyword | plain                 | null require | a tls
secure   | starttls good            | starttls good keyword | null require | b tls requiretls
secure   | plain                    | dead                  | null require | a clear
secure   | dead                     | dead                  | null require | 451 4.4.1
"""

OPTIONAL = """
secure    | plain                 | plain | optional                  | a clear
secure    | starttls good keyword | plain | optional                  | a tls
insecure  | starttls wrong-name   | plain | optional                  | a tls
secure    | starttls STARTTLS=454 | plain | optional                  | a clear
secure    | plain MAIL=530        | plain | optional                  | 530 5.9.0
secure    | plain                 | plain | optional security=encrypt | 550 5.7.10
secure    | starttls wrong-name   | plain | optional security=verify  | 550 5.7.10
secure    | starttls good         | plain | optional security=verify  | a tls
smarthost | plain                 | -     | optional                  | 550 5.7.10
insecure  | starttls no-handshake | plain | optional                  | a clear
servfail  | plain                 | plain | optional                  | 451 4.4.3
bogus     | plain                 | plain | optional                  | 451 4.4.3
"""


def lines(table: str) -> list[str]:
    """The lines of a table, each cell without its margins."""
    return [" | ".join(cell.strip() for cell in line.split("|")) for line in table.strip().splitlines()]


def setting(said: str, key: str, default: str) -> str:
    return next((word.partition("=")[2] for word in said.split() if word.startswith(f"{key}=")), default)


def check(site: RelaySite, line: str) -> None:
    """One line of a table."""
    zone, first, second, said, expected = line.split(" | ")
    site.dns(zone)
    only = {"no-mx": "net", "smarthost": "smart"}.get(zone)
    site.host(only or "a", first)
    site.host("b", second if only is None and second != "-" else "dead")
    security, mode = setting(said, "security", "may"), setting(said, "mode", "enforce")
    site.destination(Security(security), RequireTlsMode(mode))

    outcome = site.deliver(message(said))[BOB]

    if expected[0].isdigit():
        assert f"{outcome.code} {outcome.enhanced}".startswith(expected), outcome
        assert site.took() == []
        return
    assert outcome.delivered, outcome
    [(name, script)] = site.took()
    [mail] = [line for line in script.heard if line.startswith(b"MAIL")]
    how = [name, "tls" if script.secure else "clear"] + ["requiretls"] * (b"REQUIRETLS" in mail)
    assert " ".join(how) == expected
    assert script.messages == [b"Subject: x\r\n\r\nOne.\r\n..Two.\r\n"]


@pytest.mark.requirement("R9")
@pytest.mark.parametrize("line", lines(ORDINARY))
def test_ordinary_mail(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R9", "R10", "R11", "R12", "R14", "R15", "R16", "R17")
@pytest.mark.parametrize("line", lines(REQUIRED))
def test_mail_that_requires_tls(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R17", "R24")
@pytest.mark.parametrize("line", lines(REPORTS))
def test_reports_about_mail_that_requires_tls(site: RelaySite, line: str) -> None:
    check(site, line)


@pytest.mark.requirement("R18", "R19")
@pytest.mark.parametrize("line", lines(OPTIONAL))
def test_mail_that_does_without_tls(site: RelaySite, line: str) -> None:
    check(site, line)

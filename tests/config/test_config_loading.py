"""What a configuration file means, and what is said of one that cannot be used."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from mailext.clientid.result import RejectAt
from mailext.config.loading import load
from mailext.config.model import SYSTEM_ROOTS, Configuration, LogFormat
from mailext.config.problems import COMMAND_LINE, ConfigurationError, Problem, dotted
from mailext.config.publishing import own_policies, own_policy
from mailext.config.source import Source
from mailext.config.trial import TrialServices
from mailext.interfaces import IIdentityRegistry, IPluginServices
from mailext.trust.mta_sts.policy import StsMode, StsPolicy

#: Every key that an operator may set, with what this version can honour.
DOCUMENTED = """
hostname = "mx.example.org"
state-dir = "state"
database = "sqlite"
domains = ["example.org"]
auth = ["accounts"]
policies = []
auth-failure-delay = "1s"
policy-timeout = "10s"
log-format = "json"

[tls]
certificate = ["fullchain.pem"]
key = ["privkey.pem"]

[listen]
submission = ["tcp:587"]
submissions = ["tcp:465"]
mx = ["tcp:25"]
lmtp = []
imap = []
imaps = []
pop3 = []
pop3s = []
metrics = []

[listener.submission]
require-auth = true
plaintext-auth = false

[limits]
message-size = "50MiB"
recipients = 1000
connections = 5000
connections-per-address = 50
commands = 1000
errors = 20
junk-commands = 100
auth-failures = 3
header-size = "256KiB"
hops = 50
command-timeout = "5m"
message-timeout = "30m"
min-rate = "500B"
handshake-timeout = "30s"

[addresses]
subaddress-delimiter = "+"
sender-check = true

[aliases]
"info@example.org" = ["ann@example.org", "bob@example.net"]

[clientid]
enabled = true
reject-at = "auth"
checkers = ["history:mode=observe"]

[clientid.types]
"*" = ["system-log", "authenticate"]

[relay]
networks = []
resolver = ["127.0.0.1"]
trust-resolver = false
trust-roots = "system"
port = 25
mta-sts-port = 443
retry = ["5m", "15m", "1h", "4h"]
give-up-after = "5d"
requiretls = "enforce"

[relay.smarthost]
host = ""
port = 587
tls = "starttls"
username = ""
password-file = ""

[relay.destinations."example.net"]
next-hop = "mail.example.net:25"
security = "verify"
requiretls = "enforce"
"""

MINIMAL = '[listen]\nmx = ["tcp:25"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a certificate and its key."""
    issued = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("mx.example.org")
    issued.private_key_pem.write_to_path(tmp_path / "privkey.pem")
    (tmp_path / "fullchain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return tmp_path


def loaded(
    folder: Path, text: str | None, flags: Mapping[tuple[str, ...], object] | None = None
) -> Configuration:
    file = None
    if text is not None:
        file = folder / "mailext.toml"
        file.write_text(text, "utf-8")
    reactor = MemoryReactorClock()
    return load(Source(file, flags or {}), reactor, TrialServices(reactor))


def problems(
    folder: Path, text: str | None, flags: Mapping[tuple[str, ...], object] | None = None
) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, text, flags)
    return caught.value.problems


def test_the_documented_file_is_loaded(folder: Path) -> None:
    configuration = loaded(folder, DOCUMENTED)
    assert configuration.state_dir == folder / "state"
    assert configuration.tls.certificate == (folder / "fullchain.pem",)
    assert configuration.log_format is LogFormat.JSON
    assert configuration.aliases == {"info@example.org": ("ann@example.org", "bob@example.net")}
    assert configuration.relay.retry == (300.0, 900.0, 3600.0, 14400.0)
    assert list(configuration.listeners) == ["submission", "submissions", "mx"]
    assert configuration.relay.smarthost.password_file is None
    assert configuration.relay.trust_roots == SYSTEM_ROOTS


def test_what_is_not_said_is_the_default(folder: Path) -> None:
    configuration = loaded(folder, 'hostname = "mx.example.org"\n' + MINIMAL)
    assert configuration.domains == ("mx.example.org",)
    assert configuration.limits.message_size == 50 * 1024 * 1024
    assert configuration.limits.command_timeout == 300
    assert configuration.clientid.reject_at is RejectAt.AUTH


def test_relative_names_are_relative_to_the_file(folder: Path) -> None:
    configuration = loaded(folder, 'state-dir = "/var/lib/mailext"\n' + MINIMAL)
    assert configuration.state_dir == Path("/var/lib/mailext")


def test_flags_alone_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configuration = loaded(tmp_path, None, {("listen", "mx"): ["tcp:25"]})
    assert configuration.state_dir == tmp_path / "state"
    assert configuration.listeners["mx"].endpoints == ("tcp:25",)


def test_a_listener_has_what_the_server_has(folder: Path) -> None:
    text = """
        auth = ["memory:ann:secret"]
        policies = []
        [listen]
        submission = ["tcp:587"]
        mx = ["tcp:25"]
        lmtp = ["unix:lmtp"]
        [limits]
        recipients = 7
        hops = 8
        [clientid]
        reject-at = "mail"
    """
    listeners = loaded(folder, text).listeners
    assert {each.limits.recipients for each in listeners.values()} == {7}
    assert {name: each.keys.auth for name, each in listeners.items()} == {
        "submission": ("memory:ann:secret",),
        "mx": (),
        "lmtp": (),
    }
    assert {name: each.keys.require_auth for name, each in listeners.items()} == {
        "submission": True,
        "mx": False,
        "lmtp": False,
    }
    assert {name: each.clientid.enabled for name, each in listeners.items()} == {
        "submission": True,
        "mx": False,
        "lmtp": False,
    }
    assert listeners["submission"].clientid.reject_at is RejectAt.MAIL


def test_the_policy_of_our_domains(folder: Path) -> None:
    text = """
        hostname = "mx.Example.org"
        domains = ["Example.org", "b\u00fccher.example"]
        [listen]
        mx = ["tcp:25"]
        [mta-sts]
        mode = "enforce"
        max-age = "30d"
    """
    assert own_policies(loaded(folder, text)) == {
        "example.org": StsPolicy(StsMode.ENFORCE, 2_592_000, ("mx.example.org",)),
        "xn--bcher-kva.example": StsPolicy(StsMode.ENFORCE, 2_592_000, ("mx.example.org",)),
    }
    several = loaded(folder, text + 'mx = ["mx.example.org", "*.example.net"]')
    assert own_policy(several).mx == ("mx.example.org", "*.example.net")


def test_a_host_name_that_no_policy_takes_is_none_of_its_business(folder: Path) -> None:
    loaded(folder, 'hostname = "build_host"\n' + MINIMAL)


def test_a_web_server_is_no_listener_of_mail(folder: Path) -> None:
    configuration = loaded(folder, DOCUMENTED.replace("[listen]", '[listen]\nhttps = ["tcp:443"]', 1))
    assert configuration.listen.https == ("tcp:443",)
    assert list(configuration.listeners) == ["submission", "submissions", "mx"]


def test_a_listener_has_exceptions(folder: Path) -> None:
    text = """
        [listen]
        submission = ["tcp:587"]
        mx = ["tcp:25"]
        [limits]
        recipients = 7
        hops = 8
        [listener.mx]
        auth = ["accounts"]
        require-auth = true
        plaintext-auth = true
        enabled = true
        hops = 9
        command-timeout = "250ms"
        types = { UUID = ["ignore"] }
    """
    listeners = loaded(folder, text).listeners
    own = listeners["mx"]
    assert (own.limits.recipients, own.limits.hops, own.limits.command_timeout) == (7, 9, 0.25)
    assert (own.keys.auth, own.keys.require_auth, own.keys.plaintext_auth) == (("accounts",), True, True)
    assert own.clientid.enabled
    assert own.clientid.types == {"UUID": ("ignore",)}
    assert listeners["submission"].limits.hops == 8


def test_a_flag_replaces_the_whole_list(folder: Path) -> None:
    text = '[listen]\nmx = ["tcp:25", "tcp:26"]\nlmtp = ["tcp:24"]\n'
    configuration = loaded(folder, text, {("listen", "mx"): ["tcp:27"], ("hostname",): "other.example"})
    assert configuration.listen.mx == ("tcp:27",)
    assert configuration.listen.lmtp == ("tcp:24",)
    assert configuration.hostname == "other.example"


def test_a_shared_directory_for_everybody_is_refused(folder: Path) -> None:
    (folder / "shared").mkdir()
    (folder / "shared").chmod(0o755)
    text = 'shared-dir = "shared"\nlisten = { mx = ["tcp:25"] }\n'
    [problem] = problems(folder, text)
    assert "shared-dir: " in str(problem)
    assert "everybody may read it; chmod o-rwx" in str(problem)
    (folder / "shared").chmod(0o700)
    assert loaded(folder, text).shared_dir == folder / "shared"


def test_a_password_that_would_never_be_said_is_named(folder: Path) -> None:
    (folder / "password").write_text("secret\n")
    (folder / "password").chmod(0o600)
    said = 'host = "h.example"\nusername = "u"\npassword-file = "password"\nsecurity = "none"\n'
    [problem] = problems(folder, f'listen = {{ mx = ["tcp:25"] }}\n[relay.smarthost]\n{said}')
    assert "relay.smarthost.security: the password is not said without TLS" in str(problem)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('hostnam = "x"', "hostnam", "unknown key; did you mean hostname?"),
        ('zzzz = "x"', "zzzz", "unknown key; known: "),
        ("[listeners.mx]", "listeners", "unknown key; did you mean listener?"),
        ("hostname = 3", "hostname", "must be a string"),
        ('hostname = "-"\ndomains = ["example.org"]', "hostname", "not a domain name"),
        ('hostname = "bücher.example"', "hostname", "write it in A-labels"),
        ('domains = "example.org"', "domains", "must be a list"),
        ('domains = ["example.org", 3]', "domains", "must be a string"),
        ('domains = ["a b"]', "domains", "not a domain name"),
        ('database = "postgresql://db/mail"', "database", "not supported yet: PostgreSQL"),
        ('database = "mysql"', "database", 'must be "sqlite"'),
        ('state-dir = "s"\nshared-dir = "./s"', "shared-dir", "must be another directory than state-dir"),
        ('shared-dir = "mailext.toml"', "shared-dir", "not a directory"),
        ('auth = ["fil:x"]', "auth", "unknown kind 'fil'; known are accounts"),
        ('auth = ["accounts:x"]', "auth", "accounts takes no argument"),
        ('policies = ["nobody:x"]', "policies", "there is no 'nobody'"),
        ('policy-timeout = "0s"', "policy-timeout", "must be more than 0s"),
        ("policy-timeout = 10", "policy-timeout", "must be a string"),
        ('policy-timeout = "10 s"', "policy-timeout", "not a duration"),
        ('log-format = "xml"', "log-format", 'must be one of "text", "json"'),
        ('log-level = "loud"', "log-level", 'must be one of "debug", "info", "warn", "error"'),
        ('[identities]\nuser-log-mail = "0s"', "identities.user-log-mail", "must be more than 0s"),
        ('state-dir = "a\\u0000b"', "state-dir", "must not contain NUL"),
        ("tls = 3", "tls", "must be a table"),
        ('[tls]\nkey = ["privkey.pem"]', "tls.key", "1 keys for 0 certificates"),
        (
            '[tls]\ncertificate = ["none.pem"]\nkey = ["privkey.pem"]',
            "tls.certificate",
            "none.pem: No such file or directory",
        ),
        (
            '[tls]\ncertificate = ["fullchain.pem"]\nkey = ["none.pem"]',
            "tls.key",
            "No such file or directory",
        ),
        (
            '[tls]\ncertificate = ["privkey.pem"]\nkey = ["privkey.pem"]',
            "tls.certificate",
            "privkey.pem",
        ),
        ("[limits]\nrecipients = 0", "limits.recipients", "must be a number from 1 on"),
        ("[limits]\nrecipients = true", "limits.recipients", "must be a number from 1 on"),
        ('[limits]\nmessage-size = "50MB"', "limits.message-size", "not a size"),
        ('[limits]\nmessage-size = "0B"', "limits.message-size", "must be more than 0B"),
        ("[limits]\nmesage-size = 1", "limits.mesage-size", "did you mean message-size?"),
        ("[listener]\nmx = 3", "listener.mx", "must be a table"),
        ("[listener.smtp]\nhops = 3", "listener.smtp", "unknown key"),
        ("[listener.mx]\nhop = 3", "listener.mx.hop", "did you mean hops?"),
        ("[listener.mx]\nhops = 0", "listener.mx.hops", "must be a number from 1 on"),
        ('[listener.mx]\nauth = ["fil:x"]', "listener.mx.auth", "unknown kind"),
        ('[listener.mx]\ncheckers = ["nobody"]', "listener.mx.checkers", "there is no 'nobody'"),
        ('[addresses]\nsubaddress-delimiter = "+-"', "addresses.subaddress-delimiter", "must be one of"),
        ("[addresses]\nsender-check = 1", "addresses.sender-check", "must be true or false"),
        ('[aliases]\n"a@@b" = ["c"]', 'aliases."a@@b"', "not an address"),
        ("[aliases]\ninfo = []", "aliases.info", "no target"),
        ('[aliases]\ninfo = ["a b"]', "aliases.info", "not an address or a user name: 'a b'"),
        ('[delivery]\nlmtp = "unix:socket"', "delivery.lmtp", "not an absolute path: 'socket'"),
        (f'[delivery]\nlmtp = "unix:/{"x" * 107}"', "delivery.lmtp", "longer than 107 octets"),
        ('[delivery]\nlmtp = "a b"', "delivery.lmtp", "not a domain name"),
        ('[delivery]\nrequiretls = "enforce"', "delivery.requiretls", "there is no lmtp"),
        (
            'domains = ["example.org"]\n[delivery.domains."example.org"]\nrequiretls = "enforce"',
            'delivery.domains."example.org".requiretls',
            "there is no lmtp",
        ),
        ('[delivery]\ntag-field = "X Y"', "delivery.tag-field", "no header field can be called 'X Y'"),
        (
            '[delivery]\ntag-field = "received"',
            "delivery.tag-field",
            "mail goes by the field received already",
        ),
        ('[delivery]\ntag-field = "TLS-Required"', "delivery.tag-field", "choose another name"),
        (
            'domains = ["example.org"]\n[delivery.domains."example.net"]',
            'delivery.domains."example.net"',
            "example.net is none of this server's domains",
        ),
        (
            'domains = ["example.org"]\n[delivery.domains."Example.ORG"]\n[delivery.domains."example.org"]',
            'delivery.domains."example.org"',
            "the same as 'Example.ORG'",
        ),
        (
            'domains = ["example.org"]\n[delivery.domains."example.org"]\nlmtp = "h:0"',
            'delivery.domains."example.org".lmtp',
            "not a port: '0'",
        ),
        (
            'domains = ["example.org"]\n[programs."list@example.net"]\ncommand = ["/bin/cat"]',
            'programs."list@example.net"',
            "example.net is none of this server's domains",
        ),
        (
            'domains = ["a.test"]\nprograms."l@A.test".command = ["/bin/cat"]\nprograms."l@a.test".command = ["/bin/cat"]',
            'programs."l@a.test"',
            "the same as 'l@A.test'",
        ),
        (
            'domains = ["example.org"]\n[programs."list@example.org"]\ncommand = ["/bin/cat", "a\\u0000b"]',
            'programs."list@example.org".command',
            "must not contain NUL",
        ),
        (
            'domains = ["example.org"]\n[programs."list@example.org"]\ncommand = ["cat"]',
            'programs."list@example.org".command',
            "not an absolute path: 'cat'",
        ),
        ('policies = ["requiretls:header=Subject"]', "policies", "mail goes by the field Subject already"),
        ("[identities]\nper-account = 0", "identities.per-account", "from 1 on"),
        ("[identities]\nlogins = -1", "identities.logins", "from 1 on"),
        ('[identities]\nplaces = "none.mmdb"', "identities.places", "none.mmdb: No such file"),
        ('[clientid]\nreject-at = "rcpt"', "clientid.reject-at", 'must be one of "auth", "mail"'),
        ('[clientid]\ncheckers = ["nobody"]', "clientid.checkers", "there is no 'nobody'"),
        ('[clientid.types]\n"*" = ["ignore", "debug"]', "clientid.types", "cannot stand beside"),
        ('[clientid.types]\nUUID = ["ignored"]', "clientid.types", "unknown flag 'ignored'"),
        ('[relay]\nnetworks = ["192.0.2.0/33"]', "relay.networks", "does not appear to be an IPv4 or IPv6"),
        ('[relay]\nnetworks = ["192.0.2.1/24"]', "relay.networks", "has host bits set"),
        ('[relay]\nresolver = ["127.0.0.1", "dns.example"]', "relay.resolver", "not an IP address"),
        ('[relay]\ntrust-roots = "none.pem"', "relay.trust-roots", "none.pem: No such file or directory"),
        ('[relay]\ntrust-roots = "mailext.toml"', "relay.trust-roots", "not a PEM file of certificates"),
        ('[relay]\nnetworks = ["0.0.0.0/0"]', "relay.networks", "an open relay"),
        ('[relay]\nnetworks = ["127.0.0.0/8", "::/0"]', "relay.networks", "an open relay"),
        ("[relay.smarthost]\nport = 25", "relay.smarthost.host", "the other keys need a host"),
        (
            '[relay.destinations."Example.NET"]\n[relay.destinations."example.net"]',
            'relay.destinations."example.net"',
            "the same as 'Example.NET'",
        ),
        (
            'domains = ["example.org"]\n[relay.destinations."Example.ORG"]',
            'relay.destinations."Example.ORG"',
            "one of this server's own domains",
        ),
        (
            '[relay.destinations."example.net"]\nnext-hop = "::1"',
            'relay.destinations."example.net".next-hop',
            "write [::1]",
        ),
        ('[relay.smarthost]\nhost = "a b"', "relay.smarthost.host", "a b"),
        ('[relay.smarthost]\nhost = "h.example"\nusername = "u"', "relay.smarthost.password-file", "needs a"),
        ('[relay.smarthost]\nhost = "h.example"\npassword-file = "p"', "relay.smarthost.username", "needs a"),
        ('[relay.destinations."a b"]', 'relay.destinations."a b"', "a b"),
        (
            '[relay.destinations."example.net"]\nnext-hop = "mail.example:smtp"',
            'relay.destinations."example.net".next-hop',
            "not a port: 'smtp'",
        ),
        ("[relay]\nport = 70000", "relay.port", "must be a number from 1 to 65535"),
        ('[mta-sts]\nmode = "enforced"', "mta-sts.mode", 'must be one of "enforce", "testing", "none"'),
        ('[mta-sts]\nmax-age = "366d"', "mta-sts.max-age", "must be from 1s to 31557600s"),
        ('[mta-sts]\nmax-age = "999ms"', "mta-sts.max-age", "must be from 1s to 31557600s"),
        ('[mta-sts]\nmx = ["mx.example.org."]', "mta-sts.mx", "not a pattern of host names"),
        ('[mta-sts]\nmx = ["mx.example.org", "192.0.2.1"]', "mta-sts.mx", "an IP address is no name"),
        ('[mta-sts]\nmx = ["mx.b\u00fccher.example"]', "mta-sts.mx", "write it in A-labels"),
        ('hostname = "mx_1.example"\n[mta-sts]\nmode = "enforce"', "mta-sts.mx", "not a pattern"),
        ("[listener.https]\nrecipients = 7", "listener.https", "unknown key; known: submission"),
        ("[tlsrpt]\nmail = true", "tlsrpt.contact", "the other keys need an address"),
        ('[tlsrpt]\norganization-name = "Example"', "tlsrpt.contact", "the other keys need an address"),
        (
            '[tlsrpt]\ncontact = "ann@example.org"\norganization-name = "Ex\\r\\nX: y"',
            "tlsrpt.organization-name",
            "must be a line of text",
        ),
        ('[tlsrpt]\ncontact = "ann"', "tlsrpt.contact", "not a mailbox"),
        ('[tlsrpt]\ncontact = "a b@example.org"', "tlsrpt.contact", "not a mailbox"),
        ('[tlsrpt]\ncontact = "\u00e4@example.org"', "tlsrpt.contact", "must be an address in ASCII"),
        ("[relay]\nretry = []", "relay.retry", "must not be empty"),
        ('[relay]\nretry = ["0s"]', "relay.retry", "must be more than 0s"),
        (
            '[relay.destinations."example.net"]\nsecurity = "strong"',
            'relay.destinations."example.net".security',
            "must be one of",
        ),
    ],
)
def test_a_bad_value_is_named(folder: Path, text: str, key: str, reason: str) -> None:
    file = str(folder / "mailext.toml")
    # The table of a case may be open at its end.
    [problem] = problems(folder, f'listen = {{ mx = ["tcp:25"] }}\n{text}\n')
    assert (problem.file, problem.key) == (file, key)
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("listen", "key", "reason"),
    [
        ('submission = ["587"]', "listen.submission", "not an endpoint"),
        ('submission = ["udp:587"]', "listen.submission", "not an endpoint: Unknown endpoint type"),
        ('submission = ["tcp:x"]', "listen.submission", "not an endpoint"),
        ('submission = ["ssl:465"]', "listen.submission", "write tcp: here"),
        ('submissions = ["tcp:465"]', "listen.submissions", "needs a certificate"),
        ('https = ["tcp:443"]', "listen.https", "needs a certificate"),
        ('imaps = ["tcp:993"]', "listen.imaps", "needs a certificate"),
        ('pop3s = ["tcp:995"]', "listen.pop3s", "needs a certificate"),
        ('smtp = ["tcp:25"]', "listen.smtp", "unknown key"),
        ("mx = []", "listen", "nothing to listen on"),
    ],
)
def test_a_bad_listener_is_named(folder: Path, listen: str, key: str, reason: str) -> None:
    [problem] = problems(folder, f"[listen]\n{listen}\n")
    assert problem.key == key
    assert reason in problem.reason


def test_a_key_of_another_certificate(folder: Path) -> None:
    other = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("mx.example.org")
    other.private_key_pem.write_to_path(folder / "privkey.pem")
    text = MINIMAL + '[tls]\ncertificate = ["fullchain.pem"]\nkey = ["privkey.pem"]\n'
    [problem] = problems(folder, text)
    assert problem.key == "tls.certificate"
    assert "privkey.pem" in problem.reason


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    text = 'hostname = 1\nlimit = 2\n[limits]\nhops = 0\n[listener.mx]\nx = 1\nhops = "a"\n'
    keys = [problem.key for problem in problems(folder, text)]
    assert sorted(keys) == ["hostname", "limit", "limits.hops", "listener.mx.hops", "listener.mx.x"]


def test_a_flag_is_to_blame_for_what_it_says(folder: Path) -> None:
    [problem] = problems(folder, MINIMAL, {("auth",): ["fil:x"]})
    assert (problem.file, problem.key) == (COMMAND_LINE, "auth")
    assert str(problem).startswith("command line: auth: unknown kind 'fil'")


def test_what_is_not_toml(folder: Path) -> None:
    [problem] = problems(folder, "a = \n")
    assert problem.key == ""
    assert "not TOML: Invalid value (at line 1, column 5)" in str(problem)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    reactor = MemoryReactorClock()
    source = Source(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError) as caught:
        load(source, reactor, TrialServices(reactor))
    assert str(caught.value) == f"{tmp_path / 'none.toml'}: No such file or directory"


def test_brackets_without_end(folder: Path) -> None:
    [problem] = problems(folder, "a = " + "[" * 100_000)
    assert str(problem).endswith("not TOML: brackets within brackets")


def test_octets_that_are_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "mailext.toml").write_bytes(b'hostname = "\xff"\n')
    reactor = MemoryReactorClock()
    with pytest.raises(ConfigurationError, match="not TOML"):
        load(Source(tmp_path / "mailext.toml"), reactor, TrialServices(reactor))


def test_the_secret_of_a_strcred_string_is_not_told(folder: Path) -> None:
    [problem] = problems(folder, 'auth = ["memory:ann"]\n' + MINIMAL)
    assert "ann" not in problem.reason


def test_keys_are_written_as_toml_does() -> None:
    assert dotted("aliases", "info@example.org") == 'aliases."info@example.org"'


def test_trial_services_are_what_plugins_expect() -> None:
    services = TrialServices(MemoryReactorClock())
    assert verifyObject(IPluginServices, services)
    assert verifyObject(IIdentityRegistry, services.identities)

"""``mailext init``: everything that is needed to try the server at once."""

import json
import shlex
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.testing import MemoryReactorClock

from mailext.cli import main
from mailext.config.loading import load
from mailext.config.source import Source
from mailext.config.trial import TrialServices


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_makes_what_the_server_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = tmp_path / "demo"
    assert main(["init", str(demo)]) == 0
    reactor = MemoryReactorClock()
    configuration = load(Source(demo / "mailext.toml"), reactor, TrialServices(reactor))
    assert configuration.domains == ("example.org",)
    assert configuration.listen.submission == ("tcp:2587:interface=127.0.0.1",)
    assert configuration.listen.submissions == ("tcp:2465:interface=127.0.0.1",)
    assert configuration.listen.mx == ("tcp:2525:interface=127.0.0.1",)
    assert permissions(demo / "password") == permissions(demo / "key.pem") == 0o600
    assert permissions(demo / "state") == 0o700
    said = capsys.readouterr().out
    assert f"twistd -n mailext --config {demo}/mailext.toml" in said
    assert "swaks --server 127.0.0.1:2587 --tls --auth PLAIN --auth-user ann@example.org" in said
    assert (demo / "password").read_text().strip() not in said


def test_the_account_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path)])
    capsys.readouterr()
    assert main(["--config", str(tmp_path / "mailext.toml"), "account", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"address": "ann@example.org"}]


def test_the_certificate_is_for_this_machine(tmp_path: Path) -> None:
    main(["init", str(tmp_path)])
    certificate = x509.load_pem_x509_certificate((tmp_path / "cert.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "mx.example.org"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    # A client that trusts it takes it, by the strict rules too.
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    assert shakes_hands(trusting, tmp_path, "localhost")


def shakes_hands(client_context: ssl.SSLContext, folder: Path, name: str) -> bool:
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    pending = [client, server]
    while pending:
        for side in list(pending):
            try:
                side.do_handshake()
                pending.remove(side)
            except ssl.SSLWantReadError:
                pass
    return client.version() is not None


def test_a_configuration_that_is_there_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mailext.toml").write_text("mine\n")
    assert main(["init", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mailext.toml"]
    assert (tmp_path / "mailext.toml").read_text() == "mine\n"
    assert "is there already" in capsys.readouterr().err


def test_an_init_that_was_cut_short_can_be_done_again(tmp_path: Path) -> None:
    main(["init", str(tmp_path)])
    first = (tmp_path / "password").read_text()
    (tmp_path / "mailext.toml").unlink()
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "password").read_text() != first


def test_names_with_spaces_are_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a demo"
    assert main(["--json", "init", str(folder)]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["config"] == str(folder / "mailext.toml")
    assert shlex.split(made["start"])[-1] == str(folder / "mailext.toml")


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "demo"), "--json"]) == 1
    assert json.loads(capsys.readouterr().err)["error"]["reason"] == "Not a directory"

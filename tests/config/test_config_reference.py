"""The table of keys is complete, and says what the parser does."""

import tomllib

from mailext.config.reference import reference, reference_page


def test_every_key_has_a_meaning_and_a_default() -> None:
    sections = reference()
    assert [section.name for section in sections] == [
        "",
        "tls",
        "listen",
        "limits",
        "addresses",
        "delivery",
        "clientid",
        "identities",
        "relay",
        "relay.smarthost",
        "tlsrpt",
        "mta-sts",
        "listener.NAME",
        "delivery.domains.DOMAIN",
        "programs.ADDRESS",
        "relay.destinations.DOMAIN",
    ]
    for section in sections:
        assert section.meaning
        assert section.keys
        assert all(key.meaning and key.type and (key.default or key.default_in_words) for key in section.keys)


def test_defaults_are_toml() -> None:
    for section in reference():
        for key in section.keys:
            if not key.default_in_words:
                tomllib.loads(f"{key.name} = {key.default}")


def test_the_page_has_every_key() -> None:
    page = reference_page()
    for section in reference():
        for key in section.keys:
            assert f"``{key.name}``" in page


def test_types_are_words() -> None:
    kinds = {
        f"{section.name}.{key.name}": (key.type, key.default)
        for section in reference()
        for key in section.keys
    }
    assert kinds["limits.message-size"] == ("size", '"50MiB"')
    assert kinds["limits.command-timeout"] == ("duration", '"5m"')
    assert kinds["limits.recipients"] == ("number", "1000")
    assert kinds["relay.retry"] == ("list of durations", '["5m", "15m", "1h", "4h"]')
    assert kinds[".aliases"] == ("table of lists of strings", "{}")
    assert kinds["clientid.types"][1] == '{"*" = ["system-log", "authenticate"]}'
    assert kinds["addresses.sender-check"] == ("true or false", "true")

"""Parameters of MAIL and RCPT."""

from __future__ import annotations

from tests.vectors.model import Threat, command, recipient, under_tls

VECTORS = (
    command(
        "parameter-unknown",
        Threat.PARAMETERS,
        b"MAIL FROM:<> FOO=BAR",
        "555 5.5.4",
        "RFC 5321 section 4.1.1.11",
    ),
    command(
        "parameter-binarymime",
        Threat.PARAMETERS,
        b"MAIL FROM:<> BODY=BINARYMIME",
        "501 5.5.4",
        "RFC 3030 section 3",
    ),
    command("parameter-body", Threat.PARAMETERS, b"MAIL FROM:<> body=8bitmime", "250", "RFC 6152 section 2"),
    command(
        "parameter-body-missing", Threat.PARAMETERS, b"MAIL FROM:<> BODY", "501 5.5.4", "RFC 6152 section 2"
    ),
    command(
        "parameter-twice",
        Threat.PARAMETERS,
        b"MAIL FROM:<> SIZE=1 SIZE=1",
        "501 5.5.4",
        "RFC 5321 section 4.1.1.11",
    ),
    command(
        "parameter-of-rcpt",
        Threat.PARAMETERS,
        b"MAIL FROM:<> NOTIFY=NEVER",
        "555 5.5.4",
        "RFC 3461 section 4",
    ),
    command(
        "parameter-two-equals-signs",
        Threat.PARAMETERS,
        b"MAIL FROM:<> SIZE==1",
        "501 5.5.4",
        "RFC 5321 section 4.1.2",
    ),
    command(
        "parameter-no-keyword", Threat.PARAMETERS, b"MAIL FROM:<> =1", "501 5.5.4", "RFC 5321 section 4.1.2"
    ),
    command(
        "parameter-bad-keyword",
        Threat.PARAMETERS,
        b"MAIL FROM:<> -X=1",
        "501 5.5.4",
        "RFC 5321 section 4.1.2",
    ),
    command(
        "parameter-with-nul", Threat.PARAMETERS, b"MAIL FROM:<> FOO=\0", "501 5.1.7", "RFC 5321 section 4.1.2"
    ),
    command(
        "parameter-ret", Threat.PARAMETERS, b"MAIL FROM:<> RET=SOME", "501 5.5.4", "RFC 3461 section 4.3"
    ),
    recipient(
        "parameter-of-mail", Threat.PARAMETERS, b"<ann@example.org> SIZE=1", "555 5.5.4", "RFC 1870 section 4"
    ),
    recipient(
        "parameter-notify",
        Threat.PARAMETERS,
        b"<ann@example.org> NOTIFY=success,FAILURE",
        "250",
        "RFC 3461 section 4.1",
    ),
    recipient(
        "parameter-notify-never-and-more",
        Threat.PARAMETERS,
        b"<ann@example.org> NOTIFY=NEVER,FAILURE",
        "501 5.5.4",
        "RFC 3461 section 4.1",
    ),
    recipient(
        "parameter-notify-twice-the-same",
        Threat.PARAMETERS,
        b"<ann@example.org> NOTIFY=DELAY,DELAY",
        "501 5.5.4",
        "RFC 3461 section 4.1",
    ),
    recipient(
        "parameter-notify-comma",
        Threat.PARAMETERS,
        b"<ann@example.org> NOTIFY=DELAY,",
        "501 5.5.4",
        "RFC 3461 section 4.1",
    ),
    recipient(
        "parameter-requiretls-of-rcpt",
        Threat.PARAMETERS,
        b"<ann@example.org> REQUIRETLS",
        "555 5.5.4",
        "RFC 8689 section 2",
    ),
    *(
        command(
            f"requiretls-in-clear{name}",
            Threat.PARAMETERS,
            b"MAIL FROM:<> " + text,
            reply,
            "RFC 8689 section 2",
        )
        for name, text, reply in (
            ("", b"REQUIRETLS", "523 5.7.10"),
            ("-lower-case", b"requiretls", "523 5.7.10"),
            ("-with-value", b"REQUIRETLS=YES", "523 5.7.10"),
            ("-twice", b"REQUIRETLS REQUIRETLS", "523 5.7.10"),
            ("-beside-size", b"SIZE=10 REQUIRETLS", "523 5.7.10"),
            ("-beside-unknown", b"REQUIRETLS FOO", "555 5.5.4"),
            ("-beside-bad", b"REQUIRETLS SIZE=x", "501 5.5.4"),
        )
    ),
    *(
        under_tls(
            f"requiretls-{name}",
            Threat.PARAMETERS,
            (b"MAIL FROM:<> " + text,),
            (reply,),
            "RFC 8689 section 2",
        )
        for name, text, reply in (
            ("given", b"REQUIRETLS", "250"),
            ("lower-case", b"requiretls", "250"),
            ("with-value", b"REQUIRETLS=YES", "501 5.5.4"),
            ("with-empty-value", b"REQUIRETLS=", "501 5.5.4"),
            ("twice", b"REQUIRETLS REQUIRETLS", "501 5.5.4"),
            ("twice-in-two-cases", b"REQUIRETLS RequireTLS", "501 5.5.4"),
        )
    ),
)

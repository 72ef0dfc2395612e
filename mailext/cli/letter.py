"""A message to send, as the command line and standard input give it."""

from __future__ import annotations

from argparse import Namespace
from email.utils import getaddresses
from typing import BinaryIO

from attrs import frozen

from mailext.control.requests import RequestRefusedError
from mailext.message.headers import HeaderSection
from mailext.message.sendmail import canonical, recipients_in, up_to_dot
from mailext.values import Notify, Ret, TlsDemand

__all__ = ["Letter", "read_letter"]


@frozen
class Letter:
    """
    :param content: in lines that end in CRLF.
    :param recipients: the addresses.
    :param sender: the reverse-path; empty for the null reverse-path; None
        where it is not said.
    :param full_name: the author's, for a From field that is missing.
    """

    content: bytes
    recipients: list[str]
    sender: str | None
    full_name: str
    demand: TlsDemand
    notify: frozenset[Notify]
    ret: Ret | None
    envid: str | None


def read_letter(arguments: Namespace, stream: BinaryIO, limit: int | None = None) -> Letter:
    """
    :param limit: the largest message, in octets; None: whatever comes.
    :raise RequestRefusedError: if the message is larger, or nobody is to get it.
    """
    content = stream.read() if limit is None else stream.read(limit + 1)
    if limit is not None and len(content) > limit:
        raise RequestRefusedError(f"the message is larger than {limit} octets")
    content = canonical(content if arguments.ignore_dots else up_to_dot(content))
    recipients = [address for said in arguments.recipients for address in _addresses(said)]
    if arguments.read_recipients:
        recipients += recipients_in(HeaderSection.parse(content)[0])
    if not recipients:
        raise RequestRefusedError("no recipient")
    return Letter(
        content,
        list(dict.fromkeys(recipients)),
        "" if arguments.sender == "<>" else arguments.sender,
        arguments.full_name,
        arguments.demand,
        arguments.notify,
        arguments.ret,
        arguments.envid,
    )


def _addresses(said: str) -> list[str]:
    # sendmail takes what could stand in a To field, too.
    if "<" not in said and "," not in said:
        return [said]
    return [address for _, address in getaddresses([said])]

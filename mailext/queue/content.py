"""The content of a queued message as it is read."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from mailext.message.headers import HeaderScanner, HeaderSection

__all__ = ["read_headers"]


def read_headers(chunks: Iterator[bytes]) -> tuple[HeaderSection, bytes]:
    """
    Read as much as the header section needs.

    :return: the section, and what was read of the body.
    """
    # The limit was kept when the message came in.
    scanner = HeaderScanner(sys.maxsize)
    for chunk in chunks:
        if found := scanner.feed(chunk):
            return found
    return scanner.finish()

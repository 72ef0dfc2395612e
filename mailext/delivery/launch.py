"""
Becomes a program, in a session of its own: a script that the server runs.

Whoever ends the program can then end all that it has begun. And why it cannot
be run, if so, is told apart from whatever the program itself might say.

It is run without the rest of the package, to be quick: it knows the standard
library alone.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["LAUNCHED", "REPORT"]

#: The descriptor on which it says how far it came. It is closed where the
#: program begins.
REPORT = 3

#: What it says there; and behind it an error number, if there is no program.
LAUNCHED = b"."

_CANNOT_RUN = 126


def _become(arguments: list[str]) -> None:
    os.setsid()
    os.set_inheritable(REPORT, False)  # noqa: FBT003 - its signature
    # Python ignores these, and what is ignored is inherited.
    for number in signal.SIGPIPE, signal.SIGXFSZ:
        signal.signal(number, signal.SIG_DFL)
    os.write(REPORT, LAUNCHED)
    try:
        os.execv(arguments[0], arguments)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        os.write(REPORT, str(error.errno).encode())
        os._exit(_CANNOT_RUN)


if __name__ == "__main__":
    _become(sys.argv[1:])

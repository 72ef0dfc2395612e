"""Why the server cannot start, said in a line."""

from __future__ import annotations

import sys
from types import TracebackType

from mailext.control.server import ControlSocketInUseError
from mailext.service.listeners import ListenError
from mailext.storage.errors import StoreError

__all__ = ["tell_plainly"]

# What the operator can do something about; how we came upon it is of no use.
_EXPECTED = (ListenError, StoreError, ControlSocketInUseError, OSError)


def tell_plainly() -> None:
    """
    Have this process end without a traceback where the operator's setting is to
    blame. twistd lets such an error end it, and tells whoever started it in the
    background.
    """
    otherwise = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, _EXPECTED):
            sys.stderr.write(f"mailext cannot start: {error}\n")
        else:
            otherwise(kind, error, trace)

    sys.excepthook = tell

"""The table of hostile vectors that the wire alone decides."""

from __future__ import annotations

from tests.vectors import (
    addresses,
    auth,
    chunks,
    clientid,
    commands,
    injection,
    lengths,
    numbers,
    parameters,
    smuggling,
    starttls,
    utf8,
)
from tests.vectors.model import Vector

VECTORS: tuple[Vector, ...] = (
    *smuggling.VECTORS,
    *starttls.VECTORS,
    *auth.VECTORS,
    *lengths.VECTORS,
    *addresses.VECTORS,
    *utf8.VECTORS,
    *numbers.VECTORS,
    *chunks.VECTORS,
    *injection.VECTORS,
    *clientid.VECTORS,
    *parameters.VECTORS,
    *commands.VECTORS,
)

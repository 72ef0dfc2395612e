"""Lines, however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.control.lines import Lines, OverlongLineError


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_come_whole(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    assembler = Lines(20)
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += assembler.feed(stream[start:end])
    assert found == lines


@pytest.mark.parametrize("parts", [[b"123456"], [b"123", b"456"], [b"123456\n"], [b"1\n", b"12345", b"6"]])
def test_a_line_has_a_bound(parts: list[bytes]) -> None:
    assembler = Lines(5)
    with pytest.raises(OverlongLineError):
        [list(assembler.feed(part)) for part in parts]

"""Folders on the disk: names, identifiers, flags; what survives what."""

from __future__ import annotations

from io import BytesIO
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.access.flags import file_name, flags_of, letters_of, size_of, split_name
from mailext.access.folder import MaildirFolder
from mailext.access.names import FolderNameError, canonical, disk_name, from_disk_name, matches
from mailext.access.sequences import chosen, parse_set
from mailext.access.uidlist import UidList


class TestNames:
    @given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
    def test_a_name_that_can_be_comes_back_from_the_disk(self, text):
        try:
            name = canonical(text)
        except FolderNameError:
            return
        assert "/" not in disk_name(name)
        assert from_disk_name(disk_name(name)) == (name if disk_name(name) else None)

    @pytest.mark.parametrize("name", ["inbox", "InBox.Work"])
    def test_inbox_in_any_case(self, name):
        assert canonical(name).startswith("INBOX")

    @pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "a/b", "..", "a\nb", "a\0", "x" * 201])
    def test_names_that_cannot_be(self, name):
        with pytest.raises(FolderNameError):
            canonical(name)

    @pytest.mark.parametrize(
        ("pattern", "name", "is_one"),
        [
            ("*", "a.b", True),
            ("%", "a.b", False),
            ("%", "a", True),
            ("a.%", "a.b", True),
            ("%.%", "a.b", True),
            ("a*", "b", False),
            ("inbox", "INBOX", True),
            ("inbox.*", "INBOX.x", True),
            ("inboxes", "INBOXES", False),
            ("", "a", False),
            ("a%c", "abc", True),
            ("*c", "a.b.c", True),
        ],
    )
    def test_patterns(self, pattern, name, is_one):
        assert matches(pattern, name) is is_one


class TestFlags:
    @given(st.sets(st.sampled_from("RFTSDPab")))
    def test_letters_come_back(self, letters):
        assert split_name(file_name("1.x,S=5", letters)) == ("1.x,S=5", letters)

    def test_flags(self):
        assert set(flags_of("SRx")) == {"\\Seen", "\\Answered"}
        assert letters_of(["\\seen", "\\Recent", "$Label"]) == {"S"}

    @pytest.mark.parametrize(
        ("base", "size"), [("1.x,S=12", 12), ("1.x,S=12,W=14", 12), ("1.x", None), ("1.x,S=x", None)]
    )
    def test_sizes(self, base, size):
        assert size_of(base) == size


class TestNumbers:
    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (b"1:*", [0, 1, 2]),
            (b"*", [2]),
            (b"100:*", [2]),
            (b"*:4", [1, 2]),
            (b"1:4", [0]),
            (b"9,3", [0, 2]),
            (b"4", []),
        ],
    )
    def test_chosen(self, wanted, found):
        assert list(chosen([3, 5, 9], parse_set(wanted))) == found
        assert list(chosen([], parse_set(wanted))) == []

    @pytest.mark.parametrize("octets", [b"", b"0", b"1,", b"1:", b":", b"a", b"-1", b"1:2:3", b"01", b"1 "])
    def test_what_is_no_set(self, octets):
        with pytest.raises(ValueError):
            parse_set(octets)


class TestUidList:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "uids"

    @staticmethod
    def opened(path, validity=7):
        return UidList(path, lambda: validity)

    def test_identifiers_stay_and_are_never_given_again(self, path):
        assert self.opened(path).update(["a", "b"]) == {"a": 1, "b": 2}
        again = self.opened(path, 8)
        assert again.validity == 7
        assert again.update(["b", "c"]) == {"b": 2, "c": 3}
        assert again.update(["b"]) == {"b": 2}
        assert self.opened(path).update(["b", "d"])["d"] == 4

    @pytest.mark.parametrize("cut", range(1, 8))
    def test_a_line_that_was_torn_was_never_told(self, path, cut):
        self.opened(path).update(["aaa"])
        self.opened(path).update(["aaa", "bbbb"])
        path.write_bytes(path.read_bytes()[:-cut])
        assert self.opened(path, 8).update(["aaa", "bbbb"]) == {"aaa": 1, "bbbb": 2}
        assert self.opened(path, 9).validity == 7
        assert self.opened(path, 9).update(["aaa", "bbbb", "c"])["c"] == 3

    @pytest.mark.parametrize(
        "content", [b"", b"rubbish\n", b"mailext-uids 1 7 1", b"mailext-uids 1 7 1\nx y z\n", b"\xff"]
    )
    def test_one_that_makes_no_sense_begins_anew(self, path, content):
        path.write_bytes(content)
        assert self.opened(path, 8).validity == 8

    def test_it_does_not_grow_with_what_is_gone(self, path):
        uids = self.opened(path)
        for start in range(0, 10_000, 100):
            uids.update([f"m{number}" for number in range(start, start + 100)])
        assert len(path.read_bytes().splitlines()) < 1_500
        assert self.opened(path).next_uid == 10_001


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path):
        return MaildirFolder(tmp_path / "box", lambda: 7, 1e9)

    def add(self, folder, name="1.a", letters="", content=b"x\r\n", date=None):
        return folder.add(name, BytesIO(content), frozenset(letters), date)

    def test_a_message_that_is_added(self, folder):
        uid = self.add(folder, letters="S", date=1e9)
        (file,) = folder.contents().files
        assert (file.uid, file.letters) == (uid, {"S"})
        assert file.path(folder.path).name == "1.a,S=3:2,S"
        assert folder.stat(uid).st_mtime == 1e9
        assert not list((folder.path / "tmp").glob("1*"))

    def test_another_program_changes_flags(self, folder):
        uid = self.add(folder)
        file = folder.contents().files[0].path(folder.path)
        file.rename(file.with_name(file.name + "F"))
        with folder.open(uid) as found:
            assert found.read() == b"x\r\n"
        assert folder.contents().files[0].letters == {"F"}
        folder.change([uid], lambda had: had | {"S"})
        assert [path.name for path in (folder.path / "cur").iterdir()] == ["1.a,S=3:2,FS"]

    def test_another_program_removes(self, folder):
        uid = self.add(folder)
        folder.contents().files[0].path(folder.path).unlink()
        with pytest.raises(FileNotFoundError):
            folder.open(uid)
        assert folder.contents().files == ()
        folder.change([uid], lambda had: had | {"S"})
        folder.remove([uid])

    def test_a_copy_has_the_octets_flags_and_date(self, folder, tmp_path):
        uid = self.add(folder, letters="SR", date=1e9)
        other = MaildirFolder(tmp_path / "other", lambda: 8, 1e9)
        numbers = count()
        (copied,) = other.copy_from(folder, [uid, 99], lambda: f"2.{next(numbers)}")
        assert other.stat(copied).st_mtime == 1e9
        assert other.contents().files[0].letters == {"S", "R"}
        folder.remove([uid])
        with other.open(copied) as file:
            assert file.read() == b"x\r\n"

    def test_a_copy_that_fails_leaves_nothing(self, folder, tmp_path):
        uids = [self.add(folder, "1.a"), self.add(folder, "1.b")]
        other = MaildirFolder(tmp_path / "other", lambda: 8, 1e9)
        with pytest.raises(FileExistsError):
            other.copy_from(folder, uids, lambda: "2.same")
        assert other.contents().files == ()

    def test_messages_are_numbered_as_they_came(self, folder):
        for name in ("20.b", "3.c", "100.a"):
            (folder.path / "new" / name).write_bytes(b"x\r\n")
        assert [file.base for file in folder.contents().files] == ["3.c", "20.b", "100.a"]
        assert folder.claim() == {1, 2, 3}
        assert folder.claim() == frozenset()
        assert not any(file.is_new for file in folder.contents().files)

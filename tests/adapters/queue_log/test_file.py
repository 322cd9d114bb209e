"""The file itself: appended to in order, through rotation and full disks, for its readers' eyes only."""

from __future__ import annotations

import errno
import gzip
import os
import stat
from pathlib import Path

import pytest

from router.adapters.queue_log.file import LogFile


class Disk:
    """A disk with so many bytes of room, written to through the real file system."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, handle: int, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = os.write(handle, data[: self.room])
        self.room -= done
        return done


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


def test_lines_stand_behind_what_is_there(path: Path) -> None:
    path.write_text("asterisk's own\n")
    file = LogFile(path)
    assert file.append([b"one\n", b"two\n"]) == (2, None)
    assert file.append([b"three\n"]) == (1, None)
    assert path.read_text() == "asterisk's own\none\ntwo\nthree\n"
    file.close()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_its_group_may_read_it_and_nobody_else(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        file = LogFile(path)
        file.append([b"one\n"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    file.close()


def test_a_file_that_was_there_keeps_its_mode(path: Path) -> None:
    path.touch(0o600)
    file = LogFile(path)
    file.append([b"one\n"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file.close()


def test_a_renamed_file_is_let_go_and_a_new_one_begun(path: Path) -> None:
    file = LogFile(path)
    file.append([b"one\n"])
    path.rename(path.with_suffix(".1"))
    file.append([b"two\n"])
    assert (path.with_suffix(".1").read_text(), path.read_text()) == ("one\n", "two\n")
    file.close()


def test_so_is_one_that_logrotate_has_replaced_already(path: Path) -> None:
    file = LogFile(path)
    file.append([b"one\n"])
    path.rename(path.with_suffix(".1"))
    path.touch(0o640)
    file.append([b"two\n"])
    assert path.read_text() == "two\n"
    file.close()


def test_one_that_was_copied_and_cut_to_nothing_goes_on_from_its_beginning(path: Path) -> None:
    file = LogFile(path)
    file.append([b"one\n"])
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
    os.truncate(path, 0)
    file.append([b"two\n"])
    assert path.read_bytes() == b"two\n"
    file.close()


def test_a_directory_that_is_gone_is_told_of_and_found_again(path: Path) -> None:
    file = LogFile(path)
    file.append([b"one\n"])
    path.unlink()
    path.parent.rename(path.parent.with_name("away"))
    whole, why = file.append([b"two\n"])
    assert whole == 0
    assert why is not None
    path.parent.mkdir()
    assert file.append([b"two\n"]) == (1, None)
    assert path.read_text() == "two\n"
    file.close()


def test_a_full_disk_takes_what_it_can_and_the_rest_later(path: Path) -> None:
    disk = Disk(room=6)
    file = LogFile(path, write=disk.write)
    whole, why = file.append([b"one\n", b"two\n", b"three\n"])
    assert whole == 1
    assert why is not None
    assert why.errno == errno.ENOSPC
    assert file.append([b"two\n", b"three\n"])[0] == 0
    disk.room = 3
    assert file.append([b"two\n", b"three\n"])[0] == 1
    disk.room = 100
    assert file.append([b"three\n"]) == (1, None)
    assert path.read_text() == "one\ntwo\nthree\n"
    file.close()


def test_a_line_that_was_cut_begins_anew_in_a_new_file(path: Path) -> None:
    disk = Disk(room=6)
    file = LogFile(path, write=disk.write)
    file.append([b"one\n", b"two\n"])
    path.rename(path.with_suffix(".1"))
    disk.room = 100
    assert file.append([b"two\n"]) == (1, None)
    assert path.read_text() == "two\n"
    file.close()


def test_a_last_line_without_its_end_is_ended_first(path: Path) -> None:
    path.write_text("1|NONE|torn by a pulled pl")
    file = LogFile(path)
    file.append([b"one\n"])
    assert path.read_text() == "1|NONE|torn by a pulled pl\none\n"
    file.close()


def test_nothing_but_a_file_is_written_to(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    path.symlink_to(elsewhere)
    assert LogFile(path).append([b"one\n"])[0] == 0
    assert elsewhere.read_bytes() == b""
    path.unlink()
    os.mkfifo(path)
    whole, why = LogFile(path).append([b"one\n"])
    assert (whole, why is not None and why.strerror) == (0, "it is no regular file")
    path.unlink()
    path.mkdir()
    assert LogFile(path).append([b"one\n"])[0] == 0


def test_two_routers_may_share_it(path: Path) -> None:
    one, two = LogFile(path), LogFile(path)
    for _ in range(100):
        one.append([b"1" * 60 + b"\n"])
        two.append([b"2" * 60 + b"\n"])
    lines = path.read_text().splitlines()
    assert sorted(lines) == ["1" * 60] * 100 + ["2" * 60] * 100
    one.close()
    two.close()

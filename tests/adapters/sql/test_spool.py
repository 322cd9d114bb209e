"""The spool keeps its promises: order, durability, a bound, one writer."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.adapters.sql.segments import REFUSED, UNKNOWN
from router.adapters.sql.spool import Spool
from router.domain.errors import RemoteError
from tests.adapters.sql.spooling import FOREIGN, ROOT, OpenSpool, drained, files, lines_of, records
from tests.contracts.test_ledger import a_record

pytest_plugins = ["tests.contracts.databases"]


# ---- order and trimming ----


def test_facts_come_back_in_their_order_over_many_files(open_spool: OpenSpool, place: Path) -> None:
    spool = open_spool(segment_bytes=2000)
    for start in range(0, 60, 3):
        assert spool.append(lines_of(records(range(start, start + 3)))) == 3
    assert len(files(place)) > 5
    assert spool.waiting == 60
    assert drained(spool) == records(range(60))


def test_a_restart_begins_with_what_was_not_confirmed(open_spool: OpenSpool) -> None:
    first = open_spool(segment_bytes=2000)
    first.append(lines_of(records(range(40))))
    for start in range(40, 60):
        first.append(lines_of(records(range(start, start + 1))))
    page = first.read(40)
    assert page is not None
    first.confirm(page)
    first.close()
    second = open_spool()
    assert second.waiting == 20
    second.append(lines_of(records(range(60, 70))))
    assert drained(second) == records(range(40, 70))


def test_what_was_read_and_not_confirmed_is_read_again(open_spool: OpenSpool) -> None:
    spool = open_spool()
    spool.append(lines_of(records(range(5))))
    for _ in range(3):
        page = spool.read(2)
        assert page is not None
        assert page.facts == records(range(2))
    spool.confirm(page)
    assert drained(spool) == records(range(2, 5))


def test_a_file_goes_as_soon_as_all_of_it_is_confirmed_and_an_idle_spool_is_empty(
    open_spool: OpenSpool, place: Path
) -> None:
    spool = open_spool(segment_bytes=2000)
    for start in range(30):
        spool.append(lines_of(records(range(start, start + 1))))
    before = len(files(place))
    page = spool.read(5)
    assert page is not None
    spool.confirm(page)
    assert len(files(place)) < before
    drained(spool)
    assert spool.size == 0
    assert [(place / name).stat().st_size for name in files(place)] == [0]
    spool.append(lines_of(records(range(30, 33))))
    assert drained(spool) == records(range(30, 33))
    spool.close()
    assert files(place) == []


def test_positions_only_grow_so_that_somebody_can_wait_for_one(open_spool: OpenSpool) -> None:
    spool = open_spool(segment_bytes=1500)
    ends = [0]
    for number in range(20):
        spool.append(lines_of(records(range(number, number + 1))))
        assert spool.end > ends[-1]
        ends.append(spool.end)
        if number % 3 == 2:
            drained(spool)
            assert spool.confirmed == spool.end == ends[-1]


def test_numbers_of_files_grow_also_over_restarts_and_damage(open_spool: OpenSpool, place: Path) -> None:
    for number in range(3):
        spool = open_spool()
        spool.append(lines_of(records(range(number, number + 1))))
        spool.close()
    assert files(place) == [f"{number:012}.facts" for number in (1, 2, 3)]


# ---- the disk ----


def test_one_append_is_one_fsync_and_a_new_file_makes_its_directory_known(
    open_spool: OpenSpool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    synced: list[str] = []
    real = os.fsync

    def watched(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        real(handle)

    monkeypatch.setattr(os, "fsync", watched)
    spool.append(lines_of(records(range(50))))
    assert synced == ["spool", "000000000001.facts"]
    synced.clear()
    spool.append(lines_of(records(range(50, 100))))
    assert synced == ["000000000001.facts"]


def test_directory_and_files_are_for_their_owner_only(open_spool: OpenSpool, place: Path) -> None:
    place.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        spool = open_spool()
        spool.append([*lines_of(records(range(1))), FOREIGN])
        spool.refuse([(a_record(2), "why not")])
        page = spool.read(10)
        assert page is not None
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == dict.fromkeys(
        ("lock", "000000000001.facts", UNKNOWN, REFUSED), 0o600
    )


def test_the_bound_turns_away_what_does_not_fit_and_takes_again_what_was_trimmed(open_spool: OpenSpool) -> None:
    lines = lines_of(records(range(100)))
    spool = open_spool(max_bytes=sum(map(len, lines[:10])) + 5, segment_bytes=2000)
    assert spool.append(lines[:4]) == 4
    assert spool.append(lines[4:40]) == 6
    assert spool.append(lines[10:40]) == 0
    assert spool.size <= spool.max_bytes
    assert drained(spool) == records(range(10))
    assert spool.append(lines[10:15]) == 5
    assert drained(spool) == records(range(10, 15))


@contextmanager
def files_no_longer_than(limit: int) -> Iterator[None]:
    """The system's own bound on a file's length: a write gets part of the way and then fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fails_in_the_middle_of_a_line_keeps_what_was_kept_and_nothing_else(open_spool: OpenSpool) -> None:
    lines = lines_of(records(range(30)))
    spool = open_spool()
    spool.append(lines[:3])
    end = spool.end
    for limit in (end + 1, end + len(lines[3]) - 1, end + len(lines[3]), end + len(lines[3]) + 100):
        with files_no_longer_than(limit), pytest.raises(OSError, match="too large"):
            spool.append(lines[3:30])
        assert (spool.end, spool.waiting) == (end, 3)
    assert spool.append(lines[3:10]) == 7
    assert drained(spool) == records(range(10))
    spool.append(lines[10:12])
    spool.close()
    assert drained(open_spool()) == records(range(10, 12))


def test_after_a_failed_fsync_nothing_more_goes_into_that_file(
    open_spool: OpenSpool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    spool.append(lines_of(records(range(2))))

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        spool.append(lines_of(records(range(2, 4))))
    monkeypatch.undo()
    spool.append(lines_of(records(range(2, 4))))
    assert files(place) == ["000000000001.facts", "000000000002.facts"]
    assert drained(spool) == records(range(4))


def test_a_disk_that_takes_a_little_at_a_time_is_given_the_rest(
    open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:100]))
    spool = open_spool()
    assert spool.append(lines_of(records(range(9)))) == 9
    monkeypatch.undo()
    assert drained(spool) == records(range(9))


def test_what_a_write_that_failed_left_behind_is_not_there_after_a_restart(open_spool: OpenSpool) -> None:
    lines = lines_of(records(range(8)))
    spool = open_spool()
    spool.append(lines[:3])
    in_the_fifth = spool.end + len(lines[3]) + 10
    with files_no_longer_than(in_the_fifth), pytest.raises(OSError, match="too large"):
        spool.append(lines[3:8])
    spool.append(lines[3:8])
    spool.close()

    again = open_spool()
    assert drained(again) == records(range(8))
    assert (again.torn, again.damaged) == (0, 0)


# ---- one writer ----

HOLD = """
import sys
from pathlib import Path
from router.adapters.sql.spool import Spool
spool = Spool.open(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_has_it_and_gets_it_when_that_one_is_killed(
    open_spool: OpenSpool, place: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RemoteError) as refusal:
            open_spool()
        assert (refusal.value.error_id, refusal.value.retryable) == ("spool-locked", False)
        assert f"process {other.pid} writes to it" in refusal.value.message
        assert "spool_dir" in refusal.value.message
        other.kill()
        other.wait(20)
    open_spool()


def test_a_place_that_cannot_be_used_is_told_with_the_key_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "spool"):
        with pytest.raises(RemoteError) as refusal:
            Spool.open(place)
        assert refusal.value.error_id == "spool-unusable"
        assert "spool_dir" in refusal.value.message


def test_a_pipe_or_a_link_in_place_of_a_file_is_an_error_and_no_waiting(open_spool: OpenSpool, place: Path) -> None:
    open_spool().close()
    for make in (os.mkfifo, lambda path: os.symlink("/etc/passwd", path), os.mkdir):
        path = place / "000000000003.facts"
        make(path)
        with pytest.raises(RemoteError) as refusal:
            open_spool()
        assert refusal.value.error_id == "spool-unusable"
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()


def test_files_of_other_names_are_left_alone(open_spool: OpenSpool, place: Path) -> None:
    open_spool().close()
    strange = ("notes.txt", "1.facts", "000000000001.facts~", "00000000000x.facts")
    for name in strange:
        (place / name).write_text("something\n")
    spool = open_spool()
    assert (spool.waiting, spool.read(10)) == (0, None)
    assert all((place / name).read_text() == "something\n" for name in strange)

"""The promises of the `Clock` port, kept by the hand-moved clock and by the wall clock."""

import time

import pytest

from router.ports import Clock
from router.runtime import WallClock
from tests.fakes.clock import HandClock


@pytest.fixture(params=[HandClock, WallClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def let_time_pass(clock: Clock) -> None:
    """At least a millisecond by this clock."""
    if isinstance(clock, HandClock):
        clock.pass_s(0.001)
    else:
        end = time.monotonic() + 0.001
        while time.monotonic() < end:
            pass


def test_it_counts_whole_microseconds_of_this_epoch(clock: Clock) -> None:
    now = clock.now()
    assert type(now) is int
    # 2020-2100: in milliseconds or nanoseconds it would lie far outside
    assert 1_577_836_800_000_000 < now < 4_102_444_800_000_000


def test_it_never_steps_back_and_moves_with_time(clock: Clock) -> None:
    read = [clock.now() for _ in range(1000)]
    let_time_pass(clock)
    read.append(clock.now())
    assert read == sorted(read)
    assert read[-1] >= read[0] + 1000


def test_a_step_of_the_systems_clock_does_not_reach_it(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.now()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.now() >= before

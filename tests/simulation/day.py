"""`play(contacts=…, seed=…)`: one day of the whole system, judged."""

import asyncio
import gc
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any

import router.adapters.ami.calling as calling
import router.adapters.ami.telephony as telephony
import router.adapters.redis.renewal as renewal
import router.runtime as runtime
from router.adapters.sql import aside, complaints, drawers, saver, segments, spool, spool_lock, writer
from router.domain.ids import SECOND
from router.simulation.judge import KINDS
from router.simulation.people import Crowd, Habits
from router.simulation.site import agents as agents_of
from router.simulation.site import rules
from router.simulation.story import Report
from router.simulation.wire import MILLISECOND, Weather
from tests.simulation import exchange, loop
from tests.simulation.fate import Fate
from tests.simulation.town import Town

HABITS = Habits(arrival_us=320 * MILLISECOND, loses_node_us=10**15, kills_router_us=0)
AGENTS = 150


async def _fit(asking: Any, node: str) -> None:
    """A modelled Asterisk is always fit."""


@contextmanager
def composed(town: Town) -> Iterator[None]:
    """While it lasts, time, threads, the disk and the text of AMI are the models' in the parts that use them."""
    virtual = SimpleNamespace(
        time=lambda: town.clock.now / SECOND,
        time_ns=lambda: town.clock.now * 1000,
        monotonic=town.loop.time,
        monotonic_ns=lambda: (town.clock.now - town.loop.began_at) * 1000,
        perf_counter=town.loop.time,
        sleep=lambda seconds: None,
    )
    threads = SimpleNamespace(Thread=loop.Thread)
    changes: list[tuple[Any, str, Any]] = [
        *((module, "time", virtual) for module in (runtime, saver, writer, complaints, drawers, spool_lock)),
        *((module, "os", town.disk) for module in (spool, segments, spool_lock, aside, drawers)),
        (renewal, "threading", threads),
        (telephony, "Session", exchange.Session),
        (telephony, "actions", exchange.Orders),
        (calling, "actions", exchange.Orders),
        (telephony, "resync", exchange.Truth),
        (telephony, "observe", lambda block, reading: block),
        (telephony, "why_unfit", _fit),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    for module, name, value in changes:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def play(
    *,
    contacts: int,
    seed: int,
    weather: Weather | None = None,
    habits: Habits = HABITS,
    agents: int = AGENTS,
    look_every: int = 5,
    prepare: Any = None,
    passed: Counter[str] | None = None,
) -> Report:
    """One day. `prepare(town)` may give another fate, or set a trap at a point; `passed` counts the points."""
    dice = Random(seed)
    crowd = Crowd(dice, habits, contacts)
    town = Town(rules(), agents_of(agents, dice), dice, weather or Weather(), crowd, look_every=look_every)
    fate = Fate(dice)
    if prepare is not None:
        fate = prepare(town) or fate
    ears, logging.root.handlers = logging.root.handlers, [_Ear(town)]
    logging.disable(logging.WARNING)
    asyncio.set_event_loop(town.loop)
    try:
        with composed(town):
            town.loop.run_until_complete(town.day(crowd, fate))
    finally:
        logging.disable(logging.NOTSET)
        logging.root.handlers = ears
        asyncio.set_event_loop(None)
        town.clear_away()
    report = _report(town, crowd, seed)
    if passed is not None:
        passed.update(town.points.passed)
    _forget(town)
    return report


class _Ear(logging.Handler):
    """A router goes on after a fault of its own that it caught and wrote down; the day is a failure all the same."""

    def __init__(self, town: Town) -> None:
        super().__init__(logging.ERROR)
        self._town = town

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            self._town.failed(error)


def _report(town: Town, crowd: Crowd, seed: int) -> Report:
    judge, lives = town.judge, set(town.asterisk.lives)
    touched = {
        kind: len({name for channel in who for name in (channel, channel.rpartition(".")[0]) if name in lives})
        for kind, who in sorted(town.touched.items())
    }
    return Report(
        seed=seed,
        contacts=town.asterisk.callers(lives),
        records=town.asterisk.callers(judge.records),
        virtual_s=town.loop.time(),
        outcomes={str(outcome): count for outcome, count in sorted(judge.outcomes.items())},
        offers={str(result): count for result, count in sorted(judge.offers.items())},
        injected=dict(sorted((town.faults + crowd.done).items()))
        | judge.promises.counts()
        | {
            "answers just after the pool was lost": judge.late_answers,
            "promises the ledger told later": judge.late_words,
            "contacts for the reconciliation": judge.unseen,
            "contacts seen without a gap": sum(not life.blind for life in town.asterisk.lives.values()),
        },
        fault_count=judge.fault_count,
        kinds={kind: judge.kinds[kind] for kind in KINDS},
        touched=touched,
        faults=tuple(judge.faults),
        digest=town.digest.hexdigest(),
    )


def _forget(town: Town) -> None:
    """Let the dead go without a word: a coroutine that is thrown away has its `finally` run, and it finds no loop."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda unheard: None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        town.loop.close()
        town.graveyard.clear()
        for machine in town.machines:
            machine.forget()
        town.loop.queues.clear()
        gc.collect()
    sys.unraisablehook = hook

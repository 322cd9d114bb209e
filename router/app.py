"""The life of the process: start → stand by → own → drain → stop.

Standing by: everything is open, nothing is decided. Who gets the lease recovers what the router before it left, claims
the pool at Asterisk and serves. A lease that is lost ends the process: whoever supervises it starts it again, to stand
by. So does an Asterisk that cannot be reached, or used, while somebody stands by who can.
SIGTERM or SIGINT: with somebody who stands by, the pool is let go at once and everything goes on there. Without, offer
nothing more and stop the heartbeat, so that the dialplan takes waiting callers to its fallback unless a successor is
there first; talks go on until they end or `drain_s` has passed; a second signal does not wait.
SIGHUP: read the files again.
"""

import asyncio
import gc
import logging
import signal
from contextlib import suppress
from pathlib import Path

from router.bootstrap import Router, build
from router.domain.errors import RemoteError, RouterError
from router.domain.ids import Micros
from router.domain.messages.commands import StopOffering
from router.domain.messages.events import Event
from router.inheritance import Inheritance
from router.ports import LeaseView

log = logging.getLogger(__name__)

_CLOSING_S = 5.0
_LAST_WORD_S = 2.0
"For what is told to Redis at the end: whoever follows waits for it."
TAKES_UP_S = 8.0
"Before the dialplan's own patience is at an end."
GIVES_WAY_S = 5.0
"So long an owner without Asterisk waits for it while somebody stands by who has it."
READS_S = 20.0
"And so long one that has it and reads its state: ten thousand phones, a slow machine. The next would read as long."
_SUCCESSOR_S = 0.2
"How often the one who drains looks for somebody who stands by; the renewals tell of them."

Taken = tuple[LeaseView, float]
"The lease, and when it was asked for."


async def run(directory: Path, *, stands_by: bool = True) -> None:
    """Serve until told to stop. Raises `ConfigError`, `RemoteError` at the start, `RemoteError("pool-lost")` later.

    Without `stands_by`, a pool that is another's is `RemoteError("pool-owned")`.
    """
    router = await build(directory)
    _spare_the_collector()
    stop, hurry, reload = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    async with router.resources:
        taken = await router.standby.at_start()
        if taken is None and not stands_by:
            raise _owned(router)
        if taken is not None:
            _hold(router, taken)
        try:
            async with asyncio.TaskGroup() as tasks:
                lost = await _live(router, tasks, stop, hurry, reload)
        finally:
            await _let_go(router)
            await router.writer.close(_CLOSING_S)  # also when a task failed: what was decided is a fact
    if lost is not None:
        raise lost


async def _live(
    router: Router, tasks: asyncio.TaskGroup, stop: asyncio.Event, hurry: asyncio.Event, reload: asyncio.Event
) -> RemoteError | None:
    """From the open doors to the closed ones; why the pool was lost, if it was."""
    await router.http.start()
    running = [
        tasks.create_task(router.telephony.run(), name="ami"),
        tasks.create_task(_reload_when_asked(router, reload), name="reload"),
        # Who stands by for months must know what day it is when its turn comes, whether or not the roll can be called.
        tasks.create_task(router.keep_almanac(), name="almanac"),
    ]
    if router.telemetry is not None:
        running.append(tasks.create_task(router.telemetry.run(), name="telemetry"))
    writing = tasks.create_task(router.writer.run(), name="ledger")
    owns, helpless = bool(router.tenure.epoch) or await _turn_comes(router, stop), asyncio.Event()
    lost: RemoteError | None = None
    if owns and (inherited := await _take_up(router, stop)) is not None:
        router.pump.start()
        router.telephony.own()
        running.append(tasks.create_task(router.keeper.run(), name="presence"))
        running.append(tasks.create_task(router.journal.run(), name="journal"))
        running.append(tasks.create_task(router.hear_out(inherited), name="what was chosen before"))
        running.append(tasks.create_task(_look_for_help(router, helpless), name="help"))
        log.info("ready", extra={"node": router.telephony.node, "epoch": router.tenure.epoch})
        await _first_of(stop, router.pool_lost, helpless)
        if helpless.is_set() and not stop.is_set():
            lost = _gave_way(router)
        elif not router.pool_lost.is_set():
            await _drain(router, hurry)
    else:
        owns = False
    if router.pool_lost.is_set():
        lost = await _lost(router)
    router.pump.stop()
    doors = tasks.create_task(router.http.stop(), name="doors")
    await router.telephony.session.close()
    if router.telemetry is not None:
        await router.telemetry.close()
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    await router.receipt.close()
    if owns and not router.pool_lost.is_set():  # else it would write over what the owner wrote
        await router.journal.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await router.keeper.close()
    await _let_go(router)
    await doors
    await router.writer.close(_CLOSING_S)
    writing.cancel()
    return lost


# ---- the pool ----


def _hold(router: Router, taken: Taken) -> None:
    router.tenure.begin(*taken)
    router.renewal.start()


async def _turn_comes(router: Router, stop: asyncio.Event) -> bool:
    """Stand by until the pool is ours; False when we are told to stop before."""
    turn = asyncio.ensure_future(router.standby.turn())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([turn, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not turn.done():
            return False
        _hold(router, turn.result())
        log.warning("takes the pool over", extra={"epoch": router.tenure.epoch})
        return True
    finally:
        for task in (turn, stopped):
            task.cancel()
        await asyncio.wait([turn, stopped])


async def _take_up(router: Router, stop: asyncio.Event) -> Inheritance | None:
    """Recover; None when we are told to stop before it is done. Nobody serves callers meanwhile, so it has its time."""
    taking = asyncio.ensure_future(router.recover())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([taking, stopped], timeout=TAKES_UP_S, return_when=asyncio.FIRST_COMPLETED)
        if taking.done():
            return taking.result()
        if stopped.done():
            return None
        raise RemoteError(
            "floor-not-taken-up",
            f"What the router before us left could not be taken up within {TAKES_UP_S:.0f} s: a disk, Redis or the "
            "database hangs here. The pool is let go, so that another router can have it.",
            retryable=True,
        )
    finally:
        for task in (taking, stopped):
            task.cancel()  # not waited for: what hangs may hang on


async def _let_go(router: Router) -> None:
    """Nobody has to wait for our lease to lapse. Harmless when repeated."""
    await router.renewal.stop()
    if not router.tenure.lost:
        with suppress(RemoteError):
            await asyncio.to_thread(router.lease.release)


async def _lost(router: Router) -> RemoteError:
    """Why: a router of our own Redis has the lease now; one of another would have left it with us."""
    held = router.tenure.held
    if held:
        with suppress(RemoteError):
            held = (await asyncio.to_thread(router.lease.read)).mine
    if held:
        return RemoteError(
            "pool-foreign",
            "A router that does not use our Redis has taken the pool at Asterisk: the lease is still ours. Give both "
            "the same [redis] url, or the other one a [router] pool of its own, then start this one again.",
        )
    return RemoteError(
        "pool-lost", "Another router owns the pool now; this one has stopped. Started again it stands by."
    )


def _owned(router: Router) -> RemoteError:
    owner = router.standby.view
    return RemoteError(
        "pool-owned",
        f"Pool {router.site.settings.router.pool} is owned by the router on {owner.host or 'an unnamed host'} (epoch "
        f"{owner.epoch}). Stop that one first, or start this one without --no-standby: it stands by then.",
    )


def _spare_the_collector() -> None:
    """Keep what lives as long as the process out of every collection, and make full ones rare.

    A full collection over the heap of a running router stops the loop for 80-190 ms (measured while the ledger's writer
    drained; 2-5 ms without it). The engine makes no reference cycles; those of libraries can wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _look_for_help(router: Router, helpless: asyncio.Event) -> None:
    """Tell when we cannot serve callers, have not been able to for a while, and somebody stands by who can."""
    since, patience_s = 0.0, GIVES_WAY_S
    clock, telephony = asyncio.get_running_loop().time, router.telephony
    while not since or clock() - since < patience_s:
        await asyncio.sleep(_SUCCESSOR_S)
        cannot = telephony.trouble is not None and router.tenure.view.standbys > 0
        since = (since or clock()) if cannot else 0.0
        reads = telephony.session.connected and telephony.unfit is None
        patience_s = READS_S if reads else GIVES_WAY_S
    helpless.set()


def _gave_way(router: Router) -> RemoteError:
    return RemoteError(
        "pool-given-up",
        f"This router cannot serve callers ({router.telephony.trouble}) and another one can: it has the pool now. "
        "`ringfair doctor` looks for the reason; started again this one stands by.",
    )


async def _drain(router: Router, hurry: asyncio.Event) -> None:
    """Stop offering; let talks finish, at most `drain_s`, unless somebody stands by who takes them on."""
    if router.tenure.view.standbys and await _standbys(router):
        log.info("hands over to whoever stands by")
        return
    router.pump.ask(StopOffering())
    router.pump.stop_beating()
    floor = router.pump.engine.floor
    drain_s = router.desk.site.settings.router.drain_s
    log.info("draining", extra={"talks": len(floor.assignments), "at_most_s": drain_s})
    enough = asyncio.Event()

    def done() -> bool:
        # The caller's leg ends after the agent's, and only then is there a record; who waits is left to the dialplan.
        if floor.assignments or floor.offers:
            return False
        return all(contact.is_waiting for contact in floor.contacts.values())

    def look(event: Event, now: Micros) -> None:
        if done():
            enough.set()

    async def successor() -> None:
        while not router.tenure.view.standbys:  # noqa: ASYNC110 - a thread learns of them
            await asyncio.sleep(_SUCCESSOR_S)
        enough.set()

    router.pump.subscribe(look)
    if done():
        return
    looking = asyncio.ensure_future(successor())
    try:
        async with asyncio.timeout(drain_s):
            await _first_of(enough, hurry, router.pool_lost)
    except TimeoutError:
        log.warning("talks go on without us; Asterisk ends them", extra={"talks": len(floor.assignments)})
    finally:
        looking.cancel()


async def _standbys(router: Router) -> int:
    """How many stand by at this moment; what the last renewal told may be a second old."""
    try:
        return (await asyncio.to_thread(router.lease.read)).standbys
    except RemoteError:
        return 0  # nobody could follow us now


async def _reload_when_asked(router: Router, asked: asyncio.Event) -> None:
    while True:
        await asked.wait()
        asked.clear()
        try:
            log.info("reloaded", extra={"config_hash": (await router.desk.reload()).config_hash})
        except RouterError as error:
            log.error("not reloaded, the old rules stay in force", extra={"why": error.message})
        except Exception:
            log.exception("the reload failed")  # a mistake of ours in it must not end everybody's calls

"""The life of the process: start → ready → drain → stop.

SIGTERM or SIGINT: offer nothing more and stop the heartbeat, so that the dialplan takes waiting callers to its fallback
unless a successor is there first; talks go on until they end or `drain_s` has passed; a second signal does not wait.
SIGHUP: read the files again.
"""

import asyncio
import gc
import logging
import signal
from pathlib import Path

from router.bootstrap import Router, build
from router.domain.commands import StopOffering
from router.domain.errors import RemoteError, RouterError
from router.domain.events import Event
from router.domain.ids import Micros

log = logging.getLogger(__name__)

_CLOSING_S = 5.0


async def run(directory: Path) -> None:
    """Serve until told to stop. Raises `ConfigError`, `RemoteError` at the start, `RemoteError("pool-lost")` later."""
    router = await build(directory)
    _spare_the_collector()
    stop, hurry, reload = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    async with router.resources, asyncio.TaskGroup() as tasks:
        await router.http.start()
        router.pump.start()
        running = [
            tasks.create_task(router.telephony.run(), name="ami"),
            tasks.create_task(router.keeper.run(), name="presence"),
            tasks.create_task(_reload_when_asked(router, reload), name="reload"),
        ]
        if router.telemetry is not None:
            running.append(tasks.create_task(router.telemetry.run(), name="telemetry"))
        writing = tasks.create_task(router.writer.run(), name="ledger")
        log.info("ready", extra={"node": router.telephony.node})
        lost = await _until_stopped(router, stop)
        if not lost:
            await _drain(router, hurry)
        router.pump.stop()
        await router.telephony.session.close()
        if router.telemetry is not None:
            await router.telemetry.close()
        await router.http.stop()
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await router.writer.close(_CLOSING_S)
        writing.cancel()
        await router.keeper.close()
    if lost:
        raise RemoteError("pool-lost", "Another router owns the pool now; this one has stopped.")


def _spare_the_collector() -> None:
    """Keep what lives as long as the process out of every collection, and make full ones rare.

    A full collection over the heap of a running router stops the loop for 80-190 ms (measured while the ledger's writer
    drained; 2-5 ms without it). The engine makes no reference cycles; those of libraries can wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _until_stopped(router: Router, stop: asyncio.Event) -> bool:
    """Wait for a signal; True when the pool was lost instead."""
    await _first_of(stop, router.pool_lost)
    return router.pool_lost.is_set()


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _drain(router: Router, hurry: asyncio.Event) -> None:
    """Stop offering; let talks finish, at most `drain_s`."""
    router.pump.ask(StopOffering())
    router.pump.stop_beating()
    floor = router.pump.engine.floor
    drain_s = router.desk.site.settings.router.drain_s
    log.info("draining", extra={"talks": len(floor.assignments), "at_most_s": drain_s})
    quiet = asyncio.Event()

    def done() -> bool:
        # The caller's leg ends after the agent's, and only then is there a record; who waits is left to the dialplan.
        if floor.assignments or floor.offers:
            return False
        return all(contact.is_waiting for contact in floor.contacts.values())

    def look(event: Event, now: Micros) -> None:
        if done():
            quiet.set()

    router.pump.subscribe(look)
    if done():
        return
    try:
        async with asyncio.timeout(drain_s):
            await _first_of(quiet, hurry)
    except TimeoutError:
        log.warning("talks go on without us; Asterisk ends them", extra={"talks": len(floor.assignments)})


async def _reload_when_asked(router: Router, asked: asyncio.Event) -> None:
    while True:
        await asked.wait()
        asked.clear()
        try:
            log.info("reloaded", extra={"config_hash": await router.desk.reload()})
        except RouterError as error:
            log.error("not reloaded, the old rules stay in force", extra={"why": error.message})
        except Exception:
            log.exception("the reload failed")  # a mistake of ours in it must not end everybody's calls

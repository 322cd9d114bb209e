"""The composition root: the only file that names concrete adapters and puts them together.

`build` makes what every router has, also one that stands by. `Router.recover` comes between "the lease is ours" and
"the pump starts": what the router before us wrote down is read there, and who listens to the engine listens from there.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from router import almanac, canary
from router.adapters.ami.session import AmiAddress
from router.adapters.ami.telemetry import Telemetry
from router.adapters.ami.telephony import AmiTelephony, Numbers
from router.adapters.http.server import HttpServer
from router.adapters.log import EventLog
from router.adapters.metrics import Metrics, Reading, read_calls, read_doors, read_queues
from router.adapters.queue_log import FloorEnquiry, QueueLogWriter, Translation
from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.journal_keeper import JournalKeeper
from router.adapters.redis.keeper import PresenceKeeper
from router.adapters.redis.lease import RedisLease
from router.adapters.redis.presence import RedisPresence
from router.adapters.redis.renewal import Renewal
from router.adapters.redis.standby import Standby
from router.adapters.redis.tenure import LeaseTenure
from router.adapters.sql.directory import SqlDirectory
from router.adapters.sql.drawers import Drawers
from router.adapters.sql.ledger import SqlLedger
from router.adapters.sql.writer import LedgerWriter
from router.config import Site, load
from router.config.numbers import caller_number, country_of, dialled_forms, e164
from router.desk import RouterDesk, call_the_roll
from router.domain.engine import Engine
from router.domain.errors import CommandRefused, ConfigError
from router.domain.ids import Micros
from router.domain.messages.events import Event, PoolLost
from router.domain.messages.facts import fact_of
from router.domain.messages.observations import PromiseWritten
from router.inheritance import Inheritance, hear_out, inherit
from router.ports import Acting, LeaseView
from router.receipt import Receipt
from router.runtime import Pump, WallClock
from router.trace.recorder import Recorder

log = logging.getLogger(__name__)

_OWN = frozenset({canary.AGENT, canary.CAMPAIGN})
"The canary's: no caller, no agent, in no figure."
_QUEUE_LOG_S = 2.0
"For the last lines of a report."


@dataclass(slots=True, kw_only=True)
class Router:
    """Everything of one router that `app.py` starts and stops, the owner of its pool or not."""

    site: Site
    clock: WallClock
    pump: Pump
    telephony: AmiTelephony
    telemetry: Telemetry | None
    "None without a secret for it."
    keeper: PresenceKeeper
    journal: JournalKeeper
    receipt: Receipt
    writer: LedgerWriter
    http: HttpServer
    desk: RouterDesk
    lease: RedisLease
    standby: Standby
    tenure: LeaseTenure
    renewal: Renewal
    recover: Callable[[], Awaitable[Inheritance]]
    "Take up what the router before us left. Once, when the lease is ours; raises `RemoteError`."
    keep_almanac: Callable[[], Coroutine[None, None, None]]
    "Tell the engine what the calendar says, each day."
    hear_out: Callable[[Inheritance], Coroutine[None, None, None]]
    "What the ledger could not tell in time, once it can; beside everything else."
    pool_lost: asyncio.Event
    resources: AsyncExitStack
    "Closes what was opened, in the reverse order."


async def build(directory: Path) -> Router:
    """Read the site, open every neighbour that must be there, put the parts together. Nothing runs yet.

    Raises `ConfigError` (files), `RemoteError` (the database is missing). Asterisk may come later.
    """
    site = await asyncio.to_thread(load, directory, os.environ)
    settings = site.settings
    clock = WallClock()
    async with AsyncExitStack() as stack:
        database = await SqlLedger.open(site.ledger_dsn)
        stack.push_async_callback(database.close)
        agents = await SqlDirectory.open(site.ledger_dsn)
        stack.push_async_callback(agents.close)
        redis = RedisAddress.parse(
            settings.redis.url, password=site.secrets.redis, sentinel_password=site.secrets.redis_sentinel
        )
        presence = RedisPresence(redis, pool=settings.router.pool)
        stack.push_async_callback(presence.close)
        lease = RedisLease(redis, pool=settings.router.pool)
        stack.callback(lease.close)

        rules = canary.with_canary(site.rules)
        engine = Engine(rules, journalled=True)
        room = settings.ledger.spool_max_mb << 20
        drawers = await asyncio.to_thread(Drawers.open, site.spool, ledger=await database.identity(), max_bytes=room)
        stack.callback(drawers.close)
        writer = LedgerWriter(database, drawers.spool, adopt=drawers.adopt)
        queue_log = _queue_log(site)
        if queue_log is not None:
            stack.push_async_callback(queue_log.close, _QUEUE_LOG_S)
        standby = Standby(lease, clock, fit=lambda: telephony.trouble is None)
        tenure = LeaseTenure(lease)
        keeper = PresenceKeeper(presence, clock, may_write=lambda: tenure.may_act() is Acting.YES)
        records = RedisJournal(redis, pool=settings.router.pool)
        stack.push_async_callback(records.close)
        journal = JournalKeeper(
            records,
            engine,
            clock,
            epoch=lambda: tenure.epoch,
            fenced=lambda epoch: tenure.suspect(),
            records_on_disk=writer.on_disk,
        )
        pool_lost = asyncio.Event()
        trace = Recorder(clock.from_monotonic)
        pump = Pump(engine, clock=clock, trace=trace)
        telephony = AmiTelephony(
            _ami_address(site),
            node=settings.asterisk.systemname,
            pool=settings.router.pool,
            clock=clock,
            tenure=tenure,
            sink=pump.see,
            numbers=_numbers(settings.router.country),
            endpoints=lambda: [a.profile.endpoint for a in engine.floor.agents.values() if not a.profile.dial],
            rules=rules,
            trace=trace,
            max_originates=settings.asterisk.max_originates,
        )
        receipt = Receipt(
            journalled=journal.committed,
            on_disk=writer.on_disk,
            in_ledger=writer.in_ledger,
            ours=lambda: tenure.may_act() is Acting.YES and not engine.floor.lost,
            speak=telephony.perform,
            written=lambda effect, safe: pump.see(PromiseWritten(promise_id=effect.promise_id, safe=safe)),
        )
        telemetry = _telemetry(site)

        def ready() -> Mapping[str, str]:
            return _readiness(settings.router.pool, telephony, keeper, journal, writer, standby, tenure)

        read = _reader(
            pump, telephony, keeper, journal, receipt, writer, clock, standby, tenure, ready, telemetry, queue_log
        )
        metrics = Metrics(read, version=version("ringfair"), own=_OWN)
        pump.telephony, pump.decided, pump.lagged = telephony, metrics.matched, metrics.lagged
        pump.heard, pump.stirred, pump.speak = metrics.heard, journal.stirred, receipt.speak
        pump.write_down = receipt.write_down
        pump.behind = lambda: telephony.session.behind
        bird = canary.Canary(pump, telephony)
        desk = RouterDesk(
            pump=pump,
            clock=clock,
            telephony=telephony,
            ledger=database,
            directory=agents,
            canary=bird,
            trace=trace,
            site=site,
            read_site=lambda: load(directory, os.environ),
            safe=receipt.must_be_safe,
            lease=lambda: _owner(standby, tenure),
            ready=ready,
        )
        # Also while it only stands by: a roll that is known already takes no time from those who wait.
        call_the_roll(pump, site, await agents.agents())
        almanac.turn_to(pump, await asyncio.to_thread(almanac.page_of, site, clock.now()))

        def to_ledger(event: Event, now: Micros) -> None:
            fact = fact_of(event, now)
            if fact is not None:
                writer.offer(fact)

        spoken = Translation(FloorEnquiry(lambda: engine.floor), own=_OWN, agent_prefix=settings.queue_log.agent_prefix)

        def to_queue_log(event: Event, now: Micros) -> None:
            if queue_log is not None:
                queue_log.offer(spoken.lines(event, now))

        def watch_pool(event: Event, now: Micros) -> None:
            if isinstance(event, PoolLost):
                pool_lost.set()

        async def roll() -> None:
            """The files may have changed while we stood by: the owner was told to reload, and nobody told us."""
            try:
                await desk.reload()
            except (ConfigError, CommandRefused) as error:
                log.error("the rules of our own start stay in force", extra={"why": error.message})
                call_the_roll(pump, desk.site, await agents.agents())

        async def recover() -> Inheritance:
            await writer.adopt()  # what the router before us saw itself, before what we conclude
            left = await inherit(pump, clock, journal=records, presence=presence, ledger=database, roll=roll)
            for subscriber in (to_ledger, keeper, metrics, EventLog(), bird, watch_pool):
                pump.subscribe(subscriber)
            if queue_log is not None:
                queue_log.start()
                pump.subscribe(to_queue_log)
            canary.enrol(pump)
            for agent in engine.floor.agents.values():
                if agent.profile.dial:
                    continue
                keeper.note(agent.picture(status_changed=False))
                metrics(agent.picture(status_changed=False), clock.now())
                if queue_log is not None:
                    queue_log.offer(spoken.found(agent.picture(status_changed=False), clock.now()))
            journal.forget_others(left.pictures)
            return left

        host, port = settings.http.address
        http = HttpServer(desk, metrics.scrape, host=host, port=port, control=Path(settings.http.control_socket))
        return Router(
            site=site,
            clock=clock,
            pump=pump,
            telephony=telephony,
            telemetry=telemetry,
            keeper=keeper,
            journal=journal,
            receipt=receipt,
            writer=writer,
            http=http,
            desk=desk,
            lease=lease,
            standby=standby,
            tenure=tenure,
            renewal=Renewal(tenure),
            recover=recover,
            keep_almanac=lambda: almanac.keep(pump, clock, lambda: desk.site),
            hear_out=partial(hear_out, pump, clock, database, roll=roll, claimed=lambda: telephony.epoch > 0),
            pool_lost=pool_lost,
            resources=stack.pop_all(),
        )


def _telemetry(site: Site) -> Telemetry | None:
    secret = site.secrets.telemetry
    if secret is None:
        log.info("no secret for [telemetry]: the router runs without reports about lines")
        return None
    return Telemetry(replace(_ami_address(site), username=site.settings.telemetry.user, secret=secret))


def _queue_log(site: Site) -> QueueLogWriter | None:
    path = site.settings.queue_log.file
    return None if path is None else QueueLogWriter(Path(path))


def _ami_address(site: Site) -> AmiAddress:
    asterisk = site.settings.asterisk
    tls = ssl.create_default_context(cafile=asterisk.tls_ca_file) if asterisk.tls else None
    return AmiAddress(
        host=asterisk.host, port=asterisk.port, username=asterisk.user, secret=site.secrets.asterisk, tls=tls
    )


def _numbers(country: str) -> Numbers:
    return Numbers(
        caller=lambda shown, asserted: caller_number(shown, asserted, country),
        dialled=lambda digits: e164("+" + digits, country) or e164(digits, country) or digits,
        forms=lambda number: dialled_forms(number, country),
        country_of=country_of,
    )


def _reader(
    pump: Pump,
    telephony: AmiTelephony,
    keeper: PresenceKeeper,
    journal: JournalKeeper,
    receipt: Receipt,
    writer: LedgerWriter,
    clock: WallClock,
    standby: Standby,
    tenure: LeaseTenure,
    ready: Callable[[], Mapping[str, str]],
    telemetry: Telemetry | None = None,
    queue_log: QueueLogWriter | None = None,
) -> Callable[[], Reading]:
    def read() -> Reading:
        heard_at = telephony.session.last_event_at
        seen = {} if heard_at is None else {telephony.node: clock.from_monotonic(heard_at)}
        return Reading(
            queues=read_queues(pump.engine.floor, clock.now(), _OWN),
            doors=read_doors(pump.engine.floor, clock.now(), _OWN),
            tasks=len(asyncio.all_tasks()),
            inbox_depth=pump.depth,
            inbox_overflows=pump.overflows,
            failures=pump.failures,
            ready={name: said == "ok" for name, said in ready().items()},
            ami_connected={telephony.node: telephony.trouble is None},
            calls=read_calls(pump.engine.floor, telephony.node, _OWN),
            calls_limit={telephony.node: pump.engine.floor.rules.capacity.max_calls},
            ring_orders=telephony.ringing.on_way + telephony.ringing.waiting,
            ring_overflows=telephony.ringing.overflows,
            ami_last_event_at=seen,
            lines=None if telemetry is None else telemetry.summary(),
            redis_errors=keeper.errors + journal.errors,
            journal_owed=journal.owed,
            journal_behind_us=0 if journal.behind_since is None else clock.now() - journal.behind_since,
            journal_rewrites=journal.rewrites,
            unsafe_answers=receipt.unsafe,
            ledger_spool=writer.pending,
            ledger_spool_bytes=writer.spool_bytes,
            ledger_spool_limit_bytes=writer.spool_limit_bytes,
            ledger_spool_damaged=writer.spool_damaged,
            ledger_unsynced=writer.unsynced,
            ledger_lost=writer.lost,
            queue_log_lost=0 if queue_log is None else queue_log.lost,
            lease_left_us=tenure.left_us,
            lease_lapses=tenure.lapses,
            takeovers=standby.takeovers,
            withheld_overflows=telephony.gate.overflows,
        )

    return read


def _owner(standby: Standby, tenure: LeaseTenure) -> LeaseView:
    return replace(tenure.view, left_us=tenure.left_us) if tenure.epoch else standby.view


def _readiness(
    pool: str,
    telephony: AmiTelephony,
    keeper: PresenceKeeper,
    journal: JournalKeeper,
    writer: LedgerWriter,
    standby: Standby,
    tenure: LeaseTenure,
) -> Mapping[str, str]:
    """Each neighbour → `ok` or the sentence that says why not."""
    owner, waits = _owner(standby, tenure), not tenure.epoch
    pool_said, redis_said = "ok", keeper.standing if keeper.standing != "ok" else journal.standing
    if waits:
        pool_said = f"This router stands by for {owner.host or 'nobody'}, which owns pool {pool} (epoch {owner.epoch})."
        redis_said = "ok" if standby.trouble is None else standby.trouble.message
    elif tenure.lost:
        pool_said = f"This router has lost pool {pool} to {owner.host or 'another one'}."
    return {
        "pool": pool_said,
        f"asterisk {telephony.node}": telephony.trouble or "ok",
        "redis": redis_said,
        "ledger": "ok" if writer.last_error is None else writer.last_error.message,
    }

"""What the router before us left, taken up: once, when the lease is ours and before the pump starts.

The journal has the floor as it stood: who waits since when, who talks, who chose what. Asterisk's own word comes with
the first resync and wins. Presence is read for those the journal does not know: an older release wrote none, and a
Redis that lost one may still have the other. The ledger has what people were told is done when Redis could not promise
to keep it, or has lost it since.

Rule 1: nothing that was told before is told again: what is restored is no change, so no fact comes of it.
Rule 2: our clock does not go back behind what is written: a record that ends before it began is none.
Rule 3: what cannot be read costs itself alone; Asterisk still has its calls.
Rule 4: of what a person chose, the newest word counts, wherever it was written.
Rule 5: a ledger that is slow or away is not waited for: callers wait for us. Nor is a driver that is told to stop, for
one whose server has fallen silent takes ten seconds to let go. It is asked until it answers, and what it tells then
counts for everybody who has not spoken since, and so does what it knows of who served whom; so is the roll called until
it could be. The ledger is asked once more in any case: a Redis that has forgotten whose the pool is gives it on while
the owner is well, and that one tells people "done" until our claim at Asterisk.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from router.domain.benches.agent import ROUTER
from router.domain.errors import CommandRefused, RemoteError
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.commands import RecallServed, Remember
from router.domain.pictures.picture import AgentStands, Picture
from router.domain.pictures.recovery import restore, take_over
from router.domain.record import AgentChangeFact, BillingRecord
from router.domain.waiting.acquaintance import MOST
from router.ports import Journal, Journalled, Ledger, Presence, PresenceRow, RecordQuery
from router.receipt import SAFE_S
from router.runtime import Pump, WallClock

log = logging.getLogger(__name__)

LEDGER_S = 1.0
ROLL_S = 3.0
PRESENCE_S = 2.0
ASK_AGAIN_S = 1.0
HEAR_S = 30.0
PATIENCE_S = 5.0
"For a Redis that does not answer at a takeover; then whoever supervises us starts us again, to stand by."
RECALL_DAYS = 14
MOST_RECALLED = 10_000
"Callers of a campaign: more of them at once would hold the engine up."
_DAY_US: Micros = 24 * 3600 * SECOND
_AHEAD_US: Micros = 24 * 3600 * SECOND
"A clock that was further ahead of ours was wrong, or is not one: its years would be in every record from now on."

T = TypeVar("T")
Roll = Callable[[], Coroutine[Any, Any, object]]
"Calls the agents there are now."


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """What was taken up."""

    pictures: tuple[Picture, ...]
    whole: bool
    "Whether the ledger could tell its part in time."
    called: bool
    "Whether the roll was called."
    at: Micros
    "When it was taken up: what a router concludes after that, the one before us may not have known to be over."


async def inherit(
    pump: Pump,
    clock: WallClock,
    *,
    journal: Journal,
    presence: Presence,
    ledger: Ledger,
    roll: Roll,
    patience_s: float = PATIENCE_S,
) -> Inheritance:
    """Put the floor back as it stood. Raises `RemoteError`: Redis is away."""
    asked = asyncio.ensure_future(_chosen(ledger, clock.now(), within_s=LEDGER_S))
    calling = asyncio.ensure_future(_called(roll, within_s=ROLL_S))
    try:
        left = await _read(journal, patience_s)
        heard, called = await asked, await calling
    finally:
        asked.cancel()
        calling.cancel()
    if heard is None:
        log.warning("the ledger cannot tell yet what agents chose last; it is asked until it does")
    chosen = heard or {}
    ahead_us = left.written_at - clock.now()
    if 0 < ahead_us < _AHEAD_US:
        clock.not_before(left.written_at)
        log.warning("the router before us had a clock ahead of ours: it is gone by", extra={"ahead_us": ahead_us})
    elif ahead_us > 0:
        log.error("the journal is of another day to come; its time is not taken", extra={"written_at": left.written_at})
    floor = pump.engine.floor
    journalled = {picture.agent_id for picture in left.pictures if isinstance(picture, AgentStands)}
    # ten thousand rows take half a second, and ordinarily the journal knows everybody
    rows = await _present(presence) if floor.agents.keys() - journalled else ()
    _remember(pump, rows, chosen, besides=journalled)
    now = clock.now()
    pictures = [_as_chosen(picture, chosen, left.written_at) for picture in left.pictures]
    strange = restore(floor, pictures, now)
    take_over(floor, now)
    for agent_id in journalled & floor.agents.keys():
        floor.agents[agent_id].told = floor.agents[agent_id].visible()  # rule 1
    if left.config_hash and left.config_hash != floor.rules.config_hash:
        log.warning(
            "the router before us had other rules; are the files of both machines alike?",
            extra={"theirs": left.config_hash, "ours": floor.rules.config_hash},
        )
    if left.unreadable or strange:
        log.error("part of the journal is not ours to read", extra={"unreadable": left.unreadable, "strange": strange})
    if left.epoch:
        log.info(
            "the floor of the router before us is taken up",
            extra={"epoch": left.epoch, "contacts": len(floor.contacts), "agents": len(journalled)},
        )
    return Inheritance(pictures=left.pictures, whole=heard is not None, called=called, at=now)


async def hear_out(
    pump: Pump,
    clock: WallClock,
    ledger: Ledger,
    inherited: Inheritance,
    *,
    roll: Roll,
    claimed: Callable[[], bool],
    again_s: float = ASK_AGAIN_S,
    settled_s: float = SAFE_S,
) -> None:
    """Rule 5: have what people chose last in force, as soon as it is told, and once more after the claim."""
    try:
        while not inherited.called and not await _called(roll, within_s=HEAR_S):  # noqa: ASYNC110 - called each time
            await asyncio.sleep(again_s)
        if not inherited.whole:
            await _hear(pump, clock, ledger, inherited, again_s)
        while not claimed():  # noqa: ASYNC110 - Asterisk knows, and tells nobody here
            await asyncio.sleep(again_s)
        await asyncio.sleep(settled_s)  # so long an answer of the one before us may have been under way
        await _hear(pump, clock, ledger, inherited, again_s)
        await _recall(pump, clock, ledger, again_s)
    except CommandRefused:
        log.info("the pool was lost before all was known that agents chose")
    except Exception:
        log.exception("what agents chose before our time is not known whole: a mistake of ours")


async def _hear(pump: Pump, clock: WallClock, ledger: Ledger, inherited: Inheritance, again_s: float) -> None:
    while (chosen := await _chosen(ledger, clock.now(), within_s=HEAR_S)) is None:  # noqa: ASYNC110 - asked each time
        await asyncio.sleep(again_s)
    agents, late = pump.engine.floor.agents, 0
    for agent_id, fact in chosen.items():
        # what it put off was a person's word all the same
        concluded_late = fact.asked_by == ROUTER and fact.at >= inherited.at and not fact.next_status
        if agent_id in agents and fact.at > agents[agent_id].chosen_at and not concluded_late:
            late += 1
            status, reason = _in_the_end(fact)
            pump.ask(Remember(agent_id=agent_id, status=status, reason=reason, since_at=fact.at))
            await asyncio.sleep(0)  # there may be ten thousand
    log.info("the ledger has told what agents chose last", extra={"news": late})


async def _recall(pump: Pump, clock: WallClock, ledger: Ledger, again_s: float) -> None:
    """Who served whom last, for the campaigns that ask for it: day by day back, until there are enough."""
    for campaign in [each for each in pump.engine.floor.rules.campaigns.values() if each.last_agent]:
        found: dict[str, AgentId] = {}
        now, days = clock.now(), 0
        while days < RECALL_DAYS and len(found) < MOST_RECALLED:
            query = RecordQuery(
                from_at=now - (days + 1) * _DAY_US, to_at=now - days * _DAY_US, campaign=campaign.name, limit=MOST
            )
            try:
                of_day = [_served(story.record) async for story in ledger.stories(query) if story.record is not None]
            except RemoteError:
                await asyncio.sleep(again_s)
                continue
            found = {ani: agent_id for ani, agent_id in of_day if ani and agent_id} | found
            days += 1
        served = tuple(found.items())[-MOST_RECALLED:]
        pump.ask(RecallServed(campaign=campaign.name, served=served))
        log.info("the ledger has told who served whom", extra={"campaign": campaign.name, "callers": len(served)})


def _served(record: BillingRecord) -> tuple[str, AgentId | None]:
    talked = [segment.agent_id for segment in record.segments if segment.agent_id is not None]
    return record.ani, talked[-1] if talked else None


async def _chosen(ledger: Ledger, now: Micros, *, within_s: float) -> dict[AgentId, AgentChangeFact] | None:
    """What each agent chose last; None: the ledger could not tell in time."""
    try:
        told = await _in_time(ledger.standings(), within_s)
    except (RemoteError, TimeoutError):
        return None
    return {fact.agent_id: fact for fact in told if fact.at < now + _AHEAD_US}


async def _called(roll: Roll, *, within_s: float) -> bool:
    try:
        await _in_time(roll(), within_s)
    except (RemoteError, TimeoutError) as error:
        log.warning("the roll stays as it was called before, until it can be", extra={"why": str(error) or "no answer"})
        return False
    return True


async def _present(presence: Presence) -> Collection[PresenceRow]:
    try:
        return await _in_time(presence.load(), PRESENCE_S)
    except (RemoteError, TimeoutError) as error:
        log.warning("presence is not known: the journal speaks alone", extra={"why": str(error) or "no answer"})
        return ()


async def _in_time(asking: Coroutine[Any, Any, T], within_s: float) -> T:
    """The answer. Raises `TimeoutError`: who is asked is told to stop, and that they do is not waited for (rule 5)."""
    asked = asyncio.ensure_future(asking)
    try:
        await asyncio.wait([asked], timeout=within_s)
    except asyncio.CancelledError:
        _leave_alone(asked)
        raise
    if asked.done():
        return asked.result()
    _leave_alone(asked)
    raise TimeoutError


def _leave_alone(asked: asyncio.Future[Any]) -> None:
    asked.cancel()
    asked.add_done_callback(lambda late: late.cancelled() or late.exception())


async def _read(journal: Journal, patience_s: float) -> Journalled:
    """Again and again for a while: one slow answer must not leave the pool to nobody."""
    until = time.monotonic() + patience_s
    while True:
        try:
            return await journal.load()
        except RemoteError as error:
            if not error.retryable or time.monotonic() >= until:
                raise
            log.warning("the journal cannot be read yet", extra={"why": error.message})
            await asyncio.sleep(min(ASK_AGAIN_S, patience_s))


def _as_chosen(picture: Picture, chosen: Mapping[AgentId, AgentChangeFact], written_at: Micros) -> Picture:
    """Rule 4: the journal's word, or a newer one it had not heard of."""
    if not isinstance(picture, AgentStands):
        return picture
    if picture.chosen_at is None:
        picture = replace(picture, chosen_at=written_at)
    fact = chosen.get(picture.agent_id)
    if fact is None or fact.at <= (picture.chosen_at or 0):
        return picture
    status, reason, next_status, next_reason = fact.status, fact.reason, fact.next_status, fact.next_reason
    if picture.assignment is None:
        (status, reason), next_status, next_reason = _in_the_end(fact), None, None
    return replace(
        picture,
        status=status,
        reason=reason,
        next_status=next_status,
        next_reason=next_reason,
        next_by=fact.asked_by if fact.asked_by != ROUTER else picture.next_by,
        since_at=fact.at,
        chosen_at=fact.at,
        idle_since=fact.at if status == "READY" and picture.status != "READY" else picture.idle_since,
    )


def _remember(
    pump: Pump,
    rows: Collection[PresenceRow],
    chosen: Mapping[AgentId, AgentChangeFact],
    *,
    besides: Collection[AgentId],
) -> None:
    """Rule 4 for those who are not in the journal."""
    words = {row.agent_id: (row.since_at, *_in_the_end(row)) for row in rows}
    for agent_id, fact in chosen.items():
        if agent_id not in words or fact.at >= words[agent_id][0]:
            words[agent_id] = (fact.at, *_in_the_end(fact))
    for agent_id, (since_at, status, reason) in words.items():
        if agent_id not in besides:
            pump.ask(Remember(agent_id=agent_id, status=status, reason=reason, since_at=since_at))


def _in_the_end(word: PresenceRow | AgentChangeFact) -> tuple[str, str | None]:
    """What they wanted to be once nothing is in hand."""
    return (word.next_status, word.next_reason) if word.next_status else (word.status, word.reason)

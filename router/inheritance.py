"""What the router before us left, taken up: once, when the lease is ours and before the pump starts.

The journal has the floor as it stood: who waits since when, who talks, who chose what. Asterisk's own word comes with
the first resync and wins. Presence is read for those the journal does not know: an older release wrote none, and a
Redis that lost one may still have the other.

Rule 1: nothing that was told before is told again: what is restored is no change, so no fact comes of it.
Rule 2: our clock does not go back behind what is written: a record that ends before it began is none.
Rule 3: what cannot be read costs itself alone; Asterisk still has its calls.
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from router.domain.commands import Remember
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId
from router.domain.picture import AgentStands, Picture
from router.domain.recovery import restore, take_over
from router.ports import Journal, Presence, PresenceRow
from router.runtime import Pump, WallClock

log = logging.getLogger(__name__)

_AHEAD_US = 24 * 3600 * SECOND
"A clock that was further ahead of ours was wrong, or is not one: its years would be in every record from now on."


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    pictures: tuple[Picture, ...]
    rows: tuple[PresenceRow, ...]


async def inherit(
    pump: Pump, clock: WallClock, *, journal: Journal, presence: Presence, roll: Callable[[], Awaitable[object]]
) -> Inheritance:
    """Put the floor back as it stood; `roll` calls the agents there are now. Raises `RemoteError`: Redis is away."""
    rows = await presence.load()
    left = await journal.load()
    ahead_us = left.written_at - clock.now()
    if 0 < ahead_us < _AHEAD_US:
        clock.not_before(left.written_at)
        log.warning("the router before us had a clock ahead of ours: it is gone by", extra={"ahead_us": ahead_us})
    elif ahead_us > 0:
        log.error("the journal is of another day to come; its time is not taken", extra={"written_at": left.written_at})
    try:
        await roll()
    except RemoteError as error:
        log.warning("the roll stays as it was called before", extra={"why": error.message})
    floor = pump.engine.floor
    journalled = {picture.agent_id for picture in left.pictures if isinstance(picture, AgentStands)}
    _remember(pump, rows, besides=journalled)
    now = clock.now()
    strange = restore(floor, left.pictures, now)
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
    return Inheritance(pictures=left.pictures, rows=rows)


def _remember(pump: Pump, rows: Collection[PresenceRow], *, besides: Collection[AgentId]) -> None:
    for row in rows:
        if row.agent_id in besides:
            continue
        pump.ask(
            Remember(
                agent_id=row.agent_id,
                status=row.next_status or row.status,
                reason=row.next_reason if row.next_status else row.reason,
                since_at=row.since_at,
            )
        )

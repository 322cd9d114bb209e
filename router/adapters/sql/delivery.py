"""Facts handed on, memory → spool → ledger, so that one which can never be stored does not hold the others up.

On the way to the spool such a fact is found as it is written down; on the way to the ledger by halving the batch.
Halves commit one after the other: when the database goes away in between, everything is sent again, which changes
nothing there.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from router.adapters.sql.spool import Spool
from router.adapters.sql.spool_line import write_line
from router.domain.errors import RemoteError
from router.domain.record import Fact
from router.ports import Ledger

log = logging.getLogger("ringfair.ledger")

Refused = list[tuple[Fact, str]]
"Facts no ledger will ever take, in their order, each with why."


def keep(spool: Spool, facts: Sequence[Fact]) -> tuple[int, Refused]:
    """Facts → lines → disk: how many of the first are done with; and those of them no ledger would ever take."""
    lines: list[bytes] = []
    places: list[int] = []
    refused: list[tuple[int, Fact, str]] = []
    for place, fact in enumerate(facts):
        try:
            lines.append(write_line(fact))
            places.append(place)
        except RemoteError as error:
            refused.append((place, fact, error.message))
        except Exception as error:  # a fact of a wrong shape must not hold the others up
            log.debug("a fact that cannot be written down", exc_info=error)
            refused.append((place, fact, f"{type(error).__name__} in writing it down"))
    kept = spool.append(lines) if lines else 0
    done = places[kept] if kept < len(lines) else len(facts)
    never = [(fact, why) for place, fact, why in refused if place < done]
    if never:
        with suppress(OSError):  # counted and logged all the same
            spool.refuse(never)
    return done, never


@dataclass(slots=True)
class Delivery:
    """What came of it: each fact given is in the ledger now or among the refused."""

    new: int = 0
    "Facts the ledger did not have yet."
    refused: Refused = field(default_factory=list)


async def deliver(ledger: Ledger, facts: Sequence[Fact]) -> Delivery:
    """Append all of them, in order. Raises `RemoteError` when the ledger is away: then any may be missing."""
    delivery = Delivery()
    await _deliver(ledger, facts, delivery)
    return delivery


async def _deliver(ledger: Ledger, facts: Sequence[Fact], delivery: Delivery) -> None:
    if not facts:
        return
    try:
        delivery.new += await ledger.append(facts)
    except RemoteError as error:
        if error.error_id != "ledger-fact-refused":
            raise
        if len(facts) == 1:
            delivery.refused.append((facts[0], error.message))
            return
        middle = len(facts) // 2
        await _deliver(ledger, facts[:middle], delivery)
        await _deliver(ledger, facts[middle:], delivery)

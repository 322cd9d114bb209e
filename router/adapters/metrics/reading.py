"""What the router knows at the moment of a scrape."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from router.domain.calls.outside import told
from router.domain.floor import Floor
from router.domain.ids import Micros
from router.domain.messages.standing import Standing
from router.domain.rulebook.rules import OverflowTarget
from router.domain.waiting.expectation import expected_of_newcomer
from router.domain.waiting.waiting_room import waiting_since
from router.ports import LineSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReading:
    queue: str
    medium: str = "voice"
    waiting: int = 0
    longest_wait_us: Micros = 0
    expected_us: Micros | None = None
    "How long somebody would wait who came now; None: nobody knows."
    agents: Mapping[str, int] = field(default_factory=dict)
    "Entitled to it now and skilled for it: standing → how many."
    targets: Sequence[str] = ()
    "Where its callers may go on to."


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorReading:
    is_open: bool = True
    is_shut_by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Filled by the composition root, on the loop."""

    queues: Sequence[QueueReading] = ()
    doors: Mapping[str, DoorReading] = field(default_factory=dict)
    "By campaign."
    tasks: int = 0
    "Of asyncio, alive now."
    inbox_depth: int = 0
    inbox_overflows: int = 0
    "Since the start."
    failures: int = 0
    "Since the start: times the engine, or who was told of something, raised."
    ready: Mapping[str, bool] = field(default_factory=dict)
    "By neighbour: what `/readyz` says of it."
    ami_connected: Mapping[str, bool] = field(default_factory=dict)
    "By node: whether nothing troubles it, so that its calls can be offered."
    ami_last_event_at: Mapping[str, Micros] = field(default_factory=dict)
    "By node: when anything was last heard from it, an event or a reply."
    calls: Mapping[str, int] = field(default_factory=dict)
    "By node: callers in our hands, waiting or talking."
    calls_limit: Mapping[str, int] = field(default_factory=dict)
    "By node: how many it takes; 0: no limit."
    ring_orders: int = 0
    "Given to Asterisk and not answered by it, and waiting for their turn."
    ring_overflows: int = 0
    "Since the start: orders that were too many to wait, or waited too long."
    lines: LineSummary | None = None
    "None while the site has no telemetry."
    redis_errors: int = 0
    "Since the start."
    journal_owed: int = 0
    "Pictures that were taken and are not in the journal yet."
    journal_behind_us: Micros = 0
    "For how long something has been owed."
    journal_rewrites: int = 0
    "Since the start: times Redis had lost what was written, and all was written again."
    unsafe_answers: int = 0
    "Since the start: people to whom no success was told, because neither Redis nor the database could write it down."
    ledger_spool: int = 0
    "Facts that wait to be committed."
    ledger_spool_bytes: int = 0
    "What they take on the disk, with everything set aside there."
    ledger_spool_limit_bytes: int = 0
    ledger_spool_damaged: int = 0
    "Lines of the spool that could not be read, since the start; they are kept."
    ledger_unsynced: int = 0
    "Facts that are neither on the disk nor in the database yet."
    ledger_lost: int = 0
    "Facts that are in no ledger and no longer here, since the start."
    queue_log_lost: int = 0
    "Lines of the queue log that were turned away, since the start."
    lease_left_us: Micros = 0
    "Until the lease of the pool lapses in Redis; 0: it is not ours there."
    lease_lapses: int = 0
    takeovers: int = 0
    "Since the start."
    withheld_overflows: int = 0
    "Since the start: effects dropped because too many waited to know whose the pool is."


def read_queues(floor: Floor, now: Micros, own: AbstractSet[str]) -> tuple[QueueReading, ...]:
    """Every queue of the site, for a scrape; `own` campaigns are left out.

    Looks at each contact and at no agent: ten thousand of them would hold the loop up for tens of milliseconds.
    """
    waiting = waiting_since(floor)
    return tuple(
        QueueReading(
            queue=name,
            waiting=len(waiting.get(name, ())),
            longest_wait_us=now - min(waiting[name]) if name in waiting else 0,
            expected_us=expected_of_newcomer(floor, queue, now),
            agents={s.name.lower(): count for s, count in zip(Standing, queue.most_standings, strict=True)},
            # when no target takes the caller, the closing message does
            targets=tuple(dict.fromkeys((*map(_target, queue.rules.overflow), "closing"))),
        )
        for name, queue in floor.queues.items()
        if queue.rules.campaign not in own
    )


def read_doors(floor: Floor, now: Micros, own: AbstractSet[str]) -> dict[str, DoorReading]:
    """Every campaign of the site; one nobody told the hours of is open."""
    found = {name: floor.doors.get(name) for name in floor.rules.campaigns if name not in own}
    return {
        name: DoorReading()
        if door is None
        else DoorReading(is_open=door.is_open(now), is_shut_by_hand=now < door.shut_until)
        for name, door in found.items()
    }


def read_calls(floor: Floor, node: str, own: AbstractSet[str]) -> dict[str, int]:
    """Callers on the node, as the router knows them; Asterisk counts for itself (domain/rulebook/admission.py)."""
    return {
        node: sum(
            contact.node == node and contact.campaign not in own and not contact.place
            for contact in floor.contacts.values()
        )
    }


def _target(target: OverflowTarget) -> str:
    return told(target).partition(":")[0]  # a number is no label

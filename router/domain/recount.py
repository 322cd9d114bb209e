"""What new rules did to those who wait and to the calls that are owed, counted by looking before and after.

Rule 1: both looks are in one breath, with nothing but the swap between them: whoever stands elsewhere was moved by it.
Rule 2: it is for who ordered the swap to read, and nothing is decided by it: it looks at every contact.
"""

from dataclasses import dataclass

from router.domain.calls.terms import without_rules
from router.domain.floor import Floor
from router.domain.ids import ContactId, QueueName
from router.domain.rulebook.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    waiting: dict[ContactId, QueueName]
    owed: dict[ContactId, QueueName]
    kept: int
    given_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Numbers of callers, and of calls that are owed."""

    waiting: int = 0
    "Callers who wait on, at their old age."
    moved: int = 0
    "Those of them who stand in another queue now."
    sent_off: int = 0
    "Callers who waited and may not any more: their campaign is gone, or closed."
    owed: int = 0
    "Calls that are still owed."
    owed_moved: int = 0
    "Those of them that stand in another queue now."
    owed_kept: int = 0
    "Those of them that the rules provide for no more, and that are made as promised."
    given_up: int = 0
    "Calls that were owed and cannot be made under these rules."


def before(floor: Floor, rules: Rules) -> Before:
    """The first look, with the rules that are to come."""
    kept, given_up = without_rules(floor, rules)
    owed = {promise.promise_id: promise.queue for promise in floor.promises.values()}
    return Before(waiting=_waiting(floor), owed=owed, kept=kept, given_up=given_up)


def touched(was: Before, floor: Floor) -> Touched:
    """The second."""
    waiting = _waiting(floor)
    stayed = [(queue, waiting[contact]) for contact, queue in was.waiting.items() if contact in waiting]
    promises = floor.promises
    return Touched(
        waiting=len(stayed),
        moved=sum(queue != now for queue, now in stayed),
        sent_off=len(was.waiting) - len(stayed),
        owed=len(promises),
        owed_moved=sum(key in promises and promises[key].queue != queue for key, queue in was.owed.items()),
        owed_kept=was.kept,
        given_up=was.given_up,
    )


def _waiting(floor: Floor) -> dict[ContactId, QueueName]:
    """Callers on the phone who wait, or are rung for."""
    return {
        contact.contact_id: contact.queue
        for contact in floor.contacts.values()
        if contact.is_waiting and not contact.place
    }

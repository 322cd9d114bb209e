"""Traces as a desk gives them."""

from router.domain.ids import ContactId, Micros, OfferId
from router.ports import ContactTrace, Milestone, OfferPath
from tests.fakes.desk import NOW

_WAY = (
    ("happened", "asterisk", 0),
    ("read", "router", 200),
    ("parsed", "router", 300),
    ("decided", "router", 800),
)


def a_trace(
    contact: str, *, lives: bool = False, slower_us: Micros = 0, cause: str | None = "AcdArrived"
) -> ContactTrace:
    """A contact whose Originate was written 1.1 ms (+ `slower_us`) after its arrival, and the leg there 1 ms later."""
    milestones = [
        Milestone(step=step, what="AcdArrived", of="caller", at=NOW + after, clock=clock) for step, clock, after in _WAY
    ]
    written_at = NOW + 1100 + slower_us
    milestones.append(Milestone(step="event", what="OfferMade", of="offer 1", at=NOW + 800, clock="router"))
    milestones.append(Milestone(step="written", what="Originate", of="offer 1", at=written_at, clock="router"))
    instants = {step: NOW + after for step, _, after in _WAY}
    instants |= {"written": written_at, "appeared": written_at + 1000}
    offer = OfferPath(offer_id=OfferId(f"{contact}.1"), cause=cause, cause_contact=None, instants=instants)
    return ContactTrace(
        contact_id=ContactId(contact), lives=lives, left_out=0, milestones=tuple(milestones), offers=(offer,)
    )

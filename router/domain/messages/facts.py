"""Which events become facts of the ledger, and nothing else does."""

from router.domain.ids import Micros
from router.domain.messages.events import (
    AgentChanged,
    CallbackEnded,
    CallbackPromised,
    CallbackTried,
    ContactEnded,
    ContactOverflowed,
    Event,
    OfferClosed,
    OfferMade,
    WrapUpEnded,
)
from router.domain.record import AgentChangeFact, CallbackFact, Fact, OverflowFact


def fact_of(event: Event, now: Micros) -> Fact | None:
    """The fact an event states, or None."""
    match event:
        case ContactEnded():
            return event.record
        case OfferMade():
            return event.decision
        case OfferClosed():
            return event.fact
        case WrapUpEnded():
            return event.fact
        case ContactOverflowed() if event.target != "callback":  # of what was promised `CallbackPromised` tells
            return OverflowFact(
                contact_id=event.contact_id,
                at=now,
                queue=event.queue,
                target=event.target,
                why=event.why,
                passed=event.passed,
            )
        case CallbackPromised():
            return CallbackFact(
                contact_id=event.promise_id, at=now, what="promised", queue=event.queue, until_at=event.expires_at
            )
        case CallbackTried() | CallbackEnded():
            return CallbackFact(
                contact_id=event.promise_id,
                at=now,
                what=event.result,
                queue=event.queue,
                call_id=event.contact_id,
                number=event.number if isinstance(event, CallbackTried) else event.tries,
            )
        case AgentChanged() if event.asked_by is not None:
            return AgentChangeFact(
                agent_id=event.agent_id,
                at=event.chosen_at or now,
                status=event.status,
                reason=event.reason,
                asked_by=event.asked_by,
                next_status=event.next_status,
                next_reason=event.next_reason,
                paid=event.paid if event.status == "PAUSED" else None,
            )
        case _:
            return None

"""A recorder whose clock moves by hand, and the messages of a call to send through it as pump and AMI adapter do."""

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.messages.effects import RingAgent
from router.domain.messages.events import ContactEnded, ContactQueued, Event, OfferMade
from router.domain.messages.glance import WHY_NOT, Glance
from router.domain.messages.observations import ContactArrived, Observation
from router.domain.messages.standing import Standing
from router.domain.record import BillingRecord, EndedBy, How, Outcome
from router.trace.recorder import Marks, Recorder

QUEUE = QueueName("shop/orders")
AGENT = AgentId("agent-1001")
STEP_S = 0.001


class Flight:
    """Every step of an observation takes a millisecond; Asterisk's clock is ours, in µs."""

    def __init__(self, *, contacts: int = 512, marks: int = 64) -> None:
        self.at = 1.0
        self.recorder = Recorder(
            lambda seconds: round(seconds * 1_000_000), contacts=contacts, marks=marks, clock=lambda: self.at
        )

    def pass_through(self, seen: Observation, *events: Event) -> None:
        read_at = self.at
        self.at += STEP_S
        self.recorder.seen(seen, read_at)
        self.at += STEP_S
        self.recorder.taken(seen)
        self.at += STEP_S
        self.recorder.decided(events)
        self.at += STEP_S

    def arrival(self, contact: str) -> ContactArrived:
        now = round(self.at * 1_000_000)
        return ContactArrived(
            contact_id=ContactId(contact),
            leg=LegId(contact),
            linkedid=contact,
            channel="PJSIP/trunk-1",
            node="n",
            campaign=CampaignName("shop"),
            dnis="+493023125100",
            ani="+4915155500001",
            arrived_at=now,
            at=now,
        )

    def find(self, contact: str) -> Marks:
        found = self.recorder.find(contact)
        assert found is not None, contact
        return found

    def names(self) -> list[str]:
        """Who is remembered, the latest first."""
        return [marks.contact_id for marks in self.recorder.latest()]


def queued(contact: str) -> ContactQueued:
    return ContactQueued(
        contact_id=ContactId(contact), campaign=CampaignName("shop"), queue=QUEUE, medium="voice", arrived_at=0
    )


def offered(contact: str, attempt: int) -> OfferMade:
    offer = OfferId(f"{contact}.{attempt}")
    seen = Glance(
        offer_id=offer,
        contact_id=ContactId(contact),
        queue=QUEUE,
        at=0,
        need="de",
        arrived_at=0,
        chosen=AGENT,
        idle_since=0,
        seats=(),
        counts=(1,) + (0,) * (len(WHY_NOT) - 1),
        chosen_as=Standing.FREE,
        skilled=1,
        people=1,
        how=How(),
    )
    return OfferMade(offer_id=offer, contact_id=ContactId(contact), agent_id=AGENT, queue=QUEUE, seen=seen)


def ended(contact: str) -> ContactEnded:
    return ContactEnded(
        record=BillingRecord(
            contact_id=ContactId(contact),
            medium="voice",
            campaign=CampaignName("shop"),
            queue=QUEUE,
            ani="+4915155500001",
            dnis="+493023125100",
            arrived_at=0,
            answered_at=None,
            ended_at=1,
            outcome=Outcome.ABANDONED,
            ended_by=EndedBy.CALLER,
            config_hash="test",
            end_estimated=False,
            segments=(),
            legs=(),
        )
    )


def a_ring(contact: str, attempt: int) -> RingAgent:
    return RingAgent(
        offer_id=OfferId(f"{contact}.{attempt}"),
        contact_id=ContactId(contact),
        agent_id=AGENT,
        campaign=CampaignName("shop"),
        queue=QUEUE,
        node="n",
        dial="PJSIP/agent-1001",
        caller_leg=LegId(contact),
        caller_name="Private Name",
        caller_number="+4915155500001",
        timeout_us=17_000_000,
        language="de",
        whisper="",
        press_one=False,
    )

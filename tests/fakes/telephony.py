"""An Asterisk in memory that keeps the `Telephony` port's promises: legs, bridges, numbers, a heart, snapshots.

What it does happens at once and comes back through the sink. Phones answer as soon as they ring, unless named in
`silent`. It can be away, and it can raise, which no adapter may.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros
from router.domain.messages.effects import (
    Announce,
    AnswerCaller,
    AnswerPhone,
    Effect,
    EndLeg,
    LookAgain,
    RingAgent,
    SendCaller,
)
from router.domain.messages.observations import (
    CallerReturned,
    ContactArrived,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegEnded,
    LegRinging,
    LegSnapshot,
    Observation,
    OriginateFailed,
    PhonesSeen,
    Resynced,
    TalkBegins,
)
from router.domain.rulebook.rules import Rules

NODE = "pbx_1"


@dataclass
class FakeTelephony:
    """The `Telephony` port."""

    now: Callable[[], Micros]
    sink: Callable[[Observation], None]
    phones: dict[str, bool] = field(default_factory=dict)
    "endpoint → reachable"
    silent: set[str] = field(default_factory=set)
    "Dial strings that ring and are never answered."
    away: bool = False
    broken: Exception | None = None
    performed: list[Effect] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    published: list[Rules] = field(default_factory=list)
    legs: dict[LegId, LegSnapshot] = field(default_factory=dict)
    _arrivals: int = 0
    _synced: bool = False

    def perform(self, effect: Effect) -> None:
        self.performed.append(effect)
        if self.broken is not None:
            raise self.broken
        match effect:
            case RingAgent():
                self._ring(effect)
            case EndLeg():
                self.hang_up(effect.leg)
            case LookAgain():
                self.resync()
            case SendCaller() | AnswerCaller() | Announce() | AnswerPhone():
                pass

    def publish(self, rules: Rules) -> None:
        self.published.append(rules)
        if not self._synced:
            self.resync()
        elif not self.away:
            self.sink(PhonesSeen(node=NODE, reachable=dict(self.phones), asked_at=self.now(), at=self.now()))

    def beat(self, count: int) -> None:
        self.beats.append(count)
        if self.broken is not None:
            raise self.broken

    def call_in(self, digits: str) -> None:
        campaign = self.serves(digits)
        if campaign is not None:
            self.arrive(campaign, dnis=digits)

    def serves(self, digits: str) -> CampaignName | None:
        """The campaign behind a dialled number, as published last."""
        for rules in self.published[-1:]:
            for campaign in rules.campaigns.values():
                if any(number.lstrip("+") == digits for number in campaign.dnis):
                    return campaign.name
        return None

    # ---- what people do ----

    def arrive(self, campaign: str, *, dnis: str = "493023125100") -> ContactId:
        """A caller dials a number of the campaign and waits."""
        self._arrivals += 1
        leg = LegId(f"{NODE}-{self._arrivals}")
        contact_id = ContactId(leg)
        if self.away:
            return contact_id
        at = self.now()
        self.legs[leg] = LegSnapshot(
            leg=leg,
            channel=f"PJSIP/trunk-{self._arrivals:08x}",
            endpoint="trunk",
            linkedid=leg,
            up=True,
            contact_id=contact_id,
            campaign=CampaignName(campaign),
            state="waiting",
            arrived_at=at,
        )
        self.sink(
            ContactArrived(
                contact_id=contact_id,
                leg=leg,
                linkedid=leg,
                channel=self.legs[leg].channel,
                node=NODE,
                campaign=CampaignName(campaign),
                dnis=dnis,
                ani="+4915155500001",
                arrived_at=at,
                at=at,
            )
        )
        return contact_id

    def hang_up(self, leg: LegId) -> None:
        """The leg ends; an agent's in a talk leaves its caller behind, alive; a caller takes the agent's leg along."""
        gone = self.legs.pop(leg, None)
        if gone is None:
            return
        self.sink(LegEnded(leg=leg, cause=16, tech_cause=None, at=self.now()))
        if not gone.bridge:
            return
        if gone.offer_id is None:
            for other in [other for other in self.legs.values() if other.bridge == gone.bridge]:
                self.hang_up(other.leg)
        elif gone.contact_id is not None:
            self.sink(CallerReturned(contact_id=gone.contact_id, at=self.now()))

    def resync(self) -> None:
        """A snapshot of everything that lives."""
        if not self.away:
            self._synced = True
            self.sink(
                Resynced(
                    node=NODE,
                    legs=tuple(self.legs.values()),
                    reachable=dict(self.phones),
                    asked_at=self.now(),
                    at=self.now(),
                )
            )

    def _ring(self, effect: RingAgent) -> None:
        if self.away or self.phones.get(effect.dial.removeprefix("PJSIP/")) is False:
            self.sink(OriginateFailed(offer_id=effect.offer_id, reason="away", at=self.now()))
            return
        leg, caller, at = LegId(effect.offer_id), self.legs.get(effect.caller_leg), self.now()
        endpoint = effect.dial.removeprefix("PJSIP/")
        made = LegSnapshot(
            leg=leg,
            channel=f"{effect.dial}-00000001",
            endpoint=endpoint,
            linkedid=leg,
            up=False,
            contact_id=effect.contact_id,
            offer_id=effect.offer_id,
            agent_id=AgentId(effect.agent_id),
        )
        self.legs[leg] = made
        self.sink(LegAppeared(leg=leg, endpoint=endpoint, channel=made.channel, linkedid=leg, node=NODE, at=at))
        self.sink(LegRinging(leg=leg, at=at))
        if effect.dial in self.silent or caller is None:
            return
        self.sink(LegAnswered(leg=leg, at=at))
        self.sink(TalkBegins(offer_id=effect.offer_id, contact_id=effect.contact_id, at=at))
        for one in (made, caller):
            self.legs[one.leg] = replace(one, up=True, bridge=f"bridge-{leg}")
            self.sink(LegBridged(leg=one.leg, bridge=f"bridge-{leg}", at=at))

"""Legs as the modelled Asterisk has them, and the true life of each caller, which no record may contradict."""

from dataclasses import dataclass, field
from enum import StrEnum

from router.domain.ids import AgentId, CampaignName, ContactId, LegId, Micros, OfferId
from router.domain.messages.observations import LegSnapshot


class Place(StrEnum):
    """Where in the dialplan a leg is."""

    WAIT = "acd-wait"
    DIALLING = "dialling"
    WHISPER = "acd-agent"
    BRIDGE = "bridge"
    TURNED_AWAY = "no-talk"
    AFTER = "acd-after"
    CLOSING = "acd-closing"
    FALLBACK = "acd-fallback"
    FEATURE = "acd-feature"
    PRIVATE = "private"
    GONE = "gone"


@dataclass(slots=True, kw_only=True)
class TrueTalk:
    agent_id: AgentId
    from_at: Micros
    to_at: Micros | None = None
    after_until_at: Micros | None = None
    "When the caller, alive in `acd-after` since the talk ended, went on or was released."
    holds: list[tuple[Micros, bool]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class TrueLife:
    """What really happened to one caller."""

    contact_id: ContactId
    arrived_at: Micros
    ended_at: Micros | None = None
    talks: list[TrueTalk] = field(default_factory=list)
    answered_at: Micros | None = None
    "When somebody who was called back picked up; their leg is older."
    blind: bool = False
    "The router could not see some of it."
    known: bool = False
    "It is on paper: a record of it is owed, whoever could see what."


@dataclass(slots=True, kw_only=True, eq=False)
class Leg:
    leg: LegId
    channel: str
    endpoint: str
    linkedid: str
    place: Place
    moves: int = 0
    "Counts the moves: what was planned at the last place lapses."
    moved_at: Micros = 0
    up: bool = False
    bridge: str = ""
    partner: "Leg | None" = None
    state: str | None = None
    "ACD_STATE"
    contact_id: ContactId | None = None
    offer_id: OfferId | None = None
    "ACD_OFFER; the dialplan exports it to the caller's leg too when a talk begins."
    agent_id: AgentId | None = None
    campaign: CampaignName | None = None
    dnis: str = ""
    ani: str = ""
    arrived_at: Micros | None = None
    talk_at: Micros | None = None
    caller: LegId | None = None
    "ACD_CALLER: whom an agent's leg is for."
    life: TrueLife | None = None
    "Of a caller's leg."
    epoch: int = 0
    "ACD_EPOCH: of the router that ordered an agent's leg."
    whisper_us: Micros = 0
    press_one: bool = False
    callback: bool = False
    "Nobody is on the phone yet: once the agent has accepted, they are called."

    @property
    def alive(self) -> bool:
        return self.place is not Place.GONE

    def snapshot(self) -> LegSnapshot:
        """This leg as `Status` and `CoreShowChannels` tell it."""
        return LegSnapshot(
            leg=self.leg,
            channel=self.channel,
            endpoint=self.endpoint,
            linkedid=self.linkedid,
            up=self.up,
            bridge=self.bridge,
            contact_id=self.contact_id,
            offer_id=self.offer_id if self.caller is not None else None,
            agent_id=self.agent_id,
            campaign=self.campaign,
            state=self.state,
            dnis=self.dnis,
            ani=self.ani,
            arrived_at=self.arrived_at,
            talk_at=self.talk_at,
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Phone:
    """A softphone at home: registered or not, with the legs it has in hand."""

    endpoint: str
    reachable: bool = True
    reach_changed_at: Micros = 0
    in_hand: dict[LegId, Leg] = field(default_factory=dict)

    @property
    def private_since(self) -> Micros | None:
        """When the oldest of the private calls that are still up began: an older one that is over is nobody's news."""
        return min((leg.moved_at for leg in self.in_hand.values() if leg.place is Place.PRIVATE), default=None)

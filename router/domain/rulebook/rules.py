"""What the site decided in its files, compiled: campaigns, queues, dialled numbers. Immutable; swapped whole.

`router/config.py` reads TOML and makes these; the engine only ever sees this form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from router.domain.ids import SECOND, CampaignName, Micros, QueueName
from router.domain.record import OfferResult
from router.domain.rulebook.admission import Capacity
from router.domain.rulebook.choice import Choice
from router.domain.rulebook.conduct import AFTER, Consequence, PauseRules, WrapUp
from router.domain.rulebook.media import Media
from router.domain.rulebook.need import Need
from router.domain.rulebook.treatment import NONE, Treatment

MOST_POINTS = 1000
"Of priority, of a queue or of a contact."
LONGEST_CALL_US: Micros = 4 * 3600 * SECOND
"Unless a campaign says otherwise, or is gone."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToQueue:
    """Overflow target: wait on in another queue, at the old age."""

    queue: QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class ToClosing:
    """Overflow target: a closing message, then goodbye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToNumber:
    """Overflow target: somebody outside, by the trunk of `Outside`."""

    number: str
    "E.164 with the plus sign, out of a campaign's file and never from a caller."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToVoicemail:
    """Overflow target: the caller leaves a message, then goodbye."""


OverflowTarget = ToQueue | ToNumber | ToVoicemail | ToClosing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """How numbers outside are dialled."""

    trunk: str
    "PJSIP endpoint."
    ring_us: Micros = 30 * SECOND


class EarlyMedia(StrEnum):
    """Whoever has waited unanswered for so long that their carrier may soon cut them off."""

    ANSWER = "answer"
    "They are answered, and wait on."
    OVERFLOW = "overflow"
    "They go to the next target of their queue."
    STAY = "stay"
    "They wait on, and are cut or not."


class AtClosing(StrEnum):
    """Whoever waits at closing time."""

    STAY = "stay"
    "They are served on until none waits."
    OVERFLOW = "overflow"
    "They go to the next target of their queue."
    CLOSING = "closing"
    "They go where callers go who come later."


class Staffed(StrEnum):
    """What somebody must be to be counted as there. All but the first go by the entitled, those on their shift."""

    SKILLED = "skilled"
    ENTITLED = "entitled"
    LOGGED_IN = "logged-in"
    READY = "ready"
    REACHABLE = "reachable"
    "Logged in, and by their phone a call could reach them; the phone of who pauses is not asked for."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """From when on a wider need counts as well."""

    after_us: Micros
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRules:
    """How callers of a queue may ask to be called back (callback.py)."""

    key: str
    trunk: str
    "PJSIP endpoint they are called through."
    dialable: str = r"\+[1-9][0-9]{6,14}"
    "The numbers that may be called, whole: a regular expression, out of numbering plans (config/dialable.py)."
    caller_id: str
    "The number they are shown."
    agent_first: bool = True
    "Whether an agent is on the phone before they are called; else they are called when their turn has come."
    tries: int = 3
    ring_us: Micros = 30 * SECOND
    retry_after_us: Micros = 900 * SECOND
    expires_us: Micros = 86_400 * SECOND
    most: int = 100
    "Open promises of the queue; 0: no limit."


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    name: QueueName
    campaign: CampaignName
    need: Need
    priority: int = 0
    priority_point_us: Micros = 60 * SECOND
    "One point of priority is worth this much waiting."
    ring_us: Micros = 15 * SECOND
    wrapup: WrapUp = WrapUp.TIMED
    wrapup_us: Micros = 20 * SECOND
    "Where it is mandatory: so long it goes on once the disposition was given during the talk."
    wrapup_max_us: Micros = 600 * SECOND
    "The longest of one that waits for a disposition, or was extended."
    max_wait_us: Micros = 600 * SECOND
    overflow: tuple[OverflowTarget, ...] = (ToClosing(),)
    rings: tuple[Ring, ...] = ()
    "Needs that are wider, by when they come to count; a caller who has waited so long is served by either."
    never_relax: bool = False
    "No ring is ever used, whoever is there."
    choose: Choice = Choice.LONGEST_IDLE
    at_once: int = 1
    """So many free agents are rung at the same time; the first to take the caller wins. Who becomes free while they
    ring is left to the next in line: the phones that ring for a caller are those of one decision."""
    strict: bool = False
    "Priority goes before any age."
    max_waiting: int = 0
    "Who comes while so many wait here on the phone goes on to the next overflow target; 0: no limit."
    join_if: tuple[Staffed, ...] = ()
    "Who comes while no agent is all of this goes on at once; empty: everybody may wait."
    stay_if: tuple[Staffed, ...] = ()
    "Who waits goes on the moment no agent is all of this any more."
    dissuade_us: Micros = 0
    "Who comes while the expected wait is longer goes on to the next overflow target; 0: nobody is."
    redial_us: Micros = 0
    "Who gave up waiting and calls again within this time has their place back; 0: nobody has."
    exit_keys: str = ""
    "Keys that take a waiting caller to the next overflow target at once; any other key does nothing."
    keys: tuple[tuple[str, OverflowTarget], ...] = ()
    "Keys that take a waiting caller to a target of their own."
    treatment: Treatment = NONE
    "What callers hear while they wait here."
    callback: CallbackRules | None = None
    "None: nobody is called back."
    foretell_one_in: int = 32
    """Where nothing is done by the expected wait, it is put down of the first of so many: enough to tell how far it is
    from the truth (`longer_us`), and the others need not wait for the reckoning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRules:
    name: CampaignName
    client: str
    dnis: tuple[str, ...]
    "Dialled numbers in E.164 with the plus sign."
    entry: QueueName
    "The queue a caller of this campaign begins in."
    language: str = "de"
    time_zone: str = "Europe/Berlin"
    greeting: str = "early-media"
    "`early-media`: answered only when an agent is there; `answered`: at once."
    music: str = "default"
    label: str = ""
    "What the agent's phone shows before the caller's number."
    whisper: str = ""
    "What the agent hears before the talk; the prompt's name, or empty."
    press_one: bool = False
    "The agent must press 1 to accept."
    max_call_us: Micros = LONGEST_CALL_US
    "A talk this long is ended: nobody talks so long, and a leg whose end got lost would never end by itself."
    keep_us: Micros = 0
    "So long a caller is kept for the agent who was named for them, or who served them last; 0: for nobody."
    last_agent: bool = False
    "Whether who served a caller last is remembered."
    at_closing: AtClosing = AtClosing.STAY
    "What becomes of callers who wait when the campaign closes."
    closed: tuple[OverflowTarget, ...] = (ToClosing(),)
    "Where callers go who come while it is closed."
    show_number: bool = True
    "Whether the agent may see the caller's number."
    max_calls: int = 0
    "Callers of this campaign on a node at a time (admission.py); 0: no limit of its own."
    emergency: bool = False
    "Whether nothing overtakes its callers, no limit sends them on, and the places reserved on a node are for them."
    alarm_us: Micros = 10 * SECOND
    "An emergency caller whom nobody has taken by then raises an alarm, and again after as long."
    dispositions: dict[str, str] = field(default_factory=dict)
    "Code → what it means; empty: what came of a contact is told in any word."
    diversion: tuple[str, ...] = ()
    "Numbers of a client's PBX: what it diverts to any number of ours is this campaign's, whatever it dialled."
    early_media_max_us: Micros = 90 * SECOND
    early_media_then: EarlyMedia = EarlyMedia.ANSWER
    "What becomes of a caller who has waited unanswered for `early_media_max_us`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Every rule in force, with the hash of the files they came from."""

    config_hash: str
    pool: str = "main"
    campaigns: dict[CampaignName, CampaignRules] = field(default_factory=dict)
    queues: dict[QueueName, QueueRules] = field(default_factory=dict)
    capacity: Capacity = field(default_factory=Capacity)
    outside: Outside | None = None
    "None: nobody outside can be reached, and targets that are numbers are passed over."
    early_keys: tuple[str, ...] = ()
    "Trunks whose callers' keys are heard before the answer, too."
    pause_reasons: dict[str, str] = field(default_factory=lambda: {"": "break"})
    "Digits dialled after `*46` → pause reason; the empty string is a bare `*46`."
    pauses: dict[str, PauseRules] = field(default_factory=dict)
    "Pause reason → what it allows; a reason that is not here has no limits."
    after: Mapping[OfferResult, tuple[Consequence, ...]] = field(default_factory=lambda: AFTER)
    media: Media = field(default_factory=Media)
    reject_hold_us: Micros = 30 * SECOND
    "An agent who rejected or declined a contact is not offered the same one again for this long."
    fault_hold_us: Micros = 5 * SECOND
    "After busy, unregistered or failed the agent is offered nothing for this long."
    rescind_grace_us: Micros = 5 * SECOND
    "A rescinded leg that has not ended after this long is taken for dead."
    connect_grace_us: Micros = 20 * SECOND
    "An answered leg must talk within this long (whisper and press-1 included)."
    give_up_us: Micros = 900 * SECOND
    "A node that has been away for this long has no calls any more, as far as records and agents go."
    sweep_us: Micros = 60 * SECOND
    "While anybody is on the floor, each node is asked for the truth this often: the end of a leg may have got lost."

"""`campaigns/NAME.toml`: one client's work. The shape of interface version 1; keys grow, meanings do not change."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from router.config.callback import CallbackTable
from router.config.conduct import Dispositions
from router.config.faults import E164, KEY, KEYS, LANGUAGE, PROMPT, SLUG, WORD
from router.config.hours import HoursTable
from router.config.settings import STRICT, Calls, Line, one_line
from router.config.treatment import TreatmentTable
from router.domain.rulebook.choice import Choice
from router.domain.rulebook.conduct import WrapUp
from router.domain.rulebook.need import Need, NeedError
from router.domain.rulebook.rules import EarlyMedia, Staffed


def _need(text: str) -> str:
    try:
        Need.parse(text)
    except NeedError as error:
        raise ValueError(f"a need: {error}") from None
    return text


def _label(text: str) -> str:
    # It becomes the display name of a SIP caller ID, where these would end or escape it.
    if any(character in '"<>\\' for character in text):
        raise ValueError('text without " < > \\')
    return one_line(text)


class RingStep(BaseModel):
    """From when on a wider need counts as well."""

    model_config = STRICT
    after_s: Annotated[float, Field(gt=0, le=86_400, description="So long a caller has waited in this queue.")]
    need: Annotated[str, AfterValidator(_need)] = Field(description="Who may be asked from then on, too.")


def _in_order(steps: list[RingStep]) -> list[RingStep]:
    if any(later.after_s <= step.after_s for step, later in pairwise(steps)):
        raise ValueError("steps in the order of their after_s, each later than the one before")
    return steps


Target = Annotated[str, Field(max_length=100)]
Overflow = list[Target]


class CampaignTable(BaseModel):
    """[campaign]: whose work it is, how it is reached, how callers and agents meet it."""

    model_config = STRICT
    name: str = Field(pattern=SLUG, description="The file's name without .toml.")
    client: Line = Field(description="Whose work it is; on every record.")
    dnis: list[Annotated[str, Field(pattern=E164)]] = Field(
        max_length=1000, description="Dialled numbers in E.164 with the plus sign; each in one campaign only."
    )
    entry: str | None = Field(
        None, pattern=SLUG, description="The queue a caller begins in; the first of the file if not given."
    )
    language: str = Field("de", pattern=LANGUAGE, description="Language of the prompts.")
    time_zone: Annotated[str, Field(max_length=64)] = Field(
        "Europe/Berlin", description="IANA name; days and hours of this campaign are counted in it."
    )
    greeting: Literal["early-media", "answered"] = Field(
        "early-media",
        description="early-media: answered when an agent is there, and free of charge until then; answered: at once.",
    )
    music: str = Field("default", pattern=WORD, description="Class of musiconhold.conf.")
    label: Annotated[str, Field(max_length=40), AfterValidator(_label)] = Field(
        "", description="What the agent's phone shows before the caller's number."
    )
    whisper: str = Field(
        "", max_length=80, pattern=PROMPT, description="Prompt the agent hears before the talk; empty for none."
    )
    press_one: bool = Field(
        False, description="The agent must press 1 to accept: for phones that pick up by themselves."
    )
    max_call_s: float = Field(14_400.0, ge=60, le=86_400, description="A talk this long is ended.")
    closed: Overflow = Field(
        default_factory=lambda: ["closing"],
        min_length=1,
        max_length=10,
        description="Where callers go who come while it is closed, by its hours or by hand: targets as of a queue's "
        "overflow. A queue of its own among them is the night line: open at all hours.",
    )
    show_number: bool = Field(True, description="Whether the agent may see the caller's number.")
    max_calls: Calls = Field(
        0, description="Its callers on a node at a time, waiting and talking; who comes above is refused. 0: no limit."
    )
    keep_s: float = Field(
        0.0,
        ge=0,
        le=3600,
        description="So long a caller is kept for the agent the dialplan named (ACD_PREFERRED), or who served them "
        "last, if that one is there and takes more today; never in an emergency campaign. 0: for nobody.",
    )
    last_agent: bool = Field(False, description="Who served a caller last is asked first when they call again.")
    emergency: bool = Field(
        False,
        description="Nothing overtakes its callers, no limit of a trunk or queue holds for them, and they may use the "
        "places of reserved_calls.",
    )
    diversion: list[Annotated[str, Field(pattern=E164)]] = Field(
        default_factory=list,
        max_length=1000,
        description="Numbers of the client's PBX: a call it diverts to any number of ours (header Diversion) is this "
        "campaign's. Room is counted for the campaign of the dialled number.",
    )
    early_media_max_s: float = Field(
        90.0,
        ge=1,
        le=3600,
        description="So long a caller waits unanswered, with greeting early-media; carriers cut such calls after 60 to "
        "180 s.",
    )
    early_media_then: Annotated[EarlyMedia, Field(strict=False)] = Field(
        EarlyMedia.ANSWER,
        description="What becomes of who has waited unanswered for early_media_max_s: answer (they wait on, and pay), "
        "overflow (to the next target of their queue) or stay (they wait on, and may be cut off).",
    )
    alarm_s: float = Field(
        10.0,
        ge=1,
        le=3600,
        description="Of an emergency campaign: a caller nobody has taken after so long raises an alarm, and again "
        "after as long.",
    )
    dispositions: Dispositions = Field(
        default_factory=dict,
        description='What may come of a contact: code → what it means, such as { 1 = "sold", 2 = "no interest" }; an '
        "agent dials *47 and the code (*471). Empty: any word will do.",
    )


class QueueTable(BaseModel):
    """[queue.NAME]: a line of callers and what it asks of agents."""

    model_config = STRICT
    need: Annotated[str, AfterValidator(_need)] = Field(
        "",
        description='Skills asked of an agent, e.g. "de >= 60 and orders"; empty asks for none. What is known of the '
        'caller may stand there: "$language >= 60", $vip = "yes", $caller.country != "DE".',
    )
    priority: int = Field(0, ge=-100, le=100, description="Points; each is worth priority_point_s of waiting.")
    priority_point_s: float = Field(60.0, ge=0, le=86_400, description="So much waiting one point is worth.")
    strict: bool = Field(False, description="Priority goes before any age; else points and waiting add up.")
    choose: Annotated[Choice, Field(strict=False)] = Field(
        Choice.LONGEST_IDLE,
        description=f"Which of the free agents: {', '.join(Choice)}. Of equal ones the longest idle.",
    )
    at_once: int = Field(
        1,
        ge=1,
        le=20,
        description="So many free agents are rung at the same time; the first to take the caller wins, and no other "
        "missed it. Who becomes free while they ring is left to the next in line.",
    )
    ring_s: float = Field(15.0, ge=1, le=300, description="How long an agent's phone rings.")
    wrapup: Annotated[WrapUp, Field(strict=False)] = Field(
        WrapUp.TIMED,
        description="How the time after a talk ends. none: there is none; timed: by itself or by the agent; mandatory: "
        "when the agent gave a disposition; extendable: as timed, and *48 asks for as much again.",
    )
    wrapup_s: float = Field(20.0, ge=0, le=3600, description="Time for notes after a talk.")
    wrapup_max_s: float = Field(
        600.0, ge=1, le=14_400, description="The longest wrap-up: of one that waits for a disposition, or was extended."
    )
    max_wait_s: float = Field(
        600.0, ge=1, le=86_400, description="Who has waited so long goes to the next target of overflow."
    )
    overflow: Overflow = Field(
        default_factory=lambda: ["closing"],
        min_length=1,
        max_length=10,
        description='Where to, in this order: "queue:NAME", "queue:CAMPAIGN/NAME", "campaign:NAME" (where its callers '
        'begin), "dial:+49…" (a number outside), "voicemail", "closing" (a message, then goodbye). A queue where they '
        "could not wait (full, closed, nobody there, too long a wait) is passed over; after the last comes the closing "
        "message.",
    )
    exit_keys: str = Field(
        "", pattern=KEYS, description="Keys that take a waiting caller to the next overflow target at once."
    )
    keys: dict[Annotated[str, Field(pattern=KEY)], Target] = Field(
        default_factory=dict,
        max_length=12,
        description="Keys that take a waiting caller to a target of their own, as of overflow, such as { 9 = "
        '"voicemail" }; who cannot be taken there stays in line.',
        examples=[{"0": "queue:general", "9": "voicemail"}],
    )
    ring: Annotated[list[RingStep], AfterValidator(_in_order)] = Field(
        default_factory=list,
        max_length=50,
        description='Steps that widen the need while a caller waits, such as { after_s = 30, need = "de >= 40" }; one '
        "comes at once when nobody who is logged in and on shift could match before.",
    )
    never_relax: bool = Field(False, description="No step ever widens the need, whoever is there.")
    max_waiting: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Who comes while so many wait on the phone goes to the next overflow target. Calls owed do "
        "not count. 0: no limit.",
    )
    join_if: list[Annotated[Staffed, Field(strict=False)]] = Field(
        default_factory=list,
        max_length=5,
        description="Who comes while no agent is all of these goes to the next overflow target: "
        + ", ".join(Staffed)
        + " (logged in, with a phone that is).",
    )
    stay_if: list[Annotated[Staffed, Field(strict=False)]] = Field(
        default_factory=list,
        max_length=5,
        description="Who waits goes to the next target the moment no agent is all of these any more.",
    )
    dissuade_s: float = Field(
        0.0,
        ge=0,
        le=86_400,
        description="Who comes while the expected wait is longer goes to the next overflow target; nobody does while "
        "no one waits or an agent is free. 0: nobody.",
    )
    redial_s: float = Field(
        0.0,
        ge=0,
        le=3600,
        description="Who gives up waiting and calls again from the same number within this time is given the time they "
        "had waited. 0: nobody is.",
    )
    treatment: TreatmentTable = Field(
        default_factory=TreatmentTable, description="What callers hear while they wait here, and when."
    )
    callback: CallbackTable | None = Field(None, description="How waiting callers may ask to be called back.")


class CampaignFile(BaseModel):
    """campaigns/NAME.toml"""

    model_config = STRICT
    campaign: CampaignTable
    hours: HoursTable | None = Field(None, description="When callers may come in; without it always.")
    queue: dict[Annotated[str, Field(pattern=SLUG)], QueueTable] = Field(
        min_length=1, max_length=100, description="Queues of the campaign; callers begin in the first."
    )

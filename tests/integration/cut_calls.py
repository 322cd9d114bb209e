"""Calls at a few a second while the line between router and Asterisk is cut again and again; and the verdict.

Who judges hears Asterisk over a line of its own. A cut falls at a seeded byte: while calls are going on, or of the
login and the resync after the cut before. Callers are patient and agents always answer, so each caller must be served,
once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from router.domain.record import Outcome
from router.ports import ContactStory
from tests.integration.call_centre import CallCentre, poll
from tests.integration.call_centre import _brief as brief
from tests.integration.cut_line import CutLine, Way
from tests.telephones.carrier import Caller, Calls
from tests.telephones.manager import Message
from tests.telephones.sipp_agent import Answers
from tests.telephones.workshop import TelephoneError

AGENTS = tuple(f"agent-{2001 + n}" for n in range(7))
PER_S = 2.0
TALK_MS = 2000
"With the two seconds in acd-after behind it no talk is over before the line is back."
_BATCH_S = 8
_IN_RESYNC = 0.35
"Of the cuts: so many fall into the login and the resync after the one before."
_RESYNC_BYTES: Mapping[Way, int] = {"to-asterisk": 2600, "from-asterisk": 9000}
_WORK_BYTES: Mapping[Way, int] = {"to-asterisk": 2400, "from-asterisk": 30000}
"Offsets are uniform up to these: what goes over the line while Asterisk is asked, and in a second or two of calls."
_CUT_WITHIN_S, _BACK_WITHIN_S, _SERVED_WITHIN_S, _FREE_WITHIN_S = 15.0, 30.0, 60.0, 25.0
"The last is the ring's deadline and the grace of a leg that does not end."


Blind = tuple[float, float]
"From a cut until the router was ready again, by the wall's clock, as Asterisk has it."
_IN_FLIGHT_S = 0.1
"What Asterisk told so shortly before a cut may not have got through."


@dataclass(slots=True)
class Verdict:
    """Counts of what must not be; the rest tells that something was tried."""

    cuts: int = 0
    cuts_in_resync: int = 0
    to_asterisk: int = 0
    callers: int = 0
    lost: list[str] = field(default_factory=list)
    "Callers who never talked with an agent."
    served_twice: list[str] = field(default_factory=list)
    fell_back: list[str] = field(default_factory=list)
    double_legs: list[str] = field(default_factory=list)
    "Agents' legs that lived beside another one for the same caller, or at the same phone."
    without_record: list[str] = field(default_factory=list)
    surplus_records: list[str] = field(default_factory=list)
    not_answered: list[str] = field(default_factory=list)
    "Records that do not tell of a talk somebody could see."
    unseen: int = 0
    """Talks nobody could see: begun and over, and their callers gone, before the line was back. Asterisk's own event
    log has them (`ringfair reconcile`)."""
    legs_left: list[str] = field(default_factory=list)
    agents_stuck: list[str] = field(default_factory=list)
    blind_s: float = 0.0
    "Longest time from a cut, and those of the resync after it, until the router was ready again."
    waited_s: float = 0.0
    "Longest time from a caller's arrival to the talk."
    took_s: float = 0.0

    @property
    def faults(self) -> int:
        return sum(len(value) for value in asdict(self).values() if isinstance(value, list))

    def blamed(self) -> list[str]:
        """Contacts with whom something is wrong."""
        return [*self.lost, *self.served_twice, *self.fell_back, *self.without_record, *self.not_answered]

    def line(self) -> str:
        """The last line of a run."""
        return (
            f"cuts {self.cuts} callers {self.callers} lost {len(self.lost) + len(self.fell_back)} "
            f"double_served {len(self.served_twice)} double_legs {len(self.double_legs)} "
            f"missing_records {len(self.without_record)} broken "
            f"{len(self.surplus_records) + len(self.not_answered) + len(self.legs_left) + len(self.agents_stuck)}"
        )


async def run(centre: CallCentre, *, times: int, seed: int, tell: Callable[[str], None] = print) -> Verdict:
    """Cut `times` times. The centre has not been started yet."""
    dice, verdict, room = random.Random(seed), Verdict(), centre.room
    began, mark = time.monotonic(), len(room.ami.events)
    number = centre.campaign()
    for agent in AGENTS:
        centre.agent(agent)
        await room.phone(agent).behave(Answers(talks_ms=TALK_MS))
    async with CutLine(room.pbx.address, room.pbx.ports.ami) as line:
        centre.settings(ami_port=line.port)
        await centre.start()
        await centre.log_in(*AGENTS)
        enough = asyncio.Event()
        calling = asyncio.create_task(_calls(centre, number, enough))
        try:
            blind = await _cuts(centre, line, dice, times, verdict, tell)
        finally:
            enough.set()
            batches = await calling
        await _judge(centre, batches, blind, verdict, mark)
    verdict.took_s = round(time.monotonic() - began, 1)
    return verdict


async def _calls(centre: CallCentre, number: str, enough: asyncio.Event) -> list[Calls]:
    """Callers until there were enough."""
    batches: list[Calls] = []
    while not enough.is_set():
        count = round(PER_S * _BATCH_S)
        batches.append(await centre.room.carrier.call(Caller(dnis=number), count=count, per_s=PER_S))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BATCH_S):
                await enough.wait()
    return batches


async def _cuts(
    centre: CallCentre, line: CutLine, dice: random.Random, times: int, verdict: Verdict, tell: Callable[[str], None]
) -> list[Blind]:
    """Give when the router saw nothing."""
    blind: list[Blind] = []
    ways: tuple[Way, ...] = ("to-asterisk", "from-asterisk")
    in_resync = False
    while verdict.cuts < times:
        way, resets = dice.choice(ways), dice.random() < 0.5
        after = dice.randint(0, (_RESYNC_BYTES if in_resync else _WORK_BYTES)[way])
        connections = line.connections + in_resync
        cut = line.cut(way, after, resets=resets, next_connection=in_resync)
        try:
            async with asyncio.timeout(_BACK_WITHIN_S if in_resync else _CUT_WITHIN_S):
                await cut.done.wait()
        except TimeoutError:
            raise TelephoneError(f"too little went {way} over the line: {cut.after} bytes more are to come") from None
        verdict.cuts += 1
        verdict.cuts_in_resync += in_resync
        verdict.to_asterisk += way == "to-asterisk"
        if not in_resync:
            cut_at, blind_from = time.monotonic(), time.time()
        if verdict.cuts % 25 == 0:
            tell(f"{verdict.cuts} cuts")
        in_resync = verdict.cuts < times and dice.random() < _IN_RESYNC
        if not in_resync:
            await _dialled_again(line, connections)
            await centre.until_ready(_BACK_WITHIN_S)
            verdict.blind_s = max(verdict.blind_s, round(time.monotonic() - cut_at, 2))
            blind.append((blind_from, time.time()))
    return blind


async def _dialled_again(line: CutLine, connections: int) -> None:
    async def so() -> bool:
        return line.connections > connections

    await poll("the router dials again", so, _BACK_WITHIN_S)


async def _judge(centre: CallCentre, batches: list[Calls], blind: list[Blind], verdict: Verdict, mark: int) -> None:
    for calls in batches:
        await calls.end(_SERVED_WITHIN_S)
    await asyncio.sleep(3)  # acd-after, and the last record on its way
    heard = centre.room.ami.events[mark:]
    arrived = {event["Contact"]: event for event in heard if event.get("UserEvent") == "AcdArrived"}
    talks = Counter(event["Contact"] for event in heard if event.get("UserEvent") == "AcdTalk")
    verdict.callers = len(arrived)
    verdict.lost = [contact for contact in arrived if not talks[contact]]
    verdict.served_twice = [contact for contact, often in talks.items() if often > 1]
    verdict.fell_back = [event["Contact"] for event in heard if event.get("UserEvent") == "AcdFallback"]
    verdict.double_legs = list(doubled(heard))
    verdict.waited_s = round(max(waits(heard), default=0.0), 2)
    missing: set[str] = set(arrived)

    async def billed() -> bool:
        missing.difference_update(story.contact_id for story in await centre.stories(0))
        return not missing

    try:
        await poll("every record", billed, 10)
    except AssertionError:
        verdict.without_record = sorted(missing)
    stories = await centre.stories(0)
    verdict.surplus_records = [story.contact_id for story in stories if story.contact_id not in arrived]
    untold = [story.contact_id for story in stories if not _tells(story)]
    verdict.not_answered = [contact for contact in untold if not _unseen(contact, heard, blind)]
    verdict.unseen = len(untold) - len(verdict.not_answered)
    verdict.agents_stuck = await _stuck(centre)
    verdict.legs_left = centre.room._channels()
    verdict.legs_left += [f"contact {item['contact_id']}" for item in await centre.contacts()]


async def _stuck(centre: CallCentre) -> list[str]:
    stuck: list[str] = []

    async def none() -> bool:
        _, said = await centre.get("/v1/agents")
        now = {agent["agent_id"]: (agent["status"], agent["work"], agent["reach"]) for agent in said["items"]}
        stuck[:] = [f"{name} {' '.join(now[name])}" for name in AGENTS if now[name] != _FREE]
        return not stuck

    with contextlib.suppress(AssertionError):
        await poll("every agent free", none, _FREE_WITHIN_S)
    return stuck


_FREE = ("READY", "idle", "REACHABLE")


def _tells(story: ContactStory) -> bool:
    return story.record is not None and story.record.outcome is Outcome.ANSWERED


def _unseen(contact: str, heard: Iterable[Message], blind: Iterable[Blind]) -> bool:
    """Whether the whole talk, up to the end of the caller's leg, was over before the line was back."""
    begun = [float(event["Timestamp"]) for event in heard if event.get("Contact") == contact and _is_talk(event)]
    ended = [
        float(event["Timestamp"])
        for event in heard
        if event["Event"] == "Hangup" and contact.endswith(event.get("Uniqueid", "?"))
    ]
    return any(
        from_at - _IN_FLIGHT_S <= min(begun) and max(ended) <= to_at for from_at, to_at in blind if begun and ended
    )


def _is_talk(event: Message) -> bool:
    return event.get("UserEvent") == "AcdTalk"


def doubled(heard: Iterable[Message]) -> Iterable[str]:
    """Agents' legs that appeared while another one for the same caller, or at the same phone, was alive."""
    alive: dict[str, str] = {}
    for event in heard:
        uniqueid, channel = event.get("Uniqueid", ""), event.get("Channel", "")
        phone = channel.removeprefix("PJSIP/").rpartition("-")[0]
        if phone not in AGENTS:
            continue
        if event["Event"] == "Newchannel":
            contact = uniqueid.rpartition(".")[0]
            for other, its_phone in alive.items():
                if its_phone == phone or other.rpartition(".")[0] == contact:
                    yield f"{uniqueid} at {phone} beside {other} at {its_phone}"
            alive[uniqueid] = phone
        elif event["Event"] == "Hangup":
            alive.pop(uniqueid, None)


def waits(heard: Iterable[Message]) -> Iterable[float]:
    """Seconds from each caller's arrival to their talk."""
    since: dict[str, float] = {}
    for event in heard:
        if event.get("UserEvent") == "AcdArrived":
            since[event["Contact"]] = float(event["Timestamp"])
        elif event.get("UserEvent") == "AcdTalk" and event["Contact"] in since:
            yield float(event["Timestamp"]) - since.pop(event["Contact"])


def story_of(centre: CallCentre, contact: str) -> str:
    """What Asterisk told of a contact, and what the router wrote, with every end and begin of its session."""
    uniqueid = contact.partition("-")[2]
    told = [event for event in centre.room.ami.events if uniqueid in event.get("Uniqueid", event.get("Contact", ""))]
    logged = [line for line in centre.log.read_text().splitlines() if contact in line or "AMI session" in line]
    return "\n".join((f"---- {contact}", *map(brief, told), *logged))

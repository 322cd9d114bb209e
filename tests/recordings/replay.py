"""Plays a recorded AMI stream to the router's own reader, and what it read to a real engine.

    python -m tests.recordings.replay [story ...]     writes <story>.expected.jsonl beside the recordings

Read what it wrote against the story before committing it: from then on it is what the reader must make of that stream.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from router.adapters.ami.parse import RING_ACTION, Malformed, Reading, observe
from router.adapters.ami.wire import Block, Framer, parse_block
from router.config.numbers import caller_number, e164
from router.domain.engine import Engine
from router.domain.ids import AgentId, CampaignName, Micros, QueueName
from router.domain.messages.commands import AgentProfile, Enrol, LogIn
from router.domain.messages.effects import Effect
from router.domain.messages.events import ContactEnded, Event, OfferClosed
from router.domain.messages.observations import Observation, Resynced
from router.domain.record import BillingRecord, OfferFact
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules

HERE = Path(__file__).parent
NODE = "recorded"
READING = Reading(
    node=NODE,
    caller_number=lambda shown, asserted: caller_number(shown, asserted, "DE"),
    dialled_number=lambda digits: e164("+" + digits, "DE") or e164(digits, "DE") or digits,
    clock=lambda: 0,  # every recorded event has Asterisk's own time; a zero in what was read is a fault
)


def recordings() -> list[Path]:
    return sorted(HERE.glob("*/*.ami"))


def expected_file(recording: Path) -> Path:
    return recording.with_suffix(".expected.jsonl")


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def in_pieces(data: bytes, seed: int) -> Iterator[bytes]:
    """Segments of random length, most of them small, as a busy network makes them."""
    dice, at = random.Random(seed), 0
    while at < len(data):
        size = dice.choice((1, 2, 3, 7, 64, 300, 1448))
        yield data[at : at + size]
        at += size


def blocks_of(chunks: Iterable[bytes]) -> Iterator[Block]:
    framer = Framer(1 << 20)
    for chunk in chunks:
        for raw in framer.feed(chunk):
            yield parse_block(raw)


def read(chunks: Iterable[bytes]) -> list[Observation | Malformed]:
    """What the router sees in the stream; answers to actions and their lists are the session's, not news."""
    seen = []
    for block in blocks_of(chunks):
        if not block.event or (block.get("actionid") and block.event != "OriginateResponse"):
            continue
        found = observe(_as_ours(block), READING)
        if found is not None:
            seen.append(found)
    return seen


def _as_ours(block: Block) -> Block:
    """The recorder numbers its actions; the router names an Originate after the offer, which is the leg's Uniqueid."""
    if block.event != "OriginateResponse":
        return block
    return Block({**block.first, "actionid": RING_ACTION + block["uniqueid"]}, block.repeated)


_LATER = ("data", "preferred")


def line(seen: Observation | Malformed) -> str:
    """What the dialplan did not tell yet when the stories were recorded is left out while it tells nothing."""
    fields = {name: value for name, value in asdict(seen).items() if value or name not in _LATER}
    return json.dumps({type(seen).__name__: fields}, ensure_ascii=False)


@dataclass
class Replay:
    """A real engine that hears a story: one campaign `shop`, the agents of the story, ready and reachable."""

    recording: Path
    agents: Sequence[str] = ()
    ring_us: Micros = 15_000_000
    max_wait_us: Micros = 600_000_000
    events: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        queue = QueueRules(
            name=QueueName("shop/orders"),
            campaign=CampaignName("shop"),
            need=Need.parse("de"),
            ring_us=self.ring_us,
            max_wait_us=self.max_wait_us,
            wrapup_us=0,
            exit_keys="0123456789*#",
        )
        campaign = CampaignRules(
            name=CampaignName("shop"), client="example-shop", dnis=("+493023125100",), entry=queue.name
        )
        rules = Rules(
            config_hash="recorded",
            campaigns={campaign.name: campaign},
            queues={queue.name: queue},
            pause_reasons={"": "break", "3": "training"},
        )
        self.engine = Engine(rules)
        self.seen = [seen for seen in read(whole(self.recording.read_bytes())) if not isinstance(seen, Malformed)]
        self.now: Micros = min((getattr(seen, "at", 0) for seen in self.seen), default=1) - 1
        for agent in self.agents:
            profile = AgentProfile(agent_id=AgentId(agent), endpoint=agent, skills={"de": 100})
            self.engine.handle(Enrol(profile=profile), self.now)
            self.engine.handle(LogIn(agent_id=AgentId(agent)), self.now)
        there = dict.fromkeys(self.agents, True)
        self.engine.handle(Resynced(node=NODE, legs=(), reachable=there, asked_at=self.now, at=self.now), self.now)

    def play(self) -> Replay:
        """Tell the engine everything at the time it was recorded, its own deadlines in between."""
        for seen in self.seen:
            self.now = max(self.now, getattr(seen, "at", self.now))
            self.engine.handle_timer(self.now)
            self.engine.handle(seen, self.now)
            events, effects = self.engine.drain()
            self.events += events
            self.effects += effects
        return self

    @property
    def records(self) -> list[BillingRecord]:
        return [event.record for event in self.events if isinstance(event, ContactEnded)]

    @property
    def offers(self) -> list[OfferFact]:
        return [event.fact for event in self.events if isinstance(event, OfferClosed)]


def main(names: Sequence[str]) -> int:
    for recording in recordings():
        if not names or recording.stem in names:
            lines = [line(seen) for seen in read(whole(recording.read_bytes()))]
            expected_file(recording).write_text("".join(f"{text}\n" for text in lines))
            print(f"{recording.stem}: {len(lines)} observations")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The engine beside its reference: a fault is found, told and shrunk; and stories of waiting, played by both."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from router.domain.benches.agent import Agent as EngineAgent
from router.domain.benches.queue import Queue
from router.domain.benches.row import Row
from router.domain.calls import owing
from router.domain.calls.owing import put_place
from router.domain.contacts.callback import Promise
from router.domain.contacts.contact import Contact
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, CampaignName, Micros, QueueName
from router.domain.lobby import reception
from router.domain.messages.commands import AgentProfile, Post
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, OverflowTarget, QueueRules, Ring, Rules, ToClosing, ToQueue
from tests.model.__main__ import main
from tests.model.both import Both
from tests.model.days import Day, differ, play
from tests.model.reference import Agent, Caller
from tests.model.shrink import shrunk
from tests.model.site import dialled

SEED = 1

# ---- faults ----


def only_the_first_row(row: Row, contact: Contact, now: Micros) -> EngineAgent | None:
    return row.queue.rows[0]._first_to_ask(contact, now)


def by_age_alone(queue: Queue, contact: Contact) -> tuple[int, Micros, int]:
    return 0, contact.arrived_at, contact.ordinal


def whoever_refused_too(row: Row, contact: Contact, now: Micros) -> EngineAgent | None:
    place = row.bench.first()
    return place and place[4]


def of_whomever(queue: Queue, facts: Mapping[str, str]) -> Queue:
    return Queue(queue.rules, whole=queue)


def sent_to_the_first(floor: Floor, contact: Contact, target: OverflowTarget, now: Micros) -> str:
    return ""


def at_the_end_of_the_line(floor: Floor, promise: Promise) -> Contact:
    place = put_place(floor, promise)
    place.arrived_at = promise.asked_at
    return place


def found(steps: int = 400) -> Day | None:
    """The first day that differs, of a few short ones."""
    return next((day for number in range(6) if (day := play(SEED, number, range(steps))).difference is not None), None)


def test_the_engine_as_it_is_does_not_differ() -> None:
    day = play(SEED, 0, range(400))
    assert (day.difference, day.steps) == (None, 400)


@pytest.mark.parametrize(
    ("where", "what", "fault"),
    [
        (Row, "best_for", only_the_first_row),
        (Queue, "line_key", by_age_alone),
        (Row, "_first_to_ask", whoever_refused_too),
        (Queue, "line_of", of_whomever),
        (reception, "refused", sent_to_the_first),
        (owing, "put_place", at_the_end_of_the_line),
    ],
)
def test_a_fault_in_the_engine_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, what: str, fault: Callable[..., Any]
) -> None:
    monkeypatch.setattr(where, what, fault)
    assert found() is not None


def test_a_difference_is_shrunk_and_can_be_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Row, "best_for", only_the_first_row)
    day = found()
    assert day is not None
    assert day.difference is not None
    fewer = shrunk(day, SEED, within_s=3)
    assert len(fewer.played) <= len(day.played)
    again = play(SEED, day.number, fewer.played)
    assert again.difference is not None
    assert again.difference.why == day.difference.why


def test_the_same_seed_is_the_same_run() -> None:
    one, same, other = play(7, 0, range(150)), play(7, 0, range(150)), play(8, 0, range(150))
    assert one.digest == same.digest
    assert one.digest != other.digest


def test_the_program_says_what_it_saw(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--steps", "100"]) == 0
    assert capsys.readouterr().out.endswith("steps 100 differences 0\n")
    monkeypatch.setattr(Queue, "line_key", by_age_alone)
    assert main(["--steps", "400", "--tell", "0"]) == 1
    said = capsys.readouterr()
    assert said.out.endswith("differences 1\n")
    assert "again: python -m tests.model --seed 1 --day 0" in said.err


# ---- stories ----

RED, BLUE = CampaignName("red"), CampaignName("blue")
RED_0, BLUE_0 = QueueName("red/0"), QueueName("blue/0")
HOUR_US = 3600 * SECOND


def two_lines(blue_priority: int = 0, **red: Any) -> Rules:
    """Red asks for `red`, blue for `blue`; a point is worth a minute."""
    asked = {"need": Need.parse("red"), "wrapup_us": 0, "max_wait_us": HOUR_US, "overflow": (ToClosing(),), **red}
    queues = (
        QueueRules(name=RED_0, campaign=RED, **asked),
        QueueRules(
            name=BLUE_0,
            campaign=BLUE,
            need=Need.parse("blue"),
            priority=blue_priority,
            wrapup_us=0,
            max_wait_us=HOUR_US,
            strict=bool(red.get("strict")),
        ),
    )
    entries = {RED: RED_0, BLUE: BLUE_0}
    campaigns = {
        name: CampaignRules(name=name, client=name, dnis=(dialled(name),), entry=entry)
        for name, entry in entries.items()
    }
    return Rules(config_hash="story", campaigns=campaigns, queues={queue.name: queue for queue in queues})


class Story(Both):
    """Both, and both must say the same whenever they are asked."""

    def joins(self, skills: str, **profile: Any) -> Agent:
        name = AgentId(self.name("a"))
        held = dict.fromkeys(skills.split(), 100)
        self.enrols(AgentProfile(agent_id=name, endpoint=name, skills=held, **profile))
        agent = self.model.agents[-1]
        self.phone(agent, True)
        self.status(agent, "log in")
        self.let_pass(SECOND)
        return agent

    def calls(self, campaign: CampaignName, **data: str) -> Caller:
        self.arrives(campaign, 0, **data)
        caller = self.model.callers[-1]
        self.let_pass(SECOND // 10)
        return caller

    def rung_for(self, caller: Caller) -> list[Agent]:
        assert differ(self) is None
        return [ring.agent for ring in caller.live]

    def talks(self, caller: Caller) -> Agent:
        ring = caller.live[0]
        self.takes(ring)
        return ring.agent


def served_before(story: Story, agent: Agent, first: Caller, each_us: Micros) -> int:
    """A blue caller comes for every talk there is; how many of them are served before `first` is."""
    for served in range(100):
        story.calls(BLUE)
        story.let_pass(each_us)
        story.talk_ends(agent)
        if story.rung_for(first):
            return served
        (rung,) = [caller for caller in story.model.callers if caller.state == "rung"]
        story.talks(rung)
    return 100


def test_who_waits_is_not_overtaken_for_longer_than_a_point_is_worth() -> None:
    story = Story(two_lines(blue_priority=3))
    agent = story.joins("red blue")
    story.talks(story.calls(BLUE))
    waits = story.calls(RED)
    overtaken = served_before(story, agent, waits, 20 * SECOND)
    assert overtaken == 9, "three points are worth three minutes, and each talk takes twenty seconds"


def test_where_priority_is_strict_the_others_starve_until_their_longest_wait_is_over() -> None:
    story = Story(two_lines(blue_priority=1, strict=True, max_wait_us=1000 * SECOND))
    agent = story.joins("red blue")
    story.talks(story.calls(BLUE))
    waits = story.calls(RED)
    assert served_before(story, agent, waits, 20 * SECOND) == 100
    assert waits.state == "leaving"


def test_an_agent_who_puts_another_line_first_starves_nobody_who_has_somebody_else() -> None:
    story = Story(two_lines())
    loyal = story.joins("red blue", posts={BLUE_0: Post(priority=9)})
    story.talks(story.calls(BLUE))
    waits, later = story.calls(RED), story.calls(BLUE)
    story.talk_ends(loyal)
    assert (story.rung_for(waits), story.rung_for(later)) == ([], [loyal])
    other = story.joins("red")
    assert story.rung_for(waits) == [other]


def test_a_caller_nobody_can_serve_does_not_block_who_came_later_to_another_line() -> None:
    story = Story(two_lines())
    blue = story.joins("blue")
    first, second = story.calls(RED), story.calls(BLUE)
    assert (story.rung_for(first), story.rung_for(second)) == ([], [blue])


def test_who_was_refused_lets_the_next_in_the_same_line_pass_and_keeps_their_place() -> None:
    story = Story(two_lines())
    agent = story.joins("red")
    first = story.calls(RED)
    story.leg_ends(first.live[0], "rejected")
    second = story.calls(RED)
    assert (story.rung_for(first), story.rung_for(second)) == ([], [agent])
    other = story.joins("red")
    assert story.rung_for(first) == [other]


def test_who_waits_for_a_ring_to_open_blocks_nobody_whom_the_agent_may_take_now() -> None:
    story = Story(two_lines(rings=(Ring(after_us=60 * SECOND, need=Need.parse("blue")),)))
    able = story.joins("red")
    story.talks(story.calls(RED))
    first = story.calls(RED)
    wider = story.joins("blue")
    second = story.calls(BLUE)
    assert (story.rung_for(first), story.rung_for(second)) == ([], [wider])
    story.talk_ends(able)
    assert story.rung_for(first) == [able]


def test_among_two_hundred_who_cannot_be_served_the_one_who_can_is_found() -> None:
    story = Story(two_lines())
    for _ in range(200):
        story.calls(RED)
    last = story.calls(BLUE)
    agent = story.joins("blue")
    assert story.rung_for(last) == [agent]


def test_of_two_who_wait_the_later_goes_first_to_who_speaks_their_language_alone() -> None:
    story = Story(two_lines(need=Need.parse("red and $language >= 60")))
    french = story.joins("red fr")
    story.talks(story.calls(RED, language="fr"))
    german, second = story.calls(RED, language="de"), story.calls(RED, language="FR")
    story.talk_ends(french)
    assert (story.rung_for(german), story.rung_for(second)) == ([], [french])
    native = story.joins("red de")
    assert story.rung_for(german) == [native]


def test_who_has_to_go_on_passes_a_full_line_by_and_never_takes_its_way_out() -> None:
    rules = two_lines(max_wait_us=60 * SECOND, overflow=(ToQueue(queue=BLUE_0), ToClosing()))
    blue = replace(rules.queues[BLUE_0], max_waiting=1, overflow=(ToQueue(queue=RED_0),))
    story = Story(replace(rules, queues={**rules.queues, BLUE_0: blue}))
    waits, goes = story.calls(BLUE), story.calls(RED)
    story.let_pass(61 * SECOND)
    assert (waits.state, goes.state) == ("line", "leaving")
    assert story.rung_for(goes) == []

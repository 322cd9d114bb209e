"""Everybody asked at once answers as each asked alone, whoever came, changed or left in between."""

from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.benches.agent import Agent
from router.domain.benches.queue import Queue
from router.domain.ids import SECOND, AgentId, CampaignName, QueueName
from router.domain.messages.commands import AgentProfile, Post
from router.domain.rulebook.census import Census
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import QueueRules, Ring

NAMES = ("de", "en", "orders")
LEVELS = st.integers(0, 100)
SKILLS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from((0, 1, 39, 40, 41, 99, 100)), max_size=3)
HELD = st.sampled_from(NAMES)
COMPARED = st.tuples(
    HELD, st.sampled_from(("", ">= 40", "<= 40", "> 40", "< 40", "= 40", "!= 40", "= 100", "!= 0", "<= 100"))
)
ATOMS = COMPARED.map(lambda pair: " ".join(pair)) | st.sampled_from(('$vip = "yes"', "$language >= 40", '$x ^= "a"'))
TEXTS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(lambda parts: f"({' '.join(parts)})"),
    ),
    max_leaves=8,
)
FACTS = st.sampled_from(({}, {"vip": "yes"}, {"language": "DE", "$language": "de", "x": "ab"}))


def somebody(number: int, skills: dict[str, int], delay_s: int = 0) -> Agent:
    name = AgentId(f"agent-{number}")
    posts = {"shop/orders": Post(delay_us=delay_s * SECOND)} if delay_s else {}
    return Agent(
        agent_id=name, profile=AgentProfile(agent_id=name, endpoint=name, skills=skills, posts=posts), ordinal=number
    )


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, crowd=st.lists(SKILLS, max_size=6), facts=FACTS)
def test_a_set_of_agents_is_those_who_match_one_by_one(
    text: str, crowd: list[dict[str, int]], facts: dict[str, str]
) -> None:
    census, need = Census(), Need.parse(text).bind(facts)
    agents = [somebody(number, skills) for number, skills in enumerate(crowd)]
    for agent in agents:
        census.count(agent)
    assert list(census.agents(need.among(census))) == [each for each in agents if need.matches(each.profile.skills)]


@settings(max_examples=100, deadline=None)
@given(
    needs=st.lists(TEXTS, min_size=1, max_size=4),
    crowd=st.lists(st.tuples(SKILLS, SKILLS, st.booleans(), st.sampled_from((0, 0, 10, 15))), max_size=6),
)
def test_rows_are_the_same_all_at_once_whoever_changed_or_left(
    needs: list[str], crowd: list[tuple[dict[str, int], dict[str, int], bool, int]]
) -> None:
    census, there = Census(), []
    for number, (before, after, stays, delay_s) in enumerate(crowd):
        agent = somebody(number, before, delay_s)
        census.count(agent)
        if stays:
            agent.profile = somebody(number, after, delay_s).profile
            census.count(agent)
            there.append(agent)
        else:
            census.forget(agent)
    rings = tuple(Ring(after_us=10 * step * SECOND, need=Need.parse(text)) for step, text in enumerate(needs) if step)
    rules = QueueRules(
        name=QueueName("shop/orders"), campaign=CampaignName("shop"), need=Need.parse(needs[0]), rings=rings
    )
    queue = Queue(rules, {15 * SECOND})
    found = {agent.agent_id: row for row, agent in queue.members(census)}
    alone = {agent.agent_id: row for agent in there if (row := queue.row_of(agent)) is not None}
    assert found == alone


def test_a_skill_is_new_once() -> None:
    census = Census()
    agent = somebody(1, {"de": 0})
    assert census.count(agent) == ("de",)
    assert census.count(agent) == ()
    census.forget(agent)
    assert census.everybody == 0
    assert census.count(somebody(2, {"de": 50, "en": 1})) == ("en",)
    assert census.knows("de")
    assert not census.knows("fr")

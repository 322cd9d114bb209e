"""One random step: some time, then one thing that happens to somebody. All of it comes from the step's own dice.

A step chooses among those who are there (in the reference's eyes), so it can be played after any others: a run that
ended in a difference is shrunk by leaving steps out. Who is to be chosen and is not there: only the time passes.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from router.domain.ids import SECOND, AgentId
from tests.model import site
from tests.model.both import Both
from tests.model.reference import Agent, Caller, Ring

Deed = Callable[[Both, Random], bool]
T = TypeVar("T")
MOST_WAITING = (3, 8, 20, 60)
"On a day; agents idle on some, and nobody does on others."
MOST_AGENTS = 40
FEWEST_AGENTS = 5
_WAITS = ("line", "rung", "overdue")


def begin(dice: Random) -> Both:
    """A site in the morning: nobody waits, and most are logged in."""
    both = Both(site.rules(dice, 0), most_waiting=dice.choice(MOST_WAITING))
    for _ in range(dice.randrange(FEWEST_AGENTS, 25)):
        _newcomer(both, dice)
    return both


def play(both: Both, dice: Random) -> str:
    """Do one step; what kind it was, or empty when there was nobody to do it to."""
    both.let_pass(_gap(dice))
    kind = dice.choices(KINDS, _WEIGHTS)[0]
    acted = _DEEDS[kind][1](both, dice)
    for caller in [caller for caller in both.model.callers if caller.state == "leaving"]:
        both.let_pass(dice.randrange(1, 1000))
        both.hangs_up(caller)
    return kind if acted else ""


def _gap(dice: Random) -> int:
    longest_s = dice.choices((0.3, 1.0, 4.0), (70, 25, 5))[0]
    return dice.randrange(1, int(longest_s * SECOND))


def _one(dice: Random, people: Sequence[T]) -> T | None:
    return dice.choice(people) if people else None


def _any_agent(
    doing: Callable[[Both, Random, Agent], None], able: Callable[[Agent], bool] = lambda agent: True
) -> Deed:
    def deed(both: Both, dice: Random) -> bool:
        agent = _one(dice, [agent for agent in both.model.agents if able(agent)])
        if agent is not None:
            doing(both, dice, agent)
        return agent is not None

    return deed


def _any_caller(
    doing: Callable[[Both, Random, Caller], None],
    *states: str,
    able: Callable[[Caller], bool] = lambda caller: not caller.place,
) -> Deed:
    def deed(both: Both, dice: Random) -> bool:
        caller = _one(dice, [caller for caller in both.model.callers if caller.state in states and able(caller)])
        if caller is not None:
            doing(both, dice, caller)
        return caller is not None

    return deed


def _any_ring(doing: Callable[[Both, Random, Ring], None], *, given_up: bool = False) -> Deed:
    def deed(both: Both, dice: Random) -> bool:
        ring = _one(dice, [ring for ring in both.model.rings if ring.given_up is given_up])
        if ring is not None:
            doing(both, dice, ring)
        return ring is not None

    return deed


# ---- agents ----


def _newcomer(both: Both, dice: Random) -> bool:
    known = {agent.name for agent in both.model.agents}
    unknown = [name for number in range(MOST_AGENTS) if (name := f"a{number:02}") not in known]
    if not unknown:
        return False
    both.enrols(site.profile(dice, AgentId(dice.choice(unknown))))
    agent = both.model.agents[-1]
    both.let_pass(dice.randrange(1, SECOND))
    both.phone(agent, dice.random() < 0.9)
    both.status(agent, "log in")
    return True


def _enrolled(both: Both, dice: Random, agent: Agent) -> None:
    both.enrols(site.profile(dice, AgentId(agent.name)))


def _leaves_for_good(both: Both, dice: Random) -> bool:
    if len(both.model.agents) <= FEWEST_AGENTS:
        return False
    both.dismisses(dice.choice(both.model.agents))
    return True


def _phones(both: Both, dice: Random) -> bool:
    there = dice.choice((0.0, 0.6, 1.0, 1.0, 1.0))
    both.phones({agent.name: dice.random() < there for agent in both.model.agents})
    return True


def _private_ends(both: Both, dice: Random) -> bool:
    leg = _one(dice, [leg for agent in both.model.agents for leg in agent.private])
    if leg is not None:
        both.private_ends(leg)
    return leg is not None


def _in_talk(agent: Agent) -> bool:
    return agent.talk is not None and not agent.talk.over


def _transfers(both: Both, dice: Random, agent: Agent) -> None:
    both.transfers(agent, dice.choice(list(both.model.rules.campaigns)))


# ---- callers, rules, time ----


def _arrives(both: Both, dice: Random) -> bool:
    if sum(caller.state != "talks" for caller in both.model.callers) >= both.most_waiting:
        return False
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        late_us = dice.choice((0, dice.randrange(3 * SECOND)))
        campaign, number = dice.choice(list(both.model.rules.campaigns)), dice.choice((*site.NUMBERS, "own"))
        number = site.own_number(dice) if number == "own" else number
        both.arrives(campaign, late_us, number, **site.data(dice))
        both.let_pass(dice.randrange(1, SECOND // 10))
    return True


def _points(both: Both, dice: Random, caller: Caller) -> None:
    both.prioritises(caller, dice.randrange(-2, 6))


def _may_ask(caller: Caller) -> bool:
    """Who is known by their number alone, and to whom no agent has said yes."""
    is_own = caller.told["caller.number"].startswith(site.OWN)
    return is_own and not caller.named and not any(ring.accepted for ring in caller.live)


def _picks_up(both: Both, dice: Random) -> bool:
    """Whose phone rings; whoever is there for them talks at once, or a moment later."""
    promise = _one(dice, [promise for promise in both.model.promises if promise.state == "calling"])
    if promise is None or promise.place is None:
        return False
    both.picks_up(promise.place)
    ring = next((ring for ring in promise.place.live if ring.accepted), None)
    if ring is not None and dice.random() < 0.8:
        both.takes(ring)
    return True


def _not_reached(both: Both, dice: Random) -> bool:
    promise = _one(dice, [promise for promise in both.model.promises if promise.state == "calling"])
    if promise is not None:
        both.is_not_reached(promise)
    return promise is not None


def _reload(both: Both, dice: Random) -> bool:
    both.configures(site.rules(dice, dice.randrange(10**9)))
    return True


def _time(both: Both, dice: Random) -> bool:
    both.let_pass(site.some_us(dice, 3, 40))
    return True


def _asks(what: str) -> Deed:
    return _any_agent(lambda both, dice, agent: both.status(agent, what))


_DEEDS: dict[str, tuple[float, Deed]] = {
    "callers arrive": (16, _arrives),
    "a caller hangs up": (3, _any_caller(lambda both, dice, one: both.hangs_up(one), "line", "rung", "overdue")),
    "a caller presses a key": (1, _any_caller(lambda both, dice, one: both.keys(one), "line", "rung")),
    "a caller asks to be called": (4, _any_caller(lambda both, dice, one: both.asks(one), *_WAITS, able=_may_ask)),
    "somebody picks up": (6, _picks_up),
    "somebody is not reached": (4, _not_reached),
    "a caller is let go": (0.5, _any_caller(lambda both, dice, one: both.lets_go(one), "line", "rung")),
    "points": (4, _any_caller(_points, "line", "rung", able=lambda one: True)),
    "log in": (5, _asks("log in")),
    "log out": (2.5, _asks("log out")),
    "pause": (2, _asks("pause")),
    "unpause": (8, _asks("unpause")),
    "a newcomer": (0.7, _newcomer),
    "other skills or posts": (2, _any_agent(_enrolled)),
    "an agent leaves for good": (0.5, _leaves_for_good),
    "a shift is planned": (3, _any_agent(lambda both, dice, one: both.entitles(one, site.entitlement(dice, both.now)))),
    "a phone is lost": (1, _any_agent(lambda both, dice, one: both.phone(one, False))),
    "a phone is back": (3, _any_agent(lambda both, dice, one: both.phone(one, True), lambda one: not one.reachable)),
    "all phones": (0.7, _phones),
    "a private call": (1, _any_agent(lambda both, dice, one: both.private_begins(one))),
    "a private call ends": (3, _private_ends),
    "a phone rings": (10, _any_ring(lambda both, dice, one: both.rings(one))),
    "a ring is taken": (11, _any_ring(lambda both, dice, one: both.takes(one))),
    "picked up, no talk yet": (1, _any_ring(lambda both, dice, one: both.answers(one))),
    "declined": (1, _any_ring(lambda both, dice, one: both.declines(one))),
    "rejected": (3, _any_ring(lambda both, dice, one: both.leg_ends(one, "rejected"))),
    "busy": (1.5, _any_ring(lambda both, dice, one: both.leg_ends(one, "busy"))),
    "stopped ringing": (1, _any_ring(lambda both, dice, one: both.leg_ends(one, "missed"))),
    "not registered": (1, _any_ring(lambda both, dice, one: both.leg_ends(one, "unregistered"))),
    "a leg ends late": (5, _any_ring(lambda both, dice, one: both.leg_ends(one, "missed"), given_up=True)),
    "the agent hangs up": (8, _any_agent(lambda both, dice, one: both.talk_ends(one), _in_talk)),
    "the caller hangs up": (4, _any_caller(lambda both, dice, one: both.hangs_up(one), "talks")),
    "a transfer": (1, _any_agent(_transfers, _in_talk)),
    "wrap-up is over": (2, _any_agent(lambda both, dice, one: both.finishes(one), lambda one: one.talk is not None)),
    "a reload": (1.7, _reload),
    "time passes": (2, _time),
}
KINDS = list(_DEEDS)
_WEIGHTS = [weight for weight, _ in _DEEDS.values()]

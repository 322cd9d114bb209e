"""Erlang B, C and A against published tables, and against a second way to the same numbers.

The second way knows none of the formulas: it balances a chain of states (so many callers are here) neighbour against
neighbour, and then follows one caller through the line, step by step. The published figures are rounded, the second way
is not: there the two agree to a thousand-millionth.
"""

from dataclasses import dataclass
from math import exp, inf, isfinite, nan

import pytest

from router.simulation.erlang import ErlangA, ErlangC, erlang_b

LINES = [
    # agents, calls an hour, handle time, patience
    (1, 10.0, 180.0, 60.0),
    (5, 80.0, 180.0, 90.0),
    (5, 160.0, 180.0, 60.0),  # 8 erlang for 5 agents
    (14, 200.0, 180.0, 120.0),
    (50, 2880.0, 60.0, 120.0),
    (40, 300.0, 240.0, 30.0),
    (3, 0.5, 30.0, 600.0),
]


@dataclass
class Chain:
    """Up to `longest` callers in the line; whoever comes then is not there (with a chance too small to matter)."""

    agents: int
    arrive: float
    free: float
    "Rate at which one busy agent becomes free."
    give_up: float
    longest: int = 500

    def stationary(self) -> list[float]:
        states = self.agents + self.longest + 1
        up = [self.arrive] * (states - 1)
        down = [min(n, self.agents) * self.free + max(0, n - self.agents) * self.give_up for n in range(1, states)]
        weights = [1.0]  # what goes up from a state comes down to it
        for n in range(states - 1):
            weights.append(weights[-1] * up[n] / down[n])
            if weights[-1] > 1e100:
                weights = [weight / 1e100 for weight in weights]
        whole = sum(weights)
        return [weight / whole for weight in weights]

    def found(self) -> tuple[float, list[float]]:
        """The chance of a free agent, and of so many in the line when all are busy."""
        chances = self.stationary()
        return sum(chances[: self.agents]), chances[self.agents :]

    def moves(self, ahead: int) -> float:
        """Rate at which somebody before our caller is served or gives up."""
        return self.agents * self.free + ahead * self.give_up

    def after(self, seconds: float, *, patient: bool) -> list[float]:
        """The chance that a caller is in the line still, with so many ahead (uniformized)."""
        _, chances = self.found()
        own = 0.0 if patient else self.give_up
        fastest = self.moves(self.longest) + own
        jumps = fastest * seconds
        result = chances
        for _ in range(2):  # in two halves: e^-jumps may be too small for a float
            poisson, total, now, step = exp(-jumps / 2), 0.0, result, 0
            result = [0.0] * len(now)
            while total < 1.0 - 1e-15 and step < 100_000:
                result = [one + poisson * more for one, more in zip(result, now, strict=True)]
                total += poisson
                step += 1
                poisson *= jumps / 2 / step
                stays = [now[j] * (1.0 - (self.moves(j) + own) / fastest) for j in range(len(now))]
                comes = [now[j + 1] * self.moves(j + 1) / fastest for j in range(len(now) - 1)] + [0.0]
                now = [a + b for a, b in zip(stays, comes, strict=True)]
        return result

    def served_from(self) -> tuple[list[float], list[float]]:
        """For so many ahead: the chance to be served, and the mean wait if served times that chance."""
        chance, wait = [], []
        before, before_wait = 1.0, 0.0
        for ahead in range(self.longest + 1):
            leaves = self.moves(ahead) + self.give_up
            served = self.moves(ahead) / leaves * before
            before_wait = self.moves(ahead) / leaves * before_wait + served / leaves
            before = served
            chance.append(served)
            wait.append(before_wait)
        return chance, wait


def of(agents: int, calls_per_hour: float, handle_s: float, patience_s: float) -> tuple[ErlangA, Chain]:
    line = ErlangA(agents=agents, calls_per_hour=calls_per_hour, handle_s=handle_s, patience_s=patience_s)
    return line, Chain(agents, calls_per_hour / 3600.0, 1.0 / handle_s, 1.0 / patience_s)


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


# ---- published ----


@pytest.mark.parametrize(("agents", "load"), [(5, 1.361), (10, 4.461), (20, 12.03), (50, 37.90), (100, 84.06)])
def test_erlang_b_is_the_table_of_one_call_lost_in_a_hundred(agents: int, load: float) -> None:
    assert erlang_b(load, agents) == pytest.approx(0.01, rel=0.005)


def test_erlang_c_is_the_example_of_55_agents() -> None:
    """360 calls a half hour of 4 minutes each; answered within 15 s: a worked example printed in many places."""
    line = ErlangC(agents=55, calls_per_hour=720, handle_s=240)
    assert line.load_erlang == 48
    assert line.occupancy == pytest.approx(0.873, abs=0.0005)
    assert line.waits == pytest.approx(0.239, abs=0.0005)
    assert line.asa_s == pytest.approx(8.2, abs=0.05)
    assert line.answered_within(15) == pytest.approx(0.846, abs=0.0005)


def test_erlang_c_is_the_example_of_14_agents() -> None:
    """100 calls a half hour of 3 minutes each; answered within 20 s: the example of many an introduction."""
    line = ErlangC(agents=14, calls_per_hour=200, handle_s=180)
    assert line.waits == pytest.approx(0.174, abs=0.0005)
    assert line.answered_within(20) == pytest.approx(0.888, abs=0.0005)
    assert line.asa_s == pytest.approx(7.8, abs=0.05)


def test_a_little_impatience_changes_everything() -> None:
    """48 calls a minute of a minute each for 50 agents, patient or with a mean patience of 2 minutes: the comparison
    of Garnett, Mandelbaum and Reiman (2002): 20.8 s, nine in ten within 58.1 s; against 3.1 % gone, 3.7 s, 12.5 s.
    """
    patient = ErlangC(agents=50, calls_per_hour=2880, handle_s=60)
    assert patient.asa_s == pytest.approx(20.8, abs=0.05)
    assert patient.waits_longer(58.1) == pytest.approx(0.1, abs=0.0005)
    assert patient.occupancy == pytest.approx(0.96)
    line = ErlangA(agents=50, calls_per_hour=2880, handle_s=60, patience_s=120)
    assert line.abandoned == pytest.approx(0.031, abs=0.0005)
    assert line.mean_wait_s == pytest.approx(3.7, abs=0.05)
    assert line.waits_longer(12.5) == pytest.approx(0.1, abs=0.002)
    assert line.occupancy == pytest.approx(0.93, abs=0.005)


# ---- the second way ----


@pytest.mark.parametrize("case", LINES)
def test_erlang_a_is_the_chain_solved_state_by_state(case: tuple[int, float, float, float]) -> None:
    line, chain = of(*case)
    free, found = chain.found()
    served, wait = chain.served_from()
    gives_up = sum(chance * (1.0 - s) for chance, s in zip(found, served, strict=True))
    in_line = sum(chance * length for length, chance in enumerate(found))

    assert line.waits == close(1.0 - free)
    assert line.abandoned == close(gives_up)
    assert line.mean_wait_s == close(in_line / chain.arrive)
    answered_wait = sum(chance * w for chance, w in zip(found, wait, strict=True))
    assert line.asa_s == close(answered_wait / (1.0 - gives_up))
    assert line.occupancy == close(line.load_erlang * (1.0 - gives_up) / line.agents)


@pytest.mark.parametrize("case", LINES[:4])
@pytest.mark.parametrize("seconds", [0.0, 5.0, 40.0])
def test_waits_are_those_of_a_caller_followed_through_the_line(
    case: tuple[int, float, float, float], seconds: float
) -> None:
    line, chain = of(*case)
    chain.longest = 150
    still = chain.after(seconds, patient=False)
    served, _ = chain.served_from()
    answered_later = sum(chance * s for chance, s in zip(still, served, strict=True))
    offered_later = sum(chain.after(seconds, patient=True))

    assert line.waits_longer(seconds) == close(sum(still))
    assert line.served_within(seconds) == close(1.0 - sum(still))
    assert line.answered_within(seconds) == close(1.0 - answered_later / (1.0 - line.abandoned))
    assert line.waits_longer(seconds) == close(offered_later * exp(-seconds / line.patience_s))


def test_erlang_b_and_c_are_the_chain_too() -> None:
    chain = Chain(14, 200 / 3600, 1 / 180, 0.0, longest=2000)
    free, found = chain.found()
    line = ErlangC(agents=14, calls_per_hour=200, handle_s=180)
    assert line.waits == close(1.0 - free)
    assert line.mean_wait_s == close(sum(n * chance for n, chance in enumerate(found)) / chain.arrive)
    assert erlang_b(10.0, 14) == close(Chain(14, 200 / 3600, 1 / 180, 1.0, longest=0).stationary()[14])


# ---- ends of the range ----


def test_endless_patience_is_erlang_c() -> None:
    patient = ErlangC(agents=14, calls_per_hour=200, handle_s=180)
    line = ErlangA(agents=14, calls_per_hour=200, handle_s=180, patience_s=1e6)
    assert line.asa_s == pytest.approx(patient.asa_s, rel=1e-3)
    assert line.answered_within(20) == pytest.approx(patient.answered_within(20), rel=1e-4)


def test_as_much_work_as_agents_or_more_is_a_line_without_end() -> None:
    for calls in (200.0, 400.0):
        line = ErlangC(agents=10, calls_per_hour=calls, handle_s=180)
        assert line.overloaded
        assert (line.waits, line.asa_s, line.occupancy) == (1.0, inf, 1.0)
        assert line.answered_within(1e6) == 0.0
    assert not ErlangC(agents=11, calls_per_hour=200, handle_s=180).overloaded


def test_far_too_much_work_drives_away_whom_nobody_can_serve() -> None:
    line = ErlangA(agents=1000, calls_per_hour=288_000, handle_s=60, patience_s=10_000)  # 4800 erlang
    assert line.abandoned == pytest.approx(1.0 - 1000 / 4800, rel=1e-9)
    assert line.occupancy == pytest.approx(1.0)
    # All who are served have waited until only a thousand in 4800 are left: about ln 4.8 patiences.
    assert line.answered_within(15_000) < 0.01
    assert line.answered_within(16_500) > 0.99


@pytest.mark.parametrize("agents", [1, 10, 5000])
def test_nobody_calls(agents: int) -> None:
    line = ErlangA(agents=agents, calls_per_hour=0, handle_s=180, patience_s=60)
    assert (line.waits, line.mean_wait_s, line.abandoned, line.occupancy) == (0.0, 0.0, 0.0, 0.0)
    assert line.answered_within(0) == line.served_within(0) == 1.0
    assert ErlangC(agents=agents, calls_per_hour=0, handle_s=180).waits == 0.0
    assert erlang_b(0, agents) == 0.0
    assert erlang_b(0, 0) == erlang_b(5, 0) == 1.0


def test_more_agents_never_wait_longer_and_shares_stay_shares() -> None:
    longer = inf
    for agents in range(1, 60):
        line = ErlangA(agents=agents, calls_per_hour=300, handle_s=240, patience_s=45)
        shares = (line.waits, line.abandoned, line.occupancy, line.waits_longer(20), line.answered_within(20))
        assert all(0.0 <= share <= 1.0 for share in shares)
        assert line.mean_wait_s < longer
        assert line.asa_s <= line.mean_wait_s * 1.0000001 or line.abandoned > 0
        longer = line.mean_wait_s


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"agents": 0}, "agents"),
        ({"agents": 10**9}, "agents"),
        ({"calls_per_hour": -1.0}, "calls_per_hour"),
        ({"calls_per_hour": nan}, "calls_per_hour"),
        ({"handle_s": 0.0}, "handle_s"),
        ({"handle_s": inf}, "handle_s"),
        ({"patience_s": 0.0}, "patience_s"),
        ({"patience_s": 1e300}, "patience_s"),
        ({"calls_per_hour": 1e8, "patience_s": 1e6}, "leave the patience out"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(wrong: dict[str, float], word: str) -> None:
    given: dict[str, float] = {"agents": 10, "calls_per_hour": 100.0, "handle_s": 180.0, "patience_s": 60.0}
    with pytest.raises(ValueError, match=word):
        ErlangA(**{**given, **wrong})  # type: ignore[arg-type]


def test_the_smallest_of_inputs_ends_too() -> None:
    line = ErlangA(agents=3, calls_per_hour=1e-300, handle_s=1e-3, patience_s=1e-3)
    assert isfinite(line.asa_s)
    with pytest.raises(ValueError, match="0 seconds"):
        line.waits_longer(-1.0)
    with pytest.raises(ValueError, match="load_erlang"):
        erlang_b(inf, 3)

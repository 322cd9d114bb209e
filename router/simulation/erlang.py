"""What queueing theory says of a pool of agents who can all do the same work: Erlang B, C and A.

Callers come at random (Poisson), talks and patience are exponential, nobody is ever turned away for lack of room, and
the first in line goes first. It is the long run of an hour that never changes, so a real day agrees with it only as
far as it is like that; beside a played day it tells whether the play can be believed.

    B   no line at all: who finds every agent busy is gone
    C   everybody waits for ever (M/M/n); load at or above the number of agents makes a line without end
    A   who waits longer than their patience hangs up (M/M/n+M); no load is too much

Rule 1: every sum has positive terms only and is scaled as it grows, so nothing cancels and nothing overflows.
Rule 2: times are seconds, loads are erlangs (calls a second x seconds an agent spends on each), shares are 0 to 1.
Rule 3: service level is always of one formula: of those answered, or of everybody who came (see the methods).

Sources: A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic telephone
exchanges" (1917); I. Angus, "An introduction to Erlang B and Erlang C", Telemanagement 187 (2001); N. Gans, G. Koole,
A. Mandelbaum, "Telephone call centers: tutorial, review, and research prospects", M&SOM 5 (2003), chapter 4; A.
Mandelbaum, S. Zeltyn, "The Palm/Erlang-A queue, with applications to call centers" (2005); F. Baccelli, G. Hebuterne,
"On queues with impatient customers" (1981), for how long an offered wait is.
"""

from dataclasses import dataclass, field
from math import exp, expm1, inf, isfinite, log, sqrt

MOST_AGENTS = 1_000_000
LONGEST_S = 1e6
"Eleven days: of talks and of patience. Whoever is more patient than that may be called patient for ever."
_SMALL = 1e-18
"A term this small against the sum does not change it any more."
_HUGE = 1e200
_MOST_LENGTHS = 2_000_000
"Callers in the line that are looked at, one by one."


def erlang_b(load_erlang: float, agents: int) -> float:
    """The share of callers who find all agents busy when nobody can wait. By the recursion over agents."""
    _check_load(load_erlang)
    _check_agents(agents, least=0)
    return _blocked(load_erlang, agents)


def _blocked(load_erlang: float, agents: int) -> float:
    if load_erlang == 0.0:
        return 0.0 if agents else 1.0
    upside_down = 1.0  # 1/B: grows without end where B would vanish, and infinity is right there
    for busy in range(1, agents + 1):
        upside_down = 1.0 + upside_down * busy / load_erlang
    return 1.0 / upside_down


@dataclass(frozen=True, slots=True, kw_only=True)
class ErlangC:
    """The patient line. With a load of as many erlangs as agents, or more, it grows for ever: waits are infinite."""

    agents: int
    calls_per_hour: float
    handle_s: float
    "Mean time of an agent for a call: picking up, talk, wrap-up."
    waits: float = field(init=False)
    "Share of callers who must wait at all."

    def __post_init__(self) -> None:
        _check_agents(self.agents)
        _check_calls(self.calls_per_hour)
        _check_duration("handle_s", self.handle_s)
        load, agents = self.load_erlang, self.agents
        blocked = _blocked(load, agents)
        waits = agents * blocked / (agents - load * (1.0 - blocked)) if load < agents else 1.0
        object.__setattr__(self, "waits", waits)

    @property
    def load_erlang(self) -> float:
        return self.calls_per_hour * self.handle_s / 3600.0

    @property
    def overloaded(self) -> bool:
        """More work comes than the agents can do: the line never ends."""
        return self.load_erlang >= self.agents

    @property
    def occupancy(self) -> float:
        """Share of the agents' time that is spent on callers."""
        return min(1.0, self.load_erlang / self.agents)

    @property
    def abandoned(self) -> float:
        return 0.0

    @property
    def mean_wait_s(self) -> float:
        """Of everybody, those who need not wait included; infinite when overloaded."""
        spare = self.agents - self.load_erlang
        return self.waits * self.handle_s / spare if spare > 0.0 else inf

    @property
    def asa_s(self) -> float:
        """Average speed of answer: of those answered, and that is everybody."""
        return self.mean_wait_s

    def waits_longer(self, than_s: float) -> float:
        """Share of callers who wait longer."""
        _check_within(than_s)
        spare = self.agents - self.load_erlang
        return self.waits * exp(-spare * than_s / self.handle_s) if spare > 0.0 else 1.0

    def answered_within(self, within_s: float) -> float:
        """Service level: answered in time, of those answered."""
        return 1.0 - self.waits_longer(within_s)

    def served_within(self, within_s: float) -> float:
        """Service level of everybody: answered or gone in time, of all who came; without impatience the same."""
        return 1.0 - self.waits_longer(within_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErlangA:
    """The line people walk away from, each after a patience of their own."""

    agents: int
    calls_per_hour: float
    handle_s: float
    patience_s: float
    "Mean patience of a caller."
    waits: float = field(init=False)
    "Share of callers who find all agents busy: they wait, and are answered or give up."
    mean_wait_s: float = field(init=False)
    "Of everybody: those answered at once, those answered later, and those who gave up."
    asa_s: float = field(init=False)
    "Average speed of answer: mean wait of those answered."
    abandoned: float = field(init=False)
    "Share of callers who give up."
    _weight: float = field(init=False, repr=False)
    "Logarithm of the sum over the line's lengths, its first term being 1."

    def __post_init__(self) -> None:
        _check_agents(self.agents)
        _check_calls(self.calls_per_hour)
        _check_duration("handle_s", self.handle_s)
        _check_duration("patience_s", self.patience_s)
        found = self._in_the_long_run() if self.calls_per_hour > 0.0 else (0.0, 0.0, 0.0, 0.0, 0.0)
        for name, value in zip(("waits", "mean_wait_s", "asa_s", "abandoned", "_weight"), found, strict=True):
            object.__setattr__(self, name, value)

    @property
    def load_erlang(self) -> float:
        """What is offered; who gives up takes part of it away again."""
        return self.calls_per_hour * self.handle_s / 3600.0

    @property
    def occupancy(self) -> float:
        """Share of the agents' time that is spent on callers."""
        return min(1.0, self.load_erlang * (1.0 - self.abandoned) / self.agents)

    def _in_the_long_run(self) -> tuple[float, float, float, float, float]:
        """One walk over the lengths of the line, at each of which the chance is that of no line times `term`.

        Whoever finds j callers waiting is one of j + 1 who may give up, so they are answered with the chance
        nμ / (nμ + (j+1)θ), after so many steps of 1 / (nμ + iθ) each, however it ends.
        """
        rate, gives_up = self.calls_per_hour / 3600.0, 1.0 / self.patience_s
        frees = self.agents / self.handle_s
        if max(0.0, rate - frees) * self.patience_s + 10.0 * sqrt(rate * self.patience_s) > _MOST_LENGTHS:
            raise ValueError("with so many calls and so much patience the line has no end: leave the patience out")
        term = whole = 1.0
        so_long = 1.0 / (frees + gives_up)
        waiting, answered_wait = 0.0, frees / (frees + gives_up) * so_long
        scale, length = 0.0, 0
        while True:
            length += 1
            leaves = frees + length * gives_up
            term *= rate / leaves
            so_long += 1.0 / (leaves + gives_up)
            whole += term
            waiting += term * length
            answered_wait += term * frees / (leaves + gives_up) * so_long
            if rate < leaves and term * (length + 1) <= _SMALL * (1.0 - rate / leaves) * min(whole, waiting):
                break
            if whole > _HUGE:
                term, whole, waiting, answered_wait = (x / _HUGE for x in (term, whole, waiting, answered_wait))
                scale += log(_HUGE)
        weight = log(whole) + scale
        blocked = _blocked(self.load_erlang, self.agents)
        waits = blocked / (blocked + (1.0 - blocked) * exp(-weight)) if blocked else 0.0
        mean_wait_s = waits * (waiting / whole) / rate
        abandoned = min(1.0, gives_up * mean_wait_s)
        asa_s = waits * (answered_wait / whole) / (1.0 - abandoned) if abandoned < 1.0 else inf
        return waits, mean_wait_s, asa_s, abandoned, weight

    def waits_longer(self, than_s: float) -> float:
        """Share of callers who are still in the line after so long: neither answered nor gone."""
        return self._offered_longer(than_s)[0] * exp(-than_s / self.patience_s)

    def answered_within(self, within_s: float) -> float:
        """Service level: answered in time, of those answered."""
        answered = 1.0 - self.abandoned
        return max(0.0, 1.0 - self._offered_longer(within_s)[1] / answered) if answered > 0.0 else 0.0

    def served_within(self, within_s: float) -> float:
        """Service level of everybody: answered or gone in time, of all who came."""
        return 1.0 - self.waits_longer(within_s)

    def _offered_longer(self, than_s: float) -> tuple[float, float]:
        """Shares of callers whom no agent could have taken before `than_s`, and of those who are answered after it.

        Baccelli and Hebuterne: the wait that an endlessly patient caller would have, given that there is one, is
        spread as exp(λ/θ·(1 - e^(-θx)) - nμx). Its tail from t on is that function at t times the sum over the line's
        lengths with λe^(-θt) in the place of λ.
        """
        _check_within(than_s)
        if self.calls_per_hour == 0.0:
            return 0.0, 0.0
        rate, gives_up = self.calls_per_hour / 3600.0, 1.0 / self.patience_s
        frees = self.agents / self.handle_s
        rate_then = rate * exp(-gives_up * than_s)
        beyond, scale = _line_beyond(rate_then, frees, gives_up)  # the sum without its first term
        grown = -rate * expm1(-gives_up * than_s) / gives_up - frees * than_s
        # Both are shares of `waits`; the first term of the sum is 1, in the scale of the others.
        to_first = self.waits * exp(min(0.0, grown + scale - self._weight))
        longer = to_first * (beyond + exp(-scale))
        return min(1.0, longer), min(1.0, to_first * beyond * frees / rate)


def _line_beyond(rate: float, frees: float, gives_up: float) -> tuple[float, float]:
    """Σ over j ≥ 1 of Π over i = 1…j of rate / (frees + i·gives_up): the sum divided by e^scale, and scale."""
    term, whole, scale, length = 1.0, 0.0, 0.0, 0
    while True:
        length += 1
        leaves = frees + length * gives_up
        term *= rate / leaves
        whole += term
        if rate < leaves and term <= _SMALL * (1.0 - rate / leaves) * whole:
            return whole, scale
        if whole > _HUGE:
            term, whole, scale = term / _HUGE, whole / _HUGE, scale + log(_HUGE)


# ---- what cannot be ----


def _check_agents(agents: int, least: int = 1) -> None:
    if not least <= agents <= MOST_AGENTS:
        raise ValueError(f"agents must be {least} to {MOST_AGENTS}, not {agents}")


def _check_load(load_erlang: float) -> None:
    if not (isfinite(load_erlang) and 0.0 <= load_erlang <= MOST_AGENTS):
        raise ValueError(f"load_erlang must be 0 to {MOST_AGENTS}, not {load_erlang}")


def _check_calls(calls_per_hour: float) -> None:
    if not (isfinite(calls_per_hour) and 0.0 <= calls_per_hour <= 3600 * MOST_AGENTS):
        raise ValueError(f"calls_per_hour must be 0 to {3600 * MOST_AGENTS}, not {calls_per_hour}")


def _check_duration(name: str, seconds: float) -> None:
    if not (isfinite(seconds) and 1e-3 <= seconds <= LONGEST_S):
        raise ValueError(f"{name} must be 0.001 to {LONGEST_S:.0f} seconds, not {seconds}")


def _check_within(seconds: float) -> None:
    if not (isfinite(seconds) and seconds >= 0.0):
        raise ValueError(f"a wait is 0 seconds or more, not {seconds}")

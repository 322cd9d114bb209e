"""What the router is meant to decide, written down a second time: plain lists, all of them looked at every time.

Slow and clear on purpose, and separate: of the engine it knows only the rules that go in. No index, no lane, no bench,
no heap; where the engine remembers, this one looks again. Who reads it reads what is promised:

Rule 1: there is one order over all who wait: `key`.
Rule 2: an agent sits in one row of a queue (`seat`), which may be another for another caller, since needs speak of what
is known of callers; a caller may be offered to the rows that have opened (`opened`).
Rule 3: after each input those who changed have their turns (`settle`): the contacts that look anew, and for each agent
who became free the contact they would take first. Turns go in the one order, and each contact gets its own best agent.
Rule 4: when all turns are over nobody waits whom somebody free could take; `settle` looks at every pair to be sure.

What happens to callers and agents is in calls.py, owed.py and life.py; `used` counts what has been tried.
"""

from collections import Counter
from dataclasses import dataclass, field

from router.domain.ids import Micros
from router.domain.rulebook.rules import QueueRules, Rules
from tests.model.asking import Telling, meets, wanted, words

URGENT = -(10**6)
NEVER: Micros = 2**62
NO_POST = (0, 0, 0)


@dataclass(slots=True, kw_only=True, eq=False)
class Agent:
    name: str
    place: int
    "By order of enrolment: the last word between equals."
    skills: dict[str, int]
    posts: dict[str, tuple[int, Micros, int]]
    "Queue → (priority, delay, position)."
    cap: int
    status: str = "out"
    "out, ready, paused"
    then: str = ""
    "The status that waits for the contact in hand."
    reachable: bool = False
    private: list[str] = field(default_factory=list)
    shifts: list[tuple[Micros, Micros, frozenset[str]]] = field(default_factory=lambda: [(0, NEVER, frozenset())])
    paused_for: str = ""
    "The fault of their phone they are paused for, until it is well again; empty: they asked for it, or let it ring."
    faults: tuple[str, int] = ("", 0)
    "What their last offer in vain was, and how many in a row were."
    held: bool = False
    "Nothing is offered for a moment, after a fault of the phone."
    idle_since: Micros = 0
    asked_at: Micros = 0
    contacts: int = 0
    talk_us: Micros = 0
    ring: "Ring | None" = None
    talk: "Talk | None" = None

    def entitled(self, campaign: str, now: Micros) -> bool:
        return any(begin <= now < end and (not named or campaign in named) for begin, end, named in self.shifts)

    def stands(self) -> str:
        """Free, or the first reason why not."""
        if self.ring is not None or self.talk is not None:
            return "in hand"
        if self.status != "ready":
            return self.status
        if self.private:
            return "private"
        if not self.reachable:
            return "unreachable"
        if 0 < self.cap <= self.contacts:
            return "done"
        return "held" if self.held else "free"


@dataclass(slots=True, kw_only=True, eq=False)
class Caller:
    name: str
    order: int
    "By order of arrival here."
    campaign: str
    queue: str
    arrived_at: Micros
    urgent: bool
    told: dict[str, str] = field(default_factory=dict)
    "What is known of them."
    entered_at: Micros = 0
    "Since when they are in this queue."
    state: str = "new"
    "new, line, overdue (as line, but the next thing is overflow), rung, talks, leaving"
    points: int = 0
    open_us: Micros = 0
    "The rows that open after so long, or less, have opened in this queue, by whatever rules."
    skips: dict[str, Micros] = field(default_factory=dict)
    overdue: bool = False
    keyed: str = ""
    "The last key of theirs while somebody was rung for them."
    been: list[str] = field(default_factory=list)
    attempts: int = 0
    named: str = ""
    "What the rings for them are named after, if they are called back (owed.py); else they are named after the caller."
    place: bool = False
    "Nobody is on the phone for it yet."
    live: list["Ring"] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Ring:
    name: str
    caller: Caller
    agent: Agent
    seen: bool = False
    "Its leg is there."
    rang: bool = False
    accepted: bool = False
    given_up: bool = False
    result: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Talk:
    caller: Caller
    name: str
    began_at: Micros
    wrapup_us: Micros
    over: bool = False
    "Wrap-up."


class Reference:
    """Who waits, who is there, and who gets whom. `life.Life` adds what happens to them."""

    def __init__(self, rules: Rules, now: Micros) -> None:
        self.rules = rules
        self.now = now
        self.agents: list[Agent] = []
        self.callers: list[Caller] = []
        self.rings: list[Ring] = []
        "Those whose leg has not ended."
        self.offers: list[tuple[str, str, str]] = []
        "(offer, agent, queue) in the order they were made."
        self.looking: list[Caller] = []
        self.anew: list[Agent] = []
        "Who sits down anew, though they were free."
        self.were_free: list[Agent] = []
        self.due: dict[tuple[str, ...], tuple[Micros, int, int]] = {}
        "(what, whose, …) → (when, 0 for the calendar and 1 for the rest, order of setting)"
        self.used: Counter[str] = Counter()
        self.openings: dict[str, list[Micros]] = {}
        self.seats: dict[tuple[Agent, str, Telling], Micros | None] = {}
        "As far as somebody has asked since it could change."
        self.known: set[str] = set()
        "Skills that somebody ever had: others that callers name are no skills."
        self.asked_for: dict[str, set[Telling]] = {}
        "Since the last reload, what was told of who came to a queue."
        self._count = 0

    def count(self) -> int:
        self._count += 1
        return self._count

    def set(self, *what: str, at: Micros, calendar: bool = False) -> None:
        self.due[what] = at, 0 if calendar else 1, self.count()

    # ---- where agents sit ----

    def take_seats(self) -> None:
        """Call after a profile or the rules changed: nothing else decides who sits where.

        A row that somebody's delay made stays until the rules are read again, whatever becomes of them.
        """
        for name, queue in self.rules.queues.items():
            delays = {agent.posts[name][1] for agent in self.agents if name in agent.posts}
            stay = self.openings.get(name, ())
            self.openings[name] = sorted({0, *stay, *delays, *(after_us for after_us, _ in needs(queue))})
        self.seats = {}

    def sits(self, agent: Agent, queue: QueueRules, telling: Telling) -> Micros | None:
        asked = agent, queue.name, telling
        if asked not in self.seats:
            self.seats[asked] = self.seat(agent, queue, telling)
        return self.seats[asked]

    def seat(self, agent: Agent, queue: QueueRules, telling: Telling) -> Micros | None:
        """The row they sit in: the first, not before their delay, by which a need has come that they meet."""
        _, delay_us, _ = agent.posts.get(queue.name, NO_POST)
        for opens_us in self.openings[queue.name]:
            if opens_us >= delay_us:
                for after_us, need in needs(queue):
                    if after_us <= opens_us and meets(need, agent.skills, dict(telling)):
                        return opens_us
        return None

    def telling(self, queue: QueueRules, caller: Caller) -> Telling:
        """Of what is known of a caller, that of which the queue's needs speak."""
        asked = {word: is_skill for _, need in needs(queue) for word, is_skill in words(need)}
        found = {word: caller.told.get(word, "") for word in sorted(asked)}
        return tuple((word, said) for word, said in found.items() if not asked[word] or said.lower() in self.known)

    def entitled(self, agent: Agent, queue: QueueRules) -> bool:
        return agent.entitled(queue.campaign, self.now)

    def opened(self, caller: Caller) -> Micros:
        """The last row that time has opened, or the absence of everybody in the rows before it; what has opened once in

        this queue stays open, though others come back, points change or the rules are read again.
        """
        queue = self.rules.queues[caller.queue]
        nearest, telling = NEVER, self.telling(queue, caller)
        for agent in self.agents:
            seat = self.sits(agent, queue, telling)
            if seat is not None and seat < nearest and agent.status != "out" and self.entitled(agent, queue):
                nearest = seat
        reach = max(self.now - caller.entered_at, nearest, caller.open_us)
        return max(opens_us for opens_us in self.openings[queue.name] if opens_us <= reach)

    # ---- the line ----

    def key(self, caller: Caller) -> tuple[int, Micros, int]:
        queue = self.rules.queues[caller.queue]
        points = queue.priority + caller.points
        if caller.urgent:
            return URGENT, caller.arrived_at, caller.order
        if queue.strict:
            return -points, caller.arrived_at, caller.order
        return 0, caller.arrived_at - points * queue.priority_point_us, caller.order

    def line(self, queue: str = "") -> list[Caller]:
        """Everybody in line, of one queue or of all."""
        found = [one for one in self.callers if one.state == "line" and queue in ("", one.queue)]
        return sorted(found, key=self.key)

    def line_up(self, caller: Caller) -> None:
        caller.state = "line"
        queue = self.rules.queues[caller.queue]
        self.asked_for.setdefault(queue.name, set()).add(self.telling(queue, caller))
        stays_us, caller.open_us = caller.open_us, 0
        self.used["a row stays open"] += stays_us > self.opened(caller)
        caller.open_us = stays_us
        caller.open_us = max(stays_us, self.opened(caller))  # also by rules that have no such row, and back again
        self.looks(caller)

    def looks(self, caller: Caller) -> None:
        """Have a turn, and another when the next row opens."""
        if caller not in self.looking:
            self.looking.append(caller)
        self.next_row(caller)

    def next_row(self, caller: Caller) -> None:
        later = [opens_us for opens_us in self.openings[caller.queue] if opens_us > caller.open_us]
        if later:
            self.set("row", caller.name, at=caller.entered_at + later[0])
        else:
            self.due.pop(("row", caller.name), None)

    def open_rows(self) -> None:
        """By time, or because somebody left for whom callers waited."""
        for caller in self.line():
            opened = self.opened(caller)
            if opened > caller.open_us:
                by_time = opened <= self.now - caller.entered_at
                self.used["row opened by time" if by_time else "row opened at once"] += 1
                caller.open_us = opened
                self.looks(caller)

    # ---- who may be offered whom, and who is best ----

    def free(self) -> list[Agent]:
        return [agent for agent in self.agents if agent.stands() == "free"]

    def may(self, caller: Caller, agent: Agent) -> bool:
        queue = self.rules.queues[caller.queue]
        seat = self.sits(agent, queue, self.telling(queue, caller))
        if seat is None or seat > caller.open_us or not self.entitled(agent, queue):
            return False
        if self.now < caller.skips.get(agent.name, 0):
            self.used["not again to who refused"] += 1
            return False
        return True

    def best(self, caller: Caller, free: list[Agent]) -> Agent | None:
        """The first row that has somebody; there the queue's own way to choose."""
        queue = self.rules.queues[caller.queue]
        able = [agent for agent in free if self.may(caller, agent)]
        telling = self.telling(queue, caller)
        for opens_us in self.openings[queue.name]:
            there = [agent for agent in able if self.sits(agent, queue, telling) == opens_us]
            if there:
                need = [need for after_us, need in needs(queue) if after_us <= opens_us][-1]
                self.used["chosen from several: " + queue.choose] += len(there) > 1
                self.used["rung in a later row"] += opens_us > 0
                self.used["backs others up"] += agent_delay(there[0], queue) > 0
                self.used["went before a later row"] += len(there) < len(able)
                self.used["by what was told of the caller"] += bool(telling)
                liked = wanted(need, dict(telling))
                return min(there, key=lambda agent: self.rank(agent, queue, liked))
        return None

    def rank(self, agent: Agent, queue: QueueRules, liked: frozenset[str]) -> tuple[int, Micros, int]:
        match str(queue.choose):
            case "longest-idle":
                first, then = 0, agent.idle_since
            case "best-skilled":
                first, then = -sum(agent.skills.get(skill, 0) for skill in liked), agent.idle_since
            case "fewest-contacts":
                first, then = agent.contacts, agent.idle_since
            case "least-talk":
                first, then = agent.talk_us, agent.idle_since
            case "round-robin":
                first, then = 0, agent.asked_at
            case _:
                first, then = agent.posts.get(queue.name, NO_POST)[2], 0
        return first, then, agent.place

    def first_for(self, agent: Agent) -> Caller | None:
        """Whom an agent would take: the urgent, then those of the post they put first, then the one order."""
        able = [caller for caller in self.line() if self.may(caller, agent)]
        if not able:
            return None
        first = min(able, key=lambda one: (not one.urgent, -agent.posts.get(one.queue, NO_POST)[0], self.key(one)))
        self.used["taken before others by a post's priority"] += first is not able[0]
        return first

    # ---- turns ----

    def settle(self) -> None:
        """Everybody who may have become able to be matched has their turn; afterwards no pair is left."""
        self.look_after()
        free = self.free()
        freed = [agent for agent in free if agent in self.anew or agent not in self.were_free]
        looking = [caller for caller in self.looking if caller.state == "line"]
        self.looking, self.anew = [], []
        self.used["several freed at once"] += len(freed) > 1 and not looking
        while free:
            turns = list(looking)
            turns += [first for agent in freed if agent in free and (first := self.first_for(agent)) is not None]
            if not turns:
                break
            caller = min(turns, key=self.key)
            if caller in looking:
                looking.remove(caller)
            self.used["urgent, before others"] += caller.urgent and len(turns) > 1
            self.used["strict, before others"] += self.rules.queues[caller.queue].strict and len(turns) > 1
            for _ in range(self.rules.queues[caller.queue].at_once):
                agent = self.best(caller, free)
                if agent is None:
                    break
                free.remove(agent)
                self.offer(caller, agent)
        for caller in self.line() if free else ():
            for agent in free:
                if self.may(caller, agent):
                    raise AssertionError(f"the model leaves {caller.name} waiting while {agent.name} is free")
        self.were_free = free

    def look_after(self) -> None:
        raise NotImplementedError

    def offer(self, caller: Caller, agent: Agent) -> None:
        queue = self.rules.queues[caller.queue]
        caller.attempts += 1
        agent.asked_at = self.now
        ring = Ring(name=f"{caller.named or caller.name}.{caller.attempts}", caller=caller, agent=agent)
        self.used["several rung at once"] += bool(caller.live)
        self.used["a line that never relaxes"] += queue.never_relax and bool(queue.rings)
        caller.state = "rung"
        caller.live.append(ring)
        agent.ring = ring
        self.rings.append(ring)
        self.set("ring", ring.name, at=self.now + queue.ring_us)
        self.offers.append((ring.name, agent.name, queue.name))


def needs(queue: QueueRules) -> list[tuple[Micros, str]]:
    """What is asked from when on: each is as good as the first."""
    rings = [] if queue.never_relax else queue.rings
    return [(0, queue.need.text), *((ring.after_us, ring.need.text) for ring in rings)]


def agent_delay(agent: Agent, queue: QueueRules) -> Micros:
    return agent.posts.get(queue.name, NO_POST)[1]

"""What happens to agents in the reference, to the rules, and when time passes.

Each verb is one input of the engine, followed by `settle`. A verb that a person asks for and that is refused says False
and changes nothing. The next deadline is looked for among all there are.
"""

from collections.abc import Callable

from router.domain.ids import CampaignName, Micros, QueueName
from router.domain.rulebook.rules import Rules
from tests.model.owed import Owed
from tests.model.reference import NEVER, Agent, Caller

_STATUS = {
    ("out", "log in"): "ready",
    ("ready", "log out"): "out",
    ("ready", "pause"): "paused",
    ("paused", "log out"): "out",
    ("paused", "pause"): "paused",
    ("paused", "unpause"): "ready",
}


class Life(Owed):
    def __init__(self, rules: Rules, now: Micros) -> None:
        super().__init__(rules, now)
        self.midnights: tuple[Micros, ...] = ()

    # ---- time ----

    def next_due(self) -> Micros | None:
        return min(self.due.values())[0] if self.due else None

    def do_due(self) -> None:
        """The one thing that is due first."""
        what = min(self.due, key=self.due.__getitem__)
        calendar = self.due.pop(what)[1] == 0
        deadlines: dict[str, Callable[..., None]] = {
            "ring": self.ring_over,
            "talk": lambda name: self.give_up(self.ring(name), "failed"),
            "rescind": self.leg_is_dead,
            "wait": self.wait_over,
            "wrapup": lambda name: self.wrapup_over(self.agent(name)),
            "skip": self.skip_over,
            "promise": self.promise_due,
            "row": lambda name: None,  # `settle` opens all rows whose time has come
            "held": self._held_no_more,
            "retry": lambda name: self.well_again(self.agent(name), seen=False),
            "shift": self._shift_edge,
            "day": self._day_edge,
        }
        deadlines[what[0]](*what[1:])
        if not (calendar and self.due and min(self.due.values())[:2] <= (self.now, 0)):
            self.settle()  # the calendar's things of one instant are one: where one shift follows another nobody left

    # ---- rules and people ----

    def configure(self, rules: Rules) -> None:
        before, self.rules = self.rules.queues, rules
        self.asked_for, self.openings = {}, {}
        self.take_seats()
        self.anew += self.agents
        self.stood = {}
        self.reread()
        for caller in list(self.callers):
            was = before.get(QueueName(caller.queue))
            if caller.state in ("line", "overdue", "rung") and caller.queue not in rules.queues:
                campaign = rules.campaigns.get(CampaignName(caller.queue.partition("/")[0]))
                if campaign is None:
                    self.used["campaign gone"] += 1
                    self.leaves(caller)
                    continue
                self.used["queue gone"] += 1
                caller.queue, caller.entered_at, caller.open_us = campaign.entry, self.now, 0
            due_at = self.due.get(("wait", caller.name), (None,))[0]
            if caller.state in ("line", "overdue", "rung") and due_at is not None and was is not None:
                longest_us = rules.queues[QueueName(caller.queue)].max_wait_us
                due_at = due_at - was.max_wait_us + longest_us if was.name == caller.queue else self.now + longest_us
                self.set("wait", caller.name, at=max(due_at, self.now))
            if caller.state == "line":
                self.line_up(caller)
        self.swapped = True
        self.settle()

    def enrol(self, name: str, skills: dict[str, int], posts: dict[str, tuple[int, Micros, int]], cap: int) -> None:
        known = [agent for agent in self.agents if agent.name == name]
        if known:
            agent = known[0]
            agent.skills, agent.posts, agent.cap = skills, posts, cap
        else:
            agent = Agent(name=name, place=self.count(), skills=skills, posts=posts, cap=cap, idle_since=self.now)
            self.agents.append(agent)
        meant = {caller: self.telling(self.rules.queues[QueueName(caller.queue)], caller) for caller in self.line()}
        self.known |= set(skills)
        self.take_seats()
        for caller, telling in meant.items():
            self.next_row(caller)  # a delay that nobody had before
            if telling != self.telling(self.rules.queues[QueueName(caller.queue)], caller):
                self._means_it_after_all(caller)
        self.anew.append(agent)
        self.moved.append(agent)
        self.taught.append(agent)
        self.settle()

    def _means_it_after_all(self, caller: Caller) -> None:
        """They named a skill that is one only now. Who looks anew keeps the rows that were open to them."""
        self.used["a skill that was named became known"] += 1
        before_us = caller.open_us
        self.line_up(caller)
        caller.open_us = max(before_us, caller.open_us)
        self.next_row(caller)

    def dismiss(self, name: str) -> bool:
        agent = self.agent(name)
        if agent.ring is not None or agent.talk is not None:
            return False
        self.agents.remove(agent)
        for what in ("held", "shift", "retry"):
            self.due.pop((what, name), None)
        self.settle()
        return True

    def entitle(self, name: str, shifts: list[tuple[Micros, Micros, frozenset[str]]]) -> None:
        agent = self.agent(name)
        agent.shifts = shifts
        self.anew.append(agent)
        self.moved.append(agent)
        self._next_edge(agent)
        self.settle()

    def _next_edge(self, agent: Agent) -> None:
        edges = [edge for begin, end, _ in agent.shifts for edge in (begin, end) if self.now < edge < NEVER]
        self.due.pop(("shift", agent.name), None)
        if edges:
            self.set("shift", agent.name, at=min(edges), calendar=True)

    def _shift_edge(self, name: str) -> None:
        agent = self.agent(name)
        self.used["shift began or ended"] += 1
        served = [
            queue.campaign
            for queue in self.rules.queues.values()
            if any(
                self.sits(agent, queue, telling) is not None for telling in ((), *self.asked_for.get(queue.name, ()))
            )
        ]
        if not any(agent.entitled(campaign, self.now - 1) for campaign in served):
            agent.idle_since = max(agent.idle_since, self.now)
        self.anew.append(agent)
        self.moved.append(agent)
        self._next_edge(agent)

    def set_days(self, midnights: tuple[Micros, ...]) -> None:
        """Told once, before anybody has done anything."""
        self.midnights = midnights
        self._next_day()

    def _next_day(self) -> None:
        self.due.pop(("day",), None)
        later = [midnight for midnight in self.midnights if midnight > self.now]
        if later:
            self.set("day", at=later[0], calendar=True)

    def _day_edge(self) -> None:
        self.used["midnight"] += 1
        for agent in self.agents:
            if agent.contacts or agent.talk_us:
                agent.contacts = agent.talk_us = 0
                self.anew.append(agent)
        self._next_day()

    def _held_no_more(self, name: str) -> None:
        self.agent(name).held = False

    # ---- what an agent asks for ----

    def change_status(self, name: str, asked: str) -> bool:
        agent = self.agent(name)
        in_hand = agent.ring is not None or agent.talk is not None
        if in_hand and agent.then and asked in ("log in", "unpause"):
            agent.then = ""
            return True
        status = _STATUS.get((agent.status, asked))
        if status is None:
            return False
        agent.faults = ("", 0)
        if in_hand and status != "ready":
            agent.then = status
            return True
        if status == "ready":
            agent.idle_since = self.now
        self.becomes(agent, status)
        self.settle()
        return True

    def finish_wrapup(self, name: str) -> bool:
        agent = self.agent(name)
        if agent.talk is None or not agent.talk.over:
            return False
        self.wrapup_over(agent)
        self.settle()
        return True

    # ---- phones ----

    def phone(self, name: str, reachable: bool) -> None:
        agent = self.agent(name)
        if agent.reachable != reachable:
            agent.reachable = reachable
            if reachable:
                agent.idle_since = max(agent.idle_since, self.now)
                agent.held = False
                self.due.pop(("held", name), None)
                self.well_again(agent, seen=True)
        self.settle()

    def phones(self, reachable: dict[str, bool]) -> None:
        """A whole picture of all phones: who was there all along has been idle all along."""
        for agent in self.agents:
            if reachable[agent.name] and not agent.reachable:
                self.well_again(agent, seen=True)
            agent.reachable = reachable[agent.name]
        self.settle()

    def private_begins(self, name: str, leg: str) -> None:
        self.agent(name).private.append(leg)
        self.settle()

    def private_ends(self, leg: str) -> None:
        for agent in self.agents:
            if leg in agent.private:
                agent.private.remove(leg)
                if not agent.private and agent.paused_for == "busy":
                    self.well_again(agent, seen=True)
        self.settle()

"""What happens to callers in the reference: they arrive, wait, go on to the next target, are rung for, talk, leave.

Each verb is one input of the engine, followed by `settle`. Deadlines lie in one plain dictionary.
"""

from router.domain.ids import SECOND, CampaignName, Micros, QueueName
from router.domain.rulebook.rules import QueueRules, Rules, ToClosing, ToQueue
from tests.model.asking import Telling
from tests.model.reference import Agent, Caller, Reference, Ring, Talk

_AWAY = {
    "logged-in": ("out",),
    "ready": ("out", "paused", "done"),
    "reachable": ("out", "unreachable"),
}
_LEFT = ("out", "paused", "unreachable", "done", "gone")
_FAULTS = ("busy", "unregistered", "failed")
_FAULTS_FORGIVEN = 2
"In a row; the next one pauses."
_TRY_AGAIN_US = 600 * SECOND


class Calls(Reference):
    def __init__(self, rules: Rules, now: Micros) -> None:
        super().__init__(rules, now)
        self.stood: dict[tuple[Agent, str, Telling], str] = {}
        "As `_standings` had it after the last input."
        self.moved: list[Agent] = []
        "Whose skills, posts or shifts are others: they stood up and came back, perhaps elsewhere."
        self.taught: list[Agent] = []
        "Whose skills or posts are: where to be skilled is enough, so did who is off shift."
        self.back: list[Caller] = []
        "Who stands in line again, and may have missed that everybody left."
        self.swapped = False
        "Whether the rules were, since the last look at who waits."
        self.take_seats()

    # ---- who is who ----

    def agent(self, name: str) -> Agent:
        return next(agent for agent in self.agents if agent.name == name)

    def caller(self, name: str) -> Caller:
        return next(caller for caller in self.callers if caller.name == name)

    def ring(self, name: str) -> Ring:
        return next(ring for ring in self.rings if ring.name == name)

    # ---- callers ----

    def arrives(self, name: str, campaign: str, arrived_at: Micros, told: dict[str, str]) -> None:
        rules = self.rules.campaigns[CampaignName(campaign)]
        caller = Caller(
            name=name,
            order=self.count(),
            campaign=campaign,
            queue=rules.entry,
            arrived_at=arrived_at,
            urgent=rules.emergency,
            told=told,
        )
        self.callers.append(caller)
        self._enter(caller, rules.entry, arrived_at)
        self.settle()

    def _enter(self, caller: Caller, name: str, since_at: Micros) -> None:
        queue = self.rules.queues.get(QueueName(name))
        if queue is None:
            self.leaves(caller)
            return
        anew = caller.state == "new" or caller.queue != name
        if anew and (why := self._turned_away(queue, caller)):
            caller.queue = name
            self._overflow(caller, why)
            return
        if caller.queue != name or not caller.entered_at:
            caller.entered_at, caller.open_us = max(since_at, caller.arrived_at), 0
        caller.queue = name
        caller.overdue = False
        if not anew:
            self.back.append(caller)
        self.line_up(caller)
        self.set("wait", caller.name, at=since_at + queue.max_wait_us)

    def _turned_away(self, queue: QueueRules, caller: Caller) -> str:
        telling = self.telling(queue, caller)
        self.asked_for.setdefault(queue.name, set()).add(telling)
        if caller.urgent:
            return ""
        if 0 < queue.max_waiting <= sum(not one.place for one in self.line(queue.name)):
            return "full"
        return "" if self.staffed(queue, queue.join_if, telling) else "nobody at the door"

    def staffed(self, queue: QueueRules, asked: tuple[str, ...], telling: Telling) -> bool:
        """Whether somebody is all of what is asked. All but "skilled" is asked of the entitled only."""
        away = [standing for what in asked for standing in _AWAY.get(what, ())]
        for agent in self.agents:
            if self.sits(agent, queue, telling) is None:
                continue
            if asked == ("skilled",) or (self.entitled(agent, queue) and agent.stands() not in away):
                return True
        return not asked

    def _overflow(self, caller: Caller, why: str) -> None:
        self.used["overflow: " + why] += 1
        if caller.state != "new":
            caller.state = "between"
        caller.been.append(caller.queue)
        queue = self.rules.queues.get(QueueName(caller.queue))
        targets = [] if queue is None else list(queue.overflow)
        before_the_message = targets[: targets.index(ToClosing())] if ToClosing() in targets else targets
        names = [one.queue for one in before_the_message if isinstance(one, ToQueue)]
        open_to_them = next((name for name in names if self._lets_in(name, caller)), None)
        if open_to_them is not None:
            self._enter(caller, open_to_them, self.now)
        else:
            self.leaves(caller)

    def _lets_in(self, name: QueueName, caller: Caller) -> bool:
        """Whether somebody who has to go on may wait there: asked of the targets of one list, and of no other."""
        if name not in self.rules.queues or name in caller.been:
            return False
        refusal = self._turned_away(self.rules.queues[name], caller)
        if refusal:
            self.used["passed over: " + refusal] += 1
        return not refusal

    def wait_over(self, name: str) -> None:
        caller = self.caller(name)
        if caller.state == "rung":
            caller.overdue = True
        else:
            self._overflow(caller, "wait")

    def look_after(self) -> None:
        """Who waits is looked at again when somebody left their queue, in whatever way, or when they are back in it."""
        back, self.back = self.back, []
        for caller in [caller for caller in back if not caller.place]:  # a place is nobody who could go on
            queue = self.rules.queues.get(QueueName(caller.queue))
            key, caller.keyed = caller.keyed, ""
            if caller.state == "line" and queue is not None and key and key in queue.exit_keys:
                self.used["a key pressed during a ring"] += 1
                self._overflow(caller, "key")
                continue
            away = queue is not None and not self.staffed(queue, queue.stay_if, self.telling(queue, caller))
            if away and caller.state == "line" and not caller.urgent and self.agents:
                self._overflow(caller, "nobody there when they came back")
        left, swapped = self._left_by_somebody(), self.swapped and bool(self.agents)
        self.swapped = False
        for caller in [caller for caller in self.line() if not caller.place]:
            queue = self.rules.queues[QueueName(caller.queue)]
            telling = self.telling(queue, caller)
            asked = swapped or (queue.name, telling) in left
            if asked and not caller.urgent and not self.staffed(queue, queue.stay_if, telling):
                self._overflow(caller, "nobody there by new rules" if swapped else "nobody there any more")
        self.open_rows()
        self.stood = self._standings()

    def _left_by_somebody(self) -> set[tuple[str, Telling]]:
        now, moved, taught = self._standings(), self.moved, self.taught
        self.moved, self.taught = [], []
        found = set()
        for (agent, name, telling), before in self.stood.items():
            after = now.get((agent, name, telling), "gone")
            came_back = agent in (taught if before == "off shift" else moved)
            if came_back or after == "gone" or (before != "off shift" and after != before and after in _LEFT):
                found.add((name, telling))
        return found

    def _standings(self) -> dict[tuple[Agent, str, Telling], str]:
        """How everybody stands whom a queue asks whose callers may not wait for nobody, for whomever it may be."""
        return {
            (agent, queue.name, telling): agent.stands() if self.entitled(agent, queue) else "off shift"
            for queue in self.rules.queues.values()
            if queue.stay_if
            for telling in dict.fromkeys(self.telling(queue, caller) for caller in self.callers)
            for agent in self.agents
            if self.sits(agent, queue, telling) is not None
        }

    def keys(self, name: str, key: str) -> None:
        caller = self.caller(name)
        queue = self.rules.queues.get(QueueName(caller.queue))
        if caller.state == "rung":
            caller.keyed = key
        elif caller.state in ("line", "overdue") and queue is not None and key in queue.exit_keys:
            self._overflow(caller, "key")
        self.settle()

    def prioritise(self, name: str, points: int) -> None:
        caller = self.caller(name)
        caller.points = points
        if caller.state == "line":
            self.used["points changed in line"] += 1
            self.line_up(caller)
        self.settle()

    def let_go(self, name: str) -> None:
        self.leaves(self.caller(name))
        self.settle()

    def leaves(self, caller: Caller) -> None:
        """Nothing more is offered for them; they hear a closing message, and go."""
        caller.state = "leaving"
        self.due.pop(("wait", caller.name), None)
        self.due.pop(("row", caller.name), None)
        given, caller.live = caller.live, []
        for ring in given:
            self.give_up(ring, "rescinded")

    def hangs_up(self, name: str) -> None:
        """The caller's leg is gone; an agent who talked has wrap-up once their own leg is."""
        caller = self.caller(name)
        self.leaves(caller)
        self.callers.remove(caller)
        for agent_name in caller.skips:
            self.due.pop(("skip", name, agent_name), None)
        self.settle()

    # ---- rings ----

    def appears(self, name: str) -> None:
        self.ring(name).seen = True

    def rang(self, name: str) -> None:
        ring = self.ring(name)
        if not ring.given_up:
            ring.rang = True

    def answers(self, name: str) -> None:
        """Picked up; the talk must follow soon."""
        ring = self.ring(name)
        if not ring.given_up and not ring.accepted:
            ring.accepted = ring.rang = True
            self.due.pop(("ring", name), None)
            self.set("talk", name, at=self.now + self.rules.connect_grace_us)

    def declines(self, name: str) -> None:
        """They picked up and did not press 1; the leg ends next."""
        ring = self.ring(name)
        if not ring.given_up:
            ring.result = "rejected"

    def wins(self, name: str) -> None:
        """The first to take the caller: the other phones stop."""
        self.answers(name)
        ring = self.ring(name)
        for other in list(ring.caller.live):
            if other is not ring:
                self.used["another was first"] += 1
                self.give_up(other, "rescinded")
        self.settle()

    def ring_over(self, name: str) -> None:
        ring = self.ring(name)
        if ring.rang:
            self.used["missed"] += 1
            self.in_a_row(ring.agent, "missed")
            paused_by_us(ring.agent)
        self.give_up(ring, "missed" if ring.rang else "unregistered")

    def give_up(self, ring: Ring, result: str) -> None:
        """Hang up now; the agent is free when the leg has ended, or is taken for dead."""
        if ring.given_up:
            return
        ring.given_up, ring.result = True, result
        self.due.pop(("ring", ring.name), None)
        self.due.pop(("talk", ring.name), None)
        self.set("rescind", ring.name, at=self.now + self.rules.rescind_grace_us)
        self._give_back(ring)

    def _give_back(self, ring: Ring) -> None:
        """Who is rung by nobody any more stands in line again, at their old age."""
        caller = ring.caller
        if ring not in caller.live:
            return
        caller.live.remove(ring)
        if caller.live or caller.state != "rung":
            return
        if caller.overdue:
            caller.state, caller.keyed = "overdue", ""  # the longest wait goes before a key, which was for that queue
            self.set("wait", caller.name, at=self.now)
        else:
            self.back.append(caller)
            self.line_up(caller)

    def leg_is_dead(self, name: str) -> None:
        ring = self.ring(name)
        if ring.seen:
            ring.agent.private.append(name)
        self._close(ring)

    def leg_ends(self, name: str, result: str) -> None:
        """The leg of a ring that never talked; `result` is what its cause says, where nobody knows better."""
        ring = self.ring(name)
        if not ring.result:
            ring.result = "rejected" if ring.accepted else result
        self._close(ring)
        self.settle()

    def _close(self, ring: Ring) -> None:
        agent, caller = ring.agent, ring.caller
        self.rings.remove(ring)
        for what in ("ring", "talk", "rescind"):
            self.due.pop((what, ring.name), None)
        if ring.result in ("missed", "rejected", *_FAULTS):
            agent.idle_since = self.now  # in vain: others come first
        if ring.result == "missed" and not ring.given_up:
            self.used["missed"] += 1
            self.in_a_row(agent, "missed")
            paused_by_us(agent)
        if ring.result == "rejected":
            self.used["refused"] += 1
            self.in_a_row(agent, "rejected")
            if caller in self.callers and not ring.given_up:
                caller.skips[agent.name] = self.now + self.rules.reject_hold_us
                self.set("skip", caller.name, agent.name, at=caller.skips[agent.name])
        if ring.result in _FAULTS and self.in_a_row(agent, ring.result) <= _FAULTS_FORGIVEN:
            self.used["held off"] += 1
            agent.held = True
            self.set("held", agent.name, at=self.now + self.rules.fault_hold_us)
        elif ring.result in _FAULTS and agent.status == "ready":
            self.used["paused for a dead phone"] += 1
            agent.status, agent.paused_for = "paused", ring.result
            self.set("retry", agent.name, at=self.now + _TRY_AGAIN_US)
        self._give_back(ring)
        agent.ring = None
        self._then(agent)

    def in_a_row(self, agent: Agent, result: str) -> int:
        """Their offers ended like that so many times, one after the other."""
        agent.faults = (result, agent.faults[1] + 1 if agent.faults[0] == result else 1)
        return agent.faults[1]

    def well_again(self, agent: Agent, *, seen: bool) -> None:
        """The phone they were paused for is there, or is to be tried once more: then the next fault counts on."""
        if agent.paused_for:
            self.used["a phone was well again"] += seen
            self.used["a dead phone was tried again"] += not seen
            agent.status, agent.paused_for = "ready", ""
            agent.idle_since = max(agent.idle_since, self.now)
            self.due.pop(("retry", agent.name), None)
            if seen:
                agent.faults = ("", 0)

    def skip_over(self, name: str, agent_name: str) -> None:
        caller = self.caller(name)
        caller.skips.pop(agent_name, None)
        if caller.state == "line" and caller not in self.looking:
            self.looking.append(caller)

    def _then(self, agent: Agent) -> None:
        if agent.then:
            self.used["status changed after the contact"] += 1
            self.becomes(agent, agent.then)
            agent.then = ""

    def becomes(self, agent: Agent, status: str) -> None:
        """What they asked for themselves; the router's own reason is none of theirs."""
        agent.status, agent.paused_for = status, ""
        self.due.pop(("retry", agent.name), None)

    # ---- talks ----

    def talks(self, name: str) -> None:
        ring = self.ring(name)
        caller, agent = ring.caller, ring.agent
        others = [other for other in caller.live if other is not ring]
        caller.state, caller.live = "talks", []
        for other in others:
            self.give_up(other, "rescinded")
        for what in ("wait", "row"):
            self.due.pop((what, caller.name), None)
        for what in ("ring", "talk"):
            self.due.pop((what, name), None)
        self.rings.remove(ring)
        agent.ring = None
        agent.faults = ("", 0)
        queue = self.rules.queues.get(QueueName(caller.queue))
        wrapup_us = 0 if queue is None else queue.wrapup_us
        agent.talk = Talk(caller=caller, name=name, began_at=self.now, wrapup_us=wrapup_us)
        self.settle()

    def talk_ends(self, name: str) -> None:
        """The agent's leg has ended."""
        agent = self.agent(name)
        talk = agent.talk
        assert talk is not None
        talk.over = True
        agent.contacts += 1
        agent.talk_us += self.now - talk.began_at
        if talk.wrapup_us:
            self.set("wrapup", name, at=self.now + talk.wrapup_us)
        else:
            self.wrapup_over(agent)
        self.settle()

    def wrapup_over(self, agent: Agent) -> None:
        self.due.pop(("wrapup", agent.name), None)
        agent.talk = None
        agent.idle_since = self.now
        self._then(agent)
        self.used["a day's share was reached"] += agent.stands() == "done"

    def transferred(self, name: str, campaign: str) -> None:
        """The agent sent the caller on to another of our numbers: they wait there, at their old age."""
        self.used["transferred"] += 1
        caller, there = self.caller(name), self.rules.campaigns[CampaignName(campaign)]
        caller.urgent = caller.urgent or there.emergency
        self._enter(caller, there.entry, self.now)
        self.settle()


def paused_by_us(agent: Agent) -> None:
    """Who let it ring is offered nothing more until they say that they are back."""
    if agent.status == "ready":
        agent.status = "paused"

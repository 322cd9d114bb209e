"""The people of a simulated day: callers with patience, agents with habits, phones and home lines with moods."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from router.domain.benches.agent import Status
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.commands import (
    Entitle,
    ExtendWrapUp,
    FinishWrapUp,
    GiveDisposition,
    LogIn,
    LogOut,
    Pause,
    Reopen,
    Shut,
    Unpause,
)
from router.domain.messages.events import AgentChanged, Event
from router.domain.rulebook.entitlement import Entitlement, Interval
from router.simulation.centre import Centre, Nobody
from router.simulation.legs import Leg, Phone
from router.simulation.site import BANK, CALL_ME, DNIS, HOTLINE, SHOP
from router.simulation.wire import MILLISECOND

CAMPAIGNS = (SHOP, SHOP, SHOP, BANK, BANK, HOTLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Shares are of all cases of a kind; what is left over behaves as one hopes. Means are of random durations."""

    arrival_us: Micros = 1_300 * MILLISECOND
    patience_us: Micros = 60 * SECOND
    talk_us: Micros = 22 * SECOND
    hangs_up_at_once: float = 0.01
    presses_key: float = 0.03
    wants_a_call: float = 0.15
    calls_again: float = 0.1
    "Of those who were promised a call."
    not_at_home: float = 0.3
    "Of those who are called."
    gone_when_called: float = 0.1
    gone_as_answered: float = 0.02
    ignores: float = 0.05
    rejects: float = 0.05
    dead_phone: float = 0.02
    cannot_talk: float = 0.02
    answers_at_deadline: float = 0.03
    hangs_up_in_whisper: float = 0.02
    declines: float = 0.08
    holds: float = 0.15
    transfers: float = 0.06
    line_dies: float = 0.02
    asks_during_talk: float = 0.1
    mood_us: Micros = 150 * SECOND
    "How long an agent goes on until they do something of their own."
    loses_node_us: Micros = 200 * SECOND
    kills_router_us: Micros = 0
    "How long a router lives on average; 0: for ever."
    reloads_us: Micros = 500 * SECOND
    shuts_us: Micros = 120 * SECOND


class Crowd(Nobody):
    def __init__(self, dice: Random, habits: Habits, contacts: int) -> None:
        self._dice = dice
        self._habits = habits
        self._to_come = contacts
        self.done: Counter[str] = Counter()
        self._centre: Centre | None = None

    @property
    def centre(self) -> Centre:
        if self._centre is None:
            raise RuntimeError("the crowd has not come in yet")
        return self._centre

    @property
    def day_is_over(self) -> bool:
        return self._to_come <= 0

    def come_in(self, centre: Centre) -> None:
        """Everybody takes their place; the day begins."""
        self._centre = centre
        for agent_id in list(centre.engine.floor.agents):
            self._new_shift(agent_id)
            centre.ask(LogIn(agent_id=agent_id))
            self._after_a_while(self._habits.mood_us, lambda agent_id=agent_id: self._own_will(agent_id))  # type: ignore[misc]
        self._after_a_while(self._habits.arrival_us, self._arrive)
        self._after_a_while(self._habits.loses_node_us, self._lose_node)
        self._after_a_while(self._habits.reloads_us, lambda: self._reload(2))
        self._after_a_while(self._habits.shuts_us, self._shut)
        if self._habits.kills_router_us:
            self._after_a_while(self._habits.kills_router_us, self._kill_router)

    def _about(self, mean_us: Micros) -> Micros:
        """Exponential around the mean, but never nothing."""
        return 1 + int(self._dice.expovariate(1.0) * mean_us)

    def _after_a_while(self, mean_us: Micros, act: Callable[[], None]) -> None:
        self.centre.clock.later(self._about(mean_us), act)

    def _chance(self, share: float) -> bool:
        return self._dice.random() < share

    # ---- callers ----

    def _arrive(self) -> None:
        if self.day_is_over:
            return
        campaign = self._dice.choice(CAMPAIGNS)
        self.centre.asterisk.call_in(campaign, DNIS[campaign], f"+4930555{self._dice.randint(1000, 9999)}")
        self._to_come -= 1
        if not self.day_is_over:
            self._after_a_while(self._habits.arrival_us, self._arrive)

    def caller_waits(self, caller: Leg) -> None:
        asterisk, habits = self.centre.asterisk, self._habits
        patience_us = self._about(habits.patience_us)
        if self._chance(habits.hangs_up_at_once):
            patience_us = self._dice.randint(0, 20 * MILLISECOND)
        elif self._chance(habits.presses_key):
            asterisk.plan(
                caller, self._dice.randint(0, patience_us), lambda: asterisk.press_key(caller, self._dice.choice("19"))
            )
        elif self._chance(habits.wants_a_call):
            self.done["asks for a call"] += 1
            moment_us = self._dice.randint(0, min(patience_us, 5 * SECOND))
            asterisk.plan(caller, moment_us, lambda: asterisk.press_key(caller, CALL_ME))
        asterisk.plan(caller, patience_us, lambda: asterisk.hang_up(caller))

    def asked_to_confirm(self, caller: Leg) -> None:
        asterisk, dice = self.centre.asterisk, self._dice
        moment_us = dice.randint(300, 4000) * MILLISECOND
        if self._chance(0.1):
            asterisk.plan(caller, moment_us, lambda: asterisk.hang_up(caller))
        elif self._chance(0.9):
            asterisk.plan(caller, moment_us, lambda: asterisk.confirm(caller))
            if self._chance(self._habits.calls_again):
                self._after_a_while(60 * SECOND, lambda: self._call_again(caller))

    def _call_again(self, caller: Leg) -> None:
        if self.day_is_over or caller.alive or caller.campaign is None:
            return
        self.done["calls again"] += 1
        self.centre.asterisk.call_in(caller.campaign, caller.dnis, caller.ani)
        self._to_come -= 1

    def customer_rings(self, leg: Leg) -> None:
        asterisk, habits, dice = self.centre.asterisk, self._habits, self._dice
        if not self._chance(habits.not_at_home):
            asterisk.plan(leg, 500 * MILLISECOND + self._about(3 * SECOND), lambda: self._customer_answers(leg))
        elif self._chance(0.6):
            cause, tech_cause = dice.choice(((17, "SIP 486"), (21, "SIP 603"), (38, "SIP 503")))
            asterisk.plan(
                leg, dice.randint(50, 3000) * MILLISECOND, lambda: asterisk.customer_fails(leg, cause, tech_cause)
            )

    def _customer_answers(self, leg: Leg) -> None:
        asterisk = self.centre.asterisk
        asterisk.customer_answers(leg)
        if self._chance(self._habits.gone_when_called):
            self.centre.clock.later(self._dice.randint(0, 300) * MILLISECOND, lambda: asterisk.hang_up(leg))

    # ---- agents' phones ----

    def phone_rings(self, phone: Phone, leg: Leg) -> None:
        asterisk, habits, dice = self.centre.asterisk, self._habits, self._dice
        mood = dice.random()
        plan = asterisk.plan
        if mood < habits.dead_phone:
            self.done["dead phone"] += 1
            if self._chance(0.5):
                plan(leg, dice.randint(1, 8) * SECOND, lambda: asterisk.refuse(leg, 20, "SIP 408"))
            return
        mood -= habits.dead_phone
        if mood < habits.cannot_talk:
            self.done["cannot talk"] += 1
            plan(leg, dice.randint(1, 300) * MILLISECOND, lambda: asterisk.refuse(leg, 58, "SIP 488"))
            return
        mood -= habits.cannot_talk
        plan(leg, dice.randint(5, 80) * MILLISECOND, lambda: asterisk.ring(leg))
        answer_us = 100 * MILLISECOND + self._about(2 * SECOND)
        if mood < habits.ignores:
            self.done["ignores"] += 1
            return
        mood -= habits.ignores
        if mood < habits.rejects:
            self.done["rejects"] += 1
            plan(leg, answer_us, lambda: asterisk.refuse(leg, *dice.choice(((21, "SIP 603"), (19, "SIP 480")))))
            return
        mood -= habits.rejects
        if mood < habits.answers_at_deadline:
            self.done["answers at the deadline"] += 1
            offer = self.centre.engine.floor.offers.get(leg.offer_id) if leg.offer_id is not None else None
            if offer is not None:
                answer_us = max(0, offer.deadline_at - self.centre.now + dice.randint(-10, 30) * MILLISECOND)
        plan(leg, answer_us, lambda: self._answer(leg))

    def _answer(self, leg: Leg) -> None:
        asterisk, dice = self.centre.asterisk, self._dice
        asterisk.answer(leg)
        if self._chance(self._habits.hangs_up_in_whisper):
            asterisk.plan(leg, dice.randint(0, leg.whisper_us), lambda: asterisk.hang_up(leg))
        caller = asterisk.legs.get(leg.caller) if leg.caller is not None else None
        if caller is not None and self._chance(self._habits.gone_as_answered):
            self.done["gone as answered"] += 1
            moment_us = leg.whisper_us + dice.randint(-5, 5) * MILLISECOND
            self.centre.clock.later(moment_us, lambda: asterisk.hang_up(caller))

    def asked_to_press(self, leg: Leg) -> None:
        asterisk = self.centre.asterisk
        if not self._chance(self._habits.declines):
            asterisk.plan(leg, self._dice.randint(300, 4000) * MILLISECOND, lambda: asterisk.press_one(leg))

    # ---- talks ----

    def talk_begins(self, caller: Leg, agent: Leg) -> None:
        asterisk, habits, dice = self.centre.asterisk, self._habits, self._dice
        talk_us = SECOND + self._about(habits.talk_us)
        plan = asterisk.plan
        if self._chance(habits.holds):
            self.done["holds"] += 1
            # Nobody reaches for the hold key within half a second of the first word.
            begin_us, end_us = sorted(dice.randint(SECOND // 2, limit_us) for limit_us in (talk_us, 2 * talk_us))
            plan(agent, begin_us, lambda: asterisk.hold(agent, True))
            plan(agent, end_us, lambda: asterisk.hold(agent, False))
        if self._chance(habits.asks_during_talk) and agent.agent_id is not None:
            agent_id = agent.agent_id
            plan(agent, dice.randint(1, talk_us), lambda: self._ask_to_be_left_alone(agent_id))
        mood = dice.random()
        if mood < habits.transfers:
            self.done["transfers"] += 1
            exten = dice.choice((*DNIS.values(), "4711"))
            plan(agent, talk_us, lambda: asterisk.transfer(agent, exten))
        elif mood < habits.transfers + habits.line_dies:
            self.done["line dies"] += 1
            plan(agent, talk_us, lambda: self._line_dies(asterisk.phones[agent.endpoint]))
        else:
            who = agent if mood < 0.5 else caller
            plan(who, talk_us, lambda: asterisk.hang_up(who))

    # ---- an agent's own will ----

    def reads(self, event: Event) -> None:
        """An agent sees on their page that they are away, and comes back after a while."""
        if isinstance(event, AgentChanged) and event.status != Status.READY and event.asked_by is not None:
            self._after_a_while(25 * SECOND, lambda: self._come_back(event.agent_id))

    def _come_back(self, agent_id: AgentId) -> None:
        if self.day_is_over:
            return
        if self._chance(0.3):
            agent = self.centre.engine.floor.agents[agent_id]
            code = "45" if agent.status is Status.LOGGED_OUT else "46"
            self._dial(agent_id, code)
        elif not self.centre.ask(Unpause(agent_id=agent_id)):
            self.centre.ask(LogIn(agent_id=agent_id))

    def _ask_to_be_left_alone(self, agent_id: AgentId) -> None:
        self.done["asks during talk"] += 1
        if self._chance(0.3):
            self._dial(agent_id, self._dice.choice(("45", "46")))
        elif self._chance(0.5):
            self.centre.ask(Pause(agent_id=agent_id, reason="lunch"))
        else:
            self.centre.ask(LogOut(agent_id=agent_id))

    def _own_will(self, agent_id: AgentId) -> None:
        if self.day_is_over:
            return
        asterisk, dice = self.centre.asterisk, self._dice
        phone = asterisk.phones[agent_id]
        match dice.randint(0, 7):
            case 0 | 1 if phone.reachable:
                self.done["private calls"] += 1
                asterisk.private_call(phone, self._about(20 * SECOND))
            case 2:
                self.centre.ask(Pause(agent_id=agent_id, reason="break"))
            case 3:
                self.centre.ask(LogOut(agent_id=agent_id))
            case 4:
                self._line_dies(phone)
            case 5:
                self._new_shift(agent_id)
            case 6:
                self._dial(agent_id, dice.choice(("45", "46", "47")), dice.choice(("", "1", "9")))
            case _:
                wish = dice.choice(("finish", "finish", "say", "extend"))
                if wish == "say":
                    self.centre.ask(GiveDisposition(agent_id=agent_id, disposition="done"))
                elif wish == "extend":
                    self.centre.ask(ExtendWrapUp(agent_id=agent_id))
                else:
                    self.centre.ask(FinishWrapUp(agent_id=agent_id, disposition="done"))
        self._after_a_while(self._habits.mood_us, lambda: self._own_will(agent_id))

    def _dial(self, agent_id: AgentId, code: str, arg: str = "") -> None:
        phone = self.centre.asterisk.phones[agent_id]
        if phone.reachable:
            self.done["feature codes"] += 1
            self.centre.asterisk.feature_code(phone, code, arg if code == "46" else "")

    def _line_dies(self, phone: Phone) -> None:
        asterisk = self.centre.asterisk
        self.done["phones lost"] += 1
        asterisk.set_reach(phone, False)
        self._after_a_while(15 * SECOND, lambda: asterisk.set_reach(phone, True))

    def _new_shift(self, agent_id: AgentId) -> None:
        """A shift from now, for all campaigns or one, a break in it, and another one: many edges in little time."""
        now, dice = self.centre.now, self._dice
        self.done["shifts"] += 1
        ends_at = now + self._about(400 * SECOND)
        again_at = ends_at + self._about(30 * SECOND)
        one = frozenset({dice.choice(CAMPAIGNS)})
        intervals = (
            Interval(from_at=now - SECOND, to_at=ends_at, campaigns=one if self._chance(0.2) else frozenset()),
            Interval(from_at=again_at, to_at=again_at + self._about(4000 * SECOND)),
        )
        self.centre.ask(Entitle(agent_id=agent_id, entitlement=Entitlement(intervals=intervals)))

    # ---- the weather ----

    def _lose_node(self) -> None:
        if self.day_is_over:
            return
        longest_us = 25 * SECOND if self._chance(0.3) else 3 * SECOND
        self.centre.lose_node(self._dice.randint(1, longest_us))
        self._after_a_while(self._habits.loses_node_us, self._lose_node)

    def _kill_router(self) -> None:
        if self.day_is_over:
            return
        longest_us = 20 * SECOND if self._chance(0.1) else 2 * SECOND
        self.centre.die(self._dice.randint(1, longest_us))
        self._after_a_while(self._habits.kills_router_us, self._kill_router)

    def _shut(self) -> None:
        """Somebody closes the bank at once, and opens it again, or forgets to."""
        if self.day_is_over:
            return
        self.done["shut"] += 1
        self.centre.ask(Shut(campaign=BANK, until_at=self.centre.now + self._about(30 * SECOND)))
        self._after_a_while(15 * SECOND, self._reopen)
        self._after_a_while(self._habits.shuts_us, self._shut)

    def _reopen(self) -> None:
        self.centre.ask(Reopen(campaign=BANK))

    def _reload(self, version: int) -> None:
        if self.day_is_over:
            return
        self.done["reloads"] += 1
        self.centre.reload(version)
        self._after_a_while(self._habits.reloads_us, lambda: self._reload(version + 1))

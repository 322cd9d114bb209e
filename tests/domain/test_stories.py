"""Short stories told step by step by Hypothesis: any order of what people, phones and lines can do, judged by the same
judge as the simulated days, over a connection that delays, doubles and reorders as Hypothesis likes."""

from collections.abc import Callable
from random import Random

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from router.domain.ids import SECOND
from router.domain.messages.commands import Entitle, FinishWrapUp, HangUp, LogIn, LogOut, Pause, StopOffering, Unpause
from router.domain.rulebook.entitlement import ENTITLED_ALWAYS, Entitlement, Interval
from router.simulation.centre import Centre
from router.simulation.legs import Leg, Phone, Place
from router.simulation.people import CAMPAIGNS
from router.simulation.site import DNIS, rules
from router.simulation.site import agents as agents_of
from router.simulation.wire import Weather

WEATHER = Weather(late=0.2, doubled=0.2)
Step = tuple[str, int, int]
"(what, who, how): who and how choose among those there are"


class Story:
    def __init__(self, dice: Random) -> None:
        self.centre = Centre(rules(ring_s=6, wrapup_s=4, max_wait_s=20), agents_of(4, Random(1)), dice, WEATHER)
        for agent_id in list(self.centre.engine.floor.agents):
            self.centre.ask(LogIn(agent_id=agent_id))

    def tell(self, step: Step) -> None:
        what, who, how = step
        acts: dict[str, Callable[[int, int], None]] = {
            "call": self._call,
            "time": lambda who, how: self.centre.run(self.centre.now + (who + 1) * how * 50_000),
            "phone": self._phone,
            "answer": lambda who, how: self._each_ringing(self.centre.asterisk.answer),
            "talk": self._talk,
            "caller": self._caller,
            "agent": self._agent,
            "line": self._line,
            "node": lambda who, how: self.centre.lose_node((how + 1) * SECOND if who % 2 else (how + 1) * 100_000),
            "site": self._site,
        }
        acts[what](who, how)

    def _legs(self, *places: Place) -> list[Leg]:
        return [leg for leg in self.centre.asterisk.legs.values() if leg.place in places]

    def _each_ringing(self, act: Callable[[Leg], None]) -> None:
        for leg in self._legs(Place.DIALLING):
            act(leg)

    def _call(self, who: int, how: int) -> None:
        campaign = CAMPAIGNS[who % len(CAMPAIGNS)]
        self.centre.asterisk.call_in(campaign, DNIS[campaign], "+4930555999")

    def _phone(self, who: int, how: int) -> None:
        """One agent's leg that is not in a talk yet."""
        asterisk = self.centre.asterisk
        legs = self._legs(Place.DIALLING, Place.WHISPER)
        if legs:
            leg = legs[who % len(legs)]
            acts: list[Callable[[], None]] = [
                lambda: asterisk.ring(leg),
                lambda: asterisk.answer(leg),
                lambda: asterisk.refuse(leg, 21, "SIP 603"),
                lambda: asterisk.refuse(leg, 17, "SIP 486"),
                lambda: asterisk.refuse(leg, 19, "SIP 480"),
                lambda: asterisk.press_one(leg),
                lambda: asterisk.decline(leg),
                lambda: asterisk.hang_up(leg),
            ]
            acts[how % len(acts)]()

    def _talk(self, who: int, how: int) -> None:
        asterisk = self.centre.asterisk
        legs = [leg for leg in self._legs(Place.BRIDGE) if leg.life is None and leg.bridge]
        if legs:
            leg = legs[who % len(legs)]
            # People hold and transfer what they heard begin; the judge's slack is for news, not for reflexes.
            self.centre.run(self.centre.now + SECOND)
            acts: list[Callable[[], None]] = [
                lambda: asterisk.hang_up(leg),
                lambda: asterisk.hold(leg, True),
                lambda: asterisk.hold(leg, False),
                lambda: asterisk.transfer(leg, list(DNIS.values())[who % 3]),
                lambda: asterisk.transfer(leg, "4711"),
                lambda: asterisk.end(leg, 44),
            ]
            acts[how % len(acts)]()
            self.centre.run(self.centre.now + SECOND)

    def _caller(self, who: int, how: int) -> None:
        callers = [leg for leg in self.centre.asterisk.legs.values() if leg.life is not None]
        if callers:
            caller = callers[who % len(callers)]
            if how % 3:
                self.centre.asterisk.hang_up(caller)
            else:
                self.centre.asterisk.press_key(caller, "1")

    def _agent(self, who: int, how: int) -> None:
        agents = list(self.centre.engine.floor.agents)
        agent_id = agents[who % len(agents)]
        now = self.centre.now
        shift = Interval(from_at=now - SECOND, to_at=now + (how + 1) * SECOND)
        wishes = [
            LogIn(agent_id=agent_id),
            LogOut(agent_id=agent_id),
            Pause(agent_id=agent_id, reason="lunch"),
            Unpause(agent_id=agent_id),
            FinishWrapUp(agent_id=agent_id),
            Entitle(agent_id=agent_id, entitlement=Entitlement(intervals=(shift,))),
            Entitle(agent_id=agent_id, entitlement=ENTITLED_ALWAYS),
        ]
        self.centre.ask(wishes[how % len(wishes)])

    def _line(self, who: int, how: int) -> None:
        asterisk = self.centre.asterisk
        phones = list(asterisk.phones.values())
        phone: Phone = phones[who % len(phones)]
        if how % 4 == 0:
            asterisk.set_reach(phone, not phone.reachable)
        elif phone.reachable:
            if how % 4 == 1:
                asterisk.private_call(phone, how * SECOND)
            else:
                asterisk.feature_code(phone, ("45", "46", "47")[how % 3])

    def _site(self, who: int, how: int) -> None:
        contacts = list(self.centre.engine.floor.contacts)
        if how % 4 == 0 and contacts:
            self.centre.ask(HangUp(contact_id=contacts[who % len(contacts)]))
        elif how == 19:
            self.centre.ask(StopOffering())
        elif how % 2:
            self.centre.reload(who)

    def ends(self) -> None:
        """The line comes back, every caller gives up, and time passes until nothing is left to happen."""
        asterisk = self.centre.asterisk
        self.centre.run(self.centre.now + 30 * SECOND)
        for caller in [leg for leg in asterisk.legs.values() if leg.life is not None]:
            asterisk.hang_up(caller)
        self.centre.run()
        self.centre.judge.close_the_book(self.centre.now)


STEPS = st.tuples(
    st.sampled_from(
        ("call", "call", "time", "time", "phone", "answer", "talk", "caller", "agent", "line", "node", "site")
    ),
    st.integers(0, 11),
    st.integers(0, 19),
)


@settings(
    max_examples=250,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=st.lists(STEPS, min_size=5, max_size=60), dice=st.randoms(use_true_random=False))
def test_no_story_loses_a_caller_or_breaks_an_invariant(steps: list[Step], dice: Random) -> None:
    story = Story(dice)
    for step in steps:
        note(f"{story.centre.now}: {step}")
        story.tell(step)
    story.ends()
    assert story.centre.judge.faults == []

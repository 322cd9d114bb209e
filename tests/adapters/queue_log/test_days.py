"""Whatever happens on a floor, the log is one that a reader can follow: each stay has one beginning and one end."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

import pytest

from router.domain.contacts.offer import OfferState
from router.domain.errors import CommandRefused
from router.domain.ids import ContactId
from router.domain.messages.observations import CallerFellBack, CallerKeyed, CallerTransferred
from tests.adapters.queue_log.logged_room import LoggedRoom
from tests.builders import BANK, BANK_DNIS, SHOP

ENDS = {"ABANDON", "EXITWITHTIMEOUT", "EXITWITHKEY", "EXITEMPTY", "COMPLETECALLER", "COMPLETEAGENT", "BLINDTRANSFER"}


class Day:
    """Random people, all of it decided by the seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.floor = LoggedRoom("orders", "orders general", "bank", "orders bank")
        self.calls = 0

    def step(self) -> None:
        self.floor.let_pass(self.dice.choice((0, 0.3, 2, 9, 25)))
        act = self.dice.choice((self._calls, self._calls, self._phone, self._phone, self._caller, self._agent))
        act()

    def goes_home(self) -> list[str]:
        """Everybody hangs up; gives the whole log."""
        floor = self.floor
        for contact in list(floor.engine.floor.contacts):
            floor.caller_hangs_up(contact)
        for leg in [*floor.engine.floor.offers, *floor.engine.floor.assignments]:
            floor.ends(leg)
        floor.let_pass(60)
        for agent in floor.agents:
            if floor.agent(agent).status != "LOGGED_OUT":
                floor.logs_out(agent)
        return floor.lines()

    def _calls(self) -> None:
        self.calls += 1
        self.floor.calls(str(self.calls), self.dice.choice((SHOP, BANK)))

    def _phone(self) -> None:
        floor, offers = self.floor, list(self.floor.engine.floor.offers.values())
        if not offers:
            return
        offer = self.dice.choice(offers)
        if offer.state is OfferState.RESCINDING or self.dice.random() < 0.2:
            floor.ends(offer.offer_id, cause=self.dice.choice((16, 17, 19, 20, 34)))
            return
        floor.rings(offer.offer_id)
        if self.dice.random() < 0.7:
            floor.answers(offer.offer_id)
            floor.bridges(offer.offer_id)

    def _caller(self) -> None:
        contact = self._anybody()
        if contact is None:
            return
        now = self.floor.now
        match self.dice.randrange(6):
            case 0:
                self.floor.see(CallerKeyed(contact_id=contact, key="1", at=now))
            case 1:
                self.floor.see(CallerTransferred(contact_id=contact, exten=BANK_DNIS, at=now))
            case 2:
                self.floor.see(CallerFellBack(contact_id=contact, reason="router-silent", at=now))
            case _:
                self.floor.caller_hangs_up(contact)

    def _agent(self) -> None:
        floor = self.floor
        if floor.engine.floor.assignments and self.dice.random() < 0.6:
            leg = self.dice.choice(list(floor.engine.floor.assignments))
            floor.ends(leg)
            return
        agent = self.dice.choice(floor.agents)
        with suppress(CommandRefused):
            self.dice.choice((floor.pauses, floor.returns, floor.returns, floor.logs_out, floor.logs_in))(agent)

    def _anybody(self) -> ContactId | None:
        contacts = list(self.floor.engine.floor.contacts)
        return self.dice.choice(contacts) if contacts else None


@pytest.mark.parametrize("seed", range(8))
def test_a_day_of_anything_reads_as_stays_and_sessions(seed: int) -> None:
    day = Day(seed)
    for _ in range(400):
        day.step()
    lines = [line.split("|") for line in day.goes_home()]

    instants = [int(fields[0]) for fields in lines]
    assert instants == sorted(instants)
    waiting: dict[str, str] = {}
    talking: dict[str, str] = {}
    for at, call, queue, agent, event, *data in lines:
        if event == "ENTERQUEUE":
            assert call not in waiting
            assert call not in talking
            waiting[call] = queue
        elif event == "CONNECT":
            waiting.pop(call, None)  # a caller on the way to the closing message may still be connected
            talking[call] = agent
        elif event in ENDS:
            assert (agent, call in talking) in (("NONE", False), (talking.get(call), True)), (at, call, event)
            assert (talking if call in talking else waiting).pop(call)
        elif event == "RINGNOANSWER":
            assert int(data[0]) >= 0
    assert waiting == talking == {}
    assert day.floor.log.kept == 0

    members: Counter[tuple[str, str]] = Counter()
    pauses: Counter[tuple[str, str]] = Counter()
    for _, _, queue, agent, event, *_ in lines:
        members[queue, agent] += {"ADDMEMBER": 1, "REMOVEMEMBER": -1}.get(event, 0)
        pauses[queue, agent] += {"PAUSE": 1, "PAUSEALL": 1, "UNPAUSE": -1, "UNPAUSEALL": -1}.get(event, 0)
        assert members[queue, agent] in (0, 1)
        assert pauses[queue, agent] in (0, 1)
    assert not +members
    assert not +pauses
    assert {"CONNECT", "ABANDON", "EXITWITHTIMEOUT", "RINGNOANSWER", "PAUSE"} <= {fields[4] for fields in lines}

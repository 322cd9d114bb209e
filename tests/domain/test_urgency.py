"""Who is an emergency caller, however the router learned of them, and the alarm while nobody takes one."""

from dataclasses import replace

from router.domain.engine import Engine
from router.domain.ids import SECOND, CampaignName, ContactId
from router.domain.messages.commands import Configure
from router.domain.messages.events import EmergencyWaits
from router.domain.messages.observations import CallerTransferred
from router.domain.pictures.picture import whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.rulebook.rules import Rules
from tests.builders import ACCOUNTS, BANK, BANK_DNIS, GENERAL, NODE, ORDERS, SHOP, Room, rules, with_queue


def emergency(name: CampaignName = SHOP, *, alarm_s: int = 5) -> Rules:
    of = with_queue(with_queue(rules(), ORDERS, max_wait_us=600 * SECOND), ACCOUNTS, max_wait_us=600 * SECOND)
    campaign = replace(of.campaigns[name], emergency=True, alarm_us=alarm_s * SECOND)
    return replace(of, campaigns={**of.campaigns, name: campaign}, config_hash="emergency")


def alarms(room: Room) -> list[tuple[str, CampaignName]]:
    return [(event.contact_id.removeprefix(f"{NODE}-"), event.campaign) for event in room.of(EmergencyWaits)]


def test_an_emergency_caller_whom_only_asterisk_tells_of_is_one() -> None:
    room = Room(rules_in_force=emergency())
    before = room.calls("c1", BANK)
    caller = ContactId(f"{NODE}-c2")
    room.resync(room.waiting(before, campaign=BANK), room.waiting(caller))
    room.let_pass(6)
    assert alarms(room) == [("c2", SHOP)]
    room.agent_joins("orders bank")
    assert room.offered_to(caller)


def test_who_is_sent_to_an_emergency_number_by_an_agent_is_an_emergency() -> None:
    room = Room("orders", rules_in_force=emergency(BANK))
    caller = room.calls("c1")
    talk = room.talks(caller)
    older = room.calls("c2", BANK)
    room.see(CallerTransferred(contact_id=caller, exten=BANK_DNIS, at=room.now), room.end(talk))
    room.let_pass(9)
    assert alarms(room)[0] == ("c2", BANK)
    assert ("c1", BANK) in alarms(room), "not by the time of the number they dialled at first"
    room.agent_joins("bank")
    assert room.offered_to(caller), "they came before the other"
    assert not room.offered_to(older)


def test_the_alarm_does_not_begin_anew_with_every_queue_they_are_sent_on_to() -> None:
    in_force = with_queue(emergency(alarm_s=10), ORDERS, max_wait_us=8 * SECOND)
    room = Room(rules_in_force=with_queue(in_force, GENERAL, max_wait_us=8 * SECOND))
    room.calls("c1")
    room.let_pass(9)
    assert alarms(room) == []
    room.let_pass(1)
    assert len(alarms(room)) == 1


def test_a_reload_makes_emergencies_of_those_who_wait() -> None:
    room = Room(rules_in_force=rules())
    before, caller = room.calls("c1", BANK), room.calls("c2")
    room.ask(Configure(rules=emergency()))
    room.let_pass(6)
    assert alarms(room) == [("c2", SHOP)]
    room.agent_joins("orders bank")
    assert room.offered_to(caller)
    assert not room.offered_to(before)


def test_a_reload_takes_the_place_of_an_emergency_from_nobody() -> None:
    room = Room(rules_in_force=emergency())
    caller = room.calls("c1")
    room.ask(Configure(rules=rules()))
    assert room.floor.contacts[caller].urgent
    room.let_pass(6)
    assert alarms(room) == [("c1", SHOP)]


def test_a_successor_with_other_files_knows_whose_emergency_it_is() -> None:
    room = Room(rules_in_force=rules())
    caller = room.calls("c1")
    heir = Engine(emergency())
    restore(heir.floor, whole(room.floor), room.now)
    take_over(heir.floor, room.now)
    assert heir.floor.contacts[caller].urgent

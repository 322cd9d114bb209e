"""Agents run their day from the phone: log in, pause, un-pause, log out, ask who waits."""

from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.softphone import Softphone

REASONS = '[pause_reasons]\n1 = { code = "break", label = "Break" }\n2 = { code = "lunch", label = "Lunch" }\n'


async def dial(phone: Softphone, code: str) -> None:
    """Dial a feature code and stay until the answer was spoken."""
    since = len(phone.events)
    await phone.dial(code)
    await phone.sees("CALL_ESTABLISHED", since=since)
    await phone.sees("CALL_CLOSED", since=since, within_s=15)


async def test_an_agent_logs_in_pauses_and_leaves_by_phone(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-1001")
    centre.settings(more=REASONS)
    await centre.start()
    phone = await centre.room.softphone(agent)
    await centre.agent_is(agent, reach="REACHABLE", status="LOGGED_OUT")

    await dial(phone, "*45")
    await centre.agent_is(agent, status="READY", reach="REACHABLE")
    await dial(phone, "*462")
    await centre.agent_is(agent, status="PAUSED", reason="lunch")
    await dial(phone, "*47")
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.waiting(1)
    await dial(phone, "*46")
    await phone.sees("CALL_INCOMING", within_s=8)
    await phone.answer()
    await centre.agent_is(agent, work="talking")
    await phone.hang_up()
    await calls.end()
    await centre.agent_is(agent, status="READY", work="idle")
    await dial(phone, "*45")
    await centre.agent_is(agent, status="LOGGED_OUT")


async def test_a_pause_asked_during_a_call_begins_after_it(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-1001")
    await centre.start()
    phone = await centre.room.softphone(agent, "auto")
    await centre.agent_is(agent, reach="REACHABLE")
    await centre.log_in(agent)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, work="talking")

    status, said = await centre.post(f"/v1/agents/{agent}/pause", {"reason": "break"})
    assert status < 300, said
    await centre.agent_is(agent, status="READY", next_status="PAUSED", work="talking")
    await phone.hang_up()
    await calls.end()

    await centre.agent_is(agent, status="PAUSED", reason="break", work="idle")


async def test_a_stranger_among_the_phones_is_refused_and_changes_nothing(centre: CallCentre) -> None:
    centre.campaign()
    await centre.start()
    phone = await centre.room.softphone("agent-1003")

    await dial(phone, "*45")

    _, said = await centre.get("/v1/agents")
    assert said["items"] == []


async def test_a_blind_transfer_to_another_number_of_ours_queues_the_caller_there(centre: CallCentre) -> None:
    shop = centre.campaign("shop", queues='[queue.orders]\nneed = "orders"\nwrapup_s = 0\n')
    support = centre.campaign("support", queues='[queue.devices]\nneed = "en"\nwrapup_s = 0\n')
    seller, technician = centre.agent("agent-1001", orders=80), centre.agent("agent-1003", en=60)
    await centre.start()
    first = await centre.room.softphone(seller, "auto")
    second = await centre.room.softphone(technician, "auto")
    for agent in (seller, technician):
        await centre.agent_is(agent, reach="REACHABLE")
    await centre.log_in(seller, technician)
    calls = await centre.room.carrier.call(Caller(dnis=shop))
    await centre.agent_is(seller, work="talking")

    await first.transfer(support)

    await centre.agent_is(technician, work="talking")
    await centre.agent_is(seller, work="idle")
    await second.hang_up()
    await calls.end()
    [story] = await centre.stories(1)
    assert story.record is not None
    talks = [segment.agent_id for segment in story.record.segments if segment.kind.value == "talk"]
    assert talks == [seller, technician]
    assert story.record.queue == "support/devices"


async def test_a_blind_transfer_to_the_outside_reaches_no_trunk(centre: CallCentre) -> None:
    shop = centre.campaign()
    agent = centre.agent("agent-1001")
    await centre.start()
    phone = await centre.room.softphone(agent, "auto")
    await centre.agent_is(agent, reach="REACHABLE")
    await centre.log_in(agent)
    packets = await centre.room.packets()
    calls = await centre.room.carrier.call(Caller(dnis=shop))
    await centre.agent_is(agent, work="talking")

    await phone.transfer("0019005550123")

    await calls.end(30)
    [story] = await centre.stories(1)
    await packets.stop()
    assert story.record is not None
    assert [segment.kind.value for segment in story.record.segments] == ["waiting", "talk", "announcement"]
    asked = {m.method for m in packets.sip() if m.target.startswith("127.0.0.2:") and not m.status}
    assert asked <= {"BYE"}

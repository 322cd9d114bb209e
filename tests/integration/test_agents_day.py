"""An agent's day by phone: what came of a call in several digits, pauses with limits, a phone that was away."""

from tests.integration.call_centre import CallCentre
from tests.integration.test_phone_codes import dial
from tests.telephones.carrier import Caller

CODES = '[campaign.dispositions]\n1 = "sold"\n12 = "no interest"\n'
PAUSES = '[pause.lunch]\nlabel = "Lunch"\ndigits = "12"\nat_most = 1\n'
PAUSES += '[pause.training]\nlabel = "Training"\npaid = true\n'


def queue(more: str) -> str:
    return f'[queue.orders]\nneed = "de"\nring_s = 15\nmax_wait_s = 600\n{more}\n'


async def test_a_mandatory_wrap_up_ends_with_the_code_that_was_dialled(centre: CallCentre) -> None:
    number = centre.campaign(
        queues=queue('wrapup = "mandatory"\nwrapup_s = 60\nwrapup_max_s = 600'), more=CODES, greeting="answered"
    )
    agent = centre.agent("agent-1001")
    await centre.start()
    phone = await centre.room.softphone(agent, "auto")
    await centre.agent_is(agent, reach="REACHABLE")
    await centre.log_in(agent)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, work="talking")
    await phone.hang_up()
    await calls.end()
    await centre.agent_is(agent, work="wrapup", wrapup="mandatory")

    status, said = await centre.post(f"/v1/agents/{agent}/finish-wrapup")
    assert (status, said["error_id"]) == (409, "disposition-needed")
    await dial(phone, "*473")
    assert (await centre.agent_now(agent))["work"] == "wrapup"
    await dial(phone, "*4712")

    await centre.agent_is(agent, work="idle")
    [story] = await centre.stories(1)
    [fact] = story.wrapups
    assert (fact.disposition, fact.ended) == ("12", "agent")


async def test_more_time_is_asked_for_by_phone_and_a_pause_of_two_digits_has_its_limit(centre: CallCentre) -> None:
    number = centre.campaign(queues=queue('wrapup = "extendable"\nwrapup_s = 30\nwrapup_max_s = 45'))
    first, second = centre.agent("agent-1001"), centre.agent("agent-1003", de=50)
    centre.settings(more=PAUSES)
    await centre.start()
    phone = await centre.room.softphone(first, "auto")
    other = await centre.room.softphone(second)
    for agent in (first, second):
        await centre.agent_is(agent, reach="REACHABLE")
    await centre.log_in(first)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(first, work="talking")
    await phone.hang_up()
    await calls.end()
    await centre.agent_is(first, work="wrapup")
    before = (await centre.agent_now(first))["until"]

    await dial(phone, "*48")
    after = await centre.agent_now(first)
    assert after["until"] > before
    await dial(phone, "*4612")
    await centre.agent_is(first, next_status="PAUSED", next_reason="lunch")

    await centre.log_in(second)
    await dial(other, "*4612")
    assert (await centre.agent_now(second))["status"] == "READY"
    status, said = await centre.post(f"/v1/agents/{second}/pause", {"reason": "lunch"})
    assert (status, said["error_id"], said["details"]["paused"]) == (409, "too-many-paused", 1)
    status, said = await centre.post(f"/v1/agents/{second}/pause", {"reason": "training"})
    assert (status, said["paid"], said["reason"]) == (200, True, "training")


async def test_who_was_paused_because_the_phone_was_gone_is_ready_when_it_is_back(centre: CallCentre) -> None:
    number = centre.campaign(queues=queue("wrapup_s = 0"))
    agent = centre.agent("agent-1001")
    centre.settings(more='[agents]\nafter = { unregistered = ["pause"], failed = ["pause"], missed = ["nothing"] }\n')
    await centre.start()
    phone = await centre.room.softphone(agent, "auto")
    await centre.agent_is(agent, reach="REACHABLE")
    await centre.log_in(agent)
    await phone.unplug()  # Asterisk does not know yet
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.agent_is(agent, status="PAUSED", within_s=25)
    assert (await centre.agent_now(agent))["reason"] in ("unregistered", "failed")

    # Nobody asks after phones in this room, so Asterisk sees it only when it logs off in order, and comes again.
    started = await centre.room.softphone(agent, "auto")
    await started.close()
    await centre.agent_is(agent, reach="UNREACHABLE", status="PAUSED", within_s=30)
    back = await centre.room.softphone(agent)

    await centre.agent_is(agent, status="READY", reason=None, work="ringing", within_s=30)
    await back.answer()
    await centre.agent_is(agent, work="talking")
    await calls.abandon()

"""Campaigns that close, by hours and by hand, on a real Asterisk: who comes, who waits, who takes the floor up."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from router.domain.ids import SECOND
from router.domain.record import Outcome
from tests.integration.bills import billed, of_caller, whole
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

ORDERS = '[queue.orders]\nneed = "de"\nwrapup_s = 0\n'
EARLIER, LATER = "+4915155500011", "+4915155500012"


def days(first: int, last: int) -> str:
    """An exception's dates, counted from today."""
    today = datetime.now(UTC).date()
    return f'date = "{today + timedelta(days=first)}", to = "{today + timedelta(days=last)}"'


def hours(*, at_closing: str = "stay", closed: bool = False) -> str:
    """Open day and night, but for some days around this one where `closed`."""
    exceptions = f"exceptions = [{{ {days(-1, 2)} }}]\n" if closed else ""
    return f'[hours]\nmon-sun = ["00:00-24:00"]\nat_closing = "{at_closing}"\n{exceptions}'


def an_hour_from_now() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def shut(centre: CallCentre) -> None:
    status, said = await centre.post("/v1/campaigns/shop/shut", {"until": an_hour_from_now()})
    assert status == 200, said


async def door(centre: CallCentre) -> tuple[bool, str | None, bool]:
    """What stands on the door of the only queue: open, why not, whether it says when it opens."""
    [queue] = (await centre.get("/v1/queues"))[1]["items"]
    return queue["open"], queue["closed_by"], queue["opens_at"] is not None


async def test_who_calls_a_campaign_that_is_closed_hears_so_and_rings_nobody(centre: CallCentre) -> None:
    number = centre.campaign(queues=hours(closed=True) + ORDERS)
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    comes = await centre.room.carrier.call(Caller(dnis=number))

    assert (await comes.end(40))[0][-1] == "released"
    [story] = await centre.stories(1)

    assert billed(story)[-1] == "announcement"
    assert whole(story).outcome is Outcome.OVERFLOWED
    assert story.offers == ()


async def test_a_closed_campaign_may_hand_its_callers_to_another_that_is_open(centre: CallCentre) -> None:
    number = centre.campaign(more='closed = ["queue:night/all"]', queues=hours(closed=True) + ORDERS)
    centre.campaign("night", queues='[queue.all]\nneed = "de"\nwrapup_s = 0\n')
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    comes = await centre.room.carrier.call(Caller(dnis=number))

    await comes.end()
    [story] = await centre.stories(1)

    assert billed(story) == ["waiting", "talk"]
    assert (whole(story).campaign, whole(story).queue) == ("shop", "night/all")


@pytest.mark.parametrize("at_closing", ["closing", "stay"])
async def test_shut_by_command_under_a_caller_who_waits_and_opened_again(centre: CallCentre, at_closing: str) -> None:
    number = centre.campaign(queues=hours(at_closing=at_closing) + ORDERS)
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    waits = await centre.room.carrier.call(Caller(dnis=number, ani=EARLIER))
    await centre.waiting(1)

    await shut(centre)

    late = await centre.room.carrier.call(Caller(dnis=number, ani=LATER))
    assert (await late.end(40))[0][-1] == "released"
    if at_closing == "stay":
        assert [contact["state"] for contact in await centre.contacts()] == ["queued"]
        await centre.log_in(agent)
    assert (await waits.end(40))[0][-1] == "released"
    stories = await centre.stories(2)
    assert whole(of_caller(stories, LATER)).outcome is Outcome.OVERFLOWED
    stayed = whole(of_caller(stories, EARLIER))
    assert stayed.outcome is (Outcome.ANSWERED if at_closing == "stay" else Outcome.OVERFLOWED)
    for story in stories:
        billed(story)

    status, said = await centre.post("/v1/campaigns/shop/open")
    assert status == 200, said
    if at_closing == "closing":
        await centre.log_in(agent)
    again = await centre.room.carrier.call(Caller(dnis=number, ani="+4915155500013"))
    await again.end()
    assert whole(of_caller(await centre.stories(3), "+4915155500013")).outcome is Outcome.ANSWERED


async def test_a_campaign_shut_by_hand_stays_so_for_who_takes_the_floor_up(centre: CallCentre) -> None:
    number = centre.campaign(queues=hours() + ORDERS)
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.log_in(agent)
    await shut(centre)
    await centre.stop(signal.SIGKILL)
    await centre.start()
    assert await door(centre) == (False, "hand", True)
    comes = await centre.room.carrier.call(Caller(dnis=number))

    await comes.end(40)
    [story] = await centre.stories(1)

    assert whole(story).outcome is Outcome.OVERFLOWED
    assert story.offers == ()


async def test_hours_that_a_reload_brings_close_at_once_and_open_at_once(centre: CallCentre) -> None:
    number = centre.campaign(queues=hours(at_closing="closing") + ORDERS)
    agent = centre.agent("agent-2001")
    file = centre.site / "campaigns" / "shop.toml"
    is_open = file.read_text()
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    waits = await centre.room.carrier.call(Caller(dnis=number, ani=EARLIER))
    [waiting] = await centre.waiting(1)

    file.write_text(is_open.replace(hours(at_closing="closing"), hours(at_closing="closing", closed=True)))
    status, said = await centre.post("/v1/reload")
    assert (status, said["callers"]) == (200, {"waiting": 0, "moved": 0, "sent_off": 1})
    assert await door(centre) == (False, "exception", True)

    assert (await waits.end(40))[0][-1] == "released"
    [sent_away] = await centre.stories(1)
    assert whole(sent_away).outcome is Outcome.OVERFLOWED
    assert whole(sent_away).contact_id == waiting["contact_id"]
    assert whole(sent_away).ended_at - whole(sent_away).arrived_at < 30 * SECOND

    file.write_text(is_open)
    assert (await centre.post("/v1/reload"))[0] == 200
    assert await door(centre) == (True, None, False)
    await centre.log_in(agent)
    again = await centre.room.carrier.call(Caller(dnis=number, ani=LATER))
    await again.end()
    assert whole(of_caller(await centre.stories(2), LATER)).outcome is Outcome.ANSWERED

"""What an admin does with a running router: the canary, a reload under waiting callers, shifts, explain, records."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

from router.domain.record import OfferResult
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers


async def ringfair(centre: CallCentre, *words: str) -> tuple[int, str]:
    """Run a command as an admin would; exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "router", *words, "--config", str(centre.site)],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(40):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_canary_passes_every_milestone_and_leaves_a_record(centre: CallCentre) -> None:
    centre.campaign()
    await centre.start()

    code, said = await ringfair(centre, "canary", "--json")

    assert code == 0, said
    names = [milestone["name"] for milestone in json.loads(said)["milestones"]]
    assert names == ["arrived", "queued", "offered", "ringing", "connected", "ended"]
    [story] = await centre.stories(1)
    assert story.record is not None
    assert (story.record.campaign, story.offers[0].result) == ("canary", OfferResult.ANSWERED)


async def test_a_new_campaign_is_one_file_and_one_reload_and_nobody_waiting_is_lost(centre: CallCentre) -> None:
    shop = centre.campaign("shop")
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    waiting = await centre.room.carrier.call(Caller(dnis=shop))
    [before] = await centre.waiting(1)

    overnight = centre.campaign("overnight")
    code, said = await ringfair(centre, "reload")
    assert code == 0, said

    [after] = await centre.waiting(1)
    assert (after["contact_id"], after["arrived_at"]) == (before["contact_id"], before["arrived_at"])
    await centre.log_in(agent)
    assert (await waiting.end(15))[0][-1] == "released"
    new = await centre.room.carrier.call(Caller(dnis=overnight))
    assert (await new.end(15))[0][-1] == "released"
    assert [story.record and story.record.campaign for story in await centre.stories(2)] == ["shop", "overnight"]


async def test_who_is_taken_on_is_rung_after_a_reload_unless_they_use_their_phone(centre: CallCentre) -> None:
    number = centre.campaign()
    await centre.start()
    room = centre.room
    free, talking = centre.agent("agent-2001"), centre.agent("agent-2002")
    await room.phone(free).behave(Answers(talks_ms=300))
    await room.phone(talking).behave(Answers(talks_ms=60_000))
    await centre.enrol()
    private = {"Channel": f"PJSIP/{talking}", "Application": "Wait", "Data": "60", "Async": "true"}
    assert (await room.ami.send("Originate", private))["Response"] == "Success"
    await room.phone(talking).has("answered")
    calls = await room.carrier.call(Caller(dnis=number))
    await centre.waiting(1)

    code, said = await ringfair(centre, "reload")
    assert code == 0, said

    await centre.agent_is(talking, reach="BUSY_ELSEWHERE")
    await centre.log_in(talking, free)
    assert (await calls.end(15))[0][-1] == "released"
    [story] = await centre.stories(1)
    assert [offer.agent_id for offer in story.offers] == [free]


async def test_a_broken_file_is_refused_at_reload_and_the_old_rules_stay(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    (centre.site / "campaigns" / "shop.toml").write_text('[campaign]\nname = "other"\n')

    code, said = await ringfair(centre, "reload")

    assert code == 2
    assert "shop.toml" in said
    calls = await centre.room.carrier.call(Caller(dnis=number))
    assert (await calls.end(15))[0][-1] == "released"


async def test_nobody_is_offered_anything_outside_their_shift(centre: CallCentre) -> None:
    number = centre.campaign()
    on, off = centre.agent("agent-2001"), centre.agent("agent-2002")
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    rows = [(on, now - hour, now + hour), (off, now + hour, now + 2 * hour)]
    lines = [f"{agent},{begin.isoformat()},{end.isoformat()},shop" for agent, begin, end in rows]
    (centre.site / "shifts.csv").write_text("agent_id,from,to,campaigns\n" + "\n".join(lines) + "\n")
    centre.settings(more='[shifts]\nfile = "shifts.csv"\n')
    await centre.start()
    for name in (on, off):
        await centre.room.phone(name).behave(Answers(talks_ms=300))
    await centre.log_in(off)
    await centre.log_in(on)
    calls = await centre.room.carrier.call(Caller(dnis=number))

    await calls.end(15)
    [story] = await centre.stories(1)

    assert [offer.agent_id for offer in story.offers] == [on]
    assert ("not_entitled", 1) in story.decisions[0].others


async def test_explain_and_records_tell_of_a_contact_after_the_router_is_gone(centre: CallCentre) -> None:
    number = centre.campaign()
    agent, idle = centre.agent("agent-2001"), centre.agent("agent-2002")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    await centre.log_in(idle)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await calls.end(15)
    [story] = await centre.stories(1)
    assert await centre.stop() == 0

    code, explained = await ringfair(centre, "explain", story.contact_id, "--json")
    assert code == 0, explained
    code, listed = await ringfair(centre, "records", "--json")
    assert code == 0, listed

    [decision] = json.loads(explained)["decisions"]
    assert decision["chosen"] == agent
    assert [entry["agent"] for entry in decision["next_best"]] == [idle]
    [record] = json.loads(listed)
    assert record["contact_id"] == story.contact_id
    assert record["outcome"] == "answered"


async def test_the_doctor_finds_a_healthy_centre_healthy(centre: CallCentre) -> None:
    centre.campaign()
    centre.agent("agent-2001")
    await centre.start()

    code, said = await ringfair(centre, "doctor", "--json")

    fails = [finding for finding in json.loads(said) if finding["verdict"] == "fail"]
    assert (code, fails) == (0, [])

"""The files change every second while 20 callers a second come: none is lost, none overtakes another.

The agents take a little fewer than come, so that there is a line all the while, and every reload changes what it is
made of: rings come and go (rows of the queue are made anew), so do points, the way to choose and a second queue. The
order of the line may not change with them, since all callers have the same points at any instant.
"""

import asyncio
import contextlib
import itertools
import json
import os
import sys
from datetime import datetime

from router.domain.ids import SECOND, Micros
from router.domain.record import OfferResult, Outcome
from router.ports import ContactStory
from tests.integration.bills import billed, whole
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

PER_S = 20
SECONDS = int(os.environ.get("RINGFAIR_RELOAD_S", "20"))
"A minute or ten in the long form."
IN_LINE_US = SECOND // 5
"Who waited this long stood in a line."

VARIANTS = (
    'need = "de"\nwrapup_s = 0\nring_s = 15\n',
    'need = "de >= 80"\nwrapup_s = 0\nchoose = "round-robin"\nring = [{ after_s = 0.5, need = "de >= 40" }]\n',
    'need = "de >= 80"\nwrapup_s = 0\npriority = 7\nring = [{ after_s = 0.2, need = "de >= 60" }, '
    '{ after_s = 0.4, need = "de >= 40" }]\n[queue.second]\nneed = "en"\n',
    'need = "de"\nwrapup_s = 0\nmax_waiting = 5000\nstay_if = ["logged-in"]\nchoose = "fewest-contacts"\n',
)


async def reloads(centre: CallCentre, done: asyncio.Event) -> list[str]:
    """Other rules every second until `done`; the hashes that came into force."""
    file = centre.site / "campaigns" / "shop.toml"
    head, _, _ = file.read_text().partition("[queue.orders]\n")
    hashes: list[str] = []
    while not done.is_set():
        file.write_text(f"{head}[queue.orders]\n{VARIANTS[(len(hashes) + 1) % len(VARIANTS)]}")
        status, said = await centre.post("/v1/reload")
        assert status == 200, said
        hashes.append(said["config_hash"])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 1.0)
    return hashes


async def verified(centre: CallCentre) -> bool:
    """Whether `ringfair ledger verify` finds every record as it was written."""
    words = ("-m", "router", "ledger", "verify", "--config", str(centre.site))
    process = await asyncio.create_subprocess_exec(sys.executable, *words)
    return await process.wait() == 0


def heard(centre: CallCentre) -> dict[str, Micros]:
    """When the router heard of each caller, by its own clock: it cannot know of who is still on the way to it."""
    lines = (json.loads(line) for line in centre.log.read_text().splitlines() if '"contact arrived"' in line)
    return {line["contact_id"]: micros(line["at"]) for line in lines}


def micros(text: str) -> Micros:
    whole_s, _, rest = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(whole_s + "+00:00").timestamp()) * SECOND + int(rest)


def overtaken(stories: list[ContactStory], heard_at: dict[str, Micros]) -> list[tuple[str, str]]:
    """Who was offered to an agent while somebody who had come earlier was known to wait, and whom they passed."""
    line = sorted(stories, key=lambda story: whole(story).arrived_at)
    return [
        (whole(later).contact_id, whole(earlier).contact_id)
        for earlier, later in itertools.combinations(line, 2)
        if heard_at[whole(earlier).contact_id] < later.decisions[0].at < earlier.decisions[0].at
    ]


async def test_twenty_callers_a_second_and_a_reload_every_second(centre: CallCentre) -> None:
    number = centre.campaign(queues=f"[queue.orders]\n{VARIANTS[0]}")
    agents = [centre.agent(f"agent-200{n}", de=40 + 10 * n) for n in range(1, 7)]
    await centre.start()
    for agent in agents:
        await centre.room.phone(agent).behave(Answers(rings_ms=20, talks_ms=250))
    await centre.log_in(*agents)
    expected = PER_S * SECONDS
    done = asyncio.Event()
    changes = asyncio.create_task(reloads(centre, done))

    try:
        calls = await centre.room.carrier.call(Caller(dnis=number), count=expected, per_s=PER_S)
        fates = await calls.end(SECONDS * 3 + 30)
    finally:
        done.set()
        hashes = await changes
    stories = await centre.stories(expected, 30)

    assert [fate for fate in fates if fate[-1] != "released"] == []
    assert len(stories) == expected
    for story in stories:
        assert whole(story).outcome is Outcome.ANSWERED, whole(story)
        assert billed(story, seen=False) == ["waiting", "talk"]
        assert [offer.result for offer in story.offers] == [OfferResult.ANSWERED]
    assert overtaken(stories, heard(centre)) == []
    assert await verified(centre)
    estimated = sum(whole(story).end_estimated for story in stories)
    assert estimated == 0, f"{estimated} ends were not seen"
    assert len(hashes) >= SECONDS / 2, "reloads were refused or slow"
    assert len({whole(story).config_hash for story in stories}) == len(VARIANTS)
    waited_us = [whole(story).segments[0].to_at - whole(story).arrived_at for story in stories]
    assert sum(waited > IN_LINE_US for waited in waited_us) > expected / 4, "without a line nothing is proved"

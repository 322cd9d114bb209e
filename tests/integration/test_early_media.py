"""A long wait in early media: the caller pays nothing, hears music without a gap, and an agent takes them at its end.

Six seconds here; `make early-media` waits ten minutes, as the longest of carriers would let a caller.
"""

from __future__ import annotations

import itertools
import os

import pytest

from router.domain.ids import SECOND
from router.domain.record import Outcome
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.packets import Packets
from tests.telephones.sipp_agent import Answers

WAITS_S = float(os.environ.get("RINGFAIR_EARLY_MEDIA_S", "6"))
pytestmark = pytest.mark.timeout(WAITS_S + 90)
LONGEST_GAP_S = 1.0
"Of the music, on a machine that others work on: frames come each 20 ms."


def gaps_to_the_caller(packets: Packets, until_at: int) -> list[float]:
    """Seconds between two RTP packets that our Asterisk sent to the carrier before that instant."""
    sent = [packet.at for packet in packets.rtp("127.0.0.2") if packet.at < until_at]
    return [(later - one) / SECOND for one, later in itertools.pairwise(sent)]


@pytest.mark.parametrize("then", ["stay", "answer"])
async def test_a_caller_waits_long_in_early_media_and_talks_at_its_end(centre: CallCentre, then: str) -> None:
    half_s = max(1.0, WAITS_S / 2)
    keys = f'early_media_max_s = {half_s}\nearly_media_then = "{then}"'
    tables = f'[queue.orders]\nneed = "de"\nwrapup_s = 0\nmax_wait_s = {WAITS_S + 600}\n'
    number = centre.campaign(greeting="early-media", more=keys, queues=tables)
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=500))
    packets = await centre.room.packets()
    calls = await centre.room.carrier.call(Caller(dnis=number, speaks=True))
    await centre.waiting(1)

    await centre.room.silence_s(WAITS_S)

    assert [fate for fates in calls.fates() for fate in fates] == (["answered"] if then == "answer" else [])
    [waiting] = await centre.contacts()
    assert waiting["state"] == "queued"
    await centre.log_in(agent)
    assert (await calls.end(20))[0] == ["answered", "released"]
    [story] = await centre.stories(1)
    await packets.stop()
    record = story.record
    assert record is not None
    assert record.outcome is Outcome.ANSWERED
    assert record.answered_at is not None
    assert record.answered_at - record.arrived_at >= WAITS_S * SECOND
    assert max(gaps_to_the_caller(packets, record.answered_at)) < LONGEST_GAP_S

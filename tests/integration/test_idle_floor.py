"""At night nobody calls: Asterisk sends no event, and is heard all the same."""

from __future__ import annotations

import time

from tests.integration.call_centre import CallCentre, poll

BEATS = 5
BEAT_S = 1.0
LAST_HEARD = "ringfair_ami_last_event_timestamp_seconds{"


async def test_an_idle_asterisk_is_heard_with_every_beat(centre: CallCentre) -> None:
    """Events come from calls alone; what comes every second are the answers to the router's heartbeat."""
    centre.campaign()
    await centre.start()
    await centre.room.stop_heart()
    heard: set[float] = set()
    longest_s = 0.0

    async def so_often() -> bool:
        nonlocal longest_s
        asked = time.time()
        _, text = await centre.get("/metrics")
        [line] = [line for line in str(text).splitlines() if line.startswith(LAST_HEARD)]
        at = float(line.rpartition(" ")[2])
        heard.add(at)
        longest_s = max(longest_s, asked - at)
        return len(heard) > BEATS

    await poll(lambda: f"heard {BEATS} times anew: {sorted(heard)}", so_often, 10 * BEATS * BEAT_S)
    assert longest_s < 8 * BEAT_S
    assert await centre.contacts() == []

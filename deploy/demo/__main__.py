"""`make demo`. DEMO_CALLS=n callers (20), DEMO_HOLD=1 keeps everything running until Ctrl-C.

Exit codes: 0 every promise was kept, 1 one was not, or the demo could not be played, 2 wrong DEMO_CALLS,
130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from deploy.demo.cast import FEWEST_CALLS, MOST_CALLS
from deploy.demo.play import Demo, Wishes
from deploy.demo.premises import DemoError, Occupied
from deploy.demo.steps import Screen
from router.adapters.pbx.errors import PbxError
from router.config.site import demo_directory
from router.domain.errors import RouterError
from tests.telephones.workshop import TelephoneError

_INTERRUPTED = 130


async def _main(wishes: Wishes, screen: Screen) -> int:
    """Play; the first signal ends the demo in good order, later ones do not tear it out of that."""
    playing = asyncio.current_task()
    assert playing is not None
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:
            asked = True
            screen.say("\n  stopping …", "yellow")
            playing.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return 0 if await Demo(wishes, screen).play() else 1
    except asyncio.CancelledError:
        screen.say("  interrupted; everything that was started is stopped", "yellow")
        return _INTERRUPTED
    except Occupied as error:
        screen.say(f"\n{error}", "red")
        return 1
    except (DemoError, PbxError, TelephoneError, RouterError, OSError) as error:
        screen.say(f"\n{error}", "red")
        screen.say(f"Everything that was started is stopped. What logs there are: {wishes.home}/*.log")
        return 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--instance", default="demo", help="name of the Asterisk and the Valkey (for tests)")
    arguments = parser.parse_args()
    screen = Screen()
    home = demo_directory(os.environ)
    if home is None:
        screen.say("neither XDG_CACHE_HOME nor HOME says where the demo may keep its files", "red")
        return 1
    try:
        calls = int(os.environ.get("DEMO_CALLS") or 20)
        if not FEWEST_CALLS <= calls <= MOST_CALLS:
            raise ValueError
    except ValueError:
        screen.say(f"DEMO_CALLS={os.environ['DEMO_CALLS']}: a number from {FEWEST_CALLS} to {MOST_CALLS}", "red")
        return 2
    wishes = Wishes(
        calls=calls,
        hold=os.environ.get("DEMO_HOLD", "") not in ("", "0", "no"),
        home=home,
        name=arguments.instance,
    )
    return asyncio.run(_main(wishes, screen))


if __name__ == "__main__":
    sys.exit(main())

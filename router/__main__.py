"""`ringfair` and `python -m router`: whatever happens ends in a documented exit code, never in a traceback."""

import os
import signal
import sys


def main() -> None:
    """Run the command line. `RINGFAIR_TRACEBACK=1` shows where an unexpected error came from."""
    from router.cli import app
    from router.cli.exits import FAILED, sentence

    if sys.argv[1:2] == ["records"]:
        # `ringfair records --json | head`: end with the reader, without a word, as every tool of a pipe does
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # The process edge: people get a sentence, developers a variable.
    try:
        app(prog_name="ringfair")
    except Exception as error:
        if os.environ.get("RINGFAIR_TRACEBACK"):
            raise
        print(f"ringfair: {sentence(error)} (RINGFAIR_TRACEBACK=1 tells where)", file=sys.stderr)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()

"""An Asterisk of the telephone room that keeps its event log, and the log read once everybody has hung up."""

from __future__ import annotations

from pathlib import Path

from router.adapters.cel.files import EventLog
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from router.domain.truth.reconciliation import CallSeen
from tests.integration.telephone_room import make_pbx
from tests.telephones.workshop import until


def make_pbx_with_log(name: str, root: Root) -> Instance:
    """As `make_pbx`, with the event log; not yet started."""
    plain = make_pbx(name, root)
    return Instance(name, plain.ports, root=root, qualify_s=0, rtp_timeout_s=60, cel=True)


def calls_in(file: Path) -> list[CallSeen]:
    return list(EventLog([file]).calls()) if file.exists() else []


async def calls_over(file: Path, count: int, within_s: float = 10.0) -> list[CallSeen]:
    """Wait until so many callers' legs are over in the log: Asterisk writes it a moment behind the calls."""
    found: list[CallSeen] = []

    def so() -> bool:
        found[:] = calls_in(file)
        return sum(call.is_over for call in found) >= count

    await until(f"{count} calls over in {file.name}", so, within_s)
    return found

"""One thing looked at: what was found, what was expected, how to mend it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from router.domain.errors import RouterError


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    check: str
    "`asterisk.version`: the part and what of it."
    verdict: Verdict
    found: str
    expected: str = ""
    mend: str = ""
    "What to do; empty when nothing is to be done."


def ok(check: str, found: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, found=found)


def warn(check: str, found: str, expected: str, mend: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARN, found=found, expected=expected, mend=mend)


def fail(check: str, found: str, expected: str, mend: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FAIL, found=found, expected=expected, mend=mend)


Examination = Callable[[], Awaitable[Iterable[Finding]]]


async def examine(part: str, examination: Examination, deadline_s: float) -> list[Finding]:
    """Carry one examination out; it can neither hang nor take the others down with it."""
    try:
        async with asyncio.timeout(deadline_s):
            return list(await examination())
    except TimeoutError:
        return [
            fail(part, f"no result within {deadline_s:g} s", "an answer", "It hangs or is overloaded: look at its log.")
        ]
    except RouterError as error:
        sentence, _, rest = error.message.partition(". ")
        return [fail(part, sentence.rstrip("."), "an answer", rest)]
    except Exception as error:  # noqa: BLE001 - a doctor who faints tells nothing about the other organs
        return [
            fail(part, f"the examination broke off: {type(error).__name__}: {error}", "a result", "Please report it.")
        ]

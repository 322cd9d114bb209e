"""What is planted and what came of it, as data: a list of mutants reads like a list of accidents.

A mutant is an exact text of one file and what stands there instead. The text occurs once, so a file that changed is
told and never patched in the wrong place. What it must do is go wrong as an engineer's slip would: the file still
compiles and imports, and somebody in the telephone room would notice.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    name: str
    "What goes wrong in the telephone room: a sentence without its full stop."
    file: str
    "Path in the tree."
    find: str
    replace: str
    guards: tuple[str, ...]
    "pytest node ids that must notice, the quickest first; unmutated they take 20 s together at most."
    short: bool = False
    "Part of the short form."


class End(StrEnum):
    """How a trial ended; only the first proves anything."""

    CAUGHT = "caught"
    UNNOTICED = "no guard noticed"
    MISPLACED = "does not apply"
    UNFIT = "does not import"
    EMPTY = "no guard ran"
    BROKEN_OFF = "pytest broke off"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    mutant: Mutant
    end: End
    test: str = ""
    "The first test that failed."
    why: str = ""
    "Its first line, or what stopped the trial."
    took_s: float = 0.0


class DoesNotApply(Exception):
    """The text to replace is not there exactly once, or nothing would change."""


def planted(mutant: Mutant, text: str) -> str:
    """The file with the fault in it. Raises DoesNotApply."""
    found = text.count(mutant.find)
    if found != 1:
        raise DoesNotApply(f"the text to replace occurs {found} times in {mutant.file}")
    if mutant.find == mutant.replace:
        raise DoesNotApply("nothing would change")
    return text.replace(mutant.find, mutant.replace)


def module_of(file: str) -> str:
    """`router/domain/calls/talk.py` → `router.domain.calls.talk`; empty for what is no Python."""
    if not file.endswith(".py"):
        return ""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

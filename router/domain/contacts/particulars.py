"""What is known of a contact, as far as the needs of queues may speak of it.

    caller.number  caller.country  caller.dnis  caller.known     by the call itself
    language=de&vip=yes                                          by the site's dialplan or a client's system

Rule 1: all of it was told from outside. What has another form than this is left out, the rest counts: nobody loses
their place in line because somebody wrote a bad header.
Rule 2: a datum that stands for a skill is that skill only where somebody was ever known to hold it. So callers make no
names up: the distinct needs of a queue are bounded by the site's own skills, and by `MOST_NEEDS` in any case.
Rule 3: what comes above that waits for a line to fall idle, and has the need of a contact of whom nothing is known
until then (seating.py).
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from router.domain.rulebook.census import Census
from router.domain.rulebook.need import Datum, is_skill_name

if TYPE_CHECKING:
    from router.domain.contacts.contact import Contact

MOST_NEEDS = 32
"Of one queue, besides the general one, at a time."
MOST_DATA = 10
MOST_TEXT = 600
"Characters of them all."
COUNTRY = "caller.country"
"The only one of the call's own that the edge finds: it knows numbers."

_KEY = r"[a-z][a-z0-9_]{0,31}"
_PAIR = re.compile(rf"({_KEY})=([A-Za-z0-9+._@-]{{1,64}})")
_COUNTRY = re.compile(r"[A-Z]{2}")
_HIDDEN = ("", "anonymous")

Answers = tuple[str | bool, ...]
"What a contact's data comes to in the places where the needs of a queue ask for it."


def read(text: str) -> dict[str, str]:
    """`language=de&vip=yes` → data; rule 1."""
    return _good(text[:MOST_TEXT].split("&"))


def checked(data: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What came by another way than `read`, perhaps from an older router: only what could have come from there."""
    pairs = [pair for pair in data if all(isinstance(each, str) for each in pair)]
    country = {key: value for key, value in pairs if key == COUNTRY and _COUNTRY.fullmatch(value)}
    return _good(map("=".join, pairs)) | country


def _good(pairs: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if match is not None and len(found) < MOST_DATA:
            found.setdefault(match[1], match[2])
    return found


def facts_of(contact: "Contact", data: Iterable[Datum], census: Census) -> Mapping[str, str]:
    """What is known of a contact, with the skills that stand behind names; rule 2."""
    facts = {
        **contact.data,
        "caller.number": "" if contact.ani in _HIDDEN else contact.ani,
        "caller.dnis": contact.dnis,
        "caller.known": "no" if contact.ani in _HIDDEN else "yes",
    }
    for datum in data:
        if datum.told is None:
            skill = facts.get(datum.name[1:], "").lower()
            if skill and is_skill_name(skill) and census.knows(skill):
                facts[datum.name] = skill
    return facts


def answers(data: Iterable[Datum], facts: Mapping[str, str]) -> Answers:
    return tuple(facts.get(each.name, "") if each.told is None else each.told.holds(facts) for each in data)

"""Opening hours as people say them → keys of [hours], and back.

Rule 1: commas part them: days, then times, `mon-fri 09:00-13:00 14:00-18:00, sat 10-14`. Times without days go on with
the days before them; `sun closed` takes a day out of a row.
Rule 2: hours may be said without minutes and without the zero before them. All else is left to the check of the file,
which knows what it should be.
Rule 3: `always` is no hours at all.
"""

import re
from collections.abc import Iterable, Mapping

from router.config.draft import objections
from router.config.faults import Faults
from router.config.hours import HoursTable, check_hours
from router.domain.errors import ConfigError

ALWAYS = "always"
EXAMPLE = "mon-fri 09:00-18:00, sat 10:00-14:00"
NONE = "none"
"No region, where Enter stands for one."
AT_ALL_HOURS: Mapping[str, list[str]] = {"mon-sun": ["00:00-24:00"]}
"Of a campaign that is closed on holidays only: a day nobody names is closed."

_CLOSED = "closed"
_TIMES = re.compile(r"(\d{1,2})(:\d\d)?-(\d{1,2})(:\d\d)?")


def week(texts: Iterable[str]) -> dict[str, list[str]]:
    """Days → times; empty for always. `ValueError` says what was expected."""
    pieces = [piece for text in texts for piece in re.sub(r"\s*[-–]\s*", "-", text.lower()).split(",") if piece.strip()]
    if not pieces:
        raise ValueError(f'days and times, "{EXAMPLE}", or "{ALWAYS}"')
    if [piece.strip() for piece in pieces] == [ALWAYS]:
        return {}
    found: dict[str, list[str]] = {}
    days: list[str] = []
    for words in map(str.split, pieces):
        times = [_times(word) for word in words if word[0].isdigit()]
        days = [word for word in words if not word[0].isdigit() and word != _CLOSED] or days
        if not days:
            raise ValueError(f'the days first, "{EXAMPLE}"')
        if not times and _CLOSED not in words:
            raise ValueError(f'times after {" ".join(days)}, "{EXAMPLE}"')
        for day in days:
            found.setdefault(day, []).extend(times)
    return found


def spoken(hours: Mapping[str, list[str]]) -> str:
    """What `week` makes this of."""
    return ", ".join(f"{days} {' '.join(times) or _CLOSED}" for days, times in hours.items()) or ALWAYS


def wrong(table: Mapping[str, object]) -> str | None:
    """What would have to be said instead; None when it is a good [hours]."""
    if found := objections("", table, HoursTable):
        return found[0].expected
    faults = Faults()
    check_hours(HoursTable.model_validate(table), "", faults)
    try:
        faults.settle()
    except ConfigError as error:
        return f"{error.faults[0].expected} beside {error.faults[0].key.removeprefix('hours.')}"
    return None


def _times(word: str) -> str:
    match = _TIMES.fullmatch(word)
    if match is None:
        return word
    opens, past, closes, till = match.groups()
    return f"{int(opens):02}{past or ':00'}-{int(closes):02}{till or ':00'}"

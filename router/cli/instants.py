"""Microseconds ↔ what people and scripts read and write."""

import re
from datetime import UTC, date, datetime, timedelta

from router.domain.ids import SECOND, Micros

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Micros = 253_402_300_799_999_999
"9999-12-31T23:59:59.999999Z: the last instant ISO 8601 of four-digit years can tell."


def iso(at: Micros) -> str:
    """`2027-03-01T07:00:00.000000Z`: UTC with microseconds."""
    return (_EPOCH + timedelta(microseconds=min(max(at, 0), _LAST))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_or_none(at: Micros | None) -> str | None:
    return None if at is None else iso(at)


def local(at: Micros, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Time of this machine's zone, for a screen."""
    return (_EPOCH + timedelta(microseconds=min(max(at, 0), _LAST))).astimezone().strftime(form)


def length(duration: Micros) -> str:
    """`0.4 s`, `12.3 s`, `3:05 min`, `1:02:03 h`."""
    if duration < 60 * SECOND:
        return f"{max(duration, 0) / SECOND:.1f} s"
    seconds = round(duration / SECOND)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02} h"


def read_instant(text: str) -> Micros:
    """ISO 8601; without an offset it is this machine's time, a bare date its midnight. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ][0-9:.,]{2,16}(Z|[+-]\d\d:?\d\d)?)?", text):
        raise ValueError
    if len(text) == 10:
        day = date.fromisoformat(text)
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the machine's zone is added below
    else:
        moment = datetime.fromisoformat(text)
    try:
        return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        raise ValueError from None

"""Microseconds ↔ what people read and write on a screen."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from router.domain.ids import SECOND, Micros

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Micros = 253_402_214_400 * SECOND
"The last day of the year 9999, where a local time still fits beside UTC."
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")


def local(at: Micros, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Time of this machine's zone, for a screen."""
    return (_EPOCH + timedelta(microseconds=min(max(at, 0), _LAST))).astimezone().strftime(form)


def length(duration: Micros) -> str:
    """`0.4 s`, `12.3 s`, `3:05 min`, `1:02:03 h`."""
    if duration < 60 * SECOND:
        return f"{max(duration, 0) / SECOND:.1f} s"
    minutes, seconds = divmod(duration // SECOND, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02} h"


def read_instant(text: str) -> Micros:
    """ISO 8601; without an offset it is this machine's time, a bare date its midnight. Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError("not ISO 8601")
    try:
        return (datetime.fromisoformat(text).astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        raise ValueError("out of range") from None


def in_zone(iso: object, zone: object) -> str | None:
    """`thu 2026-12-24 09:00` for an instant of our JSON, by the clocks of that time zone, or else of UTC."""
    if not isinstance(iso, str):
        return None
    try:
        moment = datetime.fromisoformat(iso).astimezone(UTC)
        with suppress(KeyError, OSError, ValueError):  # a zone that this machine does not know
            moment = moment.astimezone(ZoneInfo(str(zone)))
    except (ValueError, OverflowError):
        return None
    return f"{moment.strftime('%a').lower()} {moment.strftime('%Y-%m-%d %H:%M')}"


def since(iso: object, now: Micros) -> Micros | None:
    """How long ago an instant of our JSON was; None for none."""
    if not isinstance(iso, str):
        return None
    try:
        return max(0, now - (datetime.fromisoformat(iso) - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, TypeError):
        return None


def until(iso: object, now: Micros) -> Micros | None:
    """How long it is to an instant of our JSON, 0 when it has passed; None for none."""
    if not isinstance(iso, str):
        return None
    try:
        return max(0, (datetime.fromisoformat(iso) - _EPOCH) // timedelta(microseconds=1) - now)
    except (ValueError, TypeError):
        return None

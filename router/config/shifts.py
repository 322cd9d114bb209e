"""The shifts CSV → when each agent is entitled to contacts of which campaigns.

    agent_id,from,to,campaigns,time_zone
    agent-1001,2027-03-01T08:00,2027-03-01T16:30,shop support,
    agent-1002,2027-03-01T07:00Z,2027-03-01T15:30Z,,
    agent-1003,2027-03-01T20:00,2027-03-02T04:00,hotline,Europe/Vienna

Times are ISO 8601: with `Z` or an offset they are what they say, without one they are local times of the line's
`time_zone` (that column may be missing) or of `[shifts] time_zone`. A local time that a change of the clocks skips,
or has twice, is a fault: working time is paid, so nobody guesses an hour. Campaigns are separated by spaces; none
means all. `to` is the first moment off shift. An agent who is not in the file is not entitled to anything.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from router.config.faults import Faults
from router.config.rulebook import is_time_zone
from router.domain.ids import AgentId, CampaignName, Micros
from router.domain.rulebook.entitlement import Entitlement, Interval

REQUIRED = ("agent_id", "from", "to", "campaigns")
OPTIONAL = ("time_zone",)
AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
MAX_BYTES = 32 << 20
MAX_FAULTS = 100
"After so many the file is not a shifts file; the rest is not told line by line."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LineFault(Exception):
    """What is wrong with one line."""

    def __init__(self, column: str, value: str, expected: str) -> None:
        super().__init__(expected)
        self.column, self.value, self.expected = column, value, expected


def read_shifts(
    path: Path, file: str, time_zone: str, campaigns: Collection[str], broken: Collection[str], faults: Faults
) -> dict[AgentId, Entitlement]:
    """Read the file; every bad line is a fault with its number. `file` is how faults call it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            faults.add(file, "(file)", str(path), f"{MAX_BYTES >> 20} MiB at most")
            return {}
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        faults.add(file, "(file)", str(path), f"a readable file ({error.strerror})")
        return {}
    except UnicodeDecodeError as error:
        faults.add(file, "(file)", f"byte {error.start}", "UTF-8")
        return {}
    return compile_shifts(text.split("\n"), file, time_zone, campaigns, broken, faults)


def compile_shifts(
    lines: Iterable[str],
    file: str,
    time_zone: str,
    campaigns: Collection[str],
    broken: Collection[str],
    faults: Faults,
) -> dict[AgentId, Entitlement]:
    """`broken`: campaigns that exist but could not be read; naming them is no fault."""
    known = {*campaigns, *broken}
    found: dict[AgentId, list[Interval]] = {}
    bad = 0
    for number, row in _rows(lines, file, faults):
        if bad == MAX_FAULTS:
            faults.add(file, f"line {number}", "(and on)", f"fewer faults: only the first {MAX_FAULTS} are told")
            break
        try:
            agent, interval = _shift(row, time_zone, known)
        except LineFault as fault:
            bad += 1
            faults.add(file, f"line {number}, {fault.column}", fault.value, fault.expected)
            continue
        found.setdefault(agent, []).append(interval)
    return {agent: Entitlement(intervals=_joined(intervals)) for agent, intervals in found.items()}


def _rows(lines: Iterable[str], file: str, faults: Faults) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row) or row[0].startswith("#"):
                continue
            number = reader.line_num
            if header is None:
                header = row
                if not _header_is_good(row, number, file, faults):
                    return
            elif len(row) > len(header):
                faults.add(file, f"line {number}", ",".join(row), f"{len(header)} columns as in the first line")
            else:
                yield number, dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=True))
    except csv.Error as error:
        faults.add(file, f"line {reader.line_num}", "(not CSV)", f"CSV with commas ({error})")
        return
    if header is None:
        faults.add(file, "line 1", "(empty)", "the columns " + ",".join(REQUIRED))


def _header_is_good(row: list[str], number: int, file: str, faults: Faults) -> bool:
    if all(name in row for name in REQUIRED) and len({*row}) == len(row) and {*row} <= {*REQUIRED, *OPTIONAL}:
        return True
    expected = f"the columns {','.join(REQUIRED)} and, if wanted, {','.join(OPTIONAL)}, separated by commas"
    faults.add(file, f"line {number}", ",".join(row), expected)
    return False


def _shift(row: Mapping[str, str], time_zone: str, known: Collection[str]) -> tuple[AgentId, Interval]:
    agent = row["agent_id"]
    if not AGENT_ID.fullmatch(agent):
        raise LineFault("agent_id", agent, "1-64 of letters, digits and . _ @ + -")
    zone = row.get("time_zone") or time_zone
    if not is_time_zone(zone):
        raise LineFault("time_zone", zone, 'an IANA name, "Europe/Berlin"')
    from_at, to_at = (_instant(column, row[column], zone) for column in ("from", "to"))
    if to_at <= from_at:
        raise LineFault("to", row["to"], "a time after `from`")
    names = row["campaigns"].split()
    for name in names:
        if name not in known:
            raise LineFault("campaigns", name, "campaigns that exist: " + ", ".join(sorted(known)))
    return AgentId(agent), Interval(
        from_at=from_at, to_at=to_at, campaigns=frozenset(CampaignName(name) for name in names)
    )


def _instant(column: str, text: str, zone: str) -> Micros:
    try:
        # "2027-03-01" alone is midnight to Python; here it is a shift somebody forgot to finish.
        if len(text) > 40 or ("T" not in text and " " not in text):
            raise ValueError
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return _micros(moment)
        early, late = (moment.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
        offsets = early.utcoffset(), late.utcoffset()
        exists = early.astimezone(UTC).astimezone(early.tzinfo).replace(tzinfo=None) == moment
    except (ValueError, OverflowError):
        raise LineFault(column, text, 'ISO 8601, "2027-03-01T08:00" or "2027-03-01T07:00Z"') from None
    if not exists:
        raise LineFault(column, text, f"a time that exists in {zone}: the clocks skip this one")
    if offsets[0] != offsets[1]:
        raise LineFault(
            column, text, f"an offset, because {zone} has this time twice: {text}{early:%z} or {text}{late:%z}"
        )
    return _micros(early)


def _micros(moment: datetime) -> Micros:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def _joined(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sorted; those for the same campaigns that touch or overlap made one, so that no edge is without a change."""
    joined: list[Interval] = []
    for interval in sorted(intervals, key=lambda i: (sorted(i.campaigns), i.from_at, i.to_at)):
        last = joined[-1] if joined else None
        if last is not None and last.campaigns == interval.campaigns and interval.from_at <= last.to_at:
            joined[-1] = Interval(from_at=last.from_at, to_at=max(last.to_at, interval.to_at), campaigns=last.campaigns)
        else:
            joined.append(interval)
    return tuple(sorted(joined, key=lambda i: (i.from_at, i.to_at, sorted(i.campaigns))))

"""`[hours]` of a campaign's file: when it is open. Only the shape; opening.py makes instants of it.

    [hours]
    mon-fri = ["09:00-13:00", "14:00-18:00"]
    fri = ["09:00-15:00"]
    sat = ["22:00-02:00"]
    holidays = "DE-BE"
    at_closing = "stay"
    exceptions = [
        { date = "2026-12-24", open = ["09:00-13:00"], note = "Christmas Eve" },
        { date = "2026-12-27", to = "2026-12-31", note = "stocktaking" },
    ]

Rule 1: a day of its own wins over days in a row: `fri` over `mon-fri`, an exception for one date over one for several.
Two rows share no day.
Rule 2: an exception goes before a public holiday, a public holiday before the week. A day nobody names is closed.
Rule 3: an interval past midnight belongs to the day it begins on, with all its hours: Saturday's night goes on into a
Sunday that is closed, and is not there when Saturday is.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from router.config.faults import Faults
from router.config.public_holidays import known_region
from router.config.settings import STRICT, one_line

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
"In minutes."
LONGEST_EXCEPTION = 366
"In days; after that it is no exception any more."

_DAYS_KEY = f"^({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?$"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_SPAN = rf"^{_TIME}-({_TIME}|24:00)$"
_DATE = r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$"


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes since the midnight its day begins with; one past midnight ends after `DAY`."""

    opens: int
    closes: int

    def __str__(self) -> str:
        closes = self.closes if self.closes <= DAY else self.closes - DAY
        return f"{self.opens // 60:02}:{self.opens % 60:02}-{closes // 60:02}:{closes % 60:02}"


def span(text: str) -> Span:
    """Read `"09:00-18:00"`; `ValueError` says what it should be."""
    if not re.fullmatch(_SPAN, text):
        raise ValueError(
            '"09:00-18:00": from and to with two digits each; "22:00-02:00" is past midnight, "-24:00" at it'
        )
    opens, closes = (int(time[:2]) * 60 + int(time[3:]) for time in text.split("-"))
    if opens == closes:
        raise ValueError('an end other than the beginning; "00:00-24:00" for the whole day')
    return Span(opens, closes if closes > opens else closes + DAY)


def weekdays(key: str) -> tuple[int, ...]:
    """`"mon-fri"` → 0 … 4, `"sat-mon"` → 5, 6, 0; `ValueError` for anything else."""
    if not re.fullmatch(_DAYS_KEY, key):
        known = ", ".join((*HoursTable.model_fields, *DAYS))
        raise ValueError(f'a known key ({known}) or days like "mon-fri"')
    first, _, last = key.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return tuple((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def _span_text(text: str) -> str:
    span(text)
    return text


def _days_key(key: str) -> str:
    weekdays(key)
    return key


def _day(text: str) -> str:
    try:
        if re.fullmatch(_DATE, text):
            date.fromisoformat(text)
            return text
    except ValueError:  # 30 February
        pass
    raise ValueError('a date of this century, "2026-12-24"')


SpanText = Annotated[str, AfterValidator(_span_text), Field(json_schema_extra={"pattern": _SPAN})]
Spans = Annotated[list[SpanText], Field(max_length=24)]
DaysKey = Annotated[str, AfterValidator(_days_key)]
Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"pattern": _DATE})]


class ExceptionTable(BaseModel):
    """A date, or several in a row, with hours of their own."""

    model_config = STRICT
    date: Day = Field(description='The day, or the first of several, "2026-12-24".')
    to: Day | None = Field(None, description="The last day, if there are several.")
    open: Spans = Field(default_factory=list, description="When it is open on each of them; empty: closed.")
    note: Annotated[str, Field(max_length=80), AfterValidator(one_line)] = Field(
        "", description="Why, for whoever asks."
    )


def dates(exception: ExceptionTable) -> Iterator[date]:
    """Each day of it; `LONGEST_EXCEPTION` at most, none if it ends before it begins."""
    first, last = date.fromisoformat(exception.date), date.fromisoformat(exception.to or exception.date)
    for step in range(min((last - first).days + 1, LONGEST_EXCEPTION)):
        yield first + timedelta(days=step)


def _with_day_keys(schema: dict[str, Any]) -> None:
    schema["patternProperties"] = {_DAYS_KEY: schema["additionalProperties"]}
    schema["additionalProperties"] = False
    schema["examples"] = [{"mon-fri": ["09:00-13:00", "14:00-18:00"], "sat": ["10:00-14:00"]}]


class HoursTable(BaseModel):
    """[hours]: when callers may come in. Without it always. Keys like `mon` and `mon-fri` hold the intervals."""

    model_config = ConfigDict(**(STRICT | {"extra": "allow", "json_schema_extra": _with_day_keys}))
    __pydantic_extra__: dict[DaysKey, Spans] = Field(init=False)
    holidays: Annotated[str, Field(max_length=40), AfterValidator(lambda text: text and known_region(text))] = Field(
        "", description='Region whose public holidays are closed: "DE", "DE-BE"; empty for none.'
    )
    exceptions: list[ExceptionTable] = Field(
        default_factory=list,
        max_length=400,
        description='Dates that are not like their weekday, such as { date = "2026-12-24", open = ["09:00-12:00"] }.',
    )
    at_closing: Literal["stay", "overflow", "closing"] = Field(
        "stay",
        description="What becomes of callers who still wait at closing time, or when somebody shuts the campaign by "
        "hand. stay: served until none waits; overflow: to the first target of their queue that can take them, which a "
        "queue of this campaign cannot; closing: to those of closed, like who comes later. A campaign without [hours] "
        'has stay; mon-sun = ["00:00-24:00"] beside it is open always, too.',
    )

    @model_validator(mode="before")
    @classmethod
    def _hide_values_of_unknown_keys(cls, content: Any) -> Any:
        # The key is told by its own check; its value may be a secret in the wrong place.
        if not isinstance(content, dict):
            return content
        known = {*cls.model_fields}
        return {key: value if key in known or re.fullmatch(_DAYS_KEY, key) else [] for key, value in content.items()}

    @property
    def week(self) -> dict[str, list[str]]:
        """Key → intervals, as they stand in the file."""
        return dict(self.__pydantic_extra__)


def check_hours(hours: HoursTable, file: str, faults: Faults) -> None:
    """What no key can say of itself alone: a day, or a date, that two of them claim with equal right."""
    taken: dict[int, str] = {}
    for key in (key for key in hours.week if "-" in key):
        shared = [day for day in weekdays(key) if day in taken]
        if shared:
            other = taken[shared[0]]
            expected = f"no day that {other} has too ({', '.join(DAYS[day] for day in shared)})"
            faults.add(file, f"hours.{key}", key, expected)
        taken |= dict.fromkeys(weekdays(key), key)
    claimed: Counter[tuple[date, bool]] = Counter()
    for index, exception in enumerate(hours.exceptions):
        key = f"hours.exceptions[{index}]"
        days = list(dates(exception))
        if exception.to is not None and exception.to < exception.date:
            faults.add(file, f"{key}.to", exception.to, f"{exception.date} or a later day")
        elif days[-1].isoformat() < (exception.to or exception.date):
            faults.add(file, f"{key}.to", exception.to, f"{LONGEST_EXCEPTION} days at most")
        several = len(days) > 1
        twice = [day for day in days if claimed[day, several]]
        if twice:
            faults.add(file, f"{key}.date", exception.date, f"no date of another exception: {twice[0]} has one already")
        claimed.update((day, several) for day in days)

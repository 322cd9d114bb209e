"""What `ringfair campaign new` was told, by flags or at the terminal, and the questions for the rest.

1. A question is a key of the campaign's file, with the description and the default of its model, and it is asked
   again until the model has no objection: what all questions let pass is a good file by itself.
2. What a flag said is not asked. What was answered with Enter is an answer: it stands in the file as said, and does
   not change with the default of a later version.
3. Hours are asked for in a sentence (week.py). A campaign that is open always says nothing of them in its file, unless
   it is closed on public holidays.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from router.cli.week import ALWAYS, AT_ALL_HOURS, EXAMPLE, NONE, spoken, week, wrong
from router.config.campaign import CampaignFile, CampaignTable, QueueTable
from router.config.draft import Answers, objection
from router.config.hours import HoursTable
from router.config.numbers import e164
from router.config.rulebook import is_time_zone

Ask = Callable[[str, str], str]
"(question, what Enter stands for) → the answer."
Tell = Callable[[str], None]

OF_CAMPAIGN = ("client", "dnis", "language", "time_zone", "greeting", "whisper")
OF_EACH_QUEUE = ("ring_s", "wrapup_s", "max_wait_s", "overflow")
FIRST_QUEUE = "general"
"The queue of a campaign whose admin has no name for one; it asks for nobody in particular."


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What ringfair.toml says of the site, and what Enter therefore stands for; empty: nothing."""

    time_zone: str = ""
    country: str = ""
    "Whose public holidays are kept, where a campaign has hours."


NOWHERE = Home()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a new campaign so far. A key nobody spoke of is not in it."""

    name: str
    campaign: Mapping[str, Any]
    "Keys of [campaign]."
    queues: Mapping[str, Mapping[str, Any]]
    "Keys of [queue.NAME] by name; callers begin in the first."
    each: Mapping[str, Any]
    "Keys that every queue gets."
    hours: Mapping[str, list[str]] | None = None
    "Days → times; empty: always."
    holidays: str | None = None
    "The region; empty: none."

    @property
    def missing(self) -> tuple[str, ...]:
        """The flags without which there is no campaign."""
        lacking = [f"--{key}" for key in ("client", "dnis") if key not in self.campaign]
        return (*lacking, *(() if self.queues else ("--queue",)))

    @property
    def answers(self) -> Answers:
        """As tables of the file, as far as they are known."""
        known: dict[str, Any] = {"campaign": {"name": self.name, **self.campaign}}
        if self.hours or self.holidays:
            region = {} if self.holidays is None else {"holidays": self.holidays}
            known["hours"] = {**(self.hours or AT_ALL_HOURS), **region}
        if self.queues:
            known["queue"] = {name: self._queue(name, keys) for name, keys in self.queues.items()}
        return known

    def flags(self) -> str:
        """The command line that says the same, for a shell."""
        words = ["ringfair", "campaign", "new", self.name]
        for key, value in (*self.campaign.items(), *self.each.items()):
            for one in (value or [""]) if isinstance(value, list) else [value]:
                words += [flag(key), f"{one:g}" if isinstance(one, float) else str(one)]
        words += [] if self.hours is None else ["--hours", spoken(self.hours)]
        words += [] if self.holidays is None else ["--holidays", self.holidays]
        for name, keys in self.queues.items():
            words += ["--queue", f"{name}:{keys['need']}" if "need" in keys else name]
        return shlex.join(words)

    def _queue(self, name: str, keys: Mapping[str, Any]) -> dict[str, Any]:
        """One list of targets serves all queues: each goes on along it, and a queue in it begins behind itself."""
        known = {**keys, **self.each}
        targets = list(known.get("overflow", ()))
        for own in (f"queue:{name}", f"queue:{self.name}/{name}"):
            if own in targets:
                targets = targets[targets.index(own) + 1 :]
                known["overflow"] = targets
        if not targets:
            known.pop("overflow", None)
        return known


def flag(key: str) -> str:
    """`max_wait_s` → `--max-wait-s`."""
    return f"--{key.replace('_', '-')}"


def interview(told: Told, ask: Ask, tell: Tell, home: Home = NOWHERE) -> Told:
    """Ask for everything that was not told."""
    campaign, each = dict(told.campaign), dict(told.each)
    for key in OF_CAMPAIGN:
        if key not in campaign:
            usual = home.time_zone if key == "time_zone" else ""
            campaign[key] = _answer(CampaignTable, key, ask, tell, usual)
    hours = _hours(ask, tell) if told.hours is None else told.hours
    holidays = _holidays(ask, tell, home.country if hours else "") if told.holidays is None else told.holidays
    queues = told.queues or _queues(ask, tell)
    for key in OF_EACH_QUEUE:
        if key not in each:
            each[key] = _answer(QueueTable, key, ask, tell)
    return replace(told, campaign=campaign, queues=queues, each=each, hours=hours, holidays=holidays)


def numbers(texts: Sequence[str]) -> list[str]:
    """Dialled numbers as people write them: "+49 (30) 23125-100" is taken, the rest is left to the check."""
    return [(e164(text) or text) if text.startswith("+") else text for text in map(str.strip, texts) if text]


def queue(text: str) -> tuple[str, dict[str, str]]:
    """`orders:de >= 60 and orders` → the queue's name and its keys; without a colon anybody may serve it."""
    name, colon, need = text.partition(":")
    return name.strip(), {"need": need.strip()} if colon else {}


def _queues(ask: Ask, tell: Tell) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    while True:
        question = "Another queue; Enter for none" if found else "A queue for each kind of work. Name of the first"
        name = ask(f"{question}\nqueue", "" if found else FIRST_QUEUE).strip()
        if not name and found:
            return found
        wrong = "another name: that queue is there" if name in found else objection(CampaignFile, "queue", {name: {}})
        if wrong is None:
            found[name] = {"need": _answer(QueueTable, "need", ask, tell)}
        else:
            tell(f"expected {wrong}")


def _hours(ask: Ask, tell: Tell) -> dict[str, list[str]]:
    question = (
        f'When callers may come in: days and times such as "{EXAMPLE}"; a day nobody names is closed. {ALWAYS}: at any '
        "time.\nhours"
    )
    while True:
        try:
            found = week([ask(question, ALWAYS)])
        except ValueError as error:
            tell(f"expected {error}")
            continue
        expected = wrong(found)
        if expected is None:
            return found
        tell(f"expected {expected}")


def _holidays(ask: Ask, tell: Tell, usual: str) -> str:
    usual = usual if usual and wrong({"holidays": usual}) is None else NONE
    described = (HoursTable.model_fields["holidays"].description or "").replace("empty for none", f"{NONE} for none")
    while True:
        said = region(ask(f"{described}\nholidays", usual))
        expected = wrong({"holidays": said})
        if expected is None:
            return said
        tell(f"expected {expected}")


def region(text: str) -> str:
    """A region of public holidays; empty for none."""
    text = text.strip()
    return "" if text.lower() == NONE else text


def _answer(model: type[BaseModel], key: str, ask: Ask, tell: Tell, usual: str = "") -> Any:
    """`usual`: what Enter stands for here, if not for the default of the model."""
    field = model.model_fields[key]
    default = usual or (None if field.is_required() else field.get_default(call_default_factory=True))
    shown = (
        " ".join(default) if isinstance(default, list) else f"{default:g}" if isinstance(default, float) else default
    )
    unit = " In seconds." if key.endswith("_s") else ""
    while True:
        text = ask(f"{field.description or ''}{unit}\n{key}", shown or "").strip()
        try:
            value = _READ.get(key, str)(text)
        except ValueError:
            wrong: str | None = "a number"
        else:
            wrong = objection(model, key, value)
            if key == "time_zone" and not is_time_zone(text):
                wrong = 'an IANA name, "Europe/Berlin"'
        if wrong is None:
            return value
        tell(f"expected {wrong}")


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _dialled(text: str) -> list[str]:
    """A comma or "and so on" parts numbers; a space does too, unless it only groups the digits of one."""
    return numbers([part for piece in text.split(",") for part in _split_at_plus(piece)])


def _split_at_plus(text: str) -> list[str]:
    return [f"+{part}" if number else part for number, part in enumerate(text.split("+")) if part.strip()]


_READ: Mapping[str, Callable[[str], Any]] = {
    "dnis": _dialled,
    "overflow": _words,
    "ring_s": float,
    "wrapup_s": float,
    "max_wait_s": float,
}

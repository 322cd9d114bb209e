"""What the files say of agents' conduct: pauses, what follows offers in vain, media side by side, dispositions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from router.config.faults import CODE, DIGITS, STEP, Faults
from router.config.values import STRICT, Calls, Line, Seconds
from router.domain.ids import SECOND
from router.domain.record import OfferResult
from router.domain.rulebook.conduct import AFTER, REASONS, Consequence, Follows, PauseRules
from router.domain.rulebook.media import MOST_IN_HAND, Media

if TYPE_CHECKING:
    from router.config.settings import Settings

RESERVED_REASONS = frozenset({*REASONS.values(), "missed"})
"Pause reasons the router gives itself, and what people would take for one."
MOST_DISPOSITIONS = 200
MOST_STEPS = 10

Ladder = Annotated[list[Annotated[str, Field(pattern=STEP)]], Field(min_length=1, max_length=MOST_STEPS)]
Dispositions = Annotated[dict[Annotated[str, Field(pattern=CODE)], Line], Field(max_length=MOST_DISPOSITIONS)]


class PauseTable(BaseModel):
    """[pause.REASON]: why agents pause, and how much of it there may be."""

    model_config = STRICT
    digits: str = Field("", pattern=DIGITS, description="Dialled after *46 for it; without them only screens give it.")
    label: Line = Field(description="What people read.")
    paid: bool = Field(False, description="Whether it is working time.")
    max_s: Seconds = Field(
        0.0, description="A pause that lasts longer is told of (PauseTooLong); it goes on. 0: no limit."
    )
    per_day_s: Seconds = Field(
        0.0, description="Who has used so much of it since midnight is refused another, unless forced. 0: no limit."
    )
    at_most: Calls = Field(
        0, description="So many agents of the pool may have it at the same time; the next is refused. 0: no limit."
    )


def _ladder(result: OfferResult) -> list[str]:
    return [str(step.follows) for step in AFTER[result]]


class After(BaseModel):
    """What follows an offer in vain: for the first in a row, the second and so on; the last step repeats."""

    model_config = STRICT
    missed: Ladder = Field(_ladder(OfferResult.MISSED), description="The phone rang and nobody took it.")
    rejected: Ladder = Field(_ladder(OfferResult.REJECTED), description="The agent declined.")
    busy: Ladder = Field(_ladder(OfferResult.BUSY), description="The phone was busy.")
    unregistered: Ladder = Field(_ladder(OfferResult.UNREGISTERED), description="No phone was there.")
    failed: Ladder = Field(_ladder(OfferResult.FAILED), description="The phone could not be called.")


InHand = Annotated[int, Field(ge=0, le=MOST_IN_HAND)]


class CapacityTable(BaseModel):
    """How many contacts of each medium an agent may have in hand."""

    model_config = STRICT
    voice: Annotated[int, Field(ge=0, le=1)] = Field(1, description="Calls: nobody talks to two callers.")
    chat: InHand = Field(3, description="Chats.")
    email: InHand = Field(5, description="E-mails.")


Medium = Literal["voice", "chat", "email"]


def _once(media: list[Medium]) -> list[Medium]:
    if len(set(media)) < len(media):
        raise ValueError("each medium once")
    return media


Others = Annotated[list[Medium], AfterValidator(_once)]


class InterruptTable(BaseModel):
    """Medium in hand: what may come on top of it."""

    model_config = STRICT
    voice: Others = Field([], description="During a call.")
    chat: Others = Field([], description="During a chat.")
    email: Others = Field(["voice", "chat"], description="During an e-mail.")


def ladders(after: After) -> Mapping[OfferResult, tuple[Consequence, ...]]:
    """Compile [agents] after."""
    return {result: tuple(_step(text) for text in getattr(after, result)) for result in AFTER}


def _step(text: str) -> Consequence:
    word, _, seconds = text.partition(":")
    return Consequence(follows=Follows(word), hold_us=int(seconds) * SECOND if seconds else None)


def media(capacity: CapacityTable, interrupt: InterruptTable) -> Media:
    """Compile [agents] capacity and interrupt."""
    return Media(
        capacity=capacity.model_dump(),
        interrupt={medium: tuple(over) for medium, over in interrupt.model_dump().items()},
    )


def pauses(settings: "Settings") -> dict[str, PauseRules]:
    """Reason → what it allows, from both forms."""
    known = {old.code: PauseRules(label=old.label, paid=old.paid) for old in settings.pause_reasons.values()}
    for reason, table in settings.pause.items():
        known[reason] = PauseRules(
            label=table.label,
            paid=table.paid,
            max_us=round(table.max_s * SECOND),
            per_day_us=round(table.per_day_s * SECOND),
            at_most=table.at_most,
        )
    return known


def pause_digits(settings: "Settings") -> dict[str, str]:
    """Digits after the pause code → reason. The bare code pauses for the first reason of the file."""
    digits = {digit: reason.code for digit, reason in settings.pause_reasons.items()}
    digits |= {table.digits: reason for reason, table in settings.pause.items() if table.digits}
    first = next(iter(digits.values()), next(iter(settings.pause), "break"))
    return {"": first} | digits


def check_pauses(settings: "Settings", file: str, faults: Faults) -> None:
    """Each reason once, each digit once, and none that the router gives itself."""
    codes: dict[str, str] = {}
    dialled: dict[str, str] = {}
    for digit, reason in settings.pause_reasons.items():
        _check(f"pause_reasons.{digit}", f"pause_reasons.{digit}.code", reason.code, codes, file, faults)
        dialled[digit] = f"pause_reasons.{digit}"
    for name, table in settings.pause.items():
        _check(f"pause.{name}", f"pause.{name}", name, codes, file, faults)
        if table.digits in dialled:
            faults.add(file, f"pause.{name}.digits", table.digits, f"other digits than {dialled[table.digits]}")
        elif table.digits:
            dialled[table.digits] = f"pause.{name}"


def _check(where: str, key: str, code: str, codes: dict[str, str], file: str, faults: Faults) -> None:
    if code in RESERVED_REASONS:
        faults.add(file, key, code, "another code: the router gives this one itself")
    if code in codes:
        faults.add(file, key, code, f"another code than {codes[code]}")
    codes.setdefault(code, where)

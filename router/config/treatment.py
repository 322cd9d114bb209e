"""[queue.NAME.treatment]: what callers hear while they wait, and when."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from router.config.faults import PROMPT, SENTENCES, WORD
from router.config.settings import STRICT
from router.domain.ids import SECOND, Micros
from router.domain.rulebook.treatment import POSITION_LIMITS, WAIT_LIMITS, Position, Treatment

Prompt = Annotated[str, Field(max_length=80, pattern=PROMPT)]


def _said(text: str) -> str:
    if not text:
        raise ValueError("the name of a prompt")
    return text


def _class(text: str) -> str:
    if text and not re.fullmatch(WORD, text):
        raise ValueError(f"{SENTENCES[WORD]}; empty for the campaign's")
    return text


def _one_of(limits: tuple[int, ...]) -> AfterValidator:
    def check(number: int) -> int:
        if number not in limits:
            raise ValueError(f"one of {', '.join(map(str, limits))}: there is a sentence for each of these")
        return number

    return AfterValidator(check)


class TreatmentTable(BaseModel):
    """[queue.NAME.treatment]: what callers hear while they wait; an agent who answers cuts all of it short."""

    model_config = STRICT
    welcome: Prompt = Field("", description="Prompt for who comes to this queue, once; empty for none.")
    music: Annotated[str, AfterValidator(_class)] = Field(
        "", description="Class of musiconhold.conf; empty for the campaign's."
    )
    position: Annotated[Position, Field(strict=False)] = Field(
        Position.NO,
        description=f"Whether callers are told their position: {', '.join(Position)} (only up to position_limit).",
    )
    position_limit: Annotated[int, _one_of(POSITION_LIMITS)] = Field(
        10,
        description="With limit: who is further back is told that more than so many wait. "
        f"One of {', '.join(map(str, POSITION_LIMITS))}.",
    )
    expected_wait: bool = Field(
        False,
        description="Whether callers are told about how long they will wait, as far as that is known; rounded up.",
    )
    expected_wait_limit: Annotated[int, _one_of(WAIT_LIMITS)] = Field(
        30,
        description="In minutes: a longer wait is told as more than so many. "
        f"One of {', '.join(map(str, WAIT_LIMITS))}.",
    )
    keys: Prompt = Field(
        "",
        description="Prompt that says what a key does, behind position and expected wait; empty for none. "
        '"acd/leave-1" says: press one if you do not want to wait any longer; "acd/callback-offer-1": to be called '
        'back; "acd/message-offer-1": to leave a message. Those of more keys may stand in comfort.',
    )
    first_s: Annotated[float, Field(ge=1, le=3600)] = Field(
        15.0, description="So long after they came callers hear position, expected wait and keys for the first time."
    )
    every_s: Annotated[float, Field(ge=10, le=3600)] = Field(
        45.0, description="So long after that they hear them again, and so on."
    )
    comfort: list[Annotated[Prompt, AfterValidator(_said)]] = Field(
        default_factory=list, max_length=20, description='Prompts, one at a time, in turn, such as ["acd/please-wait"].'
    )
    comfort_every_s: Annotated[float, Field(ge=10, le=3600)] = Field(
        30.0, description="So long after one comfort prompt the next is played."
    )

    def compiled(self) -> Treatment:
        return Treatment(
            music=self.music,
            welcome=self.welcome,
            position=self.position,
            position_limit=self.position_limit,
            wait=self.expected_wait,
            wait_limit=self.expected_wait_limit,
            keys=self.keys,
            first_us=_micros(self.first_s),
            every_us=_micros(self.every_s),
            comfort=tuple(self.comfort),
            comfort_us=_micros(self.comfort_every_s),
        )


def _micros(seconds: float) -> Micros:
    return round(seconds * SECOND)

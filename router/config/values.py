"""Values that many tables of the files have: durations, counts, lines of text."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def one_line(text: str) -> str:
    """Text without control characters, which would begin a new header in AMI or SIP."""
    if not text.isprintable():
        raise ValueError("text on one line without control characters")
    return text


Seconds = Annotated[float, Field(ge=0, le=86_400)]
Calls = Annotated[int, Field(ge=0, le=100_000)]
Line = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(one_line)]

"""How the floor stands, for whoever takes over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from router.domain.ids import Micros
from router.domain.pictures.picture import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled:
    """What a journal holds: the newest picture of everybody who was on the floor at the last commit."""

    pictures: tuple[Picture, ...]
    seq: int = 0
    epoch: int = 0
    "Of the router that wrote it last."
    written_at: Micros = 0
    "Its clock at the last commit: a successor's must not begin before it. 0 when there was none."
    config_hash: str = ""
    unreadable: int = 0
    "Pictures that could not be read, and are missing here."


class Journal(Protocol):
    """How the floor stands, for whoever takes over. One writer: who holds the pool's lease."""

    async def load(self) -> Journalled: ...

    async def append(self, pictures: Sequence[Picture], *, epoch: int, now: Micros, config_hash: str) -> bool:
        """One commit, all or nothing. False when earlier ones are lost: everything must be written again.

        Raises `journal-fenced` when a higher epoch was given out: then nothing was written.
        """
        ...

    async def sync(self) -> bool:
        """Wait until what was committed is on disk; False where that cannot be known."""
        ...

    async def close(self) -> None: ...

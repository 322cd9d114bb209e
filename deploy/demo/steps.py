"""What the demo says while it works: one line a step, with what it did and how long it took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console
from rich.text import Text

_WIDTH_WITHOUT_TERMINAL = 150
_NAME_WIDTH = 11

Result = TypeVar("Result")


@dataclass(slots=True)
class Step:
    """One step under way; `said` becomes its line."""

    said: str = ""


class Screen:
    """Lines for people; on a terminal with colours and a spinner while something takes long."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=_WIDTH_WITHOUT_TERMINAL, no_color=True)

    @asynccontextmanager
    async def step(self, name: str, doing: str) -> AsyncIterator[Step]:
        """Tell what is being done, then what was done. A step that raises is told as failed."""
        step = Step()
        began = time.monotonic()
        with self.console.status(Text(f"{name}: {doing} …")):
            try:
                yield step
            except asyncio.CancelledError:
                self._line("-", "yellow", name, f"{doing}: interrupted", began)
                raise
            except Exception:
                self._line("✗", "red", name, f"{doing}: failed", began)
                raise
        self._line("✓", "green", name, step.said or doing, began)

    def _line(self, mark: str, style: str, name: str, said: str, began: float) -> None:
        took = f"{time.monotonic() - began:.1f} s"
        line = Text.assemble("  ", (mark, style), " ", (f"{name:<{_NAME_WIDTH}}", "bold"), said, "  ", (took, "dim"))
        self.console.print(line, soft_wrap=True)

    def say(self, text: str = "", style: str = "") -> None:
        self.console.print(Text(text, style=style), soft_wrap=True)


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run something that blocks. A cancelled demo waits for its end: what half started could not be stopped."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise

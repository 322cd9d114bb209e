"""A clock that moves when told."""

from dataclasses import dataclass

from router.domain.ids import SECOND, Micros


@dataclass
class HandClock:
    """The `Clock` port."""

    at: Micros = 1_790_000_000 * SECOND

    def now(self) -> Micros:
        return self.at

    def pass_s(self, seconds: float) -> None:
        assert seconds >= 0
        self.at += round(seconds * SECOND)

"""Callers who gave up waiting and call again a moment later: they get their place back.

Rule 1: what they get is the time they had waited, not the instant they first came. The time between hanging up and
calling again is nobody's waiting: who has stayed on the line for longer is not overtaken, and to call and hang up at
once gains nothing. Who was behind them and has waited for less is behind them again.
Rule 2: only who stood in line unanswered until they hung up, only for the same campaign, only from a number we were
told, only within the queue's `redial_s`. Once: who hangs up again has the sum of both waits to their credit. Who
finds no room in line was given nothing back, and has it when they call again in time.
Rule 3: the record tells the truth: this call arrived when it arrived, and its longest wait counts from then.
Rule 4: `MOST` callers are remembered, the latest. A router that takes over knows none of them: they stand at the end.
"""

from router.domain.ids import CampaignName, Micros

MOST = 10_000


class GaveUp:
    """Who may have their place back."""

    def __init__(self) -> None:
        self._waited: dict[tuple[CampaignName, str], tuple[Micros, Micros]] = {}
        "(campaign, number) → (until when it counts, how long they had waited)."

    def __len__(self) -> int:
        return len(self._waited)

    def note(self, campaign: CampaignName, ani: str, waited_us: Micros, *, until_at: Micros, now: Micros) -> None:
        """Somebody gave up now; without a number they cannot be known again."""
        if not ani or waited_us <= 0 or until_at <= now:
            return
        self._waited.pop((campaign, ani), None)
        self._waited[campaign, ani] = (until_at, waited_us)
        while self._waited:
            oldest = next(iter(self._waited))
            if len(self._waited) <= MOST and self._waited[oldest][0] > now:
                break
            del self._waited[oldest]

    def credit(self, campaign: CampaignName, ani: str, now: Micros) -> Micros:
        """How long the caller from this number had waited when they gave up; 0 when there is nothing to give back."""
        if not self._waited or not ani:
            return 0
        until_at, waited_us = self._waited.get((campaign, ani), (0, 0))
        return waited_us if now < until_at else 0

    def take_back(self, campaign: CampaignName, ani: str) -> None:
        """They stand in line with it."""
        self._waited.pop((campaign, ani), None)

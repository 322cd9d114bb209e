"""`make deaths` in short: deaths of a router under a flow of calls. How long it took is told here, and judged there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from router.adapters.pbx.root import Root
from tests.load import deaths_kinds
from tests.load.deaths_outcome import Asked, Outcome
from tests.load.side import Progress

pytestmark = pytest.mark.timeout(240)
Kind = Callable[[Root, Asked, Progress], Awaitable[Outcome]]


@pytest.mark.parametrize("kind", [deaths_kinds.kill, deaths_kinds.stop])
async def test_whoever_dies_nobody_who_called_notices(
    kind: Kind, root: Root, record_property: Callable[[str, object], None]
) -> None:
    outcome = await kind(root, Asked(per_s=8, times=2), Progress(60))

    record_property("takeovers_s", [round(took, 2) for took in outcome.takeovers_s])
    assert outcome.faults == []
    assert outcome.verdict is not None
    outcome.verdict.is_paced = False
    assert outcome.verdict.faults() == [], outcome.verdict.notes
    assert outcome.verdict.calls == outcome.verdict.records > 50

"""The line to Asterisk's manager interface cut while callers are served: nobody is lost, nothing happens twice."""

import pytest

from tests.integration import cut_calls
from tests.integration.call_centre import CallCentre


@pytest.mark.timeout(180)
async def test_a_dozen_cuts_lose_no_caller_and_double_nothing(centre: CallCentre) -> None:
    verdict = await cut_calls.run(centre, times=12, seed=4)
    assert verdict.faults == 0, verdict
    assert verdict.cuts == 12
    assert verdict.callers >= 20

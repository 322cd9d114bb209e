"""What can be read of the way of a contact through the router."""

import pytest

from router.domain.errors import RemoteError
from tests.adapters.http.conftest import Served
from tests.trace.traces import a_trace


async def test_a_trace_tells_every_milestone_and_the_time_between(served: Served) -> None:
    served.desk.remembered = [a_trace("pbx1-1.1")]
    status, said = await served.get("/v1/contacts/pbx1-1.1/trace")

    assert status == 200
    assert (said["contact_id"], said["lives"], said["left_out"]) == ("pbx1-1.1", False, 0)
    assert said["milestones"][0] == {
        "at": "2026-09-21T14:13:20.000000Z",
        "since_previous_s": 0.0,
        "since_first_s": 0.0,
        "clock": "asterisk",
        "step": "happened",
        "what": "AcdArrived",
        "of": "caller",
    }
    assert said["milestones"][1]["since_previous_s"] == pytest.approx(0.0002)
    assert said["milestones"][2]["since_first_s"] == pytest.approx(0.0003)
    [offer] = said["offers"]
    assert offer["offer_id"] == "pbx1-1.1.1"
    assert (offer["cause"], offer["cause_contact"]) == ("AcdArrived", None)
    assert offer["gaps_s"] == {"asterisk_to_router": 0.0002, "parser": 0.0001, "effect": 0.0003, "asterisk": 0.001}
    assert offer["totals_s"]["to_originate"] == pytest.approx(0.0011)
    assert offer["instants"]["written"] == "2026-09-21T14:13:20.001100Z"


async def test_a_contact_not_remembered_is_404_with_what_is_remembered(served: Served) -> None:
    status, said = await served.get("/v1/contacts/pbx1-9.9/trace")
    assert status == 404
    assert said["error_id"] == "contact-unknown"
    assert said["details"] == {"remembered": 0}
    assert "remembers" in said["message"]


async def test_the_latest_traces_are_listed_without_their_milestones(served: Served) -> None:
    served.desk.remembered = [a_trace(f"pbx1-1.{number}") for number in (3, 2, 1)]
    status, said = await served.get("/v1/traces?limit=2")
    assert status == 200
    assert said["next"] is None
    assert [item["contact_id"] for item in said["items"]] == ["pbx1-1.3", "pbx1-1.2"]
    assert "milestones" not in said["items"][0]
    assert said["items"][0]["offers"][0]["gaps_s"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=many", "limit=1&limit=2", "from=2026-01-01", "limit="]
)
async def test_a_question_that_makes_no_sense_is_refused(served: Served, query: str) -> None:
    status, said = await served.get(f"/v1/traces?{query}")
    assert (status, said["error_id"]) == (422, "request-invalid")


async def test_the_trace_of_a_contact_is_nothing_to_post_to(served: Served) -> None:
    status, said = await served.order("/v1/contacts/pbx1-1.1/trace")
    assert (status, said["error_id"]) == (405, "method-unknown")


async def test_a_failing_router_is_told_as_such(served: Served) -> None:
    served.desk.broken = RemoteError("ami-lost", "no Asterisk", retryable=True)
    status, said = await served.get("/v1/traces")
    assert (status, said["error_id"]) == (503, "ami-lost")

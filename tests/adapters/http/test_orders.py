"""What can be ordered, by whom, and how refusals look."""

import os
from dataclasses import replace

import pytest

from router.adapters.http.orders import PATHS
from router.domain.errors import CommandRefused, ConfigError, Fault, InvariantBroken, Overloaded, RemoteError
from router.ports import ContactView
from tests.adapters.http.conftest import Served
from tests.fakes.desk import NOW, an_agent


async def test_an_agent_is_logged_in_paused_and_logged_out_again(served: Served) -> None:
    served.desk.agents = {"agent-1001": an_agent("agent-1001")}
    story = [
        ("login", None, "READY", None),
        ("pause", {"reason": "lunch"}, "PAUSED", "lunch"),
        ("unpause", {}, "READY", None),
        ("logout", None, "LOGGED_OUT", None),
    ]
    for order, body, status, reason in story:
        code, said = await served.order(f"/v1/agents/agent-1001/{order}", json=body)
        assert (code, said["agent_id"], said["status"], said["reason"]) == (200, "agent-1001", status, reason)

    assert served.desk.asked_by == [f"control:uid={os.getuid()}"] * 4


async def test_a_wrap_up_is_finished_with_its_disposition(served: Served) -> None:
    served.desk.agents = {"agent-1001": an_agent("agent-1001", "READY", work="wrapup")}
    code, said = await served.order("/v1/agents/agent-1001/finish-wrapup", json={"disposition": "sold"})

    assert (code, said["work"], said["reason"]) == (200, "idle", "sold")


async def test_a_caller_is_let_go(served: Served) -> None:
    served.desk.contacts["pbx1-1.1"] = ContactView(
        contact_id="pbx1-1.1",  # type: ignore[arg-type]
        campaign="shop",
        queue="shop/orders",
        state="QUEUED",
        agent_id=None,
        arrived_at=NOW,
    )
    assert await served.order("/v1/contacts/pbx1-1.1/hangup") == (202, {"contact_id": "pbx1-1.1"})
    code, said = await served.order("/v1/contacts/pbx1-1.1/hangup")
    assert (code, said["error_id"]) == (404, "contact-unknown")


@pytest.mark.parametrize("until", ["", "tomorrow", "2030-12-24T18:00", "9999999-01-01T00:00Z"])
async def test_until_when_a_campaign_is_shut_is_an_instant_with_its_zone(served: Served, until: str) -> None:
    code, said = await served.order("/v1/campaigns/shop/shut", json={"until": until})
    assert (code, said["error_id"], said["details"]["field"]) == (422, "request-invalid", "until")
    assert served.desk.shut_until == 0


async def test_a_campaign_nobody_knows_cannot_be_shut(served: Served) -> None:
    code, said = await served.order("/v1/campaigns/nobodys/shut", json={"until": "2030-12-24T18:00Z"})
    assert (code, said["error_id"]) == (404, "campaign-unknown")


async def test_points_are_a_whole_number(served: Served) -> None:
    code, said = await served.order("/v1/contacts/pbx1-1.1/priority", json={"priority": "many"})
    assert (code, said["error_id"]) == (422, "request-invalid")


async def test_a_reload_tells_the_new_hash_or_every_fault(served: Served) -> None:
    code, said = await served.order("/v1/reload")
    assert (code, said["config_hash"]) == (200, "c0ffee+1")

    served.desk.broken = ConfigError(
        [
            Fault(file="campaigns/shop.toml", key="queue.orders.ring_s", value="soon", expected="a number"),
            Fault(file="campaigns/bank.toml", key="campaign.dnis", value="[]", expected="at least one number"),
        ]
    )
    code, said = await served.order("/v1/reload")
    assert (code, said["error_id"]) == (422, "config-invalid")
    assert [fault["key"] for fault in said["details"]["faults"]] == ["queue.orders.ring_s", "campaign.dnis"]
    assert served.desk.config_hash == "c0ffee+1"


async def test_the_canary_comes_back_with_its_milestones(served: Served) -> None:
    code, said = await served.order("/v1/canary")

    assert (code, said["milestones_s"]["offered"]) == (200, 0.004)


async def test_no_order_is_taken_over_tcp(served: Served) -> None:
    served.desk.agents = {"agent-1001": an_agent("agent-1001")}
    before = (served.desk.config_hash, dict(served.desk.agents))
    for path in PATHS:
        async with served.tcp.post(served.url + path.format(id="agent-1001"), json={}) as response:
            said = await response.json()
        assert (response.status, said["error_id"]) == (403, "control-socket-only")

    assert before == (served.desk.config_hash, served.desk.agents)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_an_order_is_a_post_and_nothing_else(served: Served, method: str) -> None:
    served.desk.agents = {"agent-1001": an_agent("agent-1001")}
    for session, root in ((served.tcp, served.url), (served.unix, "http://localhost")):
        async with session.request(method, root + "/v1/agents/agent-1001/login") as response:
            said = await response.json()
        assert (response.status, said["error_id"]) == (405, "method-unknown")
        assert response.headers["Allow"] == "POST"

    assert served.desk.agents["agent-1001"].change.status == "LOGGED_OUT"


async def test_a_refused_order_says_why_and_changes_nothing(served: Served) -> None:
    served.desk.agents = {"agent-1001": an_agent("agent-1001")}

    code, said = await served.order("/v1/agents/agent-1001/pause", json={"reason": "lunch"})
    assert (code, said["error_id"], said["details"]) == (409, "agent-state", {"status": "LOGGED_OUT"})
    code, said = await served.order("/v1/agents/agent-9999/login")
    assert (code, said["error_id"]) == (404, "agent-unknown")
    assert served.desk.agents == {"agent-1001": an_agent("agent-1001")}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"lunch"',
        b"{",
        b'{"reason": 7}',
        b'{"reason": ""}',
        b'{"reason": "a\\u0000b"}',
        b'{"reason": "a\\r\\nAction: Hangup"}',
        b'{"reason": "\\u202egnp"}',
        b'{"reason": "' + b"x" * 65 + b'"}',
        b'{"reason": "lunch", "agent_id": "agent-1002"}',
        b'{"reason": "\xff"}',
        b"[" * 50_000,
    ],
)
async def test_a_body_that_is_not_what_the_order_takes_is_a_422(served: Served, body: bytes) -> None:
    served.desk.agents = {"agent-1001": an_agent("agent-1001", "READY")}
    code, said = await served.order("/v1/agents/agent-1001/pause", data=body)

    assert (code, said["error_id"]) == (422, "request-invalid")
    assert served.desk.agents["agent-1001"].change.status == "READY"


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(served: Served) -> None:
    code, said = await served.order("/v1/reload", data=b" " * 100_000)

    assert (code, said["error_id"]) == (413, "request-too-large")


@pytest.mark.parametrize(
    ("error", "code", "retry"),
    [
        (Overloaded("inbox-full", "The inbox is full.", limit=10_000), 503, "1"),
        (RemoteError("ami-away", "Asterisk is away.", retryable=True), 503, "1"),
        (RemoteError("ami-secret", "Asterisk does not know us."), 502, None),
        (InvariantBroken("broken", "A bug."), 500, None),
        (CommandRefused("reason-invalid", "There are: break, lunch.", reasons=["break", "lunch"]), 422, None),
        (CommandRefused("restart-needed", "Only a restart puts these in force.", keys=["redis.url"]), 409, None),
    ],
)
async def test_each_class_of_error_has_its_status(
    served: Served, error: Exception, code: int, retry: str | None
) -> None:
    served.desk.broken = error
    async with served.unix.post("http://localhost/v1/reload") as response:
        assert response.status == code
        assert response.headers.get("Retry-After") == retry
        assert set(await response.json()) == {"error_id", "message", "details"}


async def test_a_disposition_is_given_during_the_talk_and_shown(served: Served) -> None:
    view = an_agent("agent-1001", "READY", work="talking")
    served.desk.agents = {"agent-1001": replace(view, change=replace(view.change, contact_id="pbx1-1.1"))}
    code, said = await served.order("/v1/agents/agent-1001/disposition", json={"disposition": "12"})
    assert (code, said["disposition"]) == (200, "12")
    for body in ({}, {"disposition": ""}, {"disposition": 12}, {"disposition": "x" * 65}, {"disposition": "a\nb"}):
        code, said = await served.order("/v1/agents/agent-1001/disposition", json=body)
        assert (code, said["error_id"]) == (422, "request-invalid")


async def test_more_wrap_up_is_asked_for_and_shown(served: Served) -> None:
    view = an_agent("agent-1001", "READY", work="wrapup")
    served.desk.agents = {"agent-1001": replace(view, wrapup="extendable", until_at=NOW)}
    code, said = await served.order("/v1/agents/agent-1001/extend-wrapup")
    assert (code, said["wrapup"], said["until"]) == (200, "extendable", "2026-09-21T14:13:40.000000Z")


async def test_other_media_in_hand_are_told_and_shown(served: Served) -> None:
    served.desk.agents = {"agent-1001": an_agent("agent-1001", "READY")}
    body = {"medium": "chat", "count": 2, "for_s": 1e300}
    code, said = await served.order("/v1/agents/agent-1001/engage", json=body)
    assert (code, said["in_hand"]) == (200, {"chat": 2})
    for wrong in ({"medium": "chat"}, body | {"count": 1.5}, body | {"medium": 1}, [], body | {"x": 1}):
        code, said = await served.order("/v1/agents/agent-1001/engage", json=wrong)
        assert (code, said["error_id"]) == (422, "request-invalid")


async def test_a_pause_says_whether_it_is_paid_and_may_be_forced(served: Served) -> None:
    view = an_agent("agent-1001", "READY")
    served.desk.agents = {"agent-1001": replace(view, change=replace(view.change, paid=True))}
    body = {"reason": "training", "forced": True}
    code, said = await served.order("/v1/agents/agent-1001/pause", json=body)
    assert (code, said["reason"], said["paid"]) == (200, "training", True)
    code, _ = await served.order("/v1/agents/agent-1001/pause", json={"reason": "training", "forced": "yes"})
    assert code == 422

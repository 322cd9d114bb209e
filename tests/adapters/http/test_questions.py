"""What can be read, over TCP and over the control socket."""

from dataclasses import replace

import pytest
import yarl

from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.record import (
    BillingRecord,
    DecisionFact,
    EndedBy,
    Leg,
    OfferFact,
    OfferResult,
    Outcome,
    Segment,
    SegmentKind,
    WrapUpFact,
)
from router.ports import ContactStory, ContactView
from tests.adapters.http.conftest import Served
from tests.fakes.desk import NOW, an_agent

AGENT = AgentId("agent-1001")
QUEUE = QueueName("shop/orders")


def a_story(contact: str, ended_s: int = 60, campaign: str = "shop") -> ContactStory:
    contact_id = ContactId(contact)
    offer_id = OfferId(f"{contact}.1")
    ended_at = NOW + ended_s * SECOND
    record = BillingRecord(
        contact_id=contact_id,
        medium="voice",
        campaign=CampaignName(campaign),
        queue=QUEUE,
        ani="+4930555666",
        dnis="+4930555100",
        arrived_at=NOW,
        answered_at=NOW + 1,
        ended_at=ended_at,
        outcome=Outcome.ANSWERED,
        ended_by=EndedBy.AGENT,
        config_hash="c0ffee",
        end_estimated=False,
        segments=(
            Segment(kind=SegmentKind.WAITING, from_at=NOW, to_at=NOW + 1),
            Segment(kind=SegmentKind.TALK, from_at=NOW + 1, to_at=ended_at, agent_id=AGENT),
        ),
        legs=(Leg(uniqueid=LegId(contact), linkedid=contact, node="pbx1"),),
    )
    return ContactStory(
        contact_id=contact_id,
        record=record,
        offers=(
            OfferFact(
                offer_id=offer_id,
                contact_id=contact_id,
                agent_id=AGENT,
                queue=QUEUE,
                from_at=NOW,
                to_at=NOW + 1,
                result=OfferResult.ANSWERED,
                cause=16,
                tech_cause=None,
            ),
        ),
        wrapups=(WrapUpFact(contact_id=contact_id, agent_id=AGENT, from_at=ended_at, to_at=ended_at + 20 * SECOND),),
        decisions=(
            DecisionFact(
                offer_id=offer_id,
                contact_id=contact_id,
                queue=QUEUE,
                at=NOW,
                need="de >= 60",
                waited_us=1_500_000,
                chosen=AGENT,
                chosen_idle_us=9 * SECOND,
                next_best=((AgentId("agent-1002"), 3 * SECOND),),
                others=(("paused", 2),),
            ),
        ),
    )


def waiting(contact: str, arrived_at: int) -> ContactView:
    return ContactView(
        contact_id=ContactId(contact),
        campaign="shop",
        queue="shop/orders",
        state="QUEUED",
        agent_id=None,
        arrived_at=arrived_at,
    )


async def test_a_living_process_is_healthy_even_when_its_neighbours_are_not(served: Served) -> None:
    served.desk.checks["redis"] = "does not answer"

    assert await served.get("/healthz") == (200, {"status": "ok"})


async def test_ready_means_every_neighbour_is_there(served: Served) -> None:
    assert await served.get("/readyz") == (200, {"ready": True, "checks": served.desk.checks})

    served.desk.checks["redis"] = "Redis at redis://127.0.0.1:6379/0 does not answer in time"
    status, said = await served.get("/readyz")
    assert status == 503
    assert said["error_id"] == "not-ready"
    assert said["message"].startswith("Not ready: redis: Redis at")
    assert said["details"] == served.desk.checks


async def test_metrics_come_as_text_for_prometheus(served: Served) -> None:
    async with served.tcp.get(served.url + "/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=1.0.0; charset=utf-8"
        assert await response.text() == "ringfair_inbox_depth 0.0\n"


async def test_agents_are_listed_by_id_with_what_others_may_see(served: Served) -> None:
    served.desk.agents = {"b": an_agent("agent-1002"), "a": an_agent("agent-1001", "READY")}
    status, said = await served.get("/v1/agents")

    assert status == 200
    assert said["next"] is None
    assert [item["agent_id"] for item in said["items"]] == ["agent-1001", "agent-1002"]
    assert said["items"][0] == {
        "agent_id": "agent-1001",
        "status": "READY",
        "reason": None,
        "next_status": None,
        "next_reason": None,
        "reach": "REACHABLE",
        "link": "GOOD",
        "work": "idle",
        "contact_id": None,
        "since": "2026-09-21T14:13:20.000000Z",
        "standing": "free",
        "paid": None,
        "until": None,
        "wrapup": None,
        "disposition": None,
        "paused_today_s": {},
        "in_hand": {},
        "skills": {"de": 80},
        "queues": ["shop/orders"],
    }


async def test_queues_and_living_contacts_are_listed(served: Served) -> None:
    served.desk.contacts = {
        "young": waiting("pbx1-2.2", NOW - SECOND),
        "old": waiting("pbx1-1.1", NOW - 2_500_000),
    }

    assert await served.get("/v1/queues") == (
        200,
        {
            "items": [
                {
                    "queue": "shop/orders",
                    "campaign": "shop",
                    "open": True,
                    "closed_by": None,
                    "closed_note": None,
                    "opens_at": None,
                    "time_zone": "Europe/Berlin",
                    "waiting": 2,
                    "longest_wait_s": 2.5,
                    "free_agents": 0,
                    "entitled_agents": 0,
                }
            ],
            "next": None,
        },
    )
    _, said = await served.get("/v1/contacts")
    assert [item["contact_id"] for item in said["items"]] == ["pbx1-1.1", "pbx1-2.2"]
    assert said["items"][0]["arrived_at"] == "2026-09-21T14:13:17.500000Z"


async def test_a_contact_is_explained_living_or_ended(served: Served) -> None:
    served.desk.contacts = {"pbx1-2.2": waiting("pbx1-2.2", NOW)}
    served.desk.ledger = [a_story("pbx1-1.1")]

    status, living = await served.get("/v1/contacts/pbx1-2.2")
    assert (status, living["live"]["state"], living["record"]) == (200, "QUEUED", None)

    status, ended = await served.get("/v1/contacts/pbx1-1.1")
    assert (status, ended["live"], ended["record"]["outcome"]) == (200, None, "answered")
    assert ended["decisions"] == [
        {
            "offer_id": "pbx1-1.1.1",
            "queue": "shop/orders",
            "at": "2026-09-21T14:13:20.000000Z",
            "need": "de >= 60",
            "waited_s": 1.5,
            "chosen": "agent-1001",
            "chosen_idle_s": 9,
            "next_best": [{"agent": "agent-1002", "idle_s": 3}],
            "others": {"paused": 2},
            "how": {
                "choose": "longest-idle",
                "row": 0,
                "opens_s": 0,
                "points": 0,
                "urgent": False,
                "at_once": 1,
                "skipped": [],
                "expected_s": None,
                "in_queue_s": 1.5,
                "waited_before_s": 0,
                "told": [],
                "told_s": 0,
            },
        }
    ]


@pytest.mark.parametrize(
    "hostile",
    ["pbx1-9.9", "..%2F..%2Fetc%2Fpasswd", "%00", "%0d%0aX-Evil:%201", "a" * 151, "%ff%fe", "%E2%80%AE", "'%20OR%201"],
)
async def test_a_contact_nobody_knows_is_a_404_whatever_its_name(served: Served, hostile: str) -> None:
    async with served.tcp.get(yarl.URL(f"{served.url}/v1/contacts/{hostile}", encoded=True)) as response:
        assert response.status == 404
        assert (await response.json())["error_id"] == "contact-unknown"


async def test_records_have_the_names_and_times_of_the_interface(served: Served) -> None:
    served.desk.ledger = [a_story("pbx1-1.1")]
    status, said = await served.get("/v1/records")
    (line,) = said["items"]

    assert status == 200
    assert {"schema", "contact_id", "ani", "dnis", "answered_at", "ended_by", "config_hash"} <= set(line)
    assert line["prev_hash"] is None
    assert line["segments"][1] == {
        "kind": "talk",
        "from": "2026-09-21T14:13:20.000001Z",
        "to": "2026-09-21T14:14:20.000000Z",
        "agent": "agent-1001",
        "queue": None,
    }
    assert line["legs"][0] == {"uniqueid": "pbx1-1.1", "linkedid": "pbx1-1.1", "node": "pbx1", "agent": None}
    assert (line["offers"][0]["result"], line["wrapups"][0]["agent"]) == ("answered", "agent-1001")


async def test_records_are_read_page_by_page_each_once_even_when_many_ended_together(served: Served) -> None:
    served.desk.ledger = [a_story(f"pbx1-{number}.1", ended_s=60 + number // 4) for number in range(10)]
    seen: list[str] = []
    query = {"limit": "3"}
    for _ in range(10):
        status, said = await served.get("/v1/records", params=query)
        assert status == 200
        assert len(said["items"]) <= 3
        seen += [item["contact_id"] for item in said["items"]]
        if said["next"] is None:
            break
        query["after"] = said["next"]

    assert sorted(seen) == sorted(story.contact_id for story in served.desk.ledger)


async def test_a_last_page_that_is_just_full_has_no_next(served: Served) -> None:
    served.desk.ledger = [a_story("pbx1-1.1"), a_story("pbx1-2.1")]
    _, said = await served.get("/v1/records", params={"limit": "2"})

    assert (len(said["items"]), said["next"]) == (2, None)


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-09-21T14:13:30Z&to=2026-09-21T14:13:40Z",
        "from=2026-09-21T16:13:30%2B02:00&to=2026-09-21T16:13:40%2B02:00",
        "from=2026-09-21T16:13:30+02:00&to=2026-09-21T16:13:40+02:00",
        "from=2026-09-21T14:13:25.000001Z&to=2026-09-21T14:13:40.5Z",
    ],
)
async def test_records_can_be_asked_for_by_time_and_campaign(served: Served, query: str) -> None:
    served.desk.ledger = [a_story("a", 5), a_story("b", 15), a_story("c", 30)]
    served.desk.ledger.append(a_story("d", 15, campaign="bank"))
    url = yarl.URL(f"{served.url}/v1/records?campaign=shop&{query}", encoded=True)
    async with served.tcp.get(url) as response:
        assert response.status == 200
        assert [item["contact_id"] for item in (await response.json())["items"]] == ["b"]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-09-21"},
        {"from": "2026-09-21T14:13:30"},
        {"to": "9" * 3000},
        {"to": "+275760-09-13T00:00:00Z"},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "-1"},
        {"limit": "²"},
        {"limit": "1" * 400},
        {"after": "x"},
        {"after": "1~\n"},
        {"after": "1" * 30 + "~a"},
        {"campaign": ""},
        {"campaign": "a\x00"},
        {"colour": "blue"},
    ],
)
async def test_a_question_that_makes_no_sense_says_which_part_does_not(served: Served, query: dict[str, str]) -> None:
    status, said = await served.get("/v1/records", params=query)

    assert (status, said["error_id"]) == (422, "request-invalid")


async def test_a_neighbour_that_fails_is_a_502_or_a_503(served: Served) -> None:
    served.desk.broken = RemoteError("ledger-locked", "The database is locked.", retryable=True, file="x.db")
    status, said = await served.get("/v1/records")
    assert (status, said["error_id"], said["details"]) == (503, "ledger-locked", {"file": "x.db"})

    served.desk.broken = RemoteError("ledger-broken", "The database is not one.")
    assert (await served.get("/v1/contacts/pbx1-1.1"))[0] == 502


async def test_a_fault_of_ours_is_a_500_that_tells_nothing_and_the_next_question_is_answered(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.desk.broken = ZeroDivisionError("secret inside")
    status, said = await served.get("/v1/records")
    assert (status, said["error_id"]) == (500, "internal")
    assert "secret" not in str(said)
    assert "ZeroDivisionError" in caplog.text

    assert (await served.get("/healthz"))[0] == 200


async def test_what_a_phone_sent_in_broken_bytes_can_still_be_shown(served: Served) -> None:
    view = an_agent("agent-1001")
    odd = replace(view, change=replace(view.change, reason="half\udc80pair"), skills={"de": 2**70})
    served.desk.agents = {"agent-1001": odd}
    status, said = await served.get("/v1/agents")

    assert status == 200
    assert said["items"][0]["reason"] == "half?pair"


async def test_what_never_ends_has_no_instant(served: Served) -> None:
    view = an_agent("agent-1001")
    served.desk.agents = {"agent-1001": replace(view, change=replace(view.change, since_at=2**62))}

    assert (await served.get("/v1/agents"))[1]["items"][0]["since"] is None


async def test_everything_can_be_read_over_the_control_socket_too(served: Served) -> None:
    for path in ("/healthz", "/readyz", "/v1/agents", "/v1/queues", "/v1/contacts", "/v1/records"):
        async with served.unix.get("http://localhost" + path) as response:
            assert response.status == 200
            assert response.headers["Server"] == "ringfair"

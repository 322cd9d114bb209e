"""What is written down, what is not, and that no text from outside can forge a line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from router.adapters.log import REDACTED, EventLog, configure
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, OfferId, QueueName
from router.domain.messages.events import (
    AgentChanged,
    CallRefused,
    ContactConnected,
    ContactEnded,
    ContactOverflowed,
    ContactQueued,
    DoorMoved,
    EmergencyWaits,
    InvariantFailed,
    ObservationIgnored,
    OfferClosed,
    OfferRang,
    PoolLost,
)
from router.domain.record import BillingRecord, EndedBy, OfferFact, OfferResult, Outcome

NOW = 1_790_000_000 * SECOND + 42
CONTACT = ContactId("pbx1-1790000000.17")
NUMBER = "+4930555666"


class Written(io.StringIO):
    """A stream that remembers."""

    @property
    def lines(self) -> list[str]:
        return self.getvalue().split("\n")[:-1]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)


def written(**options: Any) -> Written:
    stream = Written()
    configure(stream=stream, **options)
    return stream


def queued(queue: str = "shop/orders") -> ContactQueued:
    return ContactQueued(
        contact_id=CONTACT,
        campaign=CampaignName("shop"),
        queue=QueueName(queue),
        medium="voice",
        arrived_at=NOW,
    )


def connected() -> ContactConnected:
    return ContactConnected(
        contact_id=CONTACT,
        agent_id=AgentId("agent-1001"),
        queue=QueueName("shop/orders"),
        campaign=CampaignName("shop"),
        medium="voice",
        waited_us=1_500_000,
    )


def ended() -> ContactEnded:
    return ContactEnded(
        record=BillingRecord(
            contact_id=CONTACT,
            medium="voice",
            campaign=CampaignName("shop"),
            queue=QueueName("shop/orders"),
            ani=NUMBER,
            dnis="+4930555100",
            arrived_at=NOW,
            answered_at=None,
            ended_at=NOW + 8 * SECOND,
            outcome=Outcome.ABANDONED,
            ended_by=EndedBy.CALLER,
            config_hash="c0ffee",
            end_estimated=False,
            segments=(),
            legs=(),
        )
    )


def changed() -> AgentChanged:
    return AgentChanged(
        agent_id=AgentId("agent-1001"),
        status="READY",
        reason=None,
        next_status=None,
        next_reason=None,
        reach="REACHABLE",
        link="GOOD",
        work="idle",
        contact_id=None,
        since_at=NOW,
    )


def test_a_contact_is_three_lines_and_what_happens_between_is_for_debugging() -> None:
    stream = written()
    log = EventLog()
    for event in (
        queued(),
        changed(),
        OfferRang(offer_id=OfferId(f"{CONTACT}.1"), agent_id=AgentId("agent-1001")),
        ContactOverflowed(contact_id=CONTACT, queue=QueueName("shop/orders"), target="queue:general"),
        queued("shop/general"),
        connected(),
        ObservationIgnored(kind="LegEnded", why="doubled"),
        ended(),
    ):
        log(event, NOW)

    assert [record["event"] for record in stream.records] == [
        "contact arrived",
        "contact connected",
        "contact ended",
    ]
    assert stream.records[0] == {
        "at": "2026-09-21T14:13:20.000042Z",
        "level": "info",
        "event": "contact arrived",
        "contact_id": CONTACT,
        "campaign": "shop",
        "queue": "shop/orders",
        "medium": "voice",
        "adopted": False,
    }
    assert stream.records[1]["waited_s"] == 1.5
    assert (stream.records[2]["outcome"], stream.records[2]["lasted_s"]) == ("abandoned", 8)


def test_impossible_states_and_a_lost_pool_are_warnings() -> None:
    stream = written(level="warning")
    log = EventLog()
    log(queued(), NOW)
    log(InvariantFailed(what="agent busy without a leg"), NOW)
    log(PoolLost(epoch=7), NOW)

    assert [(record["level"], record.get("what"), record.get("epoch")) for record in stream.records] == [
        ("warning", "agent busy without a leg", None),
        ("warning", None, 7),
    ]
    assert stream.records[0]["event"] == "an impossible state was found"


def test_callers_who_find_no_room_are_a_line_now_and_then_that_says_how_many() -> None:
    out = written()
    log = EventLog()
    for second in (0, 1, 2, 11, 12):
        log(
            CallRefused(dialled="+4930555100", reason="node-full", campaign=CampaignName("shop")), NOW + second * SECOND
        )
    log(CallRefused(dialled="+4930555200", reason="node-full", campaign=CampaignName("care")), NOW + 3 * SECOND)
    log(CallRefused(dialled="+4930555999", reason="unknown-dnis"), NOW + 4 * SECOND)

    told = [(line["event"], line.get("campaign"), line.get("calls")) for line in out.records]
    assert told == [
        ("calls were refused: no room", "shop", 1),
        ("calls were refused: no room", "shop", 3),
        ("calls were refused: no room", "care", 1),
        ("a call was refused", None, None),
    ]


def test_debugging_tells_every_event_with_the_fields_of_its_fact() -> None:
    stream = written(level="debug")
    log = EventLog()
    log(changed(), NOW)
    log(
        OfferClosed(
            fact=OfferFact(
                offer_id=OfferId(f"{CONTACT}.1"),
                contact_id=CONTACT,
                agent_id=AgentId("agent-1001"),
                queue=QueueName("shop/orders"),
                from_at=NOW,
                to_at=NOW + SECOND,
                result=OfferResult.BUSY,
                cause=17,
                tech_cause="SIP 486",
            )
        ),
        NOW,
    )

    assert [record["event"] for record in stream.records] == ["agent changed", "offer closed"]
    assert stream.records[0]["status"] == "READY"
    assert (stream.records[1]["result"], stream.records[1]["tech_cause"]) == ("busy", "SIP 486")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("level", ["info", "debug"])
def test_numbers_are_redacted_unless_the_site_asks_for_them(form: str, level: str) -> None:
    stream = written(form=form, level=level)
    EventLog()(ended(), NOW)
    assert NUMBER not in stream.getvalue()
    assert REDACTED in stream.getvalue()

    stream = written(form=form, level=level, show_pii=True)
    EventLog()(ended(), NOW)
    assert NUMBER in stream.getvalue()


def test_personal_fields_are_redacted_at_any_depth() -> None:
    stream = written()
    structlog.get_logger().info("asked", pii_name="Zoë", headers={"a": {"pii_from": NUMBER}}, pii_empty="")

    assert stream.records[0]["pii_name"] == REDACTED
    assert stream.records[0]["headers"] == {"a": {"pii_from": REDACTED}}
    assert stream.records[0]["pii_empty"] == ""


HOSTILE = [
    'x\r\n{"at":"2026-01-01T00:00:00.000000Z","level":"info","event":"contact ended"}',
    "clear\x1b[2J\x1b]0;title\x07",
    "c1\x9b31m\x85next",
    "separator\u2028paragraph\u2029",
    "bidi\u202e\u2066gnp.exe",
    "nul\x00del\x7f",
    "half\udc80pair",
    "🙂 Zoë is welcome",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["json", "console"])
def test_no_text_from_outside_breaks_a_line_or_reaches_the_terminal_raw(form: str, text: str) -> None:
    stream = written(form=form, show_pii=True)
    log = structlog.get_logger()
    log.info("static", pii_name=text, nested={text: [text, {"deep": text}]}, other=Exception(text))
    logging.getLogger("library").warning("said %s", text)

    assert len(stream.lines) == 2
    for line in stream.lines:
        assert len(line.splitlines()) == 1
        assert not any(ord(char) < 32 or 0x7F <= ord(char) <= 0x9F for char in line)
        assert not any(char in line for char in "\u2028\u2029\u202e\u2066")
        line.encode()
    if form == "json":
        assert stream.records[0]["event"] == "static"


def test_harmless_text_in_any_language_stays_readable() -> None:
    stream = written(show_pii=True)
    structlog.get_logger().info("asked", pii_name="Zoë Müller 🙂 日本")

    assert "Zoë Müller 🙂 日本" in stream.lines[0]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_is_kept_without_numbers_and_cannot_pose_as_a_line(form: str) -> None:
    stream = written(form=form)
    try:
        raise ValueError(f"caller {NUMBER} said\r\n2026-01-01 forged\x1b[2J")
    except ValueError:
        structlog.get_logger().exception("a handler failed")

    assert NUMBER not in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert not any(line.startswith("2026-01-01 forged") for line in stream.lines)
    if form == "json":
        assert len(stream.lines) == 1


def test_lines_of_libraries_have_the_same_form_with_numbers_masked() -> None:
    stream = written()
    library = logging.getLogger("some.library")
    library.warning("call from %s to %s via pbx1-1790000000.17 took %d ms", NUMBER, "030555666", 1234567)
    library.info("chatter")

    assert [(record["logger"], record["level"]) for record in stream.records] == [("some.library", "warning")]
    assert stream.records[0]["event"] == "call from [number] to [number] via pbx1-1790000000.17 took 1234567 ms"


def test_a_library_that_formats_its_own_line_wrongly_is_still_heard() -> None:
    stream = written()
    wrong = logging.makeLogRecord({"name": "lib", "levelno": logging.ERROR, "msg": "%d", "args": ("x",)})
    logging.getLogger().handlers[-1].handle(wrong)

    assert [(record["level"], record["event"]) for record in stream.records] == [("error", "%d")]


def test_fields_that_json_cannot_hold_are_written_as_text() -> None:
    stream = written()
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"in": deep}
    structlog.get_logger().info("odd", huge=2**80, text="x" * 100_000, deep=deep, obj=object(), b=b"\xff", nan=1e999)

    assert stream.records[0]["huge"] == str(2**80)
    assert len(stream.lines[0]) < 5_000


def test_a_stream_that_is_gone_stops_nobody() -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    for stream in (Gone(), io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")):
        configure(stream=stream, show_pii=True)
        EventLog()(queued(), NOW)
        structlog.get_logger().info("x", pii_name="Zoë")
    closed = io.StringIO()
    configure(stream=closed)
    closed.close()
    EventLog()(queued(), NOW)


def test_configuring_twice_writes_each_line_once() -> None:
    written()
    stream = written()
    logging.getLogger("library").warning("once")

    assert len(stream.lines) == 1


def test_an_emergency_nobody_takes_is_a_warning_and_a_door_that_moves_is_said() -> None:
    stream = written(level="info")
    log = EventLog()
    shop, queue = CampaignName("shop"), QueueName("shop/orders")
    log(EmergencyWaits(contact_id=CONTACT, campaign=shop, queue=queue, waited_us=10 * SECOND), NOW)
    log(DoorMoved(campaign=shop, is_open=False, by_hand=True), NOW)

    alarm, door = stream.records
    assert (alarm["level"], alarm["queue"], alarm["waited_s"]) == ("warning", "shop/orders", 10)
    assert (door["event"], door["campaign"], door["by_hand"]) == ("a campaign closed", "shop", True)

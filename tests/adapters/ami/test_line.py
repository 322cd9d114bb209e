"""What an RTCP event says about a line, what is absurd in it, and what is kept of it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.adapters.ami.line import BLOCK_BYTES, LineBoard
from router.domain.ids import LegId
from router.ports import LineReport, Way

from .rtcp import rtcp

LEG = LegId("pbx_1-1795306946.0.1")


def kept(*events: bytes, **options: int) -> LineBoard:
    board = LineBoard(clock=lambda: 0.0, **options)  # type: ignore[arg-type]
    for event in events:
        board.keep(event.removesuffix(b"\r\n\r\n"), 0.0)
    return board


def only(board: LineBoard) -> LineReport:
    (report,) = board.latest(LEG)
    return report


def test_what_the_phone_reports_is_the_downlink() -> None:
    assert only(kept(rtcp("RTCPReceived"))) == LineReport(
        leg=LEG,
        way=Way.DOWNLINK,
        at=1795306951703174,
        fraction_lost=0.25,
        highest_sequence=2 * 65536 + 9614,
        jitter_us=30_000,
        rtt_us=42_100,
        mes=88.1,
        sent_packets=250,
    )


def test_what_asterisk_received_is_the_uplink_and_knows_no_round_trip() -> None:
    report = only(kept(rtcp("RTCPSent")))
    assert (report.way, report.rtt_us, report.jitter_us) == (Way.UPLINK, None, 30_000)


def test_both_ways_of_a_leg_stand_beside_each_other() -> None:
    board = kept(rtcp("RTCPReceived"), rtcp("RTCPSent"), rtcp("RTCPSent", leg="pbx_1-1.7"))
    assert [report.way for report in board.latest(LEG)] == [Way.UPLINK, Way.DOWNLINK]
    assert board.summary(connected=True).legs == 2
    assert board.latest(LegId("pbx_1-1795306946.0")) == ()


def test_the_newest_report_wins() -> None:
    board = kept(*(rtcp("RTCPSent", Report0HighestSequence=n) for n in (1, 2, 3)))
    assert only(board).highest_sequence == 2 * 65536 + 3
    assert board.events == 3


@pytest.mark.parametrize("rtt", ["65535.9993", "10.0001", "-0.5", "nan", "inf", "1e9", "", "0x10", "١.٥", "9" * 400])
def test_a_round_trip_that_cannot_be_is_none(rtt: str) -> None:
    assert only(kept(rtcp(RTT=rtt))).rtt_us is None


@pytest.mark.parametrize(
    ("header", "value", "field"),
    [
        ("Report0FractionLost", "256", "fraction_lost"),
        ("Report0FractionLost", "-1", "fraction_lost"),
        ("Report0HighestSequence", "65536", "highest_sequence"),
        ("Report0IAJitter", "4294967295", "jitter_us"),
        ("Report0IAJitter", "9" * 5000, "jitter_us"),
        ("Report0IAJitter", "2.5", "jitter_us"),
        ("MES", "100.1", "mes"),
        ("MES", "-nan", "mes"),
        ("SentPackets", "4294967296", "sent_packets"),
        ("SentPackets", "many", "sent_packets"),
        ("SentPackets", None, "sent_packets"),
    ],
)
def test_what_is_absurd_malformed_or_missing_is_none_and_the_rest_counts(
    header: str, value: str | None, field: str
) -> None:
    whole, report = only(kept(rtcp())), only(kept(rtcp(**{header: value})))
    assert getattr(report, field) is None
    others = [name for name in LineReport.__dataclass_fields__ if name != field]
    assert [getattr(report, name) for name in others] == [getattr(whole, name) for name in others]


def test_a_report_without_a_block_tells_only_what_was_sent() -> None:
    """RFC 3550, 6.4: nothing was received from anybody, so there is nothing to report about."""
    empty = dict.fromkeys(
        f"Report0{n}" for n in ("FractionLost", "HighestSequence", "SequenceNumberCycles", "IAJitter")
    )
    report = only(kept(rtcp(ReportCount=0, **empty)))
    assert (report.fraction_lost, report.highest_sequence, report.jitter_us) == (None, None, None)
    assert report.sent_packets == 250


def test_jitter_is_read_by_the_codecs_clock() -> None:
    assert only(kept(rtcp(Report0IAJitter=240), clock_hz=48_000)).jitter_us == 5_000


def test_a_time_that_is_none_is_zero() -> None:
    assert only(kept(rtcp(Timestamp="soon"))).at == 0


def test_neither_number_nor_name_nor_address_of_anybody_is_kept() -> None:
    board = kept(rtcp("RTCPSent"), rtcp("RTCPReceived"))
    memory = b"".join(part for lines in (board._up, board._down) for _, *parts in lines.values() for part in parts)
    for personal in (b"+4930555100", b"+4915155500001", b"Shop", b"127.0.0.1", b"agent-1001"):
        assert personal not in memory
    assert b"Report0IAJitter" in memory


def test_a_line_that_is_silent_is_forgotten_and_one_that_speaks_is_not() -> None:
    now = 0.0
    board = LineBoard(silence_s=15.0, clock=lambda: now)
    board.keep(rtcp("RTCPSent", leg="quiet"), 0.0)
    board.keep(rtcp("RTCPSent", leg="loud"), 0.0)
    now = 10.0
    board.keep(rtcp("RTCPSent", leg="loud"), now)
    now = 15.1
    assert board.latest(LegId("quiet")) == ()
    assert len(board.latest(LegId("loud"))) == 1
    assert board.summary(connected=True).legs == 1


def test_more_lines_than_there_can_be_push_the_longest_silent_out() -> None:
    board = kept(*(rtcp("RTCPSent", leg=f"leg-{n}") for n in (1, 2, 3, 1, 4)), most_legs=3)
    assert [bool(board.latest(LegId(f"leg-{n}"))) for n in (1, 2, 3, 4)] == [True, False, True, True]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Event: RTCPSent",
        b"Event: RTCPSent\r\n",
        b"Event: RTCPSent\r\nUniqueid: x",
        b"Event: RTCPSentinel\r\nUniqueid: x\r\n",
        b"Event: RTCPSent\r\nChannel: x\r\nFrom: y\r\n",
        rtcp("RTCPSent", Filler="x" * BLOCK_BYTES),
    ],
)
def test_what_is_no_report_is_refused(raw: bytes) -> None:
    board = LineBoard()
    assert not board.keep(raw, 0.0)
    assert board.events == 0


@given(st.binary(max_size=400), st.binary(max_size=200))
@example(b"\r\nUniqueid: x\r\n", b"\r\nMES: ")
def test_no_bytes_at_all_do_any_harm(head: bytes, tail: bytes) -> None:
    board = LineBoard(clock=lambda: 0.0)
    board.keep(b"Event: RTCPSent\r\n" + head + b"\r\nUniqueid: x\r\nFrom: y" + tail, 0.0)
    board.keep(b"Event: RTCPReceived\r\nUniqueid: x\r\n" + head + tail, 0.0)
    assert len(board.latest(LegId("x"))) in (1, 2)
    board.summary(connected=False)


def test_the_summary_has_the_median_and_the_worst_of_uplinks_alone() -> None:
    board = kept(
        *(rtcp("RTCPSent", leg=f"leg-{n}", Report0IAJitter=8 * n, Report0FractionLost=n) for n in (0, 64, 128)),
        rtcp("RTCPSent", leg="leg-broken", Report0IAJitter="x", Report0FractionLost="x"),
        rtcp("RTCPReceived", leg="leg-0", Report0IAJitter=8000, Report0FractionLost=255),
    )
    summary = board.summary(connected=True)
    assert (summary.median_jitter_us, summary.worst_jitter_us) == (64_000, 128_000)
    assert (summary.median_lost, summary.worst_lost) == (0.25, 0.5)
    assert (summary.legs, summary.events) == (4, 5)


def test_without_lines_there_are_no_figures() -> None:
    summary = LineBoard().summary(connected=False)
    assert (summary.median_jitter_us, summary.worst_jitter_us, summary.median_lost) == (None, None, None)

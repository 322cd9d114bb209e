"""What the harness makes of samples: a figure that is computed wrongly is worse than none."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.load import against_commit, highest_rate
from tests.load.arena import CARRIER_ADDRESS, CallsLost, Round, calls_of
from tests.load.arena import THREE_SECONDS as TALK
from tests.load.clocks import bye_to_invite, invite_to_invite
from tests.load.office import CHECKOUT
from tests.load.pairs import Interval, Series, interval, percentile, turns
from tests.load.side import Progress, Side
from tests.load.sipp_limit import in_time
from tests.load.wire import Pace, dropped_of, pace_of
from tests.telephones.packets import SipMessage
from tests.telephones.workshop import TelephoneError

PHONES = ("127.0.0.40", 6200)


def sip(at_ms: float, source: str, target: str, first_line: str, **headers: str) -> SipMessage:
    method = first_line.partition(" ")[0]
    pairs = tuple({"CSeq": f"1 {method}", **{name.title(): value for name, value in headers.items()}}.items())
    return SipMessage(round(at_ms * 1000), source, target, first_line, pairs, "")


def of_caller(message: SipMessage, caller: str) -> SipMessage:
    headers = (*message.headers, ("From", f"<sip:+49155{caller}@carrier.invalid>"))
    return SipMessage(message.at, message.source, message.target, message.first_line, headers, "")


def at_phone(at_ms: float, agent: str, caller: str = "") -> SipMessage:
    message = sip(at_ms, "127.0.0.1:5060", "127.0.0.40:6200", f"INVITE sip:{agent}@127.0.0.40:6200 SIP/2.0")
    return of_caller(message, caller)


def bye_of(at_ms: float, agent: str, call: str = "a-call") -> SipMessage:
    message = sip(at_ms, "127.0.0.40:6200", "127.0.0.1:5060", "BYE sip:x@127.0.0.1 SIP/2.0")
    headers = (*message.headers, ("From", f"<sip:{agent}@127.0.0.40:6200>;tag=1"), ("Call-ID", f"{call} of {agent}"))
    return SipMessage(message.at, message.source, message.target, message.first_line, headers, "")


def came(at_ms: float, caller: str) -> SipMessage:
    return of_caller(sip(at_ms, f"{CARRIER_ADDRESS}:5062", "127.0.0.1:5060", "INVITE sip:x@y SIP/2.0"), caller)


def test_a_repeated_invite_counts_once_and_from_its_first_packet() -> None:
    wire = [
        came(10, "1001"),
        came(510, "1001"),
        at_phone(513, "agent-3001", "1001"),
        at_phone(900, "agent-3002", "1001"),
    ]

    assert invite_to_invite(wire, PHONES, 1) == [503.0]


def test_a_caller_for_whom_nobody_was_rung_is_a_lost_call_not_a_missing_sample() -> None:
    with pytest.raises(CallsLost, match="1 of 2"):
        invite_to_invite([came(0, "1001"), came(1, "1002"), at_phone(4, "agent-3001", "1001")], PHONES, 2)


def test_the_next_ring_is_timed_for_the_agent_who_hung_up_and_not_for_another() -> None:
    wire = [bye_of(0, "agent-3001"), at_phone(3, "agent-3002"), at_phone(5, "agent-3001"), bye_of(9, "agent-3002")]

    assert bye_to_invite(wire, PHONES) == [5.0]


def test_a_caller_who_was_placed_and_never_seen_makes_the_run_fail() -> None:
    with pytest.raises(CallsLost, match="1 callers were on the wire, 2 were placed"):
        invite_to_invite([came(0, "1001"), at_phone(4, "agent-3001", "1001")], PHONES, 2)


def test_a_bye_sent_again_after_the_next_ring_is_no_second_gap() -> None:
    wire = [
        bye_of(0, "agent-3001", "first"),
        at_phone(5, "agent-3001"),
        bye_of(500, "agent-3001", "first"),
        bye_of(2000, "agent-3001", "second"),
        bye_of(2500, "agent-3001", "second"),
        at_phone(2506, "agent-3001"),
    ]

    assert bye_to_invite(wire, PHONES, 2) == [5.0, 506.0]
    with pytest.raises(CallsLost, match="2 talks ended on the wire, 3"):
        bye_to_invite(wire, PHONES, 3)


def test_the_pace_is_that_of_first_invites_and_ends_with_the_last_bye() -> None:
    def of(message: SipMessage, call: str) -> SipMessage:
        headers = (*message.headers, ("Call-ID", call))
        return SipMessage(message.at, message.source, message.target, message.first_line, headers, "")

    def bye(at_ms: float) -> SipMessage:
        return sip(at_ms, "127.0.0.1:5060", f"{CARRIER_ADDRESS}:5062", "BYE sip:x@y SIP/2.0")

    wire = [
        *(of(came(at, "1001"), "a") for at in (1000, 1500)),
        of(came(2000, "1002"), "b"),
        of(bye(4000), "a"),
        of(bye(5000), "b"),
        of(came(5500, "1001"), "a"),
        of(bye(5600), "b"),
    ]

    assert pace_of(wire, CARRIER_ADDRESS) == Pace(seen=2, placed_s=1.0, took_s=4.0)
    assert pace_of([], CARRIER_ADDRESS) == Pace(0, 0.0, 0.0)


def test_what_tcpdump_dropped_is_read_from_its_last_words() -> None:
    words = "9 packets captured\n9 packets received by filter\n{} packets dropped by kernel\n"
    assert dropped_of(words.format(0)) == 0
    assert dropped_of(words.format(17)) == 17
    with pytest.raises(TelephoneError, match="did not say"):
        dropped_of("tcpdump: listening on lo")


def test_a_run_of_which_packets_are_missing_is_no_run() -> None:
    assert calls_of(a_round()) == a_round()
    with pytest.raises(CallsLost, match="dropped 3"):
        calls_of(replace(a_round(), dropped=3))


def test_percentiles_lie_between_the_neighbours() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.5
    assert percentile([float(n) for n in range(101)], 99) == 99.0


def test_a_figure_is_the_median_of_the_runs_so_that_one_bad_run_does_not_make_it() -> None:
    series = Series()
    for ms in (4.0, 5.0, 400.0):
        series.add("ours", [ms, ms])

    assert series.figures("ours") == {"p50": 5.0, "p99": 5.0, "max": 5.0}
    assert series.spread()["ours p50"] == (4.0, 400.0)


def test_each_pair_runs_in_the_opposite_order_of_the_one_before() -> None:
    assert "".join(name for _, name in turns(3, ["a", "b"])) == "abbaab"


def test_ratio_is_taken_pair_by_pair_so_that_a_slow_hour_cancels_out() -> None:
    series = Series()
    for slow in (1.0, 10.0, 3.0):
        series.add("ours", [4 * slow, 4 * slow])
        series.add("app_queue", [2 * slow, 2 * slow])

    found = series.ratio("ours", "app_queue", "p50")

    assert found is not None
    assert (found.low, found.middle, found.high) == (2.0, 2.0, 2.0)


def test_five_pairs_give_an_interval_of_94_percent_and_one_pair_gives_none() -> None:
    found = interval([1.0, 1.1, 0.9, 1.05, 0.95])
    single = interval([1.0])

    assert found is not None
    assert (found.low, found.middle, found.high) == (0.9, 1.0, 1.1)
    assert round(found.confidence, 4) == 0.9375
    assert single is not None
    assert single.confidence == 0.0


def test_with_many_pairs_the_outermost_ratios_do_not_count() -> None:
    found = interval([*(1.0 + n / 1000 for n in range(20)), 50.0])

    assert found is not None
    assert found.high < 1.1
    assert found.confidence >= 0.93


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.5, 0.9, "worse"), (0.5, 0.96, "same"), (0.9, 1.2, "same"), (1.06, 1.3, "better"), (1.04, 1.3, "same")],
)
def test_worse_is_said_only_when_the_whole_interval_is_beyond_five_percent(low: float, high: float, word: str) -> None:
    assert against_commit.judge(Interval(low, (low + high) / 2, high, 0.94)) == word


def test_too_few_pairs_are_no_verdict() -> None:
    assert against_commit.judge(Interval(0.5, 0.5, 0.5, 0.0)) == "unclear"
    assert against_commit.judge(None) == "unclear"
    assert against_commit.judge(Interval(0.5, 0.6, 0.9, 0.75)) == "worse"
    assert against_commit.judge(Interval(0.5, 0.6, 0.9, 0.75), tail=True) == "unclear"


def test_a_commit_is_laid_out_with_its_product_and_without_a_trace_in_the_repository() -> None:
    before = _git("worktree", "list") + _git("status", "--short")

    with against_commit.checked_out("HEAD") as (tree, commit):
        assert commit == _git("rev-parse", "HEAD").strip()
        assert sorted(path.name for path in tree.iterdir()) == ["asterisk", "dialplans", "router"]
        found = subprocess.run(
            [sys.executable, "-P", "-c", "import router; print(router.__file__)"],
            env=os.environ | {"PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == str(tree / "router" / "__init__.py")

    assert not tree.exists()
    assert _git("worktree", "list") + _git("status", "--short") == before


def test_a_commit_that_is_none_is_told() -> None:
    with pytest.raises(SystemExit, match="no commit"), against_commit.checked_out("--output=x"):
        pass


def a_round(
    *,
    placed: int = 100,
    succeeded: int = 100,
    failed: int = 0,
    answered: int = 100,
    took_s: float = 13.4,
    placed_s: float = 9.9,
) -> Round:
    return Round(
        calls=100,
        placed=placed,
        succeeded=succeeded,
        failed=failed,
        answered=answered,
        repeated=0,
        placed_s=placed_s,
        took_s=took_s,
    )


def test_a_rate_is_held_only_when_every_caller_got_an_agent_and_nobody_waited_at_the_end() -> None:
    assert in_time(a_round(), 10, TALK)
    assert not in_time(a_round(failed=1, succeeded=99), 10, TALK)
    assert not in_time(a_round(answered=99), 10, TALK)
    assert not in_time(a_round(placed=90, succeeded=90, answered=90), 10, TALK)
    assert not in_time(a_round(took_s=18.0), 10, TALK)


def test_a_rate_is_held_only_when_its_calls_were_placed_at_that_rate() -> None:
    assert in_time(a_round(placed_s=10.05), 10, TALK)
    assert not in_time(a_round(placed_s=10.2), 10, TALK)
    assert not in_time(a_round(placed_s=12.5, took_s=15.9), 10, TALK), "79 of 100 calls/s, with the end in time"
    assert not in_time(replace(a_round(), dropped=1), 10, TALK)


@pytest.mark.parametrize(
    ("limits", "held", "capped"),
    [
        ({"ours": 10_000, "app_queue": 10_000}, {"ours": 200, "app_queue": 200}, True),
        ({"ours": 10_000, "app_queue": 90}, {"ours": 200, "app_queue": (75, 90)}, True),
        ({"ours": 120, "app_queue": 90}, {"ours": (100, 120), "app_queue": (75, 90)}, False),
        ({"ours": 120, "app_queue": 20}, {"ours": (100, 120), "app_queue": 20}, False),
    ],
)
async def test_the_search_ends_below_each_limit_and_says_when_the_limit_was_not_theirs(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], held: dict[str, object], capped: bool
) -> None:
    """Rates come and go here by a rule instead of by calls: what is tested is what the program makes of them."""

    async def by_rule(_a: object, side: Side, _p: object, rate: int, seconds: float, *_: object) -> Round:
        calls = round(rate * seconds)
        fails = 0 if rate <= limits[side.name] else calls
        return Round(
            calls=calls,
            placed=calls,
            succeeded=calls - fails,
            failed=fails,
            answered=calls - fails,
            repeated=0,
            placed_s=(calls - 1) / rate,
            took_s=seconds + 3,
        )

    class Quiet:
        async def nothing(self, *_given: object, **_named: object) -> None: ...

        phones_on = on_duty = start_router = stop_router = nothing
        router_runs = True
        rival = SimpleNamespace(agents=900)

    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(highest_rate, "_try", by_rule)
    monkeypatch.setattr(highest_rate, "warm_up", nothing)
    office = Quiet()
    sides = [Side(name, office, "1") for name in ("ours", "app_queue")]  # type: ignore[arg-type]
    plan = highest_rate.Plan(cpu_runs=0)
    found = await highest_rate.measure(Quiet(), sides, Progress(0), plan, cap=200)  # type: ignore[arg-type]

    for name, wanted in held.items():
        low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        assert low <= found.rates[name] <= high, found.rates
    row = highest_rate.row(found, plan)
    assert (row.verdicts.get("rate ÷ app_queue's") == "not measurable here") is capped


def test_a_rate_at_the_highest_tried_is_not_measurable_here() -> None:
    found = highest_rate.Found(rates={"ours": 200.0, "app_queue": 180.0}, cap=200, calls=12000)
    row = highest_rate.row(found, highest_rate.Plan())

    assert row.verdicts == {"rate ÷ app_queue's": "not measurable here"}
    assert row.ratio is None


def test_cpu_of_ours_is_router_and_valkey_against_asterisk_of_the_same_run() -> None:
    cpu = {
        "ours": [{"asterisk": 0.5, "router": 0.18, "valkey": 0.02}],
        "app_queue": [{"asterisk": 0.4, "router": 0.01, "valkey": 0.0}],
    }
    found = highest_rate.Found(rates={"ours": 150.0, "app_queue": 200.0}, cpu=cpu, cap=250, calls=9000)
    row = highest_rate.row(found, highest_rate.Plan())

    assert row.ratio == 0.75
    assert row.ratios["cpu"] == pytest.approx(0.4)
    assert row.ratios["cores"] == pytest.approx(0.7 / 0.4)


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout

"""`status`, and what an operator asks of the running router, over its real control socket."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from router.cli.exits import DONE, FAILED, MISSING, REFUSED, USAGE
from router.cli.reloaded import sentences
from router.cli.site import now
from router.domain.errors import CommandRefused, ConfigError, Fault, RemoteError
from router.domain.ids import AgentId, ContactId
from router.domain.recount import Touched
from router.ports import CallbackView, ContactView, DoorView, Roll
from tests.cli.conftest import Bench
from tests.fakes.desk import NOW, FakeDesk, an_agent


@pytest.fixture
def staffed(desk: FakeDesk) -> FakeDesk:
    desk.agents = {"agent-1001": an_agent("agent-1001"), "agent-1002": an_agent("agent-1002", "READY")}
    desk.contacts["node1-1.1"] = ContactView(
        contact_id=ContactId("node1-1.1"),
        campaign="shop",
        queue="shop/orders",
        state="QUEUED",
        agent_id=None,
        arrived_at=NOW,
    )
    return desk


def test_status_shows_queues_agents_and_contacts(bench: Bench, staffed: FakeDesk) -> None:
    shown = bench.run("status").stdout
    for part in ("shop/orders", "agent-1001", "logged out", "agent-1002", "ready", "node1-1.1"):
        assert part in shown
    floor = bench.json("status", "--json")
    assert {agent["agent_id"] for agent in floor["agents"]} == {"agent-1001", "agent-1002"}
    assert floor["queues"][0]["waiting"] == 1


def test_status_says_why_a_queue_is_closed_and_when_it_opens(bench: Bench, staffed: FakeDesk) -> None:
    def door(**changes: Any) -> str:
        staffed.door = DoorView(**{"campaign": "shop", "time_zone": "Europe/Berlin", **changes})
        return next(line.strip() for line in bench.run("status").stdout.splitlines() if "shop/orders" in line)

    monday = 1_798_444_800_000_000  # 09:00 in Berlin
    assert door().endswith(" open")
    assert door(closed_by="hours", opens_at=monday).endswith("closed (hours), opens mon 2026-12-28 09:00")
    christmas = door(closed_by="holiday", note="Christmas [red]Day\x1b", opens_at=monday)
    assert christmas.endswith("closed (holiday: Christmas [red]Day�), opens mon 2026-12-28 09:00")
    assert door(closed_by="hand", opens_at=monday, time_zone="../Mars").endswith(
        "shut by hand, opens mon 2026-12-28 08:00"
    )
    assert door(closed_by="exception").endswith("closed (exception), no opening known")

    door(closed_by="holiday", note="Christmas Day", opens_at=monday)
    [queue] = bench.json("status", "--json")["queues"]
    assert (queue["campaign"], queue["open"], queue["closed_by"]) == ("shop", False, "holiday")
    assert (queue["closed_note"], queue["opens_at"]) == ("Christmas Day", "2026-12-28T08:00:00.000000Z")
    assert queue["time_zone"] == "Europe/Berlin"


def test_status_goes_by_http_when_the_socket_is_not_there(bench: Bench, staffed: FakeDesk) -> None:
    (bench.directory / "control.sock").unlink()
    assert len(bench.json("status", "--json")["agents"]) == 2


@pytest.mark.parametrize("command", [["status"], ["reload"], ["canary"], ["agent", "login", "agent-1001"]])
def test_without_a_router_the_code_is_3_and_the_sentence_says_what_to_do(bench: Bench, command: list[str]) -> None:
    result = bench.run(*command)
    assert result.exit_code == MISSING
    assert "ringfair serve" in result.stderr


def test_an_agent_is_logged_in_paused_and_out(bench: Bench, staffed: FakeDesk) -> None:
    assert "agent-1001 is ready" in bench.run("agent", "login", "agent-1001").stdout
    assert "paused (lunch)" in bench.run("agent", "pause", "agent-1001", "--reason", "lunch").stdout
    assert staffed.agents["agent-1001"].change.reason == "lunch"
    assert "ready" in bench.run("agent", "unpause", "agent-1001").stdout
    assert "logged out" in bench.run("agent", "logout", "agent-1001").stdout
    assert staffed.asked_by[-1] == f"control:uid={os.getuid()}"


def test_without_a_reason_the_pause_is_for_the_first_of_the_file(bench: Bench, staffed: FakeDesk) -> None:
    bench.settings["pause_reasons"] = '2 = {code = "lunch", label = "Lunch"}\n1 = {code = "rest", label = "Rest"}\n'
    assert "paused (lunch)" in bench.run("agent", "pause", "agent-1002").stdout
    bench.settings["pause_reasons"] = ""
    assert "paused (break)" in bench.run("agent", "pause", "agent-1002").stdout


def test_what_begins_after_the_contact_is_told_with_its_reason(bench: Bench, staffed: FakeDesk) -> None:
    view = staffed.agents["agent-1002"]
    change = replace(view.change, status="PAUSED", reason="lunch", next_status="PAUSED", next_reason="training")
    staffed.agents["agent-1002"] = replace(view, change=change)
    said = bench.run("agent", "pause", "agent-1002", "--reason", "lunch").stdout
    assert said == "agent-1002 is paused (lunch), paused (training) after the contact\n"


@pytest.mark.parametrize(
    ("error_id", "command"),
    [("reason-invalid", ["agent", "pause", "agent-1002", "--reason", "lnuch"]), ("restart-needed", ["reload"])],
)
def test_a_reason_or_a_reload_that_is_refused_is_code_4_with_the_router_s_sentence(
    bench: Bench, staffed: FakeDesk, error_id: str, command: list[str]
) -> None:
    staffed.broken = CommandRefused(error_id, "There are: break, lunch.")
    result = bench.run(*command)
    assert (result.exit_code, result.stdout, result.stderr) == (REFUSED, "", "ringfair: There are: break, lunch.\n")


@pytest.mark.parametrize(("option", "wrong"), [("--log", "xml"), ("--log-level", "loud")])
def test_a_form_of_the_log_that_does_not_exist_is_wrong_usage(bench: Bench, option: str, wrong: str) -> None:
    result = bench.run("serve", option, wrong)
    assert result.exit_code == USAGE
    assert wrong in result.stderr


def test_a_wrapup_is_finished_with_its_disposition(bench: Bench, staffed: FakeDesk) -> None:
    staffed.agents["agent-1002"] = an_agent("agent-1002", "READY", work="wrapup")
    assert bench.run("agent", "finish-wrapup", "agent-1002", "--disposition", "ordered").exit_code == DONE
    assert staffed.agents["agent-1002"].change.work == "idle"


def test_a_disposition_more_time_and_other_work_are_told_to_the_router(bench: Bench, staffed: FakeDesk) -> None:
    view = an_agent("agent-1002", "READY", work="wrapup")
    staffed.agents["agent-1002"] = replace(view, change=replace(view.change, contact_id=ContactId("node1-1.1")))
    assert bench.run("agent", "disposition", "agent-1002", "12").exit_code == DONE
    assert staffed.agents["agent-1002"].disposition == "12"
    assert bench.run("agent", "extend-wrapup", "agent-1002").exit_code == DONE
    assert bench.run("agent", "engage", "agent-1002", "chat", "2").exit_code == DONE
    assert staffed.agents["agent-1002"].in_hand == {"chat": 2}


def test_the_floor_shows_why_and_how_long(bench: Bench, staffed: FakeDesk) -> None:
    until_at = now() + 90_000_000
    paused = an_agent("agent-1001", "PAUSED")
    change = replace(paused.change, reason="training", paid=True)
    staffed.agents["agent-1001"] = replace(paused, change=change, until_at=until_at, in_hand={"chat": 2})
    busy = an_agent("agent-1002", "READY", work="wrapup")
    staffed.agents["agent-1002"] = replace(busy, wrapup="mandatory", until_at=until_at)
    shown = " ".join(bench.run("status").stdout.split())
    assert "paused (training, paid)" in shown
    assert "left; 2 chat" in shown
    assert "wrapup (mandatory), 1:" in shown
    item = next(a for a in json.loads(bench.run("status", "--json").stdout)["agents"] if a["agent_id"] == "agent-1001")
    assert (item["paid"], item["in_hand"], item["until"] is None) == (True, {"chat": 2}, False)


def test_what_the_router_refuses_is_code_4(bench: Bench, staffed: FakeDesk) -> None:
    for command in (
        ["agent", "login", "agent-1002"],
        ["agent", "login", "nobody"],
        ["agent", "login", "../reload"],
        ["hangup", "node1-9.9"],
    ):
        result = bench.run(*command)
        assert result.exit_code == REFUSED, result.output
        assert result.stderr.startswith("ringfair: ")
    assert staffed.config_hash == "c0ffee"


def test_a_caller_is_let_go(bench: Bench, staffed: FakeDesk) -> None:
    assert bench.run("hangup", "node1-1.1").exit_code == DONE
    assert staffed.contacts == {}


def test_a_caller_is_given_points(bench: Bench, staffed: FakeDesk) -> None:
    assert bench.run("prioritise", "node1-1.1", "5").stdout == "node1-1.1 has 5 points of its own\n"
    assert staffed.points == {"node1-1.1": 5}
    assert bench.run("prioritise", "node1-9.9", "5").exit_code == REFUSED


def test_calls_that_are_owed_are_listed_and_one_is_cancelled(bench: Bench, staffed: FakeDesk) -> None:
    assert bench.run("callback", "list").stdout == "no call is owed to anybody\n"
    owed = ContactId("node1-3.3")
    staffed.callbacks[owed] = CallbackView(
        promise_id=owed,
        campaign="shop",
        queue="shop/orders",
        state="resting",
        tries=1,
        arrived_at=1_790_000_000_000_000,
        expires_at=1_790_086_400_000_000,
        due_at=None,
        place_id=None,
    )
    listed = bench.run("callback", "list").stdout.splitlines()
    assert listed[1].split()[:4] == ["node1-3.3", "shop/orders", "resting", "1"]
    [item] = json.loads(bench.run("callback", "list", "--json").stdout)["items"]
    assert (item["callback_id"], item["due_at"]) == ("node1-3.3", None)

    assert bench.run("callback", "cancel", "node1-3.3").exit_code == DONE
    assert staffed.callbacks == {}
    assert bench.run("callback", "cancel", "node1-3.3").exit_code == REFUSED


def test_a_campaign_is_shut_for_a_while_and_opened_again(bench: Bench, staffed: FakeDesk) -> None:
    now = time.time_ns() // 1000
    shut = bench.run("campaign", "shut", "shop", "--for", "2h")
    assert (shut.exit_code, shut.stdout[:18]) == (DONE, "shop is shut until")
    assert 7100 < (staffed.shut_until - now) / 1_000_000 < 7300
    assert bench.run("campaign", "shut", "shop", "--until", "2030-12-24T18:00+01:00").exit_code == DONE
    assert staffed.shut_until == 1_924_362_000_000_000
    assert bench.run("campaign", "open", "shop").exit_code == DONE
    assert staffed.shut_until == 0
    assert bench.run("campaign", "shut", "nobodys", "--for", "2h").exit_code == REFUSED


@pytest.mark.parametrize("words", [[], ["--for", "2h", "--until", "2030-12-24T18:00+01:00"], ["--for", "two hours"]])
def test_how_long_a_campaign_is_shut_must_be_said_once_and_plainly(
    bench: Bench, staffed: FakeDesk, words: list[str]
) -> None:
    result = bench.run("campaign", "shut", "shop", *words)
    assert result.exit_code == USAGE
    assert "--for" in result.stderr
    assert staffed.shut_until == 0


def test_a_reload_tells_the_new_rules_or_every_fault(bench: Bench, staffed: FakeDesk) -> None:
    assert "c0ffee+1" in bench.run("reload").stdout
    faults = [Fault("a.toml", "x", "1", "2"), Fault("b.toml", "y", "3", "4")]
    staffed.broken = ConfigError(faults)
    result = bench.run("reload")
    assert result.exit_code == USAGE
    assert "a.toml: x = 1: expected 2" in result.stderr
    assert "b.toml: y = 3: expected 4" in result.stderr


def test_a_reload_tells_whom_the_new_rules_touched(bench: Bench, staffed: FakeDesk) -> None:
    assert bench.run("reload").stdout.splitlines()[1:] == [
        "  no callers wait on at their old age",
        "  no calls are owed",
    ]
    staffed.touched = Touched(waiting=1, moved=1, sent_off=2, owed=3, owed_moved=1, owed_kept=2, given_up=1)
    staffed.roll = Roll(enrolled=2, dismissed=1, kept_on_contact=(AgentId("anna"),), without_phone=(AgentId("bert"),))
    assert bench.run("reload").stdout.splitlines()[1:] == [
        "  1 caller waits on at their old age, 1 of them in another queue now",
        "  2 callers who waited may not any more: sent on, or to the closing message",
        "  3 calls are owed, 1 of them in another queue now, 2 that the files do not provide for any more: made as "
        "promised",
        "  1 call was owed and given up: no campaign, or no trunk, is left for it",
        "  2 agents new or changed, 1 gone",
        "  anna is gone from the directory and still on a contact: reload again when it has ended",
        "  bert has the phone of an agent who is on a contact: reload again when it has ended",
    ]
    told = bench.json("reload", "--json")
    assert told.pop("config_hash").startswith("c0ffee")
    assert told == {
        "callers": {"waiting": 1, "moved": 1, "sent_off": 2},
        "callbacks": {"owed": 3, "moved": 1, "kept": 2, "given_up": 1},
        "agents": {"enrolled": 2, "dismissed": 1, "kept_on_contact": ["anna"], "without_phone": ["bert"]},
    }


@pytest.mark.parametrize(
    "said", [{}, {"callers": 3, "callbacks": [], "agents": "x"}, {"agents": {"enrolled": "many", "without_phone": 1}}]
)
def test_a_router_that_tells_less_of_a_reload_is_not_made_to_say_more(said: dict[str, Any]) -> None:
    assert list(sentences({"config_hash": "c0ffee", **said})) == []


def test_a_router_with_a_bug_or_without_a_neighbour_is_told_apart(bench: Bench, staffed: FakeDesk) -> None:
    staffed.broken = ZeroDivisionError()
    assert bench.run("reload").exit_code == FAILED
    staffed.broken = RemoteError("canary-lost", "The canary did not reach its talk.")
    assert bench.run("canary").exit_code == FAILED
    staffed.broken = RemoteError("ledger-unreachable", "The database is away.", retryable=True)
    result = bench.run("reload")
    assert (result.exit_code, result.stderr) == (MISSING, "ringfair: The database is away.\n")


def test_the_canary_shows_its_milestones_with_the_time_between(
    bench: Bench, staffed: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fly() -> dict[str, object]:
        milestones = {"offered": NOW + 4000, "queued": NOW + 4000, "arrived": NOW, "connected": NOW + 6500}
        return {"contact_id": "node1-1.1", "milestones": milestones}

    monkeypatch.setattr(staffed, "canary", fly)
    lines = [line.split() for line in bench.run("canary").stdout.splitlines()]
    assert lines == [
        ["contact", "node1-1.1"],
        ["arrived"],
        ["queued", "+4.0", "ms"],
        ["offered", "+0.0", "ms"],
        ["connected", "+2.5", "ms"],
    ]
    told = bench.json("canary", "--json")
    assert told["milestones"][-1] == {"name": "connected", "at": "2026-09-21T14:13:20.006500Z", "after_ms": 6.5}


def test_a_stranger_on_the_socket_is_called_one(bench: Bench) -> None:
    answers = [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<xml>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + b'{"items": 1}',
    ]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(bench.directory / "control.sock"))
        listening.listen()
        listening.settimeout(20)

        def serve() -> None:
            for answer in answers:
                peer, _ = listening.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        for _ in answers:
            result = bench.run("status")
            assert result.exit_code == MISSING, result.output
            assert "is no Ringfair" in result.stderr
        thread.join(20)


def test_watching_needs_a_terminal_and_no_json(bench: Bench, staffed: FakeDesk) -> None:
    assert bench.run("status", "--watch", "--json").exit_code == USAGE
    assert bench.run("status", "--watch").exit_code == USAGE


def test_watching_shows_what_changes_until_it_is_interrupted(bench: Bench, staffed: FakeDesk) -> None:
    bench.write()
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-m", "router", "status", "--watch", "--config", str(bench.directory)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "160"},
        preexec_fn=_can_be_interrupted,
    )
    os.close(theirs)
    try:
        _read_until(ours, b"agent-1001")
        staffed.agents["agent-1003"] = an_agent("agent-1003")
        _read_until(ours, b"agent-1003")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
    finally:
        watching.kill()
        watching.wait(20)
        os.close(ours)


def _can_be_interrupted() -> None:
    """A shell starts what runs in its background deaf to SIGINT, and so would be who is started there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read_until(terminal: int, wanted: bytes) -> None:
    seen, end = b"", time.monotonic() + 20
    while wanted not in seen:
        readable, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert readable, seen
        seen += os.read(terminal, 65536)


def test_an_agent_of_a_newer_router_is_still_shown(bench: Bench, staffed: FakeDesk) -> None:
    view = staffed.agents["agent-1001"]
    change = replace(view.change, status="ON_LOAN", next_status="LOGGED_OUT", contact_id=ContactId("node1-1.1"))
    staffed.agents["agent-1001"] = replace(view, change=change)
    assert "on loan, then logged out" in bench.run("status").stdout

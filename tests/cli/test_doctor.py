"""`ringfair doctor` on real neighbours, on missing ones, on wrong ones, and its judgement on what it may find."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from router.adapters.ami.probe import Anatomy, Phone
from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.instance import Instance
from router.cli.checkup import asterisk, redis
from router.cli.checkup.finding import Finding, Verdict, examine
from router.cli.checkup.rights import NEEDED_ACTIONS
from router.domain.ids import SECOND
from tests.adapters.ami.fake_server import SECRET, FakeAsterisk
from tests.cli.conftest import Bench, in_background

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from tests.contracts.redis_servers import RedisServer

pytest_plugins = ["tests.contracts.redis_servers"]

WELL = Anatomy(
    version="22.10.1+dfsg",
    systemname="node1",
    actions=frozenset(action.lower() for action in NEEDED_ACTIONS),
    read="system,call,user",
    write="call,originate,reporting,user",
    contexts=dict.fromkeys(asterisk.CONTEXTS, True),
    modules=dict.fromkeys(asterisk.MODULES, True),
    settings={
        ("rtp.conf", "general", "rtcpinterval"): "1000",
        ("rtp.conf", "general", "strictrtp"): "yes",
        ("rtp.conf", "general", "rtpstart"): "10000",
        ("rtp.conf", "general", "rtpend"): "19999",
        ("asterisk.conf", "options", "live_dangerously"): "no",
        ("manager.conf", "ringfair", "writetimeout"): "10000",
    },
    phones={"agent-1001": Phone(context="acd-home", device_state="NOT_INUSE")},
    clock_ahead_us=100,
    round_trip_us=300,
    heard_boot=True,
    heard_echo=True,
    events_timed=True,
)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    from tests.contracts.redis_servers import RedisServer

    redis_server = RedisServer("redis", "--appendonly", "yes")
    try:
        redis_server.start()
        yield redis_server
    finally:
        redis_server.remove()


def test_a_well_kept_site_has_nothing_to_mend(beside_asterisk: Bench, server: RedisServer, pbx: Instance) -> None:
    beside_asterisk.settings["redis"] = f'url = "{server.url}"\n'
    found = beside_asterisk.findings(exit_code=0)
    assert not [finding for finding in found.values() if finding["verdict"] == "fail"]
    for check in (
        *("configuration", "asterisk", "asterisk.version", "asterisk.systemname", "asterisk.rights"),
        *("asterisk.least-privilege", "asterisk.read", "asterisk.events", "asterisk.dialplan", "asterisk.modules"),
        *("asterisk.rtcpinterval", "asterisk.strictrtp", "asterisk.rtp-ports", "asterisk.live-dangerously"),
        *("redis", "redis.version", "redis.persistence", "redis.memory", "redis.write", "machine.control-socket"),
    ):
        assert found[check]["verdict"] == "ok", found[check]
    shown = beside_asterisk.run("doctor")
    assert shown.exit_code == 0
    assert " 0 to mend" in shown.stdout


def test_a_site_without_any_neighbour_is_told_about_each(bench: Bench) -> None:
    found = bench.findings(exit_code=1)
    for part, words in (("asterisk", "connection refused"), ("redis", "connection refused")):
        assert found[part]["verdict"] == "fail"
        assert words in found[part]["found"]
        assert found[part]["mend"]
    assert found["database"]["verdict"] == "warn"
    assert not (bench.directory / "ledger.sqlite3").exists()


def test_a_wrong_secret_is_told_as_one_and_not_shown(beside_asterisk: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "wrong.secret"
    secret.write_text("wrong-secret-of-the-test")
    secret.chmod(0o600)
    lines = beside_asterisk.settings["asterisk"].splitlines()[:2]
    beside_asterisk.settings["asterisk"] = "\n".join([*lines, f'secret_file = "{secret}"\n'])
    found = beside_asterisk.findings(exit_code=1)["asterisk"]
    assert "refuses the AMI user 'ringfair'" in found["found"]
    assert "wrong-secret-of-the-test" not in beside_asterisk.run("doctor").output


def test_another_systemname_is_told_with_both_names(beside_asterisk: Bench, pbx: Instance) -> None:
    settings = beside_asterisk.settings["asterisk"].replace(pbx.systemname, "somebody_else")
    beside_asterisk.settings["asterisk"] = settings.replace(str(pbx.secret_file), "ami.secret")
    (beside_asterisk.directory / "ami.secret").write_text(pbx.ami_secret)
    found = beside_asterisk.findings(exit_code=1)["asterisk.systemname"]
    assert (found["found"], found["expected"]) == (pbx.systemname, "somebody_else")


def test_an_agent_asterisk_does_not_know_is_named(beside_asterisk: Bench) -> None:
    beside_asterisk.run("agent", "add", "agent-7001")
    found = beside_asterisk.findings(exit_code=1)["asterisk.endpoints"]
    assert found["verdict"] == "fail"
    assert "agent-7001" in found["found"]
    assert "ringfair export pjsip" in found["mend"]


def test_a_dialplan_that_is_not_loaded_is_told_context_by_context(bench: Bench, pbx: Instance, tmp_path: Path) -> None:
    dialplan = tmp_path / "dialplans"
    dialplan.mkdir()
    (dialplan / "extensions.conf").write_text("[acd-inbound]\nexten => _X!,1,Hangup(16)\n")
    bare = Instance(f"{pbx.name}-bare", Ports.free(), root=pbx.root, dialplans=dialplan, qualify_s=0)
    try:
        bare.start()
        bench.settings["asterisk"] = (
            f'systemname = "{bare.systemname}"\nport = {bare.ports.ami}\nsecret_file = "{bare.secret_file}"\n'
        )
        found = bench.findings(exit_code=1)["asterisk.dialplan"]
    finally:
        bare.remove()
    assert found["verdict"] == "fail"
    assert "acd-wait" in found["found"]
    assert "acd-inbound" not in found["found"]


def test_rights_too_wide_are_found_at_a_real_asterisk(bench: Bench, pbx: Instance) -> None:
    """A user of its own beside ours, with everything: the doctor must see that from inside."""
    site = pbx.etc / "manager.d" / "site-wide.conf"
    site.write_text(
        "[wide]\nsecret = for-this-test\ndeny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255\n"
        "read = all\nwrite = all\n"
    )
    pbx.root.give_to_owner(site)
    try:
        pbx.rx("module reload manager")
        (bench.directory / "ami.secret").write_text("for-this-test")
        bench.settings["asterisk"] = (
            f'systemname = "{pbx.systemname}"\nport = {pbx.ports.ami}\nuser = "wide"\nsecret_file = "ami.secret"\n'
        )
        found = bench.findings(exit_code=1)
    finally:
        site.unlink()
        pbx.rx("module reload manager")
    assert found["asterisk.least-privilege"]["verdict"] == "fail"
    assert "Command" in found["asterisk.least-privilege"]["found"]
    assert found["asterisk.rights"]["verdict"] == "ok"
    assert found["asterisk.read"]["verdict"] == "warn"


def test_an_asterisk_too_old_is_told(bench: Bench) -> None:
    @contextlib.asynccontextmanager
    async def served() -> AsyncIterator[FakeAsterisk]:
        async with FakeAsterisk() as fake:
            fake.answers["CoreSettings"] = [("Response: Success", "ActionID: {id}", "AsteriskVersion: 20.5.0")]
            yield fake

    with in_background(served) as fake:
        (bench.directory / "ami.secret").write_text(SECRET)
        bench.settings["asterisk"] = f'systemname = "node1"\nport = {fake.port}\nsecret_file = "ami.secret"\n'
        found = bench.findings(exit_code=1)
    assert found["asterisk.version"] == {
        "check": "asterisk.version",
        "verdict": "fail",
        "found": "20.5.0",
        "expected": "at least 22.10.1, below 23",
        "mend": found["asterisk.version"]["mend"],
    }
    assert found["asterisk.rights"]["verdict"] == "fail"


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_asterisk_and_no_redis_is_told_so(bench: Bench, greeting: bytes) -> None:
    with stranger(greeting) as port:
        bench.settings["asterisk"] = f'systemname = "node1"\nport = {port}\nsecret_file = "ami.secret"\n'
        bench.settings["redis"] = f'url = "redis://127.0.0.1:{port}/0"\n'
        found = bench.findings(exit_code=1)
    assert "no Asterisk manager" in found["asterisk"]["found"]
    assert found["redis"]["verdict"] == "fail"


def test_a_neighbour_that_says_nothing_does_not_stop_the_doctor(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes visitors into its queue and never speaks
        port = mute.getsockname()[1]
        bench.settings["asterisk"] = f'systemname = "node1"\nport = {port}\nsecret_file = "ami.secret"\n'
        bench.settings["redis"] = f'url = "redis://127.0.0.1:{port}/0"\n'
        found = bench.findings(exit_code=1)
    assert found["asterisk"]["verdict"] == found["redis"]["verdict"] == "fail"


def test_an_examination_that_hangs_or_breaks_is_a_finding() -> None:
    async def hang() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def faint() -> list[Finding]:
        raise ZeroDivisionError("boom")

    hung, fainted = asyncio.run(examine("redis", hang, 0.01)), asyncio.run(examine("redis", faint, 10))
    assert "no result within" in hung[0].found
    assert "ZeroDivisionError" in fainted[0].found
    assert hung[0].verdict is fainted[0].verdict is Verdict.FAIL


@pytest.mark.server
def test_a_redis_with_a_password_is_told_without_it(bench: Bench) -> None:
    from tests.contracts.redis_servers import RedisServer

    protected = RedisServer("redis", "--requirepass", "right-password")
    try:
        protected.start()
        bench.settings["redis"] = f'url = "{protected.url}"\n'
        assert "does not accept our password" in bench.findings(exit_code=1)["redis"]["found"]
    finally:
        protected.remove()


@contextlib.contextmanager
def stranger(greeting: bytes) -> Iterator[int]:
    """A server of another kind on a free port; every visitor gets its greeting, then the door."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        leave = threading.Event()

        def serve() -> None:
            while not leave.is_set():
                with contextlib.suppress(TimeoutError, ConnectionError):
                    peer, _ = listening.accept()
                    with peer:
                        peer.settimeout(1)
                        peer.sendall(greeting)
                        peer.recv(1024)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            leave.set()
            thread.join(20)


def verdicts(anatomy: Anatomy) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in asterisk.judge(anatomy, "node1", "ringfair")}


def test_a_well_kept_asterisk_is_judged_well() -> None:
    assert set(verdicts(WELL).values()) == {Verdict.OK}


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        *(("22.10.1", "ok"), ("22.10.1~dfsg-1", "ok"), ("22.11.0", "ok"), ("221001", "ok"), ("22.10.0", "fail")),
        *(("20.15.2", "fail"), ("23.0.0", "fail"), ("200500", "fail"), ("", "fail"), ("GIT-master", "fail")),
    ],
)
def test_versions_are_judged_by_their_numbers(version: str, verdict: str) -> None:
    assert verdicts(replace(WELL, version=version))["asterisk.version"] == verdict


@pytest.mark.parametrize(
    ("change", "check", "verdict"),
    [
        ({"actions": frozenset({"ping"})}, "asterisk.rights", "fail"),
        ({"actions": frozenset()}, "asterisk.rights", "fail"),
        ({"actions": WELL.actions | {"command"}}, "asterisk.least-privilege", "fail"),
        ({"actions": WELL.actions | {"updateconfig"}}, "asterisk.least-privilege", "fail"),
        ({"read": "system,user"}, "asterisk.read", "fail"),
        ({"read": "all"}, "asterisk.read", "warn"),
        ({"read": "system,call,user,dialplan"}, "asterisk.read", "warn"),
        ({"read": ""}, "asterisk.read", "warn"),
        ({"heard_echo": False}, "asterisk.events", "fail"),
        ({"heard_boot": False}, "asterisk.events", "fail"),
        ({"events_timed": False}, "asterisk.events", "fail"),
        ({"modules": WELL.modules | {"func_groupcount.so": False}}, "asterisk.modules", "fail"),
        ({"contexts": WELL.contexts | {"acd-after": False}}, "asterisk.dialplan", "fail"),
        ({"phones": {"a": Phone(context="", device_state="INVALID")}}, "asterisk.endpoints", "fail"),
        ({"phones": {"a": Phone(context="default", device_state="NOT_INUSE")}}, "asterisk.endpoints", "fail"),
        ({"phones": {}}, "asterisk.endpoints", "warn"),
        ({"contexts": WELL.contexts | {"acd-full": False}}, "asterisk.dialplan", "fail"),
        ({"clock_ahead_us": -3 * SECOND}, "asterisk.clock", "fail"),
        ({"clock_ahead_us": SECOND // 2}, "asterisk.clock", "warn"),
        ({"clock_ahead_us": SECOND // 2, "round_trip_us": SECOND}, "asterisk.clock", "ok"),
        ({"clock_ahead_us": None}, "asterisk.clock", "warn"),
    ],
)
def test_each_fault_of_an_asterisk_is_seen(change: dict[str, object], check: str, verdict: str) -> None:
    found = verdicts(replace(WELL, **change))  # type: ignore[arg-type]
    assert found.pop(check) == verdict
    if change.get("actions") != frozenset() and change.get("actions") != frozenset({"ping"}):
        assert set(found.values()) == {Verdict.OK}


@pytest.mark.parametrize(
    ("place", "value", "check", "verdict"),
    [
        (("rtp.conf", "general", "rtcpinterval"), "", "asterisk.rtcpinterval", "warn"),
        (("rtp.conf", "general", "rtcpinterval"), "5000", "asterisk.rtcpinterval", "warn"),
        (("rtp.conf", "general", "strictrtp"), "no", "asterisk.strictrtp", "warn"),
        (("rtp.conf", "general", "strictrtp"), "", "asterisk.strictrtp", "ok"),
        (("rtp.conf", "general", "rtpend"), "10010", "asterisk.rtp-ports", "warn"),
        (("asterisk.conf", "options", "live_dangerously"), "yes", "asterisk.live-dangerously", "fail"),
        (("manager.conf", "ringfair", "writetimeout"), "", "asterisk.events", "warn"),
    ],
)
def test_each_setting_is_judged(place: tuple[str, str, str], value: str, check: str, verdict: str) -> None:
    assert verdicts(replace(WELL, settings={**WELL.settings, place: value}))[check] == verdict


@pytest.mark.parametrize(
    ("info", "check", "verdict"),
    [
        ({"redis_version": "6.2.14"}, "redis.version", "fail"),
        ({"redis_version": "7.0.15"}, "redis.version", "ok"),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, "redis.version", "ok"),
        ({}, "redis.version", "fail"),
        ({"role": "slave"}, "redis.role", "fail"),
        ({"cluster_enabled": 1}, "redis.role", "fail"),
        ({"aof_enabled": 0}, "redis.persistence", "warn"),
        ({"aof_enabled": 1}, "redis.persistence", "ok"),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "redis.persistence", "fail"),
        ({"maxmemory": 1 << 30, "maxmemory_policy": "allkeys-lru"}, "redis.memory", "fail"),
        ({"maxmemory": 1 << 30, "maxmemory_policy": "noeviction"}, "redis.memory", "ok"),
        ({"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}, "redis.memory", "ok"),
    ],
)
def test_each_setting_of_redis_is_judged(info: dict[str, object], check: str, verdict: str) -> None:
    assert {finding.check: finding.verdict for finding in redis.judge(info)}[check] == verdict


def test_a_limit_of_a_trunk_that_asterisk_does_not_know_is_told() -> None:
    assert list(asterisk.judge_trunks({})) == []
    [known] = asterisk.judge_trunks({"carrier": "acd-inbound"})
    [astray] = asterisk.judge_trunks({"carrier": "acd-inbound", "carier": "", "agent-1001": "acd-home"})

    assert (known.check, known.verdict, astray.verdict) == ("asterisk.trunks", "ok", "fail")
    assert astray.found == "no such trunk: carier, agent-1001"

"""Start, status, reload, stop of a real Asterisk and a real Valkey."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root, site_files
from router.adapters.pbx.valkey import Valkey


@pytest.fixture
def another(root: Root) -> Iterator[Instance]:
    instance = Instance(f"test-{os.getpid()}-another", Ports.free(), root=root)
    yield instance
    instance.remove()


def test_it_starts_clean_and_reports_itself(pbx: Instance) -> None:
    status = pbx.status()

    assert status is not None
    assert status.pid == pbx.pid
    assert status.version.startswith("22.")
    complaints = [line for line in pbx.log_file.read_text().splitlines() if "WARNING" in line or "ERROR" in line]
    assert complaints == []


def test_it_does_not_run_as_root_and_its_secrets_are_its_own(pbx: Instance) -> None:
    uid = pbx.root.owner[0]

    assert uid != 0
    assert Path(f"/proc/{pbx.pid}").stat().st_uid == uid
    assert stat.S_IMODE(pbx.secret_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(pbx.agents_file.stat().st_mode) == 0o640
    assert stat.S_IMODE((pbx.etc / "manager.d/ringfair.conf").stat().st_mode) == 0o640


def test_two_instances_run_side_by_side_and_one_stops_alone(pbx: Instance, another: Instance) -> None:
    another.start()

    assert another.answers_ami()
    assert another.stop() is True
    assert another.stop() is False
    assert another.status() is None
    assert pbx.answers_ami()


def test_starting_twice_gives_the_same_process(pbx: Instance) -> None:
    assert Instance(pbx.name, root=pbx.root).start() == pbx.pid


def test_a_later_process_finds_an_instance_by_its_name_alone(pbx: Instance) -> None:
    found = Instance(pbx.name, root=pbx.root)

    assert (found.ports, found.pid, found.ami_secret) == (pbx.ports, pbx.pid, pbx.ami_secret)


def test_a_taken_port_is_named_before_anything_starts(another: Instance) -> None:
    with (
        socket.create_server(("127.0.0.1", another.ports.ami)),
        pytest.raises(PbxError, match=f"AMI {another.ports.ami}/tcp") as refused,
    ):
        another.start()

    assert refused.value.error_id == "port-taken"
    assert another.pid is None


def test_a_start_that_fails_shows_what_asterisk_said(root: Root, tmp_path: Path, another: Instance) -> None:
    asterisk = tmp_path / "asterisk"
    asterisk.mkdir()
    for path in site_files("asterisk").rglob("*.conf"):
        target = asterisk / path.relative_to(site_files("asterisk"))
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text() + ("require = app_of_nobody.so\n" if path.name == "modules.conf" else ""))
    broken = Instance(another.name, another.ports, root=root, asterisk=asterisk)

    with pytest.raises(PbxError, match="app_of_nobody") as refused:
        broken.start()

    assert refused.value.error_id == "start-failed"
    assert broken.pid is None


def test_a_reload_reads_the_dialplan_again(root: Root, tmp_path: Path, another: Instance) -> None:
    dialplans = tmp_path / "dialplans"
    dialplans.mkdir()
    (dialplans / "extensions.conf").write_text("[general]\n[acd-old]\nexten => s,1,Hangup(16)\n")
    instance = Instance(another.name, another.ports, root=root, dialplans=dialplans)
    instance.start()
    assert "acd-old" in instance.rx("dialplan show")

    (dialplans / "extensions.conf").write_text("[general]\n[acd-new]\nexten => s,1,Hangup(16)\n")
    instance.reload()

    assert "acd-new" in instance.rx("dialplan show")
    assert "acd-old" not in instance.rx("dialplan show")


def test_asking_an_instance_that_does_not_run_is_an_error(another: Instance) -> None:
    with pytest.raises(PbxError) as refused:
        another.rx("core show version")

    assert refused.value.error_id == "not-running"


def test_valkey_keeps_its_data_over_a_stop_and_a_start(root: Root) -> None:
    valkey = Valkey(f"test-{os.getpid()}", root=root)
    try:
        valkey.start()
        assert ask(valkey, "SET ringfair:test:x 1") == "+OK"
        assert valkey.stop() is True
        assert valkey.answers() is False

        again = Valkey(valkey.name, root=root)
        again.start()

        assert again.port == valkey.port
        assert ask(again, "GET ringfair:test:x") == "$1"
    finally:
        valkey.remove()


def ask(valkey: Valkey, command: str) -> str:
    """The first line of the answer."""
    with socket.create_connection((valkey.address, valkey.port), timeout=5) as connection:
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(1024).split(b"\r\n")[0].decode()

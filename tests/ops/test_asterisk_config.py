"""The files under ``asterisk/`` without an Asterisk: promises that a later edit must not break by accident."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from router.adapters.ami.parse import WANTED
from router.adapters.pbx.prompts import read_texts
from router.adapters.pbx.root import site_files

ASTERISK = site_files("asterisk")
DIALPLANS = site_files("dialplans")


def options(file: str, section: str) -> list[tuple[str, str]]:
    """The ``name = value`` lines of a section (its header as it stands), comments taken off."""
    found: list[tuple[str, str]] = []
    inside = False
    for raw in (ASTERISK / file).read_text().splitlines():
        line = re.sub(r"(?<!\\);.*", "", raw).strip()
        if line.startswith("["):
            inside = line == section
        elif inside and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append((name.strip(), value.removeprefix(">").strip()))
    return found


def test_directories_are_no_template() -> None:
    names = [name for name, _ in options("asterisk.conf", "[directories]")]

    assert {"astetcdir", "astrundir", "astlogdir", "astdbdir", "astspooldir"} <= set(names)
    assert ("systemname", "@{systemname}") in options("asterisk.conf", "[options]")


@pytest.mark.parametrize("file", ["asterisk.conf", "modules.conf"])
def test_files_that_cannot_include_do_not_try(file: str) -> None:
    assert not re.search(r"^\s*#(try)?include", (ASTERISK / file).read_text(), re.MULTILINE)


def test_every_required_include_is_there() -> None:
    for path in ASTERISK.rglob("*.conf"):
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
            assert (ASTERISK / name).is_file(), f"{path.name} includes {name}"


def test_modules_are_listed_once_each_with_its_reason() -> None:
    lines = [
        line
        for line in (ASTERISK / "modules.conf").read_text().splitlines()
        if line.startswith(("load", "require", "noload", "preload"))
    ]
    modules = [re.fullmatch(r"(?:load|require) = ([a-z0-9_]+\.so) +; \S.*", line) for line in lines]

    assert [line for line, found in zip(lines, modules, strict=True) if found is None] == []
    names = [found.group(1) for found in modules if found]
    assert len(names) == len(set(names))
    assert ("autoload", "no") in options("modules.conf", "[modules]")


@pytest.mark.parametrize(
    "module",
    ["app_system.so", "func_shell.so", "func_env.so", "res_agi.so", "res_ari.so", "func_curl.so", "pbx_spool.so"],
)
def test_modules_that_run_programs_or_open_doors_are_not_loaded(module: str) -> None:
    assert module not in (ASTERISK / "modules.conf").read_text()


def test_the_ami_user_has_exactly_the_rights_it_needs() -> None:
    user = options("manager.conf", "[ringfair]")
    plain = dict(user)

    assert plain["read"].split(",") == ["system", "call", "user"]
    assert plain["write"].split(",") == ["call", "originate", "reporting", "user"]
    assert plain["writetimeout"] == "10000"
    assert plain["deny"] == "0.0.0.0/0.0.0.0"
    assert plain["permit"] == "127.0.0.1/255.255.255.255"
    assert "secret" not in plain
    general = dict(options("manager.conf", "[general]"))
    assert (general["bindaddr"], general["webenabled"], general["timestampevents"]) == ("127.0.0.1", "no", "yes")


def test_event_filters_are_structured_and_name_one_event_each() -> None:
    filters = [
        name for name, _ in options("manager.conf", "[ringfair]") if name.startswith("eventfilter(action(include)")
    ]
    events = [re.fullmatch(r"eventfilter\(action\(include\),name\(([A-Za-z]+)\)\)", name) for name in filters]

    assert None not in events
    names = {found.group(1) for found in events if found}
    assert len(names) == len(filters)
    assert names == WANTED | {"FullyBooted"}  # the doctor waits for that one


def test_of_a_phones_states_those_of_its_calls_are_left_out_and_those_of_its_reach_come_through() -> None:
    left_out = [
        (name, value)
        for name, value in options("manager.conf", "[ringfair]")
        if name.startswith("eventfilter") and "include" not in name
    ]

    assert {name for name, _ in left_out} == {
        "eventfilter(action(exclude),name(DeviceStateChange),header(State),method(exact))"
    }
    assert {value for _, value in left_out} == {"RINGING", "INUSE", "RINGINUSE", "ONHOLD"}


@pytest.mark.parametrize(
    ("file", "section"),
    [("pjsip.d/20-templates.conf", "[agent-base](!)"), ("pjsip.d/30-trunks.conf", "[trunk-base](!)")],
)
def test_nothing_about_the_other_side_leaves_by_a_leg_and_audio_stays_with_us(file: str, section: str) -> None:
    endpoint = dict(options(file, section))

    assert endpoint["direct_media"] == "no"
    assert endpoint["send_connected_line"] == "no"
    assert endpoint["send_pai"] == endpoint["send_rpid"] == endpoint["trust_id_outbound"] == "no"
    assert (endpoint["disallow"], endpoint["allow"]) == ("all", "alaw,ulaw")


def test_agents_cannot_reach_a_trunk_and_callers_cannot_transfer_us() -> None:
    agent = options("pjsip.d/20-templates.conf", "[agent-base](!)")
    trunk = dict(options("pjsip.d/30-trunks.conf", "[trunk-base](!)"))

    assert ("context", "acd-home") in agent
    assert ("set_var", "TRANSFER_CONTEXT=acd-transfer") in agent
    assert (trunk["context"], trunk["allow_transfer"]) == ("acd-inbound", "no")


def test_parameters_of_a_dialled_number_do_not_make_it_an_unknown_one() -> None:
    assert ("ignore_uri_user_options", "yes") in options("pjsip.conf", "[global]")


def test_modules_of_functions_and_applications_nobody_calls_are_not_loaded() -> None:
    modules = (ASTERISK / "modules.conf").read_text()

    assert not re.search(r"TRYLOCK|func_(lock|sysinfo|extstate)|app_(while|playtones)", modules)
    assert "func_groupcount.so" in modules


def test_an_agent_has_one_phone_and_the_newest_registration_wins() -> None:
    aor = dict(options("pjsip.d/20-templates.conf", "[agent-aor](!)"))

    assert (aor["max_contacts"], aor["remove_existing"]) == ("1", "yes")


def test_srtp_keys_never_travel_in_the_clear() -> None:
    agent = dict(options("pjsip.d/20-templates.conf", "[agent-tls](!,agent-home)"))

    assert (agent["transport"], agent["media_encryption"]) == ("transport-tls", "sdes")


def test_every_prompt_the_dialplan_plays_has_a_text() -> None:
    played = {
        name
        for path in DIALPLANS.rglob("*.conf")
        for line in path.read_text().splitlines()
        for name in re.findall(r"\bacd/([a-z0-9-]+)", line.partition(" ;")[0])
    }

    assert played - set(read_texts()) == set()
    assert len(played) > 10


def test_no_audio_is_distributed() -> None:
    audio = {".wav", ".gsm", ".sln", ".alaw", ".ulaw", ".mp3", ".ogg"}

    assert [path for folder in (ASTERISK, DIALPLANS) for path in folder.rglob("*") if path.suffix in audio] == []


# --- asterisk/obtain


Obtain = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def obtain(tmp_path: Path) -> Obtain:
    """Runs the script with a PATH of its own, in which `asterisk` is a program that says a given version."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "awk", "sort", "head", "sha256sum", "cut", "id", "cat", "printf", "hostname", "tail", "flock"):
        found = subprocess.run(["/bin/sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True)
        if found.stdout.startswith("/"):
            (programs / name).symlink_to(found.stdout.strip())

    def run(
        *arguments: str, version: str = "", beside: tuple[str, ...] = (), chosen: str = ""
    ) -> subprocess.CompletedProcess[str]:
        scripts = {"asterisk": f"echo Asterisk {version}"} if version else {}
        for name, body in (scripts | dict.fromkeys(beside, "exit 0")).items():
            (programs / name).write_text(f"#!/bin/sh\n{body}\n")
            (programs / name).chmod(0o755)
        environment = {"PATH": str(programs), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        if chosen:
            environment["RINGFAIR_ASTERISK_ROOT"] = chosen
        return subprocess.run(
            ["bash", str(ASTERISK / "obtain"), *arguments], env=environment, capture_output=True, text=True, check=False
        )

    return run


BESIDE = ("sipp", "baresip", "espeak-ng", "sox", "openssl", "valkey-server")


@pytest.mark.parametrize("version", ["22.10.1", "22.10.1+dfsg+~cs6.17.60671434-1", "22.11.0", "22.99.9"])
def test_an_installed_asterisk_of_the_right_age_is_used(obtain: Obtain, version: str) -> None:
    done = obtain("--find", version=version, beside=BESIDE)

    assert (done.returncode, done.stdout) == (0, "system\n"), done.stderr


@pytest.mark.parametrize("version", ["22.10.0", "22.9.1", "18.10.0", "23.0.0", "23.0.0-rc1", "GIT-master"])
def test_an_asterisk_too_old_or_too_new_is_named_and_left_alone(obtain: Obtain, version: str) -> None:
    done = obtain("--find", version=version, beside=BESIDE)

    assert (done.returncode, done.stdout) == (3, "")
    assert f"the installed Asterisk is {version}; needed: >= 22.10.1, < 23" in done.stderr


def test_a_good_asterisk_without_the_demos_programs_says_what_is_missing(obtain: Obtain) -> None:
    done = obtain("--find", version="22.10.1", beside=("sipp", "espeak-ng", "sox", "openssl"))

    assert done.returncode == 3
    assert "the demo and the tests also need: baresip valkey-server" in done.stderr
    assert obtain("--find", "--pbx-only").stdout == "system\n"


def test_a_redis_server_will_do_instead_of_valkey(obtain: Obtain) -> None:
    beside = ("sipp", "baresip", "espeak-ng", "sox", "openssl", "redis-server")

    assert obtain("--find", version="22.10.1", beside=beside).stdout == "system\n"


def test_without_any_asterisk_nothing_is_made_when_only_asked(obtain: Obtain, tmp_path: Path) -> None:
    done = obtain("--find")

    assert (done.returncode, done.stdout) == (3, "")
    assert re.search(r"makes one in .*/cache/ringfair/root-[0-9a-f]{12}$", done.stderr.strip())
    assert not (tmp_path / "cache").exists()


def test_a_chosen_root_without_asterisk_is_an_error_and_never_replaced(obtain: Obtain, tmp_path: Path) -> None:
    done = obtain(chosen=str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert f"RINGFAIR_ASTERISK_ROOT={tmp_path} holds no usr/sbin/asterisk" in done.stderr


def test_a_chosen_system_asterisk_that_is_too_old_is_refused(obtain: Obtain) -> None:
    done = obtain(version="20.1.0", chosen="system")

    assert (done.returncode, done.stdout) == (1, "")
    assert "has Asterisk 20.1.0; needed: >= 22.10.1, < 23" in done.stderr


def test_an_unknown_option_is_wrong_usage(obtain: Obtain) -> None:
    done = obtain("--fnid")

    assert done.returncode == 2
    assert done.stderr.startswith("usage: asterisk/obtain")


def test_obtain_can_be_run_as_it_is() -> None:
    assert os.access(ASTERISK / "obtain", os.X_OK)
    subprocess.run(["bash", "-n", str(ASTERISK / "obtain")], check=True)

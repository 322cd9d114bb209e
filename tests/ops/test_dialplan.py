"""The dialplan as text: its interface stands once and every line keeps to it; and the real Asterisk loads it gladly."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.adapters.ami import ring_card
from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import find_root

REPOSITORY = Path(__file__).resolve().parents[2]
DIALPLANS = REPOSITORY / "dialplans"
FILES = sorted((DIALPLANS / "extensions.d").glob("*.conf"))
VERSION = "1"
_ROW = re.compile(r"^;   (Acd[A-Z][A-Za-z]+)  +((?:[A-Z][A-Za-z]+ ?)+)$")
_EVENT = re.compile(r"\bUserEvent\((Acd\w+),(.*)\)\s*(?:;.*)?$")
_OUTER_COMMA = re.compile(r",(?=[A-Z][A-Za-z]*: )")
"Between two fields; a value may be an expression with commas of its own."
_CONTEXT = re.compile(r"^\[([a-z-]+)\]")
_JUMP = re.compile(r"\b(acd-[a-z]+(?:-[a-z]+)*),(?:\$\{EXTEN\}|[^,)]+),\d?[a-z]*")
_OUTSIDE = ("acd-fallback-site",)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)


def table() -> dict[str, list[str]]:
    """The fields of each event, as the top of the waiting room's file lists them."""
    text = (DIALPLANS / "extensions.d" / "20-wait.conf").read_text(encoding="utf-8")
    return {row[1]: row[2].split() for line in text.splitlines() if (row := _ROW.match(line))}


def sent() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Where, which event, and its (field, value) pairs, of every UserEvent() line."""
    found = []
    for path in FILES:
        for number, line in lines(path):
            if not line.lstrip().startswith(";") and (event := _EVENT.search(line)):
                pairs = (part.partition(": ") for part in _OUTER_COMMA.split(event[2]))
                found.append((f"{path.name}:{number}", event[1], [(name, value) for name, _, value in pairs]))
    return found


def test_every_event_has_exactly_the_fields_of_the_table_in_their_order() -> None:
    rows = table()

    wrong = [
        f"{where}: {event} sends {[name for name, _ in pairs]}, the table says V, {rows.get(event)}"
        for where, event, pairs in sent()
        if [name for name, _ in pairs] != ["V", *rows.get(event, [])]
    ]

    assert wrong == []
    assert len(sent()) >= 10


def test_every_event_carries_the_version_of_the_interface() -> None:
    text = (DIALPLANS / "extensions.d" / "20-wait.conf").read_text(encoding="utf-8")

    assert f"version {VERSION} (field V of every event)" in text
    assert {pairs[0] for _, _, pairs in sent()} == {("V", VERSION)}


def test_every_event_of_the_table_is_sent_somewhere() -> None:
    assert {event for _, event, _ in sent()} == set(table())


def test_the_card_of_a_ring_is_unpacked_in_the_order_it_is_written() -> None:
    text = (DIALPLANS / "extensions.d" / "30-agent-leg.conf").read_text(encoding="utf-8")

    unpacking = f"ARRAY({','.join(ring_card.FIELDS)})=${{REPLACE({ring_card.VARIABLE},{ring_card.BETWEEN},\\,)}}"
    assert f"exten => {ring_card.ENTRANCE},1,Set({unpacking})" in text


def test_every_global_of_the_router_stands_in_the_interface() -> None:
    header = (DIALPLANS / "extensions.d" / "20-wait.conf").read_text(encoding="utf-8").partition("\n[")[0]
    own = {line.split(" ")[0] for line in (DIALPLANS / "extensions.d" / "00-globals.conf").read_text().splitlines()}
    read = {
        name
        for path in FILES
        for _, line in lines(path)
        for name in re.findall(r"GLOBAL\((ACD_[A-Z]+(?:_(?=\$))?)", line)
    }
    written = {
        name
        for path in (REPOSITORY / "router" / "adapters" / "ami").glob("*.py")
        for name in re.findall(r"\"(ACD_(?:ROUTE[SD]|HB|DNIS|EPOCH)_?)", path.read_text(encoding="utf-8"))
    }

    assert {"ACD_ROUTED", "ACD_ROUTES_", "ACD_HB_"} <= read | written
    assert {name for name in (read | written) - own if not re.search(re.escape(name) + r"(?![A-Z])", header)} == set()


def test_table_is_written_down_once() -> None:
    places = {path.name for path in FILES for _, line in lines(path) if _ROW.match(line)}

    assert places == {"20-wait.conf"}


def test_above_each_context_stands_who_reaches_it_and_what_it_may_reach() -> None:
    silent = []
    for path in FILES:
        comments: list[str] = []
        for _, line in lines(path):
            if (context := _CONTEXT.match(line)) and context[1] != "globals":
                said = " ".join(comments)
                if "Reached by:" not in said or not re.search(r"May reach:|Ends in", said):
                    silent.append(f"{path.name} [{context[1]}]")
            comments = [*comments, line] if line.startswith(";") else []

    assert silent == []


def test_no_jump_leads_outside_our_contexts() -> None:
    contexts = {found[1] for path in FILES for _, line in lines(path) if (found := _CONTEXT.match(line))}
    jumps = {
        target[1]
        for path in FILES
        for _, line in lines(path)
        if not line.lstrip().startswith(";")
        for target in _JUMP.finditer(line)
    }

    assert jumps - contexts - set(_OUTSIDE) == set()
    assert {"acd-wait", "acd-arrival", "acd-say"} <= jumps


def test_one_file_dials_out_and_nothing_runs_programs() -> None:
    forbidden = re.compile(r"\b(Dial|System|TrySystem|SHELL|AGI|Queue|Originate|EVAL|Exec|CURL)\(")

    found = [
        (path.name, forbidden.findall(line))
        for path in FILES
        for _, line in lines(path)
        if not line.lstrip().startswith(";") and forbidden.search(line)
    ]
    assert found == [("62-external.conf", ["Dial"])]


def test_the_context_that_dials_out_is_reached_by_the_router_alone() -> None:
    ways = [
        f"{path.name}:{number}"
        for path in FILES
        for number, line in lines(path)
        if not line.lstrip().startswith(";") and re.search(r"acd-external|^include", line)
    ]
    assert len(ways) == 1  # its own header


def test_every_prompt_of_ours_has_a_text_in_german_and_english() -> None:
    texts = tomllib.loads((REPOSITORY / "asterisk" / "prompts.toml").read_text(encoding="utf-8"))
    used = {
        name
        for path in FILES
        for _, line in lines(path)
        if not line.lstrip().startswith(";")
        for name in re.findall(r"\bacd/([a-z0-9-]+)", line)
    }

    assert {name for name in used if {"de", "en"} - set(texts.get(name, {}))} == set()
    assert {"press-1", "taken", "fallback", "closing"} <= used


@pytest.fixture(scope="module")
def pbx() -> Iterator[Instance]:
    try:
        instance = Instance(f"ops-{os.getpid()}", Ports.free(rtp_ports=20), root=find_root(make=False))
    except PbxError as error:
        pytest.fail(str(error))
    try:
        instance.start()
        yield instance
    finally:
        instance.remove()


def test_asterisk_loads_the_dialplan_without_a_warning(pbx: Instance) -> None:
    before = len(pbx.log_file.read_text())
    pbx.rx("module reload pbx_config.so")
    pbx.rx("dialplan show acd-wait")

    complaints = [
        line
        for line in (pbx.log_file.read_text()[:before] + pbx.log_file.read_text()[before:]).splitlines()
        if re.search(r"pbx\.c|pbx_config|extensions|\.conf:\d+|config\.c", line)
    ]

    assert complaints == []


def test_asterisk_knows_every_application_and_function_the_dialplan_uses(pbx: Instance) -> None:
    text = "\n".join(
        line.partition(" ;")[0] for path in FILES for _, line in lines(path) if not line.lstrip().startswith(";")
    )
    steps = re.findall(r"(?:^exten => [^,]+,1|^ same => n(?:\([a-z]+\))?),([A-Z]\w+)\(", text, re.MULTILINE)
    functions = set(re.findall(r"\b([A-Z]{3,}[A-Z_]*)\(", text)) - {"ACD"}
    known = {found.lower() for found in re.findall(r"^\s*(\w+):", pbx.rx("core show applications"), re.MULTILINE)}
    offered = set(re.findall(r"^(\w+)", pbx.rx("core show functions"), re.MULTILINE))

    assert {step for step in steps if step.lower() not in known} == set()
    assert functions - offered == set()
    assert "Bridge" in steps
    assert "GROUP_COUNT" in functions


@pytest.mark.parametrize(
    "context", sorted({c[1] for p in FILES for _, line in lines(p) if (c := _CONTEXT.match(line))})
)
def test_asterisk_has_each_context(pbx: Instance, context: str) -> None:
    if context == "globals":
        assert "ACD_HEARTBEAT_S=10" in pbx.rx("dialplan show globals")
    else:
        assert f"Context '{context}'" in pbx.rx(f"dialplan show {context}")


def test_router_hears_of_a_plain_caller_after_a_few_steps() -> None:
    text = (DIALPLANS / "extensions.d" / "10-inbound.conf").read_text(encoding="utf-8")
    way = text.partition("[acd-inbound]\n")[2].partition("UserEvent(AcdArrived")[0]

    assert len(re.findall(r"^(?:exten| same) => ", way, re.MULTILINE)) <= 3

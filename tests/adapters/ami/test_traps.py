"""The known traps of panoramisk 1.4, each with the test that closes it or the reason why it is out of reach.

Found by reading the release on PyPI; file and line are that release's. `TRAPS` is checked below: a test that is renamed
or removed breaks this file, and the sealed methods are called to see that they are sealed.
"""

import ast
import importlib
from pathlib import Path

import pytest
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from router.adapters.ami.link import Dialler, Link
from router.domain.errors import InvariantBroken

ROUTER = Path(__file__).parents[3] / "router"

S, P, W, B, T = "test_session", "test_pending", "test_wire", "test_burst", "test_traps"
R = "test_trust"

TRAPS: dict[int, tuple[str, str, str]] = {
    1: ("manager.py:261 an exception of a callback closes the connection", S, "test_an_exception_of_the_consumer"),
    2: ("manager.py:262 coroutine callbacks lose the order", R, "test_coroutine_callbacks_are_refused"),
    3: ("manager.py:256 every event is matched against every pattern", B, "test_unwanted_events_are_counted"),
    4: ("ami_protocol.py:41 a character split over two segments vanishes", S, "test_names_split_at_every_byte"),
    5: ("actions.py:67 QueueAdd is taken for a list and never ends", P, "test_a_queue_add_and_a_synchronous"),
    6: ("actions.py:69 a synchronous Originate kills the connection", P, "test_a_queue_add_and_a_synchronous"),
    7: ("actions.py:76 a list ends at any *Complete or Response:", P, "test_a_list_is_what_lies_between"),
    8: ("actions.py:89 timed-out actions stay and swallow events", P, "test_an_answer_is_never_awaited"),
    9: ("no deadline anywhere", P, "test_an_answer_is_never_awaited"),
    10: ("ami_protocol.py:94 unanswered actions are sent again", S, "test_a_lost_connection_fails_what_is"),
    11: ("ami_protocol.py:96 a Command is sent again twice", S, "test_a_lost_connection_fails_what_is"),
    12: ("ami_protocol.py:102 futures of lists, Ping, Login never end", S, "test_a_half_open_peer_is_found"),
    13: ("manager.py:56 leans on FullyBooted", S, "test_it_is_up_without_fully_booted"),
    14: ("manager.py:99 authenticated while disconnected", S, "test_an_asterisk_that_is_away"),
    15: ("manager.py:96 a refused login is tried without end or word", S, "test_a_refused_login_is_a_state"),
    16: ("manager.py:107 a missing Pong is not noticed", S, "test_a_half_open_peer_is_found"),
    17: ("manager.py:72 fixed delay, close() does not stop it", S, "test_close_while_waiting_to_reconnect"),
    18: ("manager.py:66 other errors than OSError end reconnection", S, "test_a_host_name_that_cannot_be"),
    19: ("manager.py:147 AttributeError before the first connection", S, "test_without_a_session_an_action"),
    20: ("actions.py:45 CR, LF, NUL and None go through", W, "test_a_value_that_could_become_a_header"),
    21: ("manager.py:158 send_command loses its as_list", T, "test_what_the_guard_replaces_is_sealed"),
    22: ("manager.py:146 send_action changes the caller's dict", P, "test_the_callers_mapping_is_left"),
    23: ("ami_protocol.py:36 the log gets the secret", R, "test_the_secret_is_in_no_log_line"),
    24: ("ami_protocol.py:59 no bound on buffer or writes", B, "test_a_backlog_beyond_its_bound"),
    25: ("ami_protocol.py:47 save_stream breaks the login", T, "test_what_the_guard_replaces_is_sealed"),
    26: ("message.py:125 Response: Fail… loses its last header", W, "test_odd_headers_are_neither"),
    27: ("message.py:131 a line without a space after the colon", W, "test_odd_headers_are_neither"),
    28: ("message.py:133 Result is unquoted", W, "test_odd_headers_are_neither"),
    29: ("message.py:135 twins in other letters: the last wins", W, "test_headers_are_found_in_any_case"),
    30: ("message.py:95 one ChanVariable is text, two are a list", W, "test_lists_are_lists_whether"),
    31: ("message.py:43 every message has content, every typo a value", W, "test_headers_are_found_in_any_case"),
    32: ("ami_protocol.py:78 an event with a pending ActionID is lost", P, "test_an_event_with_the_id_of"),
    33: ("call_manager.py:56 keeps every event for ever", T, "test_no_file_but_the_guard_imports"),
    34: ("testing.py:62 changes the line ending of the process", T, "test_no_file_but_the_guard_imports"),
    35: ("fast_agi.py:145 a port scan freezes the process", T, "test_no_file_but_the_guard_imports"),
    36: ("fast_agi.py:44 AGI answers run out of step", T, "test_no_file_but_the_guard_imports"),
    37: ("manager.py:198 TLS from text is always true, never verified", R, "test_tls_is_verified"),
    38: ("manager.py:222 handlers double at each reconnect", S, "test_hooks_are_called_once"),
}


@pytest.mark.parametrize("trap", range(1, 39))
def test_every_known_trap_names_a_test_that_is_there(trap: int) -> None:
    _, module, name = TRAPS[trap]
    tests = vars(importlib.import_module(f".{module}", __package__))
    assert [test for test in tests if test.startswith(name)], f"{module} has no {name}…"


def test_no_file_but_the_guard_imports_panoramisk_and_the_guard_only_three_modules() -> None:
    found: dict[str, set[str]] = {}
    for path in ROUTER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            hits = {name for name in names if name.split(".")[0] == "panoramisk"}
            if hits:
                found.setdefault(str(path.relative_to(ROUTER)), set()).update(hits)
    allowed = {"panoramisk.actions", "panoramisk.ami_protocol", "panoramisk.manager"}
    assert found == {"adapters/ami/link.py": allowed}


KEPT = {
    Link: {"connection_made", "connection_lost", "data_received"},
    Dialler: {"connect", "connection_made", "register_event"},
}
"What is not sealed: overridden with code of our own, `connect`, and `register_event`, which only fills a list."


@pytest.mark.parametrize(("guard", "stock"), [(Link, AMIProtocol), (Dialler, Manager)])
def test_what_the_guard_replaces_is_sealed(guard: type, stock: type) -> None:
    names = {name for name, value in vars(stock).items() if callable(value) or isinstance(value, classmethod)}
    for name in sorted(names - {"__init__"} - KEPT[guard]):
        with pytest.raises(InvariantBroken):
            getattr(guard, name)()
    assert {name for name in KEPT[guard] if getattr(guard, name) is getattr(stock, name)} <= {
        "connect",
        "register_event",
    }

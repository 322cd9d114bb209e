"""What a reload did to callers, call-backs and agents, in sentences for who ordered it.

Rule 1: callers and call-backs are told of always, also that there are none: "nothing happened" is an answer, too.
Rule 2: the answer comes from a router that may be older or newer; what it does not say is not told.
"""

from collections.abc import Iterator
from typing import Any


def sentences(answer: dict[str, Any]) -> Iterator[str]:
    if callers := _part(answer, "callers"):
        waiting, moved, gone = (_count(callers, key) for key in ("waiting", "moved", "sent_off"))
        yield f"{_number(waiting, 'caller')} wait{'s' * (waiting == 1)} on at their old age{_moved(moved)}"
        if gone:
            yield f"{_number(gone, 'caller')} who waited may not any more: sent on, or to the closing message"
    if owed := _part(answer, "callbacks"):
        left, moved, kept, lost = (_count(owed, key) for key in ("owed", "moved", "kept", "given_up"))
        alone = f", {kept} that the files do not provide for any more: made as promised" if kept else ""
        yield f"{_number(left, 'call')} {_are(left)} owed{_moved(moved)}{alone}"
        if lost:
            yield f"{_number(lost, 'call')} {_was(lost)} owed and given up: no campaign, or no trunk, is left for it"
    if agents := _part(answer, "agents"):
        came, left = _count(agents, "enrolled"), _count(agents, "dismissed")
        if came or left:
            yield f"{_number(came, 'agent')} new or changed, {left} gone"
        for agent_id in _names(agents, "kept_on_contact"):
            yield f"{agent_id} is gone from the directory and still on a contact: reload again when it has ended"
        for agent_id in _names(agents, "without_phone"):
            yield f"{agent_id} has the phone of an agent who is on a contact: reload again when it has ended"


def _moved(count: int) -> str:
    return f", {count} of them in another queue now" if count else ""


def _number(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _part(answer: dict[str, Any], key: str) -> dict[str, Any]:
    found = answer.get(key)
    return found if isinstance(found, dict) else {}


def _count(part: dict[str, Any], key: str) -> int:
    found = part.get(key)
    return found if isinstance(found, int) else 0


def _names(part: dict[str, Any], key: str) -> list[str]:
    found = part.get(key)
    return [str(name) for name in found] if isinstance(found, list) else []

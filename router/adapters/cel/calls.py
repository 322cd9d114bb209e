"""Rows → calls: whose leg is it, who met whom, how did it end.

    an agent's leg    its Uniqueid is an offer's id, <contact>.<attempt>
    a caller's leg    any other that was seen in a context of acd-inbound's house
    a talk            a caller's and an agent's leg in one bridge, from the second's entry to the first's leaving

Rule 1: a file is never held in memory. A call is given away `SETTLING` rows after its end: what was told of its agents
        a little later is still in it, what comes after that is of no call. One whose end was never written is given
        away without it, once nothing was heard of it for longer than a call lasts, or when so many are open at once
        that they cannot be calls.
Rule 2: what began before the first row has no begin; what has not ended at the last row is given with no end.
Rule 3: when the ids of a node's legs count from the beginning again, its Asterisk was restarted: whatever was open is
        over, and nobody saw how (`lost`).
"""

import json
import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from router.adapters.cel.lines import Row
from router.domain.ids import SECOND, ContactId, LegId, Micros
from router.domain.record import EndedBy
from router.domain.truth.reconciliation import CallSeen, TalkSeen

SETTLING = 5_000
"Rows: half a minute at 20 calls/s, and what is said of a leg's end is said within milliseconds."
QUIET: Micros = 26 * 3600 * SECOND
"The file's own time. No event is written while two talk, and a campaign may let them talk for a day."
OPEN_MAX = 20_000
"Legs of one node; some times what an Asterisk carries."
TALKS_MAX = 1_000
"Of one call; more are no talk but a broken file."
_UNNAMED = "unnamed"
"What the dialplan puts before ids where `systemname` is missing."

CALLERS = frozenset(
    f"acd-{name}"
    for name in (
        *("inbound", "arrival", "caller", "hidden", "clean", "wait", "after", "transfer"),
        *("closing", "leaving", "not-taken", "external", "voicemail", "fallback", "fallback-site", "callback"),
    )
)
"Where only callers get (dialplans/extensions.d)."
MESSAGES = frozenset({"acd-fallback", "acd-closing", "acd-leaving"})
"Where the music ends for good; elsewhere it is only broken into."
_GOODBYE = ("acd-callback", "promised")
_CALLED = re.compile(r".*_cb[0-9]+")
"The id of a leg by which somebody is called back: no contact of ours unless they answer."
REFUSED = "acd-full"
"Where those end for whom there was no room: refused before the answer, they are no contacts."
_OFFER = re.compile(r".*[0-9]{9,}\.[0-9]+(?:_cb[0-9]*)?\.[0-9]+")
_LEG = re.compile(r"(?:.*-)?[0-9]{9,}\.([0-9]{1,10})")
_RESTART_TAKES: Micros = SECOND
"Ids may be out of order for as long as a thread of Asterisk sleeps; a restart takes longer."


@dataclass(slots=True, kw_only=True, eq=False)
class _Talk:
    agent: "_Leg"
    from_at: Micros
    to_at: Micros | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class _Leg:
    uniqueid: str
    node: str
    linkedid: str = ""
    channel: str = ""
    dialled: str = ""
    number: str = ""
    started_at: Micros | None = None
    last_at: Micros = 0
    ended_at: Micros | None = None
    lost: bool = False
    is_callers: bool = False
    is_dialled: bool = False
    refused: bool = False
    answered: bool = False
    ended_by: str = ""
    announced_at: Micros | None = None
    announced: str = ""
    bridge: str = ""
    talks: list[_Talk] = field(default_factory=list)

    @property
    def is_agents(self) -> bool:
        return _OFFER.fullmatch(self.uniqueid) is not None


@dataclass(slots=True, kw_only=True)
class _Node:
    """One Asterisk: how far its ids have come, and when it was last heard."""

    first_at: Micros
    last_at: Micros
    recent_at: Micros
    "The earlier one of the last two rows: a single row with a wrong clock ends nothing."
    row_at: Micros = 0
    open: OrderedDict[str, _Leg] = field(default_factory=OrderedDict)
    "Legs without an end, the one heard of longest ago first."
    highest: int = -1
    highest_at: Micros = 0


class CallReader:
    """Give it the rows of a day; it gives the calls, each once, about in order of their ends."""

    def __init__(self, *, settling: int = SETTLING, open_max: int = OPEN_MAX) -> None:
        self._settling = settling
        self._open_max = open_max
        self._legs: dict[str, _Leg] = {}
        self._bridges: dict[str, list[_Leg]] = {}
        self._ended: deque[tuple[int, _Leg]] = deque()
        self._nodes: dict[str, _Node] = {}
        self._count = 0

    @property
    def coverage(self) -> dict[str, tuple[Micros, Micros]]:
        """Node → its first and last instant so far."""
        return {name: (node.first_at, node.last_at) for name, node in self._nodes.items()}

    def calls(self, rows: Iterable[Row]) -> Iterator[CallSeen]:
        for row in rows:
            self._count += 1
            node = self._take(row)
            yield from self._never_ended(node)
            while self._ended and self._ended[0][0] <= self._count - self._settling:
                leg = self._ended.popleft()[1]
                self._legs.pop(leg.uniqueid, None)
                yield from _call(leg)
        for leg in self._legs.values():
            yield from _call(leg)
        for node in self._nodes.values():
            node.open.clear()
        self._legs.clear()
        self._ended.clear()
        self._bridges.clear()

    def _take(self, row: Row) -> _Node:
        name = row.uniqueid.rpartition("-")[0] or _UNNAMED
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = _Node(first_at=row.at, last_at=row.at, recent_at=row.at, row_at=row.at)
        if row.event == "CHAN_START":
            self._count_up(node, row)
        node.first_at, node.last_at = min(node.first_at, row.at), max(node.last_at, row.at)
        node.recent_at, node.row_at = min(node.row_at, row.at), row.at
        leg = self._legs.get(row.uniqueid)
        if leg is None:
            leg = self._legs[row.uniqueid] = _Leg(uniqueid=row.uniqueid, node=name)
        if leg.ended_at is not None or leg.lost:
            return node  # its end was its end
        node.open[leg.uniqueid] = leg
        node.open.move_to_end(leg.uniqueid)
        leg.last_at = max(leg.last_at, row.at)
        leg.channel, leg.linkedid = row.channel or leg.channel, row.linkedid or leg.linkedid
        leg.number = row.number
        leg.is_callers = leg.is_callers or (row.context in CALLERS and not leg.is_agents and not leg.is_dialled)
        leg.refused = leg.refused or row.context == REFUSED
        match row.event:
            case "CHAN_START":
                leg.started_at = row.at
                # a leg of our own to somebody outside begins in the context of its trunk, but in another's call
                leg.is_dialled = row.channel.startswith("PJSIP/") and row.linkedid not in ("", row.uniqueid)
                leg.is_callers = leg.is_callers and not leg.is_dialled
                leg.dialled = row.exten
            case "ANSWER":
                leg.answered = True
            case "BRIDGE_ENTER":
                self._enter(leg, _extra(row, "bridge_id"), row.at)
            case "BRIDGE_EXIT":
                if _extra(row, "bridge_id") in ("", leg.bridge):
                    self._leave(leg, row.at)
            case "APP_START":
                if row.context in MESSAGES or (row.context, row.exten) == _GOODBYE:
                    leg.announced_at, leg.announced = row.at, row.context
            case "HANGUP" | "CHAN_END":
                self._end(leg, row)
                del node.open[leg.uniqueid]
            case _:
                pass
        leg.dialled = leg.dialled or row.dialled
        return node

    def _never_ended(self, node: _Node) -> Iterator[CallSeen]:
        """Rule 1: forget legs that are long over, though nobody wrote it down."""
        while node.open:
            leg = next(iter(node.open.values()))
            if len(node.open) <= self._open_max and leg.last_at > node.recent_at - QUIET:
                return
            del node.open[leg.uniqueid]
            self._legs.pop(leg.uniqueid, None)
            self._part(leg)
            yield from _call(leg)

    def _enter(self, leg: _Leg, bridge: str, at: Micros) -> None:
        self._leave(leg, at)
        if not bridge:
            return
        leg.bridge = bridge
        members = self._bridges.setdefault(bridge, [])
        for other in members:
            caller, agent = (leg, other) if other.is_agents else (other, leg)
            if caller.is_callers and agent.is_agents and len(caller.talks) < TALKS_MAX:
                caller.talks.append(_Talk(agent=agent, from_at=at))
        members.append(leg)

    def _leave(self, leg: _Leg, at: Micros) -> None:
        members = self._bridges.get(leg.bridge, [])
        for other in members:
            caller, agent = (leg, other) if other.is_agents else (other, leg)
            for talk in caller.talks:
                if talk.to_at is None and talk.agent is agent:
                    talk.to_at = at
        self._part(leg)

    def _part(self, leg: _Leg) -> None:
        """Out of its bridge, whatever became of the talks."""
        members = self._bridges.get(leg.bridge, [])
        if leg in members:
            members.remove(leg)
        if not members:
            self._bridges.pop(leg.bridge, None)
        leg.bridge = ""

    def _end(self, leg: _Leg, row: Row) -> None:
        self._leave(leg, row.at)
        leg.ended_at = row.at
        leg.ended_by = _extra(row, "hangupsource")
        self._ended.append((self._count, leg))

    def _count_up(self, node: _Node, row: Row) -> None:
        found = _LEG.fullmatch(row.uniqueid)
        if found is None or _OFFER.fullmatch(row.uniqueid):
            return
        number = int(found[1])
        if number > node.highest:
            node.highest, node.highest_at = number, row.at
        elif row.at > node.highest_at + _RESTART_TAKES:
            for leg in list(node.open.values()):
                self._lose(leg, node)
            node.highest, node.highest_at = number, row.at

    def _lose(self, leg: _Leg, node: _Node) -> None:
        if leg.started_at is not None and leg.started_at > node.highest_at:
            return  # of the new Asterisk, before anybody noticed that it is one
        self._leave(leg, node.last_at)
        node.open.pop(leg.uniqueid, None)
        leg.lost, leg.last_at = True, node.last_at
        self._ended.append((self._count, leg))


def _call(leg: _Leg) -> Iterator[CallSeen]:
    if not leg.is_callers or leg.refused or (not leg.answered and _CALLED.fullmatch(leg.uniqueid)):
        return
    over_at = leg.last_at if leg.ended_at is None else leg.ended_at
    yield CallSeen(
        contact_id=ContactId(leg.uniqueid if leg.node != _UNNAMED else f"{_UNNAMED}-{leg.uniqueid}"),
        leg=LegId(leg.uniqueid),
        linkedid=leg.linkedid,
        node=leg.node,
        dialled=leg.dialled,
        caller=leg.number,
        started_at=leg.started_at,
        ended_at=leg.ended_at,
        last_at=over_at,
        lost=leg.lost,
        ended_by=_ended_by(leg),
        answered=leg.answered,
        released=leg.ended_by.startswith("dialplan/"),
        announced_at=leg.announced_at,
        announced=leg.announced,
        talks=tuple(
            TalkSeen(
                leg=LegId(talk.agent.uniqueid),
                linkedid=talk.agent.linkedid,
                endpoint=_endpoint(talk.agent.channel),
                from_at=talk.from_at,
                to_at=max(talk.from_at, over_at if talk.to_at is None else talk.to_at),
            )
            for talk in leg.talks
        ),
    )


def _ended_by(leg: _Leg) -> EndedBy:
    """Who hung up first. Asterisk names the channel, on both legs of a bridge; nobody's name: it was us, or a line."""
    if not leg.ended_by:
        return EndedBy.SYSTEM
    if leg.ended_by == leg.channel:
        return EndedBy.CALLER
    return EndedBy.AGENT if any(leg.ended_by == talk.agent.channel for talk in leg.talks) else EndedBy.SYSTEM


def _endpoint(channel: str) -> str:
    """`PJSIP/agent-1001-0000001a` → `agent-1001`."""
    technology, _, rest = channel.partition("/")
    return rest.rpartition("-")[0] if technology == "PJSIP" else ""


def _extra(row: Row, key: str) -> str:
    """A value of the JSON in the last column; empty for anything that is not there."""
    try:
        found = json.loads(row.extra) if row.extra else {}
    except (ValueError, RecursionError):
        return ""
    value = found.get(key, "") if isinstance(found, dict) else ""
    return str(value)[:256] if isinstance(value, str | int) else ""

"""A fake node with people on it: callers wait, phones ring, legs meet in bridges, and whatever is not decided ends.

Its dialplan is the real one's in short: an agent's leg talks only with the caller's lock and in the present epoch, a
caller whose agent is gone is kept for a moment, one whom nobody decides for falls back. An action is carried out when
all of it has come, and not before. `shears` cut the line at one byte of one action or of its answer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .fake_node import FakeNode
from .fake_server import Received, event
from .quick_loop import Wire
from .shears import Line, Shears

TRUNK = "PJSIP/trunk"
TALK_S, AFTER_S, FEATURE_S, MESSAGE_S, TICK_S, SILENT_S = 2.0, 2.0, 3.0, 1.0, 2.0, 10.0
_CARD = ("CONTACT", "OFFER", "AGENT", "QUEUE", "CAMPAIGN", "CALLER", "POOL", "EPOCH", "LANGUAGE", "WHISPER", "ACCEPT")


@dataclass
class Leg:
    uniqueid: str
    channel: str
    place: str
    "wait, ring, up, talk, after, closing, fallback, feature, say, turned-away, private, gone"
    variables: dict[str, str] = field(default_factory=dict)
    bridge: str = ""
    partner: "Leg | None" = None
    moves: int = 0

    @property
    def up(self) -> bool:
        return self.place != "ring"

    @property
    def endpoint(self) -> str:
        return self.channel.removeprefix("PJSIP/").rpartition("-")[0]

    @property
    def contact(self) -> str:
        return self.variables.get("ACD_CONTACT") or self.variables.get("ACD_RING", "").partition("~")[0]

    def listed(self) -> dict[str, str]:
        state = "6" if self.up else "5"
        headers = {"Channel": self.channel, "ChannelState": state, "Uniqueid": self.uniqueid}
        return headers | {"Linkedid": self.uniqueid, "BridgeID": self.bridge} | self.variables


@dataclass
class FakeExchange(FakeNode):
    """It is dialled through a `QuickLoop`'s door and listens at no port."""

    shears: Shears | None = None
    behaviour: dict[str, str] = field(default_factory=dict)
    "endpoint → `answers` (as made), `silent`, `busy`"
    talk_s: float = TALK_S
    floor: dict[str, Leg] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    "How often a leg of that id was made by an Originate."
    talkers: set[str] = field(default_factory=set)
    "Agents' legs that talked."
    talks: Counter[str] = field(default_factory=Counter)
    "How often each contact was in a talk."
    closings: Counter[str] = field(default_factory=Counter)
    "How often each contact heard the closing message from its beginning."
    fell_back: list[str] = field(default_factory=list)
    said: dict[str, list[str]] = field(default_factory=dict)
    "Feature leg → what was said to it."
    crowded: list[str] = field(default_factory=list)
    "Legs that rang beside another one for the same caller, or at the same phone."
    canaries: int = 0
    away_until: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._loop = asyncio.get_running_loop()
        self._serial = 0
        self._lines: list[Wire] = []
        self._locks: dict[str, Leg] = {}
        self._beat_at = self._loop.time()
        self.port = 5038

    def admit(self, wire: Wire) -> None:
        if self._loop.time() < self.away_until:
            wire.cut()
            return
        self.connections += 1
        line = Line(self, wire, self.connections)
        self._lines.append(wire)
        self._writers[:] = [other for other in self._writers if not other.is_closing()]
        self._writers.append(line)  # type: ignore[arg-type]
        line.write(self.banner)

    def line(self) -> Wire:
        """The newest."""
        return self._lines[-1]

    def be_away(self, for_s: float) -> None:
        self.away_until = self._loop.time() + for_s

    def obey(self, action: Received, line: Line) -> bool:
        return self._answer(action, line)  # type: ignore[arg-type]

    # ---- people ----

    def calls(self, campaign: str = "shop") -> str:
        """Somebody dials the campaign and waits; the contact's id."""
        self._serial += 1
        uniqueid = f"pbx_1-17952964{self._serial:05d}.0"
        caller = Leg(uniqueid, f"{TRUNK}-{self._serial:08x}", "wait")
        arrived = str(1_795_296_434_000_000 + round(self._loop.time() * 1e6))
        caller.variables = {
            "ACD_CONTACT": uniqueid,
            "ACD_CAMPAIGN": campaign,
            "ACD_POOL": "main",
            "ACD_STATE": "waiting",
            "ACD_ARRIVED": arrived,
            "ACD_DNIS": "493023125100",
            "ACD_ANI": "+4915155500001",
        }
        self.floor[uniqueid] = caller
        told = (f"Campaign: {campaign}", "Dnis: 493023125100", "Ani: +4915155500001", f"Arrived: {arrived}")
        self._ours(caller, "AcdArrived", *told)
        self._wait(caller)
        return uniqueid

    def dials(self, endpoint: str, code: str) -> str:
        """An agent's phone dials a feature code; the leg."""
        self._serial += 1
        leg = Leg(f"pbx_1-17952964{self._serial:05d}.9", f"PJSIP/{endpoint}-{self._serial:08x}", "feature")
        self.floor[leg.uniqueid] = leg
        self._tell("Newchannel", leg)
        self._ours(leg, "AcdFeature", f"Endpoint: {endpoint}", f"Code: {code}", "Arg: ")
        self._later(leg, FEATURE_S, lambda: self._say(leg, "unavailable"))
        return leg.uniqueid

    def hangs_up(self, uniqueid: str) -> None:
        leg = self.floor.get(uniqueid)
        if leg is not None:
            self._tell("HangupRequest", leg)
            self._end(leg)

    def transfers(self, contact: str, target: str) -> None:
        """The agent transfers blindly; the caller waits with music for a decision."""
        caller = self.floor[contact]
        agent = caller.partner
        assert agent is not None
        self._part(caller, agent)
        caller.variables["ACD_STATE"] = "waiting"
        self._wait(caller)
        self._ours(caller, "AcdTransfer", f"Target: {target}", f"Agent: {caller.variables.get('ACD_AGENT', '')}")
        self._end(agent)

    # ---- what the router orders ----

    def _setvar(self, action: Received) -> bytes:
        if action["Variable"].startswith("ACD_HB_") and self.globals.get(action["Variable"]) != action["Value"]:
            self._beat_at = self._loop.time()
        return super()._setvar(action)

    def _originate(self, action: Received) -> bytes:
        if action["Channel"].startswith("Local/"):
            self.canaries += 1
            return self._said(action, "Success", "Message: Originate successfully queued")
        uniqueid = action["ChannelId"]
        if uniqueid in self.floor:
            return self._said(action, "Error", "Message: Channel already exists")
        self._loop.call_later(0.002, self._ring, action)
        return self._said(action, "Success", "Message: Originate successfully queued")

    def _hangup(self, action: Received) -> bytes:
        leg = self.floor.get(action["Channel"])
        if leg is None:
            return self._said(action, "Error", "Message: No such channel")
        self._loop.call_soon(self._end, leg)
        return self._said(action, "Success", "Message: Channel Hungup")

    def _redirect(self, action: Received) -> bytes:
        leg = self.floor.get(action["Channel"])
        if leg is None:
            return self._said(action, "Error", "Message: Channel does not exist")
        self._loop.call_soon(self._sent, leg, action["Context"], action["Exten"])
        return self._said(action, "Success", "Message: Redirect successful")

    def _status(self, action: Received) -> bytes:
        self.legs = [leg.listed() for leg in self.floor.values()]
        return super()._status(action)

    # ---- the dialplan ----

    def _ring(self, action: Received) -> None:
        uniqueid, endpoint = action["ChannelId"], action["Channel"].removeprefix("PJSIP/")
        if uniqueid in self.floor:
            return
        self._serial += 1
        self.made[uniqueid] += 1
        variable, _, card = action["Variable"].partition("=")
        leg = Leg(uniqueid, f"{action['Channel']}-{self._serial:08x}", "ring", {variable: card})
        self.floor[uniqueid] = leg
        values = dict(zip(_CARD, card.split("~"), strict=True))
        for other in self.floor.values():
            beside = other.endpoint == endpoint or other.contact == values["CONTACT"]
            if beside and other is not leg and other.place in ("ring", "up"):
                self.crowded.append(f"{uniqueid} beside {other.uniqueid}")
        self._tell("Newchannel", leg, "ChannelState: 0")
        self._later(leg, int(action["Timeout"]) / 1000, lambda: self._no_leg(action, leg, 19))
        behaviour = self.behaviour.get(endpoint, "answers")
        if behaviour == "busy":
            self._later(leg, 0.05, lambda: self._no_leg(action, leg, 17))
            return
        self._later(leg, 0.01, lambda: self._tell("Newstate", leg, "ChannelState: 5"))
        if behaviour == "answers":
            self._later(leg, 0.1, lambda: self._answered(leg, values))

    def _no_leg(self, action: Received, leg: Leg, cause: int) -> None:
        self._end(leg, cause)
        failed = (f"ActionID: {action['ActionID']}", "Response: Failure", "Reason: 5", f"Uniqueid: {leg.uniqueid}")
        self.emit(event("OriginateResponse", *failed))

    def _answered(self, leg: Leg, values: dict[str, str]) -> None:
        self._move(leg, "up")
        leg.variables |= {f"ACD_{name}": value for name, value in values.items() if value} | {"ACD_STATE": "offered"}
        self._tell("Newstate", leg, "ChannelState: 6")
        self._later(leg, 0.02, lambda: self._take_caller(leg))

    def _take_caller(self, leg: Leg) -> None:
        told = leg.variables
        contact, caller = told["ACD_CONTACT"], self.floor.get(told["ACD_CALLER"])
        if told["ACD_EPOCH"] != self.globals.get(f"ACD_EPOCH_{told['ACD_POOL']}"):
            self._turn_away(leg, "stale-epoch")
        elif caller is None:
            self._turn_away(leg, "caller-left")
        elif contact in self._locks or caller.variables["ACD_STATE"] != "waiting":
            self._turn_away(leg, "taken")
        else:
            self._locks[contact] = leg
            talk_at = str(1_795_296_434_000_000 + round(self._loop.time() * 1e6))
            marks = {"ACD_OFFER": told["ACD_OFFER"], "ACD_AGENT": told["ACD_AGENT"], "ACD_TALK_AT": talk_at}
            caller.variables |= marks | {"ACD_STATE": "talking"}
            leg.variables["ACD_STATE"] = "talking"
            self._ours(leg, "AcdTalk", f"Offer: {told['ACD_OFFER']}")
            self._bridge(caller, leg)

    def _bridge(self, caller: Leg, agent: Leg) -> None:
        self._serial += 1
        self.talks[caller.uniqueid] += 1
        self.talkers.add(agent.uniqueid)
        for one, other in ((agent, caller), (caller, agent)):
            self._move(one, "talk")
            one.bridge, one.partner = f"b-{self._serial}", other
            self._tell("BridgeEnter", one, f"BridgeUniqueid: {one.bridge}")
        self._later(agent, self.talk_s, lambda: self.hangs_up(agent.uniqueid))

    def _turn_away(self, leg: Leg, why: str) -> None:
        self._move(leg, "turned-away")
        self._ours(leg, "AcdTaken", f"Offer: {leg.variables['ACD_OFFER']}", f"Why: {why}")
        self._later(leg, MESSAGE_S, lambda: self._end(leg))

    def _part(self, one: Leg, other: Leg) -> None:
        for leg in (one, other):
            self._tell("BridgeLeave", leg, f"BridgeUniqueid: {leg.bridge}")
            leg.bridge, leg.partner = "", None
            self._move(leg, "parted")
        self._locks.pop(one.variables["ACD_CONTACT"], None)

    def _end(self, leg: Leg, cause: int = 16) -> None:
        if self.floor.get(leg.uniqueid) is not leg:
            return
        other = leg.partner
        if other is not None:
            self._part(leg, other)
        self._move(leg, "gone")
        del self.floor[leg.uniqueid]
        self._tell("Hangup", leg, f"Cause: {cause}")
        if other is None:
            return
        if other.channel.startswith(TRUNK):
            self._move(other, "after")
            other.variables["ACD_STATE"] = "after"
            self._ours(other, "AcdAfter")
            self._later(other, AFTER_S, lambda: self._end(other))
        else:
            self._later(other, 0.005, lambda: self._end(other))

    def _sent(self, leg: Leg, context: str, exten: str) -> None:
        if self.floor.get(leg.uniqueid) is not leg:
            return
        if leg.partner is not None:
            other = leg.partner
            self._part(leg, other)
            self._later(other, 0.005, lambda: self._end(other))
        if context == "acd-wait":
            leg.variables["ACD_STATE"] = "waiting"
            self._wait(leg)
        elif context == "acd-closing":
            self.closings[leg.uniqueid] += 1
            leg.variables["ACD_STATE"] = "fallback"
            self._move(leg, "closing")
            self._later(leg, MESSAGE_S, lambda: self._end(leg))
        elif context == "acd-fallback":
            self._fall_back(leg)
        elif context == "acd-say":
            self._say(leg, exten)

    def _say(self, leg: Leg, what: str) -> None:
        self.said.setdefault(leg.uniqueid, []).append(what)
        self._move(leg, "say")
        self._later(leg, 0.5, lambda: self._end(leg))

    def _wait(self, caller: Leg) -> None:
        self._move(caller, "wait")
        self._later(caller, TICK_S, lambda: self._tick(caller))

    def _tick(self, caller: Leg) -> None:
        if self._loop.time() - self._beat_at >= SILENT_S:
            self._fall_back(caller)
        else:
            self._later(caller, TICK_S, lambda: self._tick(caller))

    def _fall_back(self, caller: Leg) -> None:
        self.fell_back.append(caller.uniqueid)
        caller.variables["ACD_STATE"] = "fallback"
        self._move(caller, "fallback")
        self._ours(caller, "AcdFallback", "Reason: router-silent")
        self._later(caller, MESSAGE_S, lambda: self._end(caller))

    # ---- by what ----

    def _move(self, leg: Leg, place: str) -> None:
        leg.place = place
        leg.moves += 1

    def _later(self, leg: Leg, delay_s: float, act: Callable[[], None]) -> None:
        """Unless the leg has gone elsewhere by then."""
        moves = leg.moves
        self._loop.call_later(delay_s, lambda: act() if leg.moves == moves else None)

    def _tell(self, name: str, leg: Leg, *headers: str) -> None:
        own = (f"Channel: {leg.channel}", f"Uniqueid: {leg.uniqueid}", f"Linkedid: {leg.uniqueid}")
        at = f"Timestamp: {1_795_296_434 + self._loop.time():.6f}"
        self.emit(event(name, at, *own, *headers))

    def _ours(self, leg: Leg, name: str, *headers: str) -> None:
        contact = (f"Contact: {leg.variables['ACD_CONTACT']}",) if "ACD_CONTACT" in leg.variables else ()
        self._tell("UserEvent", leg, f"UserEvent: {name}", "V: 1", *contact, *headers)

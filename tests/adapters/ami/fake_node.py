"""A small Asterisk behind the fake manager: globals, phones, channels. It answers what the router asks after a login.

Stateful and on a real TCP port: what is set can be asked for, what is announced is heard by every manager.
"""

import asyncio
from dataclasses import dataclass, field

from .fake_server import FakeAsterisk, Received, block, event

_NOT_TOLD = ("Action", "ActionID")


@dataclass
class FakeNode(FakeAsterisk):
    name: str = "pbx_1"
    version: str = "221001"
    contexts_missing: set[str] = field(default_factory=set)
    globals: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    "endpoint → device state; those in `unlisted` only answer when asked."
    unlisted: set[str] = field(default_factory=set)
    legs: list[dict[str, str]] = field(default_factory=list)
    "Channels as `Status` lists them; ACD_… keys become variables."
    channel_ids: set[str] = field(default_factory=set)
    refusing: dict[str, str] = field(default_factory=dict)
    "Action or name of a variable → Asterisk's sentence of refusal."
    after: dict[str, bytes] = field(default_factory=dict)
    "What happens right behind the answer to an action (or Getvar's variable), once."
    together: dict[str, int] = field(default_factory=dict)
    "Variable → how many managers must have asked for it before the first is answered."
    held: list[tuple[asyncio.StreamWriter, bytes]] = field(default_factory=list)

    def set_to(self, name: str) -> list[str]:
        """Every value a global was set to, in order."""
        return [action["Value"] for action in self.actions("Setvar") if action["Variable"] == name]

    def _answer(self, action: Received, writer: asyncio.StreamWriter) -> bool:
        name = action.action
        about = action["Variable"] if name in ("Getvar", "Setvar") else name
        if about in self.unanswered:
            return True
        if "*" in self.unanswered or name in self.unanswered | self.close_after | self.answers.keys():
            return super()._answer(action, writer)
        refusal = self.refusing.get(about) or self.refusing.get(name)
        if refusal is not None:
            writer.write(self._said(action, "Error", f"Message: {refusal}"))
            return True
        reply = getattr(self, f"_{name.lower()}", None)
        if reply is None:
            return super()._answer(action, writer)
        said = reply(action)
        if name == "Getvar" and about in self.together:
            self.held.append((writer, said))
            if len(self.held) == self.together[about]:
                del self.together[about]
                for asker, answer in self.held:
                    asker.write(answer)
            return True
        writer.write(said)
        if name == "UserEvent":
            self.emit(event("UserEvent", *(f"{key}: {v}" for key, v in action.headers if key not in _NOT_TOLD)))
        if name == "Originate" and self.phones.get(action["Channel"].removeprefix("PJSIP/")) == "UNAVAILABLE":
            failed = (f"ActionID: {action['ActionID']}", "Response: Failure", "Reason: 0", "Uniqueid: <null>")
            self.emit(event("OriginateResponse", *failed))
        if about in self.after:
            writer.write(self.after.pop(about))
        return True

    def _said(self, action: Received, response: str, *headers: str) -> bytes:
        return block(f"Response: {response}", f"ActionID: {action['ActionID']}", *headers)

    def _getvar(self, action: Received) -> bytes:
        variable = action["Variable"]
        if variable == "SYSTEMNAME":
            value = self.name
        elif variable == "VERSION(ASTERISK_VERSION_NUM)":
            value = self.version
        elif variable.startswith("DIALPLAN_EXISTS("):
            context, exten = variable[16:].split(",")[:2]
            value = "0" if {context, f"{context},{exten}"} & self.contexts_missing else "1"
        elif variable.startswith("DEVICE_STATE(PJSIP/"):
            value = self.phones.get(variable[19:-1], "INVALID")
        else:
            value = self.globals.get(variable, "(null)")
        return self._said(action, "Success", f"Variable: {variable}", f"Value: {value}")

    def _setvar(self, action: Received) -> bytes:
        self.globals[action["Variable"]] = action["Value"]
        return self._said(action, "Success", "Message: Variable Set")

    def _userevent(self, action: Received) -> bytes:
        return self._said(action, "Success", "Message: Event Sent")

    def _originate(self, action: Received) -> bytes:
        if action["ChannelId"] in self.channel_ids:
            return self._said(action, "Error", "Message: Channel already exists")
        self.channel_ids.add(action["ChannelId"])
        return self._said(action, "Success", "Message: Originate successfully queued")

    def _status(self, action: Received) -> bytes:
        items = []
        for leg in self.legs:
            headers = [f"{key}: {value}" for key, value in leg.items() if not key.startswith("ACD_")]
            variables = [f"Variable: {key}={value}" for key, value in leg.items() if key.startswith("ACD_")]
            items.append(("Status", *headers, *variables))
        return self._list(action, items, "StatusComplete")

    def _devicestatelist(self, action: Received) -> bytes:
        listed = {phone: state for phone, state in self.phones.items() if phone not in self.unlisted}
        items = [("DeviceStateChange", f"Device: PJSIP/{phone}", f"State: {state}") for phone, state in listed.items()]
        return self._list(action, items, "DeviceStateListComplete")

    def _list(self, action: Received, items: list[tuple[str, ...]], end: str) -> bytes:
        action_id = f"ActionID: {action['ActionID']}"
        body = b"".join(block(f"Event: {name}", *headers, action_id) for name, *headers in items)
        return (
            self._said(action, "Success", "EventList: start")
            + body
            + block(f"Event: {end}", action_id, "EventList: Complete", f"ListItems: {len(items)}")
        )

"""Effects → AMI actions, and the globals the dialplan reads. The only file that knows header names of actions.

Nothing a caller can write goes into an action unfiltered: Asterisk reads a comma in `Variable` as the next variable and
`${…}` in a value as an expression, so names and numbers keep only plain characters here. CR, LF and NUL are refused
again by the one encoder in wire.py.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from router.adapters.ami import ring_card
from router.adapters.ami.parse import CALL_ACTION, INTERFACE_VERSION, RING_ACTION
from router.domain.ids import Micros
from router.domain.messages.effects import (
    Announce,
    AnswerCaller,
    AnswerPhone,
    CallCustomer,
    EndLeg,
    RingAgent,
    SendCaller,
)
from router.domain.rulebook.admission import room_for
from router.domain.rulebook.rules import Rules
from router.domain.waiting.waiting_room import music_of

Action = Mapping[str, str | Sequence[str]]

NORMAL_CLEARING = "16"
"Never 44: Asterisk's own RTP timeout ends a leg with that, and nobody could tell the two apart."
TALK_VARIABLES = (
    ring_card.VARIABLE,
    "ACD_CONTACT",
    "ACD_OFFER",
    "ACD_AGENT",
    "ACD_CAMPAIGN",
    "ACD_STATE",
    "ACD_ARRIVED",
    "ACD_TALK_AT",
    "ACD_AFTER_AT",
    "ACD_DNIS",
    "ACD_ANI",
    "ACD_PAI",
    "ACD_DATA",
)
_NAME = re.compile(r"[^\w .+&/-]")
_NUMBER = re.compile(r"[^0-9+*#A-Za-z.-]")
_PROMPT = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
_MUSIC = re.compile(r"[A-Za-z0-9_-]+")
_DIAL = re.compile(r"[^\w/+@.-]")
_VALUE = re.compile(r"[^\w .:+-]")
_MILLISECOND: Micros = 1000
DIVERTED = "d"
SHOWN = "s"
"Before the digits of a number that diverts to us; no trunk can dial it."
_NO_TRUNK = "!"
"Of the name of a trunk's limit: there is none that ends so."


def ring(effect: RingAgent, *, pool: str, epoch: int) -> Action:
    """Make the agent's leg. `ChannelId` is the offer's id: Asterisk refuses a twin while the first one lives."""
    name, number = _NAME.sub("", effect.caller_name)[:64], _NUMBER.sub("", effect.caller_number)[:32]
    return {
        "Action": "Originate",
        "ActionID": RING_ACTION + effect.offer_id,
        "Channel": effect.dial,
        "ChannelId": effect.offer_id,
        "Context": "acd-callback-agent" if effect.callback else "acd-agent",
        "Exten": ring_card.ENTRANCE,
        "Priority": "1",
        "Async": "true",
        "Timeout": str(effect.timeout_us // _MILLISECOND),
        "CallerID": f'"{name}" <{number or "anonymous"}>',
        "Variable": f"{ring_card.VARIABLE}={ring_card.write(effect, pool=pool, epoch=epoch)}",
    }


def call(effect: CallCustomer, *, pool: str) -> Action:
    """Call somebody back. `ChannelId` is the contact's id: Asterisk refuses a twin while the first one lives."""
    number = _NUMBER.sub("", effect.caller_id)[:32]
    variables = {
        "ACD_CONTACT": effect.contact_id,
        "ACD_CAMPAIGN": effect.campaign,
        "ACD_DNIS": effect.dnis.lstrip("+"),
        "ACD_ANI": effect.ani,
        "ACD_ARRIVED": str(effect.arrived_at),
        "ACD_POOL": pool,
        "ACD_LANGUAGE": effect.language,
        "ACD_MUSIC": effect.music,
        "ACD_GREETING": "answered",
        "ACD_STATE": "called",
        # a phone that rings takes a line of the trunk (15-full.conf); 35-callback.conf counts who has picked up
        "GROUP(acd-trunk)": _DIAL.sub("", effect.dial).rpartition("@")[2],
        # whoever diverts it to one of our numbers: it has passed through us once (acd-hop in 62-external.conf)
        "PJSIP_HEADER(add,X-Ringfair-Hops)": "1",
    }
    return {
        "Action": "Originate",
        "ActionID": CALL_ACTION + effect.contact_id,
        "Channel": _DIAL.sub("", effect.dial),
        "ChannelId": effect.contact_id,
        "Context": "acd-callback",
        "Exten": "answered",
        "Priority": "1",
        "Async": "true",
        "Timeout": str(effect.timeout_us // _MILLISECOND),
        "CallerID": f"<{number}>",
        "Variable": [f"{name}={_VALUE.sub('', value)}" for name, value in variables.items()],
    }


def end(effect: EndLeg) -> Action:
    """`Channel` takes a Uniqueid too (`ast_channel_get_by_name`, main/channel.c)."""
    return {"Action": "Hangup", "Channel": effect.leg, "Cause": NORMAL_CLEARING}


def send(effect: SendCaller) -> Action:
    return {
        "Action": "Redirect",
        "Channel": effect.leg,
        "Context": effect.context,
        "Exten": effect.exten,
        "Priority": "1",
    }


def answer(effect: AnswerCaller) -> Action:
    """Only a mark: the leg answers itself at its next look (20-wait.conf), so that nothing tears it from a talk."""
    return {"Action": "Setvar", "Channel": effect.leg, "Variable": "ACD_ANSWER", "Value": "1"}


def announce(effect: Announce) -> Action:
    """Leave word for the caller's leg, which looks at `ACD_SAY` in the turn of its loop (20-wait.conf)."""
    value = _said(effect.music, effect.prompts)
    return {"Action": "Setvar", "Channel": effect.leg, "Variable": "ACD_SAY", "Value": value}


@lru_cache(maxsize=1024)
def _said(music: str, prompts: tuple[str, ...]) -> str:
    """`music~prompts`; what is no name of either is left out."""
    plain = "&".join(prompt for prompt in prompts if _PROMPT.fullmatch(prompt))
    return f"{music if _MUSIC.fullmatch(music) else 'default'}{ring_card.BETWEEN}{plain}"


def say(effect: AnswerPhone) -> Action:
    return {
        "Action": "Redirect",
        "Channel": effect.leg,
        "Context": "acd-say",
        "Exten": effect.result,
        "Priority": "1",
    }


def call_in(digits: str) -> Action:
    """A caller of our own: one half of a Local channel listens in `acd-canary`, the other arrives at `acd-inbound`."""
    return {
        "Action": "Originate",
        "Channel": f"Local/{digits}@acd-canary-call/n",
        "Context": "acd-canary",
        "Exten": "s",
        "Priority": "1",
        "Async": "true",
        "Timeout": "30000",
        "CallerID": '"canary" <0>',
    }


def set_global(name: str, value: str) -> Action:
    return {"Action": "Setvar", "Variable": name, "Value": value}


def get_global(name: str) -> Action:
    return {"Action": "Getvar", "Variable": name}


def owner(pool: str, epoch: int, router: str) -> Action:
    """Tell every other router on this Asterisk who owns the pool now.

    The one event that a router sends and no dialplan does. `UserEvent(AcdOwner)`, after V: Pool, Epoch (the higher one
    owns), Router (a nonce of this process, lower-case hex: of two that claimed the same epoch the higher one owns).
    """
    return {
        "Action": "UserEvent",
        "UserEvent": "AcdOwner",
        "V": INTERFACE_VERSION,
        "Pool": pool,
        "Epoch": str(epoch),
        "Router": router,
    }


def status() -> Action:
    """Every live leg with our variables; needs class `call` alone."""
    return {"Action": "Status", "Variables": ",".join(TALK_VARIABLES)}


def device_states() -> Action:
    return {"Action": "DeviceStateList"}


def device_state(endpoint: str) -> str:
    """The variable that tells a phone's state."""
    return f"DEVICE_STATE(PJSIP/{endpoint})"


def routes(rules: Rules, dialled_forms: Callable[[str], Sequence[str]]) -> dict[str, str]:
    """`ACD_DNIS_<digits>` → what the dialplan must know of it, for every form a carrier may dial us by.

    `campaign,greeting,language,music,pool`, then limits and welcome as far as there are any (20-wait.conf); music and
    welcome are those of the queue a call begins in. `ACD_DNIS_s<digits>` → the whole number, where these digits are not
    it: we are known by it when we call somebody. And `ACD_TRUNK_<endpoint>` → its most callers, and with `.keys`
    whether keys are heard before the answer.
    """
    found: dict[str, str] = {}
    for campaign in rules.campaigns.values():
        room = room_for(rules.capacity, max_calls=campaign.max_calls, emergency=campaign.emergency)
        limits = f"{room.on_node or ''},{room.of_campaign or ''},{'' if room.trunks else _NO_TRUNK}"
        entry = rules.queues.get(campaign.entry)
        music, welcome = (campaign.music, "") if entry is None else (music_of(entry, campaign), entry.treatment.welcome)
        found_by = f"{campaign.name},{campaign.greeting},{campaign.language},{music},{rules.pool}"
        value = f"{found_by},{limits},{welcome}".rstrip(",")
        for number in campaign.dnis:
            for digits in dialled_forms(number):
                found[f"ACD_DNIS_{digits}"] = value
                if rules.outside is not None and digits != number.lstrip("+"):
                    found[f"ACD_DNIS_{SHOWN}{digits}"] = number.lstrip("+")
        for number in campaign.diversion:
            for digits in dialled_forms(number):
                found[f"ACD_DNIS_{DIVERTED}{digits}"] = value
    for endpoint, limit in rules.capacity.trunks.items():
        found[f"ACD_TRUNK_{endpoint}"] = str(limit)
    for endpoint in rules.early_keys:
        found[f"ACD_TRUNK_{endpoint}.keys"] = "1"
    return found

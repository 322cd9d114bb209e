"""The stories of which raw AMI streams are kept: each plays on the real Asterisk with the dialplan of this repository.

A story's docstring is its line in README.md. The recorder (record.py) plays and stores them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller, Calls
from tests.telephones.manager import Message
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers, Rejects

Story = Callable[[TelephoneRoom], Awaitable[None]]
STORIES: dict[str, Story] = {}
AGENT, SECOND = "agent-2001", "agent-2002"


def story(play: Story) -> Story:
    STORIES[play.__name__] = play
    return play


async def arrive(room: TelephoneRoom, greeting: str = "answered", **how: object) -> tuple[Message, Calls]:
    since = len(room.ami.events)
    caller = Caller("+" + await room.campaign(greeting=greeting), speaks=True, **how)  # type: ignore[arg-type]
    calls = await room.carrier.call(caller)
    return await room.ami.event("AcdArrived", since=since), calls


async def gone(room: TelephoneRoom, uniqueid: str, within_s: float = 10) -> Message:
    return await room.ami.event("Hangup", Uniqueid=uniqueid, within_s=within_s)


async def talk(room: TelephoneRoom, answers: Answers, **how: object) -> tuple[Message, Calls]:
    """A caller and AGENT in a bridge."""
    await room.phone(AGENT).behave(answers)
    arrived, calls = await arrive(room, **how)  # type: ignore[arg-type]
    await room.offer(arrived, AGENT)
    await room.ami.events_of("BridgeEnter", 2)
    return arrived, calls


async def channel_of(room: TelephoneRoom, uniqueid: str) -> str:
    return (await room.ami.event("Newchannel", Uniqueid=uniqueid))["Channel"]


@story
async def agent_hangs_up(room: TelephoneRoom) -> None:
    """Answered at once, talk, the agent's BYE; the caller goes on in acd-after, where nobody decides."""
    arrived, _ = await talk(room, Answers(talks_ms=500))
    await gone(room, arrived["Uniqueid"])


@story
async def caller_hangs_up(room: TelephoneRoom) -> None:
    """Answered at once, talk, the caller's BYE."""
    arrived, _ = await talk(room, Answers(), talks_ms=1000)
    await gone(room, arrived["Contact"] + ".1")
    await gone(room, arrived["Uniqueid"])


@story
async def early_media_answered_at_the_bridge(room: TelephoneRoom) -> None:
    """The caller queues in early media (state Ring) and becomes Up at the bridge; the agent hangs up."""
    arrived, _ = await talk(room, Answers(talks_ms=800), greeting="early-media")
    await gone(room, arrived["Uniqueid"])


def _rejection(code: int) -> Story:
    async def play(room: TelephoneRoom) -> None:
        await room.phone(AGENT).behave(Rejects(code))
        arrived, _ = await arrive(room)
        await room.offer(arrived, AGENT)
        await gone(room, arrived["Contact"] + ".1")
        await room.ami.event("OriginateResponse")

    play.__name__ = f"agent_rejects_with_{code}"
    play.__doc__ = f"The agent's phone rings and answers the INVITE with {code}; the caller waits on."
    return play


for _code in (404, 408, 480, 486, 487, 488, 503, 600, 603):
    story(_rejection(_code))


@story
async def phone_is_set_to_do_not_disturb(room: TelephoneRoom) -> None:
    """The agent's phone answers the INVITE with 486 at once, without ringing."""
    await room.phone(AGENT).behave(Rejects(486, rings_ms=0))
    arrived, _ = await arrive(room)
    await room.offer(arrived, AGENT)
    await gone(room, arrived["Contact"] + ".1")
    await room.ami.event("OriginateResponse")


@story
async def agent_never_answers_and_we_hang_up(room: TelephoneRoom) -> None:
    """The phone rings; the router hangs the leg up (Hangup by name, cause 16) at its ring deadline."""
    await room.phone(AGENT).behave(NEVER_ANSWERS)
    arrived, _ = await arrive(room)
    offer = arrived["Contact"] + ".1"
    await room.offer(arrived, AGENT)
    await room.ami.event("Newstate", Uniqueid=offer, ChannelStateDesc="Ringing")
    await room.ami.send("Hangup", {"Channel": await channel_of(room, offer), "Cause": "16"})
    await gone(room, offer)
    await room.ami.event("OriginateResponse")


@story
async def originate_timeout(room: TelephoneRoom) -> None:
    """The phone rings until the Originate's own Timeout (1 s)."""
    await room.phone(AGENT).behave(NEVER_ANSWERS)
    arrived, _ = await arrive(room)
    await room.offer(arrived, AGENT, timeout_ms="1000")
    await gone(room, arrived["Contact"] + ".1")
    await room.ami.event("OriginateResponse")


@story
async def hangup_right_after_originate(room: TelephoneRoom) -> None:
    """Hangup of the leg by its future Uniqueid, sent in the same breath as the Originate: too early, then again."""
    await room.phone(AGENT).behave(NEVER_ANSWERS)
    arrived, _ = await arrive(room)
    offer = arrived["Contact"] + ".1"
    await room.offer(arrived, AGENT)
    await room.ami.send("Hangup", {"Channel": offer, "Cause": "16"})
    await channel_of(room, offer)
    await room.ami.send("Hangup", {"Channel": offer, "Cause": "16"})
    await gone(room, offer)


@story
async def agent_not_registered(room: TelephoneRoom) -> None:
    """The agent's AOR has no contact."""
    arrived, _ = await arrive(room)
    await room.offer(arrived, "agent-1003")
    await room.ami.event("OriginateResponse")


@story
async def agent_without_endpoint(room: TelephoneRoom) -> None:
    """An Originate to an endpoint Asterisk does not know."""
    arrived, _ = await arrive(room)
    await room.offer(arrived, "agent-9999")
    await room.ami.event("OriginateResponse")


@story
async def agents_phone_is_dead(room: TelephoneRoom) -> None:
    """There is a contact but nobody listens on it; the Originate's Timeout (3 s) ends the attempt."""
    arrived, _ = await arrive(room)
    await room.offer(arrived, "agent-2008", timeout_ms="3000")
    await gone(room, arrived["Contact"] + ".1")
    await room.ami.event("OriginateResponse")


@story
async def same_channel_id_twice(room: TelephoneRoom) -> None:
    """Two Originates with one ChannelId, the second while the first rings: refused; the first is answered."""
    await room.phone(AGENT).behave(Answers(rings_ms=800, talks_ms=300))
    arrived, _ = await arrive(room)
    await room.offer(arrived, AGENT)
    await room.ami.event("Newstate", Uniqueid=arrived["Contact"] + ".1", ChannelStateDesc="Ringing")
    await room.offer(arrived, AGENT)
    await gone(room, arrived["Uniqueid"])


@story
async def encryption_does_not_match(room: TelephoneRoom) -> None:
    """The agent's endpoint demands SRTP, the phone that registered for it has none: it answers 488."""
    phone = await room.softphone("agent-1002", answers="auto", encrypts=False)
    arrived, _ = await arrive(room)
    await room.offer(arrived, "agent-1002")
    await room.ami.event("OriginateResponse")
    await phone.close()


@story
async def caller_abandons_waiting(room: TelephoneRoom) -> None:
    """An answered caller hangs up while nobody was offered."""
    arrived, _ = await arrive(room, talks_ms=600)
    await gone(room, arrived["Uniqueid"])


@story
async def caller_abandons_in_early_media(room: TelephoneRoom) -> None:
    """A caller in early media gives up (CANCEL) while the agent's phone rings; the router rings it off."""
    await room.phone(AGENT).behave(NEVER_ANSWERS)
    arrived, _ = await arrive(room, greeting="early-media", patience_ms=800)
    offer = arrived["Contact"] + ".1"
    await room.offer(arrived, AGENT)
    await gone(room, arrived["Uniqueid"])
    await room.ami.send("Hangup", {"Channel": await channel_of(room, offer), "Cause": "16"})
    await gone(room, offer)


@story
async def caller_left_as_the_agent_answered(room: TelephoneRoom) -> None:
    """The caller is gone when the agent's leg looks for it: AcdTaken caller-left."""
    await room.phone(AGENT).behave(Answers(rings_ms=1200))
    arrived, _ = await arrive(room, talks_ms=600)
    await room.offer(arrived, AGENT)
    await room.ami.event("AcdTaken", Why="caller-left")
    await gone(room, arrived["Contact"] + ".1")


@story
async def two_agents_answer_one_caller(room: TelephoneRoom) -> None:
    """Two legs for one caller are answered together: one talks, the other hears "taken" and ends."""
    for agent in (AGENT, SECOND):
        await room.phone(agent).behave(Answers(rings_ms=300, talks_ms=2500))
    arrived, _ = await arrive(room)
    await room.offer(arrived, AGENT, 1)
    await room.offer(arrived, SECOND, 2)
    await room.ami.event("AcdTaken", Why="taken")
    await gone(room, arrived["Uniqueid"])


@story
async def stale_epoch(room: TelephoneRoom) -> None:
    """A leg ordered in an older epoch of the pool is answered: AcdTaken stale-epoch."""
    await room.phone(AGENT).behave(Answers())
    arrived, _ = await arrive(room)
    await room.offer(arrived, AGENT, ACD_EPOCH=str(room.epoch - 1))
    await room.ami.event("AcdTaken", Why="stale-epoch")
    await gone(room, arrived["Contact"] + ".1")


@story
async def agent_does_not_press_one(room: TelephoneRoom) -> None:
    """The campaign wants "press 1 to accept", the agent does not: AcdTaken declined."""
    await room.phone(AGENT).behave(Answers())
    arrived, _ = await arrive(room)
    await room.offer(arrived, AGENT, ACD_ACCEPT="1")
    await room.ami.event("AcdTaken", Why="declined", within_s=15)
    await gone(room, arrived["Contact"] + ".1")


@story
async def hold_and_unhold(room: TelephoneRoom) -> None:
    """The agent puts the caller on hold by re-INVITE (sendonly), takes them back (sendrecv), hangs up."""
    arrived, _ = await talk(room, Answers(talks_ms=400, holds=[(400, 600)]))
    await gone(room, arrived["Uniqueid"])


@story
async def blind_transfer(room: TelephoneRoom) -> None:
    """The agent's softphone transfers the caller (REFER) to 4711: the caller lands in acd-transfer and waits."""
    phone = await room.softphone("agent-1001")
    arrived, _ = await arrive(room)
    await room.offer(arrived, "agent-1001")
    await phone.sees("CALL_INCOMING")
    await phone.answer()
    await room.ami.events_of("BridgeEnter", 2)
    await phone.transfer("4711")
    await room.ami.event("AcdTransfer", Contact=arrived["Contact"])
    await gone(room, arrived["Contact"] + ".1")
    await phone.close()


@story
async def dual_redirect(room: TelephoneRoom) -> None:
    """AMI Redirect with ExtraChannel splits the bridge: caller to acd-wait, agent's leg to acd-say; both alive."""
    arrived, _ = await talk(room, Answers())
    caller, agent = arrived["Channel"], await channel_of(room, arrived["Contact"] + ".1")
    where = {"Context": "acd-wait", "Exten": "s", "Priority": "1"}
    extra = {"ExtraContext": "acd-say", "ExtraExten": "unavailable", "ExtraPriority": "1"}
    await room.ami.send("Redirect", {"Channel": caller, **where, "ExtraChannel": agent, **extra})
    await gone(room, arrived["Contact"] + ".1")


@story
async def waiting_caller_is_redirected(room: TelephoneRoom) -> None:
    """The router sends a waiting caller to acd-closing."""
    arrived, _ = await arrive(room)
    where = {"Context": "acd-closing", "Exten": "s", "Priority": "1"}
    await room.ami.send("Redirect", {"Channel": arrived["Channel"], **where})
    await gone(room, arrived["Uniqueid"])


@story
async def talking_caller_is_redirected(room: TelephoneRoom) -> None:
    """The router sends the caller of a talk to acd-closing: the agent's leg ends by itself."""
    arrived, _ = await talk(room, Answers())
    where = {"Context": "acd-closing", "Exten": "s", "Priority": "1"}
    await room.ami.send("Redirect", {"Channel": arrived["Channel"], **where})
    await gone(room, arrived["Contact"] + ".1")
    await gone(room, arrived["Uniqueid"])


@story
async def caller_in_after_waits_again(room: TelephoneRoom) -> None:
    """After the talk the router sends the caller back to acd-wait, and a second agent takes them."""
    await room.phone(SECOND).behave(Answers(talks_ms=300))
    arrived, _ = await talk(room, Answers(talks_ms=300))
    await room.ami.event("AcdAfter")
    where = {"Context": "acd-wait", "Exten": "s", "Priority": "1"}
    await room.ami.send("Redirect", {"Channel": arrived["Channel"], **where})
    await room.offer(arrived, SECOND, 2)
    await gone(room, arrived["Uniqueid"])


@story
async def feature_code(room: TelephoneRoom) -> None:
    """A softphone dials *46 and a reason digit; the router answers with "paused"."""
    phone = await room.softphone("agent-1001")
    await phone.dial("*463")
    feature = await room.ami.event("AcdFeature")
    where = {"Context": "acd-say", "Exten": "paused", "Priority": "1"}
    await room.ami.send("Redirect", {"Channel": feature["Channel"], **where})
    await gone(room, feature["Uniqueid"])
    await phone.close()


@story
async def private_call(room: TelephoneRoom) -> None:
    """A softphone is busy with a call of its own (the echo test) for a while."""
    phone = await room.softphone("agent-1001")
    await phone.dial("*43")
    await phone.sees("CALL_ESTABLISHED")
    channel = await room.ami.event("Newchannel")
    await phone.hang_up()
    await gone(room, channel["Uniqueid"])
    await phone.close()


@story
async def router_is_silent(room: TelephoneRoom) -> None:
    """The heartbeat stands still: after 10 s the caller falls back, hears so and is released."""
    await room.stop_heart()
    arrived, _ = await arrive(room)
    await room.ami.event("AcdFallback", within_s=15)
    await gone(room, arrived["Uniqueid"])


@story
async def unknown_number(room: TelephoneRoom) -> None:
    """A call for a number no campaign has: AcdRefused and 404 before any answer."""
    await room.carrier.call(Caller("+4930555199"))
    refused = await room.ami.event("AcdRefused")
    await gone(room, refused["Uniqueid"])


@story
async def exit_key(room: TelephoneRoom) -> None:
    """A waiting, answered caller presses 5 (RFC 4733)."""
    arrived, _ = await arrive(room, presses="5", talks_ms=1500)
    await room.ami.event("AcdKey", Key="5")
    await gone(room, arrived["Uniqueid"])


@story
async def resync(room: TelephoneRoom) -> None:
    """One talk and one waiting caller, then the lists a router asks for after login, and Getvar of a leg."""
    await talk(room, Answers())
    waiting, _ = await arrive(room)
    wanted = "ACD_CONTACT,ACD_OFFER,ACD_AGENT,ACD_STATE,ACD_CAMPAIGN,ACD_ARRIVED,ACD_TALK_AT,ACD_POOL"
    lists = {"Status": "StatusComplete", "CoreShowChannels": "CoreShowChannelsComplete"}
    lists |= {"BridgeList": "BridgeListComplete", "DeviceStateList": "DeviceStateListComplete"}
    for action, end in lists.items():
        await room.ami.send(action, {"AllVariables": "false", "Variables": wanted} if action == "Status" else {})
        await room.ami.event(end)
    bridge = room.ami.seen("BridgeEnter")[0]["BridgeUniqueid"]
    await room.ami.send("BridgeInfo", {"BridgeUniqueid": bridge})
    await room.ami.event("BridgeInfoComplete")
    await room.ami.send("Getvar", {"Channel": waiting["Channel"], "Variable": "ACD_STATE"})

"""The Telephony port on AMI, against a fake node on a real port: taking over, looking, losing, coming back."""

import asyncio

import pytest

from router.adapters.ami import patience
from router.domain.messages.effects import Announce, AnswerPhone, EndLeg, LookAgain, SendCaller
from router.domain.messages.observations import (
    EndpointSeen,
    HangupAsked,
    LegEnded,
    NodeLost,
    OriginateFailed,
    OwnerSeen,
    PhonesSeen,
    Resynced,
)
from router.ports import Acting

from .fake_node import FakeNode
from .fake_server import Received, event, until
from .telephony_room import CALLER, connected, ring, rules

# ---- taking over ----


async def test_after_a_login_it_claims_publishes_and_looks_in_that_order() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "41"}) as node, connected(node) as room:
        assert node.globals["ACD_EPOCH_main"] == "42"
        assert room.telephony.epoch == 42
        assert room.telephony.trouble is None
        asked = [(a.action, a["Variable"] if a.action.endswith("var") else "") for a in node.received]
    asked = [(action, about) for action, about in asked if not about.startswith(("VERSION", "DIALPLAN"))]
    assert asked[:5] == [
        ("Login", ""),
        ("Getvar", "SYSTEMNAME"),
        ("Getvar", "ACD_EPOCH_main"),
        ("Setvar", "ACD_EPOCH_main"),
        ("UserEvent", ""),
    ]
    assert asked[5] == ("Getvar", "ACD_EPOCH_main")  # does it stand?
    actions = [action for action, _ in asked]
    assert actions.index("UserEvent") < asked.index(("Setvar", "ACD_DNIS_493023125100"))
    assert asked.index(("Setvar", "ACD_DNIS_493023125100")) < actions.index("Status")


@pytest.mark.parametrize("found", ["(null)", "", "garbage", "9" * 30, "-3"])
async def test_a_first_owner_begins_at_one_whatever_stands_in_the_global(found: str) -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": found}) as node, connected(node):
        assert node.globals["ACD_EPOCH_main"] == "1"


async def test_ownership_is_announced_to_every_other_router() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "6"}) as node, connected(node) as room:
        [told] = node.actions("UserEvent")
        assert (told["UserEvent"], told["Pool"], told["Epoch"], told["V"]) == ("AcdOwner", "main", "7", "1")
        # and its own echo deposes nobody
        assert room.of(OwnerSeen) == []


async def test_every_dialled_form_of_every_number_is_known_to_asterisk() -> None:
    async with FakeNode() as node, connected(node, served=rules("+493023125100", "+493023125101")):
        for digits in ("493023125100", "00493023125100", "03023125100", "03023125101"):
            assert node.globals[f"ACD_DNIS_{digits}"] == "shop,early-media,de,default,main"


async def test_a_site_of_a_thousand_numbers_is_published_to_the_last_one() -> None:
    numbers = [f"+4930231{n:05}" for n in range(1000)]
    async with FakeNode() as node, connected(node, served=rules(*numbers)) as room:
        known = [name for name in node.globals if name.startswith("ACD_DNIS_")]
        assert len(known) == 3000
        assert room.telephony.failed_actions == 0
        assert room.telephony.session.counters.overflows == 0


async def test_the_heart_beats_only_for_a_pool_that_is_ours() -> None:
    async with FakeNode(unanswered={"ACD_EPOCH_main"}) as node, connected(node, synced=False) as room:
        await until(lambda: room.telephony.session.connected)
        room.telephony.beat(1)
        await until(lambda: [asked for asked in node.actions("Getvar") if asked["Variable"] == "ACD_EPOCH_main"])
        room.telephony.beat(1)
        await room.telephony.session.send({"Action": "Ping"}, 5)  # whatever was written before has arrived
        assert node.set_to("ACD_HB_main") == []
        node.unanswered.clear()
        node.cut()
        await room.synced()
        room.telephony.beat(2)
        await until(lambda: node.set_to("ACD_HB_main")[-1:] == ["2"])


@pytest.mark.parametrize("version", ["200500", "220900", "230000", "", "(null)"])
async def test_an_asterisk_of_another_age_is_said_and_nothing_is_claimed(version: str) -> None:
    async with FakeNode(version=version) as node, connected(node, synced=False) as room:
        await until(lambda: room.telephony.unfit)

        assert "22.10.1" in (room.telephony.trouble or "")
        assert room.telephony.epoch == 0
        assert "ACD_EPOCH_main" not in node.globals


@pytest.mark.parametrize(
    ("missing", "said"),
    [({"acd-agent", "acd-after"}, "acd-agent,card and acd-after,s"), ({"acd-agent,card"}, "older than this router")],
)
async def test_a_dialplan_that_is_not_loaded_or_too_old_is_said_by_what_is_missing(
    missing: set[str], said: str
) -> None:
    async with FakeNode(contexts_missing=missing) as node, connected(node, synced=False) as room:
        await until(lambda: room.telephony.unfit)

        assert said in (room.telephony.trouble or "")
        assert room.telephony.epoch == 0


async def test_a_wrong_systemname_is_said_and_nothing_is_claimed() -> None:
    async with FakeNode(name="pbx_2") as node, connected(node, synced=False) as room:
        await until(lambda: room.telephony.unfit)
        room.telephony.beat(1)
        assert "'pbx_2'" in (room.telephony.trouble or "")
        assert "'pbx_1'" in (room.telephony.trouble or "")
        assert node.actions("Setvar") == []
        assert room.of(Resynced) == []


async def test_a_node_that_takes_no_claim_is_not_offered_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_RETRY_S", 0.01)
    async with FakeNode(refusing={"Setvar": "Permission denied"}) as node, connected(node, synced=False) as room:
        await until(lambda: len(node.actions("Setvar")) >= 2)
        assert room.of(Resynced) == []
        assert room.telephony.trouble == "The state of Asterisk is being read."
        node.refusing.clear()
        await room.synced()
        assert node.globals["ACD_EPOCH_main"] == "1"


async def test_a_snapshot_that_fails_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_RETRY_S", 0.01)
    async with FakeNode(refusing={"Status": "not now"}) as node, connected(node, synced=False) as room:
        await until(lambda: len(node.actions("Status")) >= 3)
        assert not room.telephony.synced
        node.refusing.clear()
        await room.synced()
        assert room.telephony.trouble is None
        assert node.set_to("ACD_EPOCH_main") == ["1"]


# ---- the snapshot ----


async def test_legs_and_phones_of_the_node_are_in_the_snapshot() -> None:
    leg = {"Channel": "PJSIP/trunk-00000001", "ChannelState": "6", "Uniqueid": CALLER, "BridgeID": ""}
    leg |= {"ACD_CONTACT": CALLER, "ACD_STATE": "waiting", "ACD_CAMPAIGN": "shop", "ACD_DNIS": "493023125100"}
    node = FakeNode(legs=[leg], phones={"agent-1001": "NOT_INUSE", "agent-1002": "UNAVAILABLE"})
    async with node, connected(node) as room:
        [snapshot] = room.snapshots
        assert [(leg.leg, leg.state, leg.dnis) for leg in snapshot.legs] == [(CALLER, "waiting", "+493023125100")]
        assert snapshot.reachable == {"agent-1001": True, "agent-1002": False}
        assert snapshot.node == "pbx_1"
        assert 0 < snapshot.asked_at < snapshot.at


async def test_phones_asterisk_does_not_list_are_asked_for_one_by_one() -> None:
    phones = {f"agent-{n}": "NOT_INUSE" if n % 2 else "UNAVAILABLE" for n in range(250)}
    node = FakeNode(phones=phones, unlisted=set(phones))
    async with node, connected(node, endpoints=[*phones, "agent-unknown"]) as room:
        [snapshot] = room.snapshots
        assert snapshot.reachable == {p: s == "NOT_INUSE" for p, s in phones.items()} | {"agent-unknown": False}


def phones_asked(node: FakeNode) -> list[str]:
    return [a["Variable"] for a in node.actions("Getvar") if a["Variable"].startswith("DEVICE_STATE")]


async def test_an_unlisted_phone_that_answered_before_delays_no_later_snapshot_and_its_news_come_after_it() -> None:
    node = FakeNode(phones={"agent-1001": "NOT_INUSE", "agent-1002": "NOT_INUSE"}, unlisted={"agent-1001"})
    async with node, connected(node, endpoints=["agent-1001"]) as room:
        await room.synced()
        node.phones["agent-1001"] = "UNAVAILABLE"  # without a word, as when its endpoint was taken out
        room.telephony.perform(LookAgain(node="pbx_1"))
        assert (await room.synced(2)).reachable == {"agent-1001": True, "agent-1002": True}
        await until(lambda: room.of(EndpointSeen))
        [news] = room.of(EndpointSeen)
        assert isinstance(news, EndpointSeen)
        assert (news.endpoint, news.reachable) == ("agent-1001", False)


async def test_who_stands_by_has_asked_for_the_phones_before_its_turn_comes() -> None:
    node = FakeNode(phones={"agent-1001": "NOT_INUSE"}, unlisted={"agent-1001"})
    async with node, connected(node, endpoints=["agent-1001"], owns=False, synced=False) as room:
        await until(lambda: phones_asked(node))
        room.telephony.own()
        assert (await room.synced()).reachable == {"agent-1001": True}
        claimed, looked = (node.received.index(node.actions(name)[0]) for name in ("UserEvent", "Status"))
        between = [action["Variable"] for action in node.received[claimed:looked] if action.action == "Getvar"]
        assert not [variable for variable in between if variable.startswith("DEVICE_STATE")]


async def test_a_new_connection_forgets_what_phones_answered() -> None:
    node = FakeNode(phones={"agent-1001": "NOT_INUSE"}, unlisted={"agent-1001"})
    async with node, connected(node, endpoints=["agent-1001"]) as room:
        await room.synced()
        node.phones["agent-1001"] = "UNAVAILABLE"
        node.cut()
        assert (await room.synced(2)).reachable == {"agent-1001": False}


async def test_what_a_phone_does_while_phones_are_asked_is_newer_than_the_answer() -> None:
    node = FakeNode(phones={"agent-1001": "UNAVAILABLE"}, unlisted={"agent-1001"})
    node.after["DEVICE_STATE(PJSIP/agent-1001)"] = event(
        "DeviceStateChange", "Device: PJSIP/agent-1001", "State: NOT_INUSE"
    )
    async with node, connected(node, endpoints=["agent-1001"]) as room:
        [snapshot] = room.snapshots
        assert snapshot.reachable == {"agent-1001": True}


async def test_what_is_heard_while_the_snapshot_is_taken_is_newer_than_it() -> None:
    class Lively(FakeNode):
        def _status(self, action: Received) -> bytes:
            self.emit(event("HangupRequest", "Channel: PJSIP/trunk-1", f"Uniqueid: {CALLER}"))
            return super()._status(action)

    async with Lively() as node, connected(node) as room:
        [snapshot], [heard] = room.snapshots, room.of(HangupAsked)
        assert isinstance(heard, HangupAsked)
        assert snapshot.asked_at < heard.at


async def test_who_ended_just_before_the_answer_is_told_of_before_it() -> None:
    class Busy(FakeNode):
        def _status(self, action: Received) -> bytes:
            ended = event("Hangup", "Channel: PJSIP/trunk-1", f"Uniqueid: {CALLER}", "Cause: 16")
            asyncio.get_running_loop().call_later(0.05, self.emit, ended)
            return super()._status(action)

    async with Busy() as node, connected(node) as room:
        await until(lambda: room.of(LegEnded))
        room.telephony.perform(LookAgain(node="pbx_1"))
        await room.synced(2)
        seen = [type(seen) for seen in room.of(Resynced, LegEnded)]
        assert seen == [Resynced, LegEnded, LegEnded, Resynced], (
            "there is news to wait for only where we heard all of it"
        )


async def test_who_looks_again_gets_a_snapshot_asked_for_afterwards() -> None:
    async with FakeNode() as node, connected(node) as room:
        first = await room.synced()
        for _ in range(3):
            room.telephony.perform(LookAgain(node="pbx_1"))
        # three wishes while one is under way are one more
        await room.synced(3)
        assert [snapshot.asked_at > first.at for snapshot in room.snapshots[1:]] == [True, True]
        await room.telephony.session.send({"Action": "Ping"}, 5)
        assert [action["Variable"] for action in node.actions("Getvar")].count("SYSTEMNAME") == 3


async def test_new_rules_add_numbers_and_make_the_others_unknown() -> None:
    async with FakeNode() as node, connected(node, served=rules("+493023125100", "+493023125101")) as room:
        room.telephony.publish(rules("+493023125101", "+493023125102"))
        await room.asked_for_phones()
        assert node.globals["ACD_DNIS_493023125100"] == ""
        assert node.globals["ACD_DNIS_493023125102"] == "shop,early-media,de,default,main"
        assert len(node.set_to("ACD_DNIS_493023125101")) == 1


async def test_new_rules_bring_news_of_the_phones_of_new_agents() -> None:
    async with FakeNode(phones={"agent-1001": "NOT_INUSE"}, unlisted={"agent-1001"}) as node, connected(node) as room:
        assert room.snapshots[0].reachable == {}
        room.endpoints.append("agent-1001")
        room.telephony.publish(rules("+493023125100"))
        assert (await room.asked_for_phones()).reachable == {"agent-1001": True}


async def test_new_rules_are_no_reason_to_doubt_what_was_told_of_the_legs() -> None:
    async with FakeNode(phones={"agent-1001": "NOT_INUSE"}) as node, connected(node, endpoints=["agent-1001"]) as room:
        looked = len(node.actions("Status"))
        room.telephony.publish(rules("+493023125101"))
        seen = await room.asked_for_phones()
        assert (seen.reachable, seen.legs) == ({"agent-1001": True}, ())
        assert (len(room.snapshots), len(node.actions("Status"))) == (1, looked)


async def test_of_new_agents_it_is_asked_whether_they_use_their_phones_and_of_nobody_else() -> None:
    there = ("agent-1001", "agent-1002", "trunk")
    legs = [
        {"Channel": f"PJSIP/{who}-1", "Uniqueid": f"pbx_1-1.{n}", "ChannelState": "6"} for n, who in enumerate(there)
    ]
    async with FakeNode(legs=legs) as node, connected(node, endpoints=["agent-1001"]) as room:
        room.endpoints.append("agent-1002")
        room.telephony.publish(rules("+493023125100"))
        assert [leg.endpoint for leg in (await room.asked_for_phones()).legs] == ["agent-1002"]


async def test_who_wishes_to_look_while_new_rules_are_published_is_given_the_legs() -> None:
    async with FakeNode() as node, connected(node) as room:
        room.telephony.publish(rules("+493023125101"))
        room.telephony.perform(LookAgain(node="pbx_1"))
        await room.synced(2)
        assert [type(seen) for seen in room.of(Resynced, PhonesSeen)] == [Resynced, PhonesSeen, Resynced]


async def test_new_rules_before_the_first_look_do_not_take_its_place() -> None:
    async with FakeNode(unanswered={"Status"}) as node, connected(node, synced=False) as room:
        await until(lambda: node.actions("Status"))
        room.telephony.publish(rules("+493023125101"))
        node.unanswered.clear()
        node.cut()
        await room.synced()
        assert room.of(Resynced, PhonesSeen) == room.snapshots
        assert node.globals["ACD_DNIS_493023125101"] != ""


async def test_rules_that_come_while_asterisk_is_away_are_published_at_the_next_login() -> None:
    async with FakeNode() as node, connected(node) as room:
        await node.stop()
        await until(lambda: room.of(NodeLost))
        room.telephony.publish(rules("+493023125102"))
        await node.listen()
        await room.synced(2)
        assert node.globals["ACD_DNIS_493023125102"] != ""
        assert node.globals["ACD_DNIS_493023125100"] == ""


# ---- losing and coming back ----


async def test_a_lost_connection_is_told_and_the_return_publishes_and_looks_again() -> None:
    async with FakeNode() as node, connected(node) as room:
        room.telephony.beat(5)
        node.globals.clear()  # it restarted
        node.cut()
        await room.synced(2)
        assert [type(seen) for seen in room.of(NodeLost, Resynced)] == [Resynced, NodeLost, Resynced]
        assert room.telephony.epoch == 1
        assert node.globals["ACD_EPOCH_main"] == "1"
        assert node.globals["ACD_HB_main"] == "5"
        assert node.globals["ACD_DNIS_493023125100"] == "shop,early-media,de,default,main"


async def test_a_return_does_not_write_an_epoch_that_stands_there_already() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "6"}) as node, connected(node) as room:
        node.cut()
        await room.synced(2)
        assert node.set_to("ACD_EPOCH_main") == ["7"]
        assert room.of(OwnerSeen) == []


async def test_a_ring_in_flight_when_the_connection_goes_is_not_called_failed() -> None:
    async with FakeNode(unanswered={"Originate"}) as node, connected(node) as room:
        room.telephony.perform(ring())
        await until(lambda: node.actions("Originate"))
        node.cut()
        await room.synced(2)
        assert room.of(OriginateFailed) == []
        assert len(node.actions("Originate")) == 1  # and it is never written twice


async def test_a_ring_without_a_connection_fails_at_once() -> None:
    async with FakeNode() as node, connected(node) as room:
        await node.stop()
        await until(lambda: not room.telephony.session.connected)
        room.telephony.perform(ring())
        [failed] = room.of(OriginateFailed)
        assert isinstance(failed, OriginateFailed)
        assert (failed.offer_id, failed.reason, failed.exists) == (CALLER + ".1", "ami-lost", False)


async def test_everything_else_without_a_connection_is_counted_and_never_raised() -> None:
    async with FakeNode() as node, connected(node) as room:
        await node.stop()
        await until(lambda: not room.telephony.session.connected)
        before = room.telephony.failed_actions
        room.telephony.perform(EndLeg(leg=CALLER, node="pbx_1"))  # type: ignore[arg-type]
        room.telephony.perform(SendCaller(contact_id=CALLER, leg=CALLER, node="pbx_1", context="acd-wait"))  # type: ignore[arg-type]
        room.telephony.perform(LookAgain(node="pbx_1"))
        room.telephony.beat(9)
        room.telephony.publish(rules("+493023125100"))
        assert room.telephony.failed_actions == before + 2


async def test_between_a_login_and_its_snapshot_nobody_is_hung_up_or_sent_anywhere() -> None:
    async with FakeNode() as node, connected(node) as room:
        node.unanswered.add("Status")
        node.cut()
        await until(lambda: len(node.actions("Status")) == 2)
        room.telephony.perform(EndLeg(leg=CALLER, node="pbx_1"))  # type: ignore[arg-type]
        room.telephony.perform(SendCaller(contact_id=CALLER, leg=CALLER, node="pbx_1", context="acd-closing"))  # type: ignore[arg-type]
        room.telephony.perform(AnswerPhone(leg=CALLER, node="pbx_1", result="paused"))  # type: ignore[arg-type]
        await until(lambda: node.actions("Redirect"))
        assert node.actions("Hangup") == []
        assert [action["Context"] for action in node.actions("Redirect")] == ["acd-say"], "who waits for that is there"


async def test_what_was_wished_for_after_asterisk_was_asked_has_it_asked_once_more() -> None:
    wishes = []

    class Asked(FakeNode):
        def _status(self, action: Received) -> bytes:
            while wishes:
                room.telephony.perform(wishes.pop())
            return super()._status(action)

    async with Asked() as node, connected(node) as room:
        wishes.append(EndLeg(leg=CALLER, node="pbx_1"))  # type: ignore[arg-type]
        node.cut()
        await room.synced(3)
        assert node.actions("Hangup") == []


async def test_what_a_waiting_caller_is_told_goes_out_only_while_it_is_news() -> None:
    told = Announce(contact_id=CALLER, leg=CALLER, node="pbx_1", music="jazz", prompts=("acd/wait-2",))  # type: ignore[arg-type]

    def said(node: FakeNode) -> list[str]:
        return [action["Value"] for action in node.actions("Setvar") if action["Variable"] == "ACD_SAY"]

    async with FakeNode() as node, connected(node) as room:
        room.telephony.perform(told)
        await until(lambda: said(node))
        assert said(node) == ["jazz~acd/wait-2"]
        room.tenure.acting = Acting.UNKNOWN
        room.telephony.perform(told)
        room.tenure.learn(Acting.YES)
        node.unanswered.add("Status")
        node.cut()
        await until(lambda: len(node.actions("Status")) == 2)
        room.telephony.perform(told)
        room.telephony.perform(AnswerPhone(leg=CALLER, node="pbx_1", result="paused"))  # type: ignore[arg-type]
        await until(lambda: node.actions("Redirect"))
        assert len(said(node)) == 1

"""The Telephony port on AMI at work: effects go out, events come in, another owner ends it."""

from dataclasses import replace

from router.domain.messages.effects import AnswerPhone, EndLeg, LookAgain, SendCaller
from router.domain.messages.observations import EndpointSeen, HangupAsked, LegUnheld, OriginateFailed, OwnerSeen

from .fake_node import FakeNode
from .fake_server import HASTY, event, until
from .telephony_room import CALLER, connected, ring, rules

# ---- performing ----


async def test_effects_reach_asterisk_in_the_order_they_were_decided() -> None:
    async with FakeNode() as node, connected(node) as room:
        before = len(node.received)
        room.telephony.perform(ring())
        room.telephony.perform(EndLeg(leg=CALLER, node="pbx_1"))  # type: ignore[arg-type]
        room.telephony.perform(SendCaller(contact_id=CALLER, leg=CALLER, node="pbx_1", context="acd-closing"))  # type: ignore[arg-type]
        room.telephony.perform(AnswerPhone(leg=CALLER, node="pbx_1", result="paused"))  # type: ignore[arg-type]
        await until(lambda: len(node.received) == before + 4)
        assert [action.action for action in node.received[before:]] == ["Originate", "Hangup", "Redirect", "Redirect"]
        assert node.received[before]["ChannelId"] == CALLER + ".1"


async def test_a_ring_refused_because_the_leg_exists_is_to_be_adopted() -> None:
    async with FakeNode(channel_ids={CALLER + ".1"}) as node, connected(node) as room:
        room.telephony.perform(ring())
        await until(lambda: room.of(OriginateFailed))
        [failed] = room.of(OriginateFailed)
        assert isinstance(failed, OriginateFailed)
        assert failed.exists


async def test_a_refused_ring_fails_its_offer_with_asterisks_reason() -> None:
    async with FakeNode(refusing={"Originate": "Permission denied"}) as node, connected(node) as room:
        room.telephony.perform(ring())
        await until(lambda: room.of(OriginateFailed))
        [failed] = room.of(OriginateFailed)
        assert isinstance(failed, OriginateFailed)
        assert (failed.reason, failed.exists) == ("Permission denied", False)


async def test_too_many_rings_at_once_fail_as_overload_and_harm_nothing() -> None:
    async with FakeNode(unanswered={"Originate"}) as node, connected(node) as room:
        room.telephony.session.limits = replace(HASTY, in_flight=10)
        for number in range(12):
            room.telephony.perform(ring(number))
        failed = room.of(OriginateFailed)
        assert [seen.reason for seen in failed if isinstance(seen, OriginateFailed)] == ["ami-overloaded"] * 2
        assert room.telephony.session.connected


async def test_a_hang_up_of_a_leg_that_is_gone_is_counted_and_nothing_more() -> None:
    async with FakeNode(refusing={"Hangup": "No such channel"}) as node, connected(node) as room:
        before = len(room.seen)
        room.telephony.perform(EndLeg(leg=CALLER, node="pbx_1"))  # type: ignore[arg-type]
        await until(lambda: room.telephony.failed_actions == 1)
        assert len(room.seen) == before


async def test_a_canary_is_a_call_to_our_own_door() -> None:
    async with FakeNode() as node, connected(node) as room:
        room.telephony.call_in("000226279")
        await until(lambda: node.actions("Originate"))
        [call] = node.actions("Originate")
        assert call["Channel"] == "Local/000226279@acd-canary-call/n"


# ---- events ----


async def test_events_become_observations_in_asterisks_order() -> None:
    async with FakeNode() as node, connected(node) as room:
        names = ["HangupRequest", "Unhold"]
        node.emit(
            b"".join(
                event(names[n % 2], f"Timestamp: {n}.000000", "Channel: PJSIP/a-1", "Uniqueid: x") for n in range(500)
            )
        )
        await until(lambda: len(room.of(HangupAsked, LegUnheld)) == 500)
        assert [seen.at for seen in room.of(HangupAsked, LegUnheld)] == [n * 1_000_000 for n in range(500)]  # type: ignore[union-attr]


async def test_an_event_that_lacks_a_header_is_counted_and_the_next_one_read() -> None:
    async with FakeNode() as node, connected(node) as room:
        node.emit(event("UserEvent", "Channel: PJSIP/x-1", "UserEvent: AcdArrived", "V: 1"))
        node.emit(event("DeviceStateChange", "Device: PJSIP/agent-1001", "State: INUSE"))
        await until(lambda: room.of(EndpointSeen))
        assert room.telephony.malformed == 1
        assert room.telephony.session.counters.handler_errors == 0


# ---- somebody else ----


def owner(pool: str, epoch: int) -> bytes:
    return event("UserEvent", "UserEvent: AcdOwner", "V: 1", f"Pool: {pool}", f"Epoch: {epoch}")


async def test_a_higher_epoch_deposes_and_from_then_on_nothing_is_done() -> None:
    async with FakeNode() as node, connected(node) as room:
        node.emit(owner("main", 2))
        await until(lambda: room.of(OwnerSeen))
        before = len(node.received)
        room.telephony.perform(ring())
        room.telephony.perform(EndLeg(leg=CALLER, node="pbx_1"))  # type: ignore[arg-type]
        room.telephony.perform(LookAgain(node="pbx_1"))
        room.telephony.beat(99)
        room.telephony.publish(rules("+493023125109"))
        await room.telephony.session.send({"Action": "Ping"}, 5)
        assert [action.action for action in node.received[before:]] == ["Ping"]
        assert "Another router" in (room.telephony.trouble or "")


async def test_the_same_epoch_a_lower_one_and_another_pool_depose_nobody() -> None:
    async with FakeNode(globals={"ACD_EPOCH_main": "4"}) as node, connected(node) as room:
        node.emit(owner("main", 5) + owner("main", 3) + owner("north", 900))
        node.emit(event("DeviceStateChange", "Device: PJSIP/agent-1001", "State: INUSE"))
        await until(lambda: room.of(EndpointSeen))
        assert room.of(OwnerSeen) == []
        room.telephony.beat(7)
        await until(lambda: node.set_to("ACD_HB_main")[-1:] == ["7"])


async def test_a_successor_found_at_the_return_is_obeyed_and_not_overwritten() -> None:
    async with FakeNode() as node, connected(node) as room:
        node.globals["ACD_EPOCH_main"] = "2"
        beats = len(node.set_to("ACD_HB_main"))
        node.cut()
        await until(lambda: room.of(OwnerSeen))
        assert room.of(OwnerSeen) == [OwnerSeen(pool="main", epoch=2)]
        room.telephony.beat(50)
        await room.telephony.session.send({"Action": "Ping"}, 5)
        assert node.globals["ACD_EPOCH_main"] == "2"
        assert len(node.set_to("ACD_HB_main")) == beats
        assert len(room.snapshots) == 1


async def test_who_was_deposed_claims_nothing_from_an_asterisk_that_forgot() -> None:
    async with FakeNode() as node, connected(node) as room:
        node.emit(owner("main", 2))
        await until(lambda: room.of(OwnerSeen))
        node.globals.clear()
        logins = room.telephony.session.counters.logins
        node.cut()
        await until(lambda: room.telephony.session.counters.logins > logins)
        await room.telephony.session.send({"Action": "Ping"}, 5)
        assert node.globals == {}

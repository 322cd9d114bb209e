"""Who is let in and who is not, by the limits of a node, its trunks and its campaigns."""

from hypothesis import given
from hypothesis import strategies as st

from router.domain.ids import CampaignName
from router.domain.messages.events import CallRefused
from router.domain.messages.observations import CallTurnedAway
from router.domain.rulebook.admission import CAMPAIGN_FULL, FULL, NODE_FULL, TRUNK_FULL, Capacity, Room, room_for
from tests import builders

LIMIT = st.integers(0, 30)
CALLERS = st.integers(1, 60)
CAPACITIES = st.builds(
    lambda most, reserved: Capacity(max_calls=most, reserved_calls=min(reserved, max(0, most - 1))), LIMIT, LIMIT
)


def ask(room: Room, *, on_node: int = 1, of_campaign: int = 1, by_trunk: int = 1, trunk_limit: int = 0) -> str | None:
    return room.why_refused(on_node=on_node, of_campaign=of_campaign, by_trunk=by_trunk, trunk_limit=trunk_limit)


def test_the_last_place_is_given_and_the_next_caller_is_refused() -> None:
    room = room_for(Capacity(max_calls=20), max_calls=8, emergency=False)

    assert ask(room, on_node=20, of_campaign=8, by_trunk=5, trunk_limit=5) is None
    assert ask(room, on_node=21) == NODE_FULL
    assert ask(room, of_campaign=9) == CAMPAIGN_FULL
    assert ask(room, by_trunk=6, trunk_limit=5) == TRUNK_FULL


def test_of_several_limits_the_closest_is_named() -> None:
    room = room_for(Capacity(max_calls=20), max_calls=8, emergency=False)

    assert ask(room, on_node=21, of_campaign=9, by_trunk=6, trunk_limit=5) == CAMPAIGN_FULL
    assert ask(room, on_node=21, by_trunk=6, trunk_limit=5) == TRUNK_FULL


def test_reserved_places_are_for_emergency_campaigns() -> None:
    capacity = Capacity(max_calls=20, reserved_calls=5)
    shop = room_for(capacity, max_calls=0, emergency=False)
    hotline = room_for(capacity, max_calls=0, emergency=True)

    assert (ask(shop, on_node=15), ask(shop, on_node=16)) == (None, NODE_FULL)
    assert (ask(hotline, on_node=20), ask(hotline, on_node=21)) == (None, NODE_FULL)


def test_a_flood_by_a_trunk_keeps_no_emergency_out() -> None:
    hotline = room_for(Capacity(max_calls=20), max_calls=0, emergency=True)

    assert ask(hotline, by_trunk=13, trunk_limit=12) is None


def test_without_limits_everybody_is_let_in() -> None:
    assert ask(room_for(Capacity(), max_calls=0, emergency=False), on_node=10**6, of_campaign=10**6) is None


@given(capacity=CAPACITIES, own=LIMIT, on_node=CALLERS, of_campaign=CALLERS, by_trunk=CALLERS, trunk_limit=LIMIT)
def test_an_emergency_finds_room_wherever_anybody_does(
    capacity: Capacity, own: int, on_node: int, of_campaign: int, by_trunk: int, trunk_limit: int
) -> None:
    there = {"on_node": on_node, "of_campaign": of_campaign, "by_trunk": by_trunk, "trunk_limit": trunk_limit}
    ordinary = room_for(capacity, max_calls=own, emergency=False).why_refused(**there)
    urgent = room_for(capacity, max_calls=own, emergency=True).why_refused(**there)

    assert ordinary in (None, *FULL)
    assert ordinary is not None or urgent is None


@given(capacity=CAPACITIES, own=LIMIT, callers=st.lists(st.booleans(), max_size=80))
def test_no_sequence_of_callers_gets_above_a_limit(capacity: Capacity, own: int, callers: list[bool]) -> None:
    inside: list[bool] = []
    for emergency in callers:
        room = room_for(capacity, max_calls=own, emergency=emergency)
        of_campaign = inside.count(emergency) + 1
        if ask(room, on_node=len(inside) + 1, of_campaign=of_campaign) is None:
            inside.append(emergency)

    if capacity.max_calls:
        assert len(inside) <= capacity.max_calls
        assert inside.count(False) <= capacity.max_calls - capacity.reserved_calls
    if own:
        assert max(inside.count(False), inside.count(True)) <= own


def test_a_refused_caller_is_told_of_with_their_campaign_and_is_no_contact() -> None:
    room = builders.Room()
    shop = next(iter(room.floor.rules.campaigns))

    for campaign in (shop, CampaignName("nobody's")):
        room.see(CallTurnedAway(dialled="+493023125100", reason=NODE_FULL, campaign=campaign, at=room.now))

    assert [(told.reason, told.campaign) for told in room.of(CallRefused)] == [(NODE_FULL, shop), (NODE_FULL, "")]
    assert not room.floor.contacts

"""What waiting callers are told: when, what, and to whom not."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/waiting/waiting_room.py"
_GUARD = "tests/domain/test_treatment.py::"

MUTANTS = (
    Mutant(
        name="Who comes to a further queue is not welcomed there",
        file="router/domain/lobby/reception.py",
        find="            if campaign is not None and name == campaign.entry:\n",
        replace=(
            "            campaign = floor.rules.campaigns.get(contact.campaign)\n            if campaign is not None:\n"
        ),
        guards=(_GUARD + "test_a_further_queue_welcomes_once_and_plays_its_own_music",),
        short=True,
    ),
    Mutant(
        name="A caller is told their position while an agent's phone rings",
        file=_HERE,
        find="    if contact.state is not ContactState.QUEUED or not contact.turn:\n",
        replace="    if False:\n",
        guards=(
            _GUARD + "test_whoever_is_offered_hears_nothing_new_and_goes_on_after_a_ring_nobody_answered",
            _GUARD + "test_whose_node_is_out_of_sight_is_told_nothing_until_it_is_back",
        ),
    ),
    Mutant(
        name="After a restart nobody is told anything any more",
        file="router/domain/pictures/recovery.py",
        find="        attend(floor, contact, floor.queues[contact.queue], now)\n",
        replace="        pass\n",
        guards=(_GUARD + "test_the_next_router_goes_on_in_time_and_nobody_is_welcomed_twice",),
    ),
    Mutant(
        name="A wait is rounded down: more is promised than can be kept",
        file="router/domain/rulebook/treatment.py",
        find="next(step for step in WAIT_STEPS if expected_us <= step * MINUTE)",
        replace="max(step for step in WAIT_STEPS if step * MINUTE <= expected_us)",
        guards=(_GUARD + "test_a_wait_is_rounded_up_and_never_promised_too_short",),
    ),
    Mutant(
        name="Places are counted with those who have left the line",
        file="router/domain/benches/line.py",
        find="            count += other[4].turn == other[3]\n",
        replace="            count += 1\n",
        guards=(_GUARD + "test_a_place_is_counted_over_all_rows_and_not_beyond_the_most_that_is_told",),
    ),
    Mutant(
        name="Whoever talks is still told their position by the clock",
        file="router/domain/floor.py",
        find='            timers.cancel(("treat", contact_id))\n',
        replace="            pass\n",
        guards=(_GUARD + "test_whoever_talks_leaves_or_is_gone_has_no_timer_any_more",),
    ),
)

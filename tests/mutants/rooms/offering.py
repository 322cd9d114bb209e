"""The life of an offer: the agent reserved, the ring, the leg that comes too late."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/calls/offering.py"
_GUARD = "tests/domain/test_offering.py::"

MUTANTS = (
    Mutant(
        name="An offer keeps its agent reserved after its leg has ended",
        file=_HERE,
        find="    agent.offer = None\n    apply_next(floor, agent, now)\n",
        replace="    apply_next(floor, agent, now)\n",
        guards=(_GUARD + "test_who_missed_is_free_of_the_offer_only_when_its_leg_has_ended",),
        short=True,
    ),
    Mutant(
        name="The ring's deadline goes on after the agent has picked up",
        file=_HERE,
        find='    floor.timers.cancel(("ring", offer.offer_id))\n',
        replace="",
        guards=(_GUARD + "test_picked_up_in_time_is_not_missed_while_the_whisper_plays",),
    ),
    Mutant(
        name="A leg that appears after its offer was taken back is not hung up again",
        file=_HERE,
        find="    if offer.state is _RESCINDING:\n        floor.effects.append(",
        replace="    if offer.state is OfferState.CLOSED:\n        floor.effects.append(",
        guards=(_GUARD + "test_a_rescinded_leg_is_hung_up_again_when_it_appears",),
    ),
    Mutant(
        name="A leg that never ends after its offer was taken back keeps the agent reserved for ever",
        file=_HERE,
        find='    floor.timers.set(("rescind", offer.offer_id), now + floor.rules.rescind_grace_us)\n',
        replace="",
        guards=(_GUARD + "test_a_rescinded_leg_that_does_not_end_keeps_the_phone_busy_and_not_the_agent_reserved",),
    ),
    Mutant(
        name="A leg taken for dead leaves its agent free while their phone still rings",
        file=_HERE,
        find="    if offer.leg_seen_at is not None:\n        floor.occupy(",
        replace="    if offer.leg_seen_at is None:\n        floor.occupy(",
        guards=(_GUARD + "test_a_rescinded_leg_that_does_not_end_keeps_the_phone_busy_and_not_the_agent_reserved",),
    ),
    Mutant(
        name="A caller whose ring was missed waits until the missed leg has ended",
        file=_HERE,
        find="    floor.effects.append(EndLeg(leg=offer.leg, node=offer.node))\n    _give_back(floor, offer, now)\n",
        replace="    floor.effects.append(EndLeg(leg=offer.leg, node=offer.node))\n",
        guards=(_GUARD + "test_a_missed_offer_goes_to_the_next_agent_at_once_and_pauses_who_missed_it",),
    ),
    Mutant(
        name="An agent is paused for a ring that their dead phone never gave",
        file=_HERE,
        find="result = _MISSED if offer.rang else _UNREGISTERED",
        replace="result = _MISSED",
        guards=(_GUARD + "test_a_phone_that_never_rang_is_a_dead_line_and_no_miss",),
    ),
    Mutant(
        name="An agent is paused for a ring on a node that nobody could see",
        file=_HERE,
        find="    if offer.node not in floor.nodes:\n",
        replace="    if offer.node == '':\n",
        guards=("tests/domain/test_resync.py::test_an_agent_is_not_blamed_for_a_ring_nobody_could_see",),
    ),
    Mutant(
        name="An agent who let it ring is rung again at once",
        file=_HERE,
        find="        in_vain(floor, agent, floor.contacts.get(offer.contact_id), result, now)\n",
        replace="        pass\n",
        guards=(_GUARD + "test_a_missed_offer_goes_to_the_next_agent_at_once_and_pauses_who_missed_it",),
    ),
    Mutant(
        name="An agent who rejected a caller is asked about the same caller again at once",
        file="router/domain/staff/aftermath.py",
        find="    until_at = now + floor.rules.reject_hold_us\n",
        replace="    until_at = now\n",
        guards=(_GUARD + "test_who_rejected_is_not_asked_again_for_30_seconds_about_the_same_caller",),
    ),
    Mutant(
        name="A phone that cannot take a call is rung again and again",
        file="router/domain/staff/aftermath.py",
        find="        agent.held_until = now + hold_us\n",
        replace="        agent.held_until = now\n",
        guards=(_GUARD + "test_a_phone_that_cannot_take_a_call_is_left_alone_for_5_seconds",),
    ),
    Mutant(
        name="A caller who is said to talk already is rung at the next agent without looking",
        file=_HERE,
        find="            floor.park(contact, True, now)\n",
        replace="",
        guards=(_GUARD + "test_told_that_somebody_else_has_the_caller_we_look_before_we_ring_anybody_else",),
    ),
    Mutant(
        name="A ring that Asterisk refuses because its leg lives already is given up",
        file=_HERE,
        find="    elif not seen.exists and offer.leg_seen_at is None:\n",
        replace="    elif offer.leg_seen_at is None:\n",
        guards=(_GUARD + "test_an_originate_refused_because_the_leg_lives_is_adopted",),
    ),
    Mutant(
        name="An engaged phone counts as a ring that its agent ignored",
        file="router/domain/contacts/offer.py",
        find="    486: OfferResult.BUSY,\n",
        replace="    486: OfferResult.MISSED,\n",
        guards=(_GUARD + "test_the_final_sip_status_tells_how_an_offer_ended",),
    ),
    Mutant(
        name="An agent who rejects everybody is asked first every time",
        file=_HERE,
        find="    if result in REASONS:\n        agent.idle_since = now",
        replace="    if False:\n        agent.idle_since = now",
        guards=(_GUARD + "test_who_rejected_goes_to_the_end_of_the_bench",),
    ),
    Mutant(
        name="Asterisk gives a ring up in the same moment as we do",
        file="router/domain/matching.py",
        find="rules.ring_us + _ORIGINATE_SLACK_US",
        replace="rules.ring_us",
        guards=(_GUARD + "test_asterisk_itself_gives_a_ring_up_two_seconds_after_we_do",),
    ),
    Mutant(
        name="An agent sees the number of a caller that the campaign keeps to itself",
        file="router/domain/matching.py",
        find='contact.ani if campaign.show_number else ""',
        replace="contact.ani",
        guards=(_GUARD + "test_an_agent_sees_the_callers_number_only_where_the_campaign_lets_them",),
    ),
)

"""Ways out of a line: outside, a message, keys, early media."""

from tests.mutants.mutant import Mutant

_HERE = "tests/domain/test_ways_out.py::"

MUTANTS = (
    Mutant(
        name="Who is not taken outside is sent there again and again",
        file="router/domain/exits.py",
        find="    after = names.index(seen.target) + 1 if",
        replace="    after = names.index(seen.target) if",
        guards=(_HERE + "test_who_is_not_taken_outside_goes_on_to_the_target_after_it_at_the_old_age",),
        short=True,
    ),
    Mutant(
        name="Who went outside by a key of theirs loses their place",
        file="router/domain/exits.py",
        find="    if why == OWN_KEY:\n",
        replace="    if why == EARLY:\n",
        guards=(_HERE + "test_who_went_outside_by_a_key_and_was_not_taken_has_their_old_place",),
    ),
    Mutant(
        name="A key takes a caller out of their line though its queue has no room",
        file="router/domain/exits.py",
        find="    return not sent_on(floor, line_for(floor, there, contact, now), contact, now)\n",
        replace="    return True\n",
        guards=(_HERE + "test_a_key_whose_queue_has_no_room_costs_nobody_their_place",),
    ),
    Mutant(
        name="Old news of a target moves a caller who was sent elsewhere since",
        file="router/domain/exits.py",
        find='    if contact.sent_to not in ("", seen.target):\n',
        replace="    if not contact.sent_to:\n",
        guards=(_HERE + "test_news_of_a_target_that_is_no_longer_theirs_is_ignored",),
    ),
    Mutant(
        name="A number is dialled though no trunk leads outside",
        file="router/domain/outside.py",
        find="    return not isinstance(target, ToNumber) or floor.rules.outside is not None\n",
        replace="    return True\n",
        guards=(_HERE + "test_where_no_trunk_leads_outside_a_number_is_passed_over",),
    ),
    Mutant(
        name="A caller who talks to somebody outside is taken for one who talks to an agent",
        file="router/domain/resync.py",
        find='    if leg.state == "outside":\n        if state',
        replace='    if leg.state == "nowhere":\n        if state',
        guards=(_HERE + "test_a_resync_does_not_take_a_talk_outside_for_one_with_an_agent",),
    ),
    Mutant(
        name="Who is being rung for is torn away when early media has lasted too long",
        file="router/domain/exits.py",
        find="        if contact.live:\n            contact.overdue = contact.overdue or EARLY  # goes",
        replace="        if False:\n            contact.overdue = contact.overdue or EARLY  # goes",
        guards=(_HERE + "test_or_they_overflow_but_not_while_somebody_is_rung_for_them",),
    ),
    Mutant(
        name="An emergency is sent on because it has waited unanswered",
        file="router/domain/exits.py",
        find=" or (contact.urgent and then is EarlyMedia.OVERFLOW):\n",
        replace=":\n",
        guards=(_HERE + "test_an_emergency_caller_is_answered_rather_than_sent_on",),
    ),
    Mutant(
        name="Who talked already is sent on for not having been answered",
        file="router/domain/exits.py",
        find="not contact.is_waiting or contact.answered_at is not None:\n",
        replace="not contact.is_waiting:\n",
        guards=(_HERE + "test_who_is_found_after_a_talk_nobody_here_knew_of_is_answered_already",),
    ),
    Mutant(
        name="A successor does not know whom a target was tried for",
        file="router/domain/recovery.py",
        find="        sent_to=stands.sent_to,\n        sent_why=stands.sent_why,\n",
        replace="",
        guards=(_HERE + "test_a_successor_goes_on_where_the_one_before_had_come_to",),
    ),
    Mutant(
        name="A successor lets early media last for ever",
        file="router/domain/recovery.py",
        find='        floor.timers.set(("early", contact.contact_id), _not_yet(stands.early_at, now))\n',
        replace="        pass\n",
        guards=(_HERE + "test_a_successor_knows_who_has_waited_unanswered_for_how_long",),
    ),
    Mutant(
        name="A number of our own is dialled out and comes back",
        file="router/config/ways_out.py",
        find="        elif target.number in ours:\n",
        replace="        elif target.number in ():\n",
        guards=("tests/config/test_ways_out.py::test_a_number_of_our_own_is_not_dialled_out",),
    ),
)

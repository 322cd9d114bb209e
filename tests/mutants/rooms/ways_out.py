"""Ways out of a line: outside, a message, keys, early media."""

from tests.mutants.mutant import Mutant

_HERE = "tests/domain/test_ways_out.py::"
_PASSED = "tests/domain/test_passed_over.py::"

MUTANTS = (
    Mutant(
        name="Two keys are enough to wait for ever",
        file="router/domain/exits.py",
        find="        if been_there and",
        replace="        if False and",
        guards=("tests/domain/test_ways_out.py::test_who_goes_to_and_fro_by_keys_does_not_wait_for_ever",),
    ),
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
        find="    return not stands_there and not refused(floor, contact, target, now)\n",
        replace="    return not stands_there\n",
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
        find="    elif contact.live:\n        contact.overdue = contact.overdue or EARLY  # goes",
        replace="    elif False:\n        contact.overdue = contact.overdue or EARLY  # goes",
        guards=(_HERE + "test_or_they_overflow_but_not_while_somebody_is_rung_for_them",),
    ),
    Mutant(
        name="An emergency is sent on because it has waited unanswered",
        file="router/domain/exits.py",
        find="answers = then is EarlyMedia.ANSWER or contact.urgent\n",
        replace="answers = then is EarlyMedia.ANSWER\n",
        guards=(_HERE + "test_an_emergency_caller_is_answered_rather_than_sent_on",),
    ),
    Mutant(
        name="Who talked already is sent on for not having been answered",
        file="router/domain/resync.py",
        find="    welcome(floor, contact, up=leg.up)\n",
        replace="    welcome(floor, contact)\n",
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
        name="An order to answer that got lost is never given again",
        file="router/domain/exits.py",
        find='        floor.timers.set(("early", key), now + EARLY_AGAIN_US)\n',
        replace="        pass\n",
        guards=(_HERE + "test_an_order_to_answer_that_got_lost_is_given_again_until_the_leg_is_up",),
    ),
    Mutant(
        name="A caller whose leg is up is told to be answered for ever",
        file="router/domain/switchboard.py",
        find="        reception.was_answered(floor, called)\n",
        replace="",
        guards=(_HERE + "test_an_order_to_answer_that_got_lost_is_given_again_until_the_leg_is_up",),
    ),
    Mutant(
        name="A successor lets early media last for ever",
        file="router/domain/recovery.py",
        find='        floor.timers.set(("early", contact.contact_id), _not_yet(stands.early_at, now))\n',
        replace="        pass\n",
        guards=(_HERE + "test_a_successor_knows_who_has_waited_unanswered_for_how_long",),
    ),
    Mutant(
        name="A line with no room is a way out, and is left along its own list",
        file="router/domain/reception.py",
        find="_has_been(contact, target) else refused(floor, contact, target, now):\n",
        replace='_has_been(contact, target) else "":\n',
        guards=(
            _PASSED + "test_a_full_target_is_passed_over_for_the_next_of_the_list_they_came_by",
            _PASSED + "test_a_closed_one_is_passed_over_and_not_left_by_the_targets_of_its_campaign",
        ),
        short=True,
    ),
    Mutant(
        name="Behind the first target that refuses no other is tried",
        file="router/domain/reception.py",
        find="            passed.append((told(target), refusal))\n            continue\n",
        replace="            passed.append((told(target), refusal))\n            break\n",
        guards=(_PASSED + "test_one_that_nobody_is_there_for_is_passed_over_until_somebody_is",),
    ),
    Mutant(
        name="The room elsewhere is for those whose need of their own came first, however late they came",
        file="router/domain/reception.py",
        find="        places = sorted(",
        replace="        places = list(",
        guards=(_PASSED + "test_where_several_lose_the_last_agent_at_once_the_room_elsewhere_is_for_who_stood_first",),
    ),
    Mutant(
        name="A queue that left the rules is gone on to",
        file="router/domain/staffing.py",
        find='    return "gone" if queue is None else sent_on',
        replace='    return "" if queue is None else sent_on',
        guards=(_PASSED + "test_one_they_have_been_in_or_that_left_the_rules_is_passed_over_too",),
    ),
    Mutant(
        name="Nobody is told which targets could not take a caller",
        file="router/domain/facts.py",
        find="                passed=event.passed,\n",
        replace="",
        guards=(_PASSED + "test_who_is_taken_nowhere_hears_the_closing_message_and_it_is_told_why_of_each",),
    ),
    Mutant(
        name="A number of our own is dialled out and comes back",
        file="router/config/ways_out.py",
        find="        elif target.number in ours:\n",
        replace="        elif target.number in ():\n",
        guards=("tests/config/test_ways_out.py::test_a_number_of_our_own_is_not_dialled_out",),
    ),
)

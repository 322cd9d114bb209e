"""The caller's side: arrival, the longest wait, overflow, the ways back, the end."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/lobby/reception.py"
_GUARD = "tests/domain/test_reception.py::"

_NEW_RULES = "tests/domain/test_new_rules.py::"

MUTANTS = (
    Mutant(
        name="Who waits where by new rules nobody is there stands there for ever",
        file="router/domain/new_rules.py",
        find="        floor.thinned |= ",
        replace="        _ = ",
        guards=(_NEW_RULES + "test_who_waits_goes_on_at_once_where_by_new_rules_nobody_is_there",),
    ),
    Mutant(
        name="New rules send everybody on while no agent is known yet",
        file="router/domain/new_rules.py",
        find="    if floor.people:  # else the roll has not been called yet\n",
        replace="    if True:\n",
        guards=(_NEW_RULES + "test_nobody_goes_for_want_of_agents_before_the_roll_has_been_called",),
    ),
    Mutant(
        name="An end to waiting unanswered is not for those who wait when it comes into force",
        file="router/domain/new_rules.py",
        find="        reception.answered_by(floor, contact, were.campaigns.get(contact.campaign), now)\n",
        replace="",
        guards=(
            _NEW_RULES
            + "test_who_waits_unanswered_is_answered_after_as_long_as_new_rules_say_counted_from_when_they_came",
        ),
    ),
    Mutant(
        name="Who was answered long ago is sent on for having waited unanswered",
        file=_HERE,
        find="    elif not (contact.up or contact.here_at or contact.place) and",
        replace="    elif not (contact.here_at or contact.place) and",
        guards=(_NEW_RULES + "test_who_is_known_to_be_answered_is_not_sent_on_for_having_waited_unanswered",),
    ),
    Mutant(
        name="A queue and its agents go over to another skill, and its callers are sent on in between",
        file="router/desk.py",
        find="            teach(self._pump, entries)\n",
        replace="",
        guards=(
            "tests/test_desk.py::"
            "test_a_queue_that_goes_over_to_another_skill_with_its_agents_sends_nobody_on_for_want_of_them",
        ),
    ),
    Mutant(
        name="A caller who overflows loses the age they came with",
        file=_HERE,
        find="    contact.queue = name\n    if not arrives:\n",
        replace="    contact.queue = name\n    if not arrives:\n        contact.arrived_at = since_at\n",
        guards=(
            _GUARD + "test_waiting_too_long_goes_on_to_the_next_queue_at_the_old_age_and_then_to_the_closing_message",
        ),
        short=True,
    ),
    Mutant(
        name="A caller sent on to the next queue is sent on from there at once",
        file=_HERE,
        find="since_at + queue.rules.max_wait_us)",
        replace="contact.arrived_at + queue.rules.max_wait_us)",
        guards=(
            _GUARD + "test_waiting_too_long_goes_on_to_the_next_queue_at_the_old_age_and_then_to_the_closing_message",
        ),
    ),
    Mutant(
        name="A caller goes round between two queues that overflow to each other",
        file=_HERE,
        find="    return isinstance(target, ToQueue) and target.queue in contact.overflowed_from\n",
        replace="    return False\n",
        guards=(_GUARD + "test_a_queue_waited_in_already_is_not_entered_again_by_overflow",),
    ),
    Mutant(
        name="A caller is torn away from the agent who is being rung for them",
        file=_HERE,
        find="    if contact.live:\n",
        replace="    if contact.live and contact.parked:\n",
        guards=(_GUARD + "test_who_is_being_rung_is_not_torn_away_by_the_longest_wait",),
    ),
    Mutant(
        name="A caller whose longest wait passed during a ring is rung at one agent after the other",
        file="router/domain/floor.py",
        find="            if contact.overdue:\n                self.timers",
        replace="            if contact.overdue and contact.parked:\n                self.timers",
        guards=(_GUARD + "test_an_overdue_caller_is_not_rung_at_one_agent_after_the_other",),
    ),
    Mutant(
        name="An arrival that is told twice puts a caller into the line twice",
        file=_HERE,
        find="    if seen.contact_id in floor.contacts or seen.leg in floor.past:\n",
        replace="    if seen.leg in floor.past:\n",
        guards=(_GUARD + "test_an_arrival_told_twice_or_after_the_end_is_one_contact",),
    ),
    Mutant(
        name="An arrival that is told late brings back a caller who has hung up",
        file=_HERE,
        find="    if seen.contact_id in floor.contacts or seen.leg in floor.past:\n",
        replace="    if seen.contact_id in floor.contacts:\n",
        guards=(_GUARD + "test_an_arrival_told_twice_or_after_the_end_is_one_contact",),
    ),
    Mutant(
        name="An agent's phone rings on after the caller has hung up",
        file="router/domain/calls/departure.py",
        find="    _give_up_offers(floor, contact, _CALLER_LEFT, now)\n",
        replace="    contact.live = {}\n",
        guards=(_GUARD + "test_a_caller_who_gives_up_while_it_rings_frees_the_agent_without_blame",),
    ),
    Mutant(
        name="A caller whom the dialplan serves itself is offered to agents nevertheless",
        file="router/domain/calls/departure.py",
        find="    leave(floor, contact, _SYSTEM, now)\n\n\ndef caller_ended",
        replace="\n\ndef caller_ended",
        guards=(_GUARD + "test_a_caller_who_fell_back_is_no_longer_offered_and_ends_as_systems_doing",),
    ),
    Mutant(
        name="A key that means nothing ends a caller's wait",
        file="router/domain/lobby/keys.py",
        find="    elif key in queue.rules.exit_keys:\n",
        replace="    elif True:\n",
        guards=(_GUARD + "test_the_exit_key_ends_the_wait_but_not_a_ring_and_other_keys_do_nothing",),
    ),
    Mutant(
        name="A caller transferred to nobody of ours hears silence",
        file="router/domain/lobby/transfer.py",
        find='        context = "acd-closing"\n    send(',
        replace='        context = "acd-wait"\n    send(',
        guards=(_GUARD + "test_a_blind_transfer_to_nowhere_is_closed_and_stays_answered",),
    ),
    Mutant(
        name="A caller who was served and hangs up counts as one who gave up waiting",
        file="router/domain/calls/departure.py",
        find="    if contact.answered_at is None:\n        promised =",
        replace="    if True:\n        promised =",
        guards=(_GUARD + "test_a_blind_transfer_to_nowhere_is_closed_and_stays_answered",),
    ),
    Mutant(
        name="The record blames the router for a talk that its agent ended",
        file="router/domain/calls/departure.py",
        find="        contact.ended_by = contact.ended_by or _BY_SYSTEM\n",
        replace="        contact.ended_by = _BY_SYSTEM\n",
        guards=("tests/domain/test_talk.py::test_the_agent_hangs_up_and_the_caller_is_let_go",),
    ),
    Mutant(
        name="After a reload of the rules nobody who waits is in line any more",
        file="router/domain/new_rules.py",
        find="            floor.line_up(contact, now)\n",
        replace="            pass\n",
        guards=("tests/domain/test_engine.py::test_a_reload_keeps_place_and_age_of_those_who_wait",),
    ),
    Mutant(
        name="A number of ours is not recognised in a transfer",
        file="router/domain/lobby/transfer.py",
        find='    wanted = seen.exten.lstrip("+")\n',
        replace="    wanted = seen.exten\n",
        guards=(_GUARD + "test_a_number_of_ours_is_recognised_with_and_without_its_plus_sign",),
    ),
    Mutant(
        name="Callers of a client who has left are given to another client's agents",
        file="router/domain/new_rules.py",
        find="                departure.nowhere_to_go(floor, contact, now)\n                continue\n",
        replace="                campaign = next(iter(rules.campaigns.values()))\n",
        guards=(
            "tests/domain/test_engine.py::"
            "test_callers_of_a_campaign_that_is_gone_hear_the_closing_message_and_no_other_clients_agents",
        ),
    ),
)

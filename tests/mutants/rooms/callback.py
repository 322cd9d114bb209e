"""Call-backs: a place kept for somebody who is not on the phone, and whom nobody may call twice."""

from tests.mutants.mutant import Mutant

_GUARD = "tests/domain/test_callback.py::"
_KEPT = "tests/domain/test_promises.py::"

_RUNS = "tests/domain/test_expiry.py::"

MUTANTS = (
    Mutant(
        name="When the window opens who asked first is called first, whoever stood before them",
        file="router/domain/engine.py",
        find='_TOGETHER = ("row", "promise")\n',
        replace='_TOGETHER = ("row",)\n',
        guards=(
            "tests/domain/test_callback.py::test_when_the_window_opens_the_place_in_line_counts_and_not_who_asked_first",
        ),
    ),
    Mutant(
        name="A line is full of people whom nobody has on the phone",
        file="router/domain/benches/queue.py",
        find="sum(line.waiting - line.places for",
        replace="sum(line.waiting for",
        guards=(_KEPT + "test_calls_that_are_owed_fill_no_line_and_who_was_called_counts_once_they_are_on_the_phone",),
    ),
    Mutant(
        name="Who was called and waits on the phone takes up no room in line",
        file="router/domain/calls/owing.py",
        find="        contact.line.places -= 1\n",
        replace="        pass\n",
        guards=(_KEPT + "test_calls_that_are_owed_fill_no_line_and_who_was_called_counts_once_they_are_on_the_phone",),
    ),
    Mutant(
        name="Whoever is owed a call where no table says when is called at night",
        file="router/config/site.py",
        find="in file.queue.items()\n        },",
        replace="in file.queue.items()\n            if table.callback is not None\n        },",
        guards=(
            "tests/config/test_callback.py::test_what_was_promised_before_the_table_was_taken_out_is_not_kept_at_night",
        ),
    ),
    Mutant(
        name="A queue that comes with new rules has its call times only after a call is owed there",
        file="router/desk.py",
        find="            almanac.tell_call_times(self._pump, page)\n",
        replace="",
        guards=("tests/test_desk.py::test_a_queue_that_is_new_has_its_call_times_before_a_call_can_be_owed_there",),
    ),
    Mutant(
        name="A place that comes to stand elsewhere keeps the steps that had opened where it stood",
        file="router/domain/calls/terms.py",
        find="place.opened_us = queue, now, 0\n",
        replace="place.opened_us = queue, now, place.opened_us\n",
        guards=(_KEPT + "test_where_a_place_comes_to_stand_the_steps_open_anew_whatever_had_opened_where_it_stood",),
    ),
    Mutant(
        name="Somebody is promised a call by a campaign that is not there any more",
        file="router/domain/calls/calling.py",
        find="    if rules is None or contact.campaign not in floor.rules.campaigns:",
        replace="    if rules is None:",
        guards=(_GUARD + "test_who_waits_at_somebody_elses_when_their_own_campaign_is_gone_is_told_no",),
    ),
    Mutant(
        name="A place that comes back knows nothing of the phone that still rings for it",
        file="router/domain/calls/owing.py",
        find="            if offer_id in floor.offers and offer.contact_id == promise.place_id\n",
        replace="            if False\n",
        guards=(_RUNS + "test_a_place_that_comes_back_knows_the_phone_that_was_rung_for_it_and_is_not_let_be_yet",),
    ),
    Mutant(
        name="The time of a call that is owed runs over the weekend, too",
        file="router/domain/calls/expiry.py",
        find="        if all(clock.is_open(at) for clock in clocks):\n",
        replace="        if True:\n",
        guards=(_RUNS + "test_who_asks_on_friday_evening_is_owed_the_call_on_monday",),
    ),
    Mutant(
        name="What has run of a promise is forgotten when hours are told anew",
        file="router/domain/calls/expiry.py",
        find="        promise.left_us -= sum(closes_at - opens_at for opens_at, closes_at in spans)\n",
        replace="        del spans\n",
        guards=(_RUNS + "test_hours_that_are_told_anew_count_from_then_on_and_what_has_run_has_run",),
    ),
    Mutant(
        name="Somebody we called is billed from when they first called us",
        file="router/domain/lobby/reception.py",
        find="        contact.here_at = seen.at\n",
        replace="        pass\n",
        guards=(
            _GUARD + "test_who_was_called_by_a_promise_that_is_forgotten_is_billed_from_the_answer_and_keeps_their_age",
        ),
    ),
    Mutant(
        name="Who called again while no router looked is called back all the same",
        file="router/domain/truth/resync.py",
        find="    if owed is not None and contact.is_waiting:\n        step_aside",
        replace="    if False:\n        step_aside",
        guards=(_GUARD + "test_who_called_again_while_nobody_looked_takes_the_place_and_is_not_called",),
    ),
    Mutant(
        name="A call-back stands at the end of the line",
        file="router/domain/calls/owing.py",
        find="        arrived_at=promise.arrived_at,\n",
        replace="        arrived_at=promise.asked_at + promise.expires_at,\n",
        guards=(_GUARD + "test_the_place_is_kept_between_who_came_before_and_who_came_after",),
        short=True,
    ),
    Mutant(
        name="They are told that we call before it is written down",
        file="router/domain/calls/calling.py",
        find="    if not seen.safe:\n",
        replace="    if False:\n",
        guards=(_GUARD + "test_what_could_not_be_written_is_not_promised_and_they_wait_on",),
    ),
    Mutant(
        name="A customer who is busy is never called again",
        file="router/domain/calls/owing.py",
        find="    if promise.tries >= promise.terms.tries:\n",
        replace="    if promise.tries >= 1:\n",
        guards=(_GUARD + "test_a_busy_customer_is_called_again_later_and_the_agent_missed_nothing",),
    ),
    Mutant(
        name="Caller first, everybody in line is called for one free agent",
        file="router/domain/calls/calling.py",
        find="    agent = next((agent for agent in free if agent.agent_id not in floor.meant), None)\n",
        replace="    agent = next(iter(free), None)\n",
        guards=(
            _GUARD + "test_caller_first_no_more_are_called_than_agents_are_free",
            _KEPT + "test_no_more_are_called_than_agents_are_free_though_these_serve_several_queues",
        ),
    ),
    Mutant(
        name="Who calls again is called back all the same",
        file="router/domain/lobby/reception.py",
        find="    if owed is not None and contact.is_waiting:\n",
        replace="    if False:\n",
        guards=(_GUARD + "test_who_calls_again_takes_the_place_and_is_not_called",),
    ),
    Mutant(
        name="A successor calls somebody whose phone rings already",
        file="router/domain/pictures/owed.py",
        find="    if state is PromiseState.CALLING:\n",
        replace="    promise.state = PromiseState.RESTING\n    if False:\n",
        guards=(
            _GUARD + "test_a_call_that_ended_unseen_is_tried_again_by_the_successor",
            _GUARD + "test_a_call_that_was_answered_unseen_is_found",
        ),
    ),
    Mutant(
        name="Whoever is called back stands in the line of those of whom nothing is known",
        file="router/domain/calls/owing.py",
        find="        data=dict(promise.data),\n",
        replace="",
        guards=(
            "tests/domain/test_callback.py::"
            "test_the_place_stands_in_the_line_of_what_its_caller_needs_also_after_a_takeover",
        ),
    ),
    Mutant(
        name="Offers of a call-back are counted beside those of the caller who asked, under one name",
        file="router/domain/contacts/callback.py",
        find='    return ContactId(f"{promise_id}{MARK}")\n',
        replace="    return promise_id\n",
        guards=(
            _KEPT + "test_no_two_phones_are_rung_by_one_name_though_the_caller_who_asked_is_being_offered_too",
            _KEPT + "test_no_agents_leg_of_a_call_back_begins_with_the_name_of_a_customers",
        ),
    ),
    Mutant(
        name="New rules without call-backs end the calls that are owed",
        file="router/domain/calls/terms.py",
        find="        if queue is None or terms is None:\n",
        replace="        if queue is None or rules_of(floor, queue) is None:\n",
        guards=(
            _KEPT
            + "test_rules_without_call_backs_leave_a_promise_its_place_and_its_terms_and_nobody_behind_it_waits_longer",
        ),
    ),
    Mutant(
        name="A promise whose queue is gone stands in a queue that is gone",
        file="router/domain/calls/terms.py",
        find="        if queue != promise.queue:\n",
        replace="        if False:\n",
        guards=(
            _KEPT + "test_who_is_owed_a_call_by_a_queue_that_is_gone_is_called_by_the_one_where_its_callers_stand",
        ),
    ),
    Mutant(
        name="Whatever number a caller shows is called",
        file="router/domain/calls/calling.py",
        find=" or not re.fullmatch(rules.dialable, contact.ani):\n",
        replace=":\n",
        guards=(_KEPT + "test_a_number_that_the_rules_do_not_name_is_not_called_whatever_was_shown",),
    ),
    Mutant(
        name="Any number of a country is called, a premium rate one too",
        file="router/config/dialable.py",
        find="(?!(?:{never})$)(?:{called})",
        replace="[0-9]+",
        guards=("tests/config/test_callback.py::test_only_who_has_an_ordinary_number_of_these_countries_is_called",),
    ),
    Mutant(
        name="Who calls again and hangs up is forgotten",
        file="router/domain/calls/owing.py",
        find="        if aside.state is PromiseState.RESTING:\n",
        replace="        if False:\n",
        guards=(_KEPT + "test_who_calls_again_and_hangs_up_is_called_as_promised_at_the_old_place",),
    ),
    Mutant(
        name="Nobody remembers that they were let go with a promise",
        file="router/domain/calls/calling.py",
        find="    send_out(floor, contact, CALLBACK, CALLBACK)\n",
        replace='    _say(floor, contact, "promised")\n',
        guards=(_KEPT + "test_who_was_promised_hears_that_again_when_the_order_was_lost_also_from_the_next_router",),
    ),
    Mutant(
        name="A promise that is written down tears caller and agent apart",
        file="router/domain/calls/calling.py",
        find="offer.state is OfferState.ACCEPTED for offer",
        replace="offer.state is OfferState.CLOSED for offer",
        guards=(_KEPT + "test_who_talks_to_an_agent_already_when_it_is_written_down_is_not_torn_away",),
    ),
    Mutant(
        name="Who was held back is not called when an agent comes",
        file="router/domain/floor.py",
        find="            if self.held_back:\n",
        replace="            if False:\n",
        guards=(_KEPT + "test_who_was_held_back_is_called_when_another_agent_comes",),
    ),
    Mutant(
        name="Whose phone rings is said to wait",
        file="router/domain/calls/owing.py",
        find="        contact.begins(SegmentKind.RINGING, seen.at)\n",
        replace="        contact.begins(SegmentKind.WAITING, seen.at)\n",
        guards=(_GUARD + "test_agent_first_the_agent_is_there_before_the_customer_is_called_and_they_talk",),
    ),
    Mutant(
        name="A campaign that is shut calls people back",
        file="router/domain/calls/expiry.py",
        find="    return [clock for clock in (times, door) if clock is not None]\n",
        replace="    return [times] if times is not None else []\n",
        guards=(
            _KEPT + "test_a_campaign_that_is_shut_by_hand_calls_nobody_until_it_is_open_again",
            _KEPT + "test_nobody_is_called_on_a_day_on_which_the_campaign_is_closed_whatever_the_window_says",
        ),
    ),
    Mutant(
        name="Who is to be called waits on though somebody free has come to serve the line",
        file="router/domain/floor.py",
        find="            self.freed.append(agent)\n            if self.held_back:\n",
        replace="            self.freed.append(agent)\n            if False:\n",
        guards=(_GUARD + "test_caller_first_the_next_is_called_when_somebody_free_comes_to_serve_the_line",),
    ),
    Mutant(
        name="A call-back that is diverted to us is a new call each time",
        file="router/adapters/ami/actions.py",
        find='        "PJSIP_HEADER(add,X-Ringfair-Hops)": "1",\n',
        replace="",
        guards=(
            "tests/adapters/ami/test_actions.py::"
            "test_who_diverts_a_call_back_to_us_is_counted_as_having_passed_through_us",
        ),
    ),
)

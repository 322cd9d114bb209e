"""Call-backs: a place kept for somebody who is not on the phone, and whom nobody may call twice."""

from tests.mutants.mutant import Mutant

_GUARD = "tests/domain/test_callback.py::"

MUTANTS = (
    Mutant(
        name="An offer for a call-back has the id of one made for who asked",
        file="router/domain/owing.py",
        find="floor.attempts_from + SPARE)",
        replace="floor.attempts_from)",
        guards=(_GUARD + "test_who_is_rung_for_after_a_takeover_and_then_promised_gives_no_offer_s_id_to_their_place",),
    ),
    Mutant(
        name="Somebody we called is billed from when they first called us",
        file="router/domain/reception.py",
        find="        contact.here_at = seen.at\n",
        replace="        pass\n",
        guards=(
            _GUARD + "test_who_was_called_by_a_promise_that_is_forgotten_is_billed_from_the_answer_and_keeps_their_age",
        ),
    ),
    Mutant(
        name="Who called again while no router looked is called back all the same",
        file="router/domain/resync.py",
        find="    if owed is not None and (contact.is_waiting",
        replace="    if False and (contact.is_waiting",
        guards=(_GUARD + "test_who_called_again_while_nobody_looked_takes_the_place_and_is_not_called",),
    ),
    Mutant(
        name="A call-back stands at the end of the line",
        file="router/domain/owing.py",
        find="        arrived_at=promise.arrived_at,\n",
        replace="        arrived_at=promise.asked_at + promise.expires_at,\n",
        guards=(_GUARD + "test_the_place_is_kept_between_who_came_before_and_who_came_after",),
        short=True,
    ),
    Mutant(
        name="They are told that we call before it is written down",
        file="router/domain/calling.py",
        find="    if not seen.safe:\n",
        replace="    if False:\n",
        guards=(_GUARD + "test_what_could_not_be_written_is_not_promised_and_they_wait_on",),
    ),
    Mutant(
        name="A customer who is busy is never called again",
        file="router/domain/owing.py",
        find="    if rules is None or promise.tries >= rules.tries:\n",
        replace="    if rules is None or promise.tries >= 1:\n",
        guards=(_GUARD + "test_a_busy_customer_is_called_again_later_and_the_agent_missed_nothing",),
    ),
    Mutant(
        name="Caller first, everybody in line is called for one free agent",
        file="router/domain/calling.py",
        find="    if floor.calling.get(promise.queue, 0) >= free:\n",
        replace="    if False:\n",
        guards=(_GUARD + "test_caller_first_no_more_are_called_than_agents_are_free",),
    ),
    Mutant(
        name="Who calls again is called back all the same",
        file="router/domain/reception.py",
        find="    if owed is not None and contact.is_waiting:\n",
        replace="    if False:\n",
        guards=(_GUARD + "test_who_calls_again_takes_the_place_and_is_not_called",),
    ),
    Mutant(
        name="A successor calls somebody whose phone rings already",
        file="router/domain/owed.py",
        find="    if state is PromiseState.CALLING:\n",
        replace="    promise.state = PromiseState.RESTING\n    if False:\n",
        guards=(
            _GUARD + "test_a_call_that_ended_unseen_is_tried_again_by_the_successor",
            _GUARD + "test_a_call_that_was_answered_unseen_is_found",
        ),
    ),
    Mutant(
        name="Whoever is called back stands in the line of those of whom nothing is known",
        file="router/domain/owing.py",
        find="        data=dict(promise.data),\n",
        replace="",
        guards=(
            "tests/domain/test_callback.py::"
            "test_the_place_stands_in_the_line_of_what_its_caller_needs_also_after_a_takeover",
        ),
    ),
)

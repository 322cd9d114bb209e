"""What a router believes after a (re)connect: Asterisk's truth, and no more of it than is fresh."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/resync.py"
_GUARD = "tests/domain/test_resync.py::"

MUTANTS = (
    Mutant(
        name="A caller in the dialplan's fallback is adopted and offered to agents",
        file=_HERE,
        find='    elif leg.state == "fallback":\n        # The dialplan',
        replace='    elif leg.state == "":\n        # The dialplan',
        guards=(_GUARD + "test_a_caller_in_their_fallback_is_offered_to_nobody_and_still_gets_a_record",),
        short=True,
    ),
    Mutant(
        name="A snapshot that is older than the news ends a talk",
        file=_HERE,
        find="contact.news_at < seen.asked_at}\n",
        replace="contact.news_at < now}\n",
        guards=(_GUARD + "test_a_snapshot_taken_before_the_talk_does_not_end_it",),
    ),
    Mutant(
        name="A snapshot ends calls that began after it was asked for",
        file=_HERE,
        find="known_at is not None and known_at < seen.asked_at and leg not in living",
        replace="known_at is not None and leg not in living",
        guards=(_GUARD + "test_what_came_after_the_question_is_not_contradicted_by_the_answer",),
    ),
    Mutant(
        name="A caller who hung up after the question is adopted from the answer",
        file=_HERE,
        find="    living = {leg.leg: leg for leg in seen.legs if leg.leg not in floor.past}\n",
        replace="    living = {leg.leg: leg for leg in seen.legs}\n",
        guards=(_GUARD + "test_who_hung_up_after_the_question_is_not_adopted_from_the_answer",),
    ),
    Mutant(
        name="The snapshot of one Asterisk ends the calls of another",
        file=_HERE,
        find="        return node == seen.node and known_at",
        replace="        return known_at",
        guards=(_GUARD + "test_the_snapshot_of_one_node_says_nothing_about_the_calls_of_another",),
    ),
    Mutant(
        name="A phone is believed to be where an older snapshot saw it",
        file=_HERE,
        find="        if agent.reachable != reachable and agent.reach_seen_at < seen.asked_at:\n",
        replace="        if agent.reachable != reachable:\n",
        guards=(_GUARD + "test_a_phone_or_private_call_seen_after_the_question_is_not_forgotten",),
    ),
    Mutant(
        name="A caller rescued from a dead router stands at the end of the line",
        file=_HERE,
        find="        arrived_at=leg.arrived_at if leg.arrived_at is not None else seen.at,\n",
        replace="        arrived_at=seen.at,\n",
        guards=(_GUARD + "test_a_waiting_caller_is_adopted_at_their_age_and_served_first",),
    ),
    Mutant(
        name="The ringing leg of a dead router rings on",
        file=_HERE,
        find="    if leg.offer_id is not None and not leg.bridge:\n",
        replace="    if leg.offer_id is not None and leg.bridge:\n",
        guards=(_GUARD + "test_a_ringing_leg_of_a_dead_router_is_hung_up_and_its_phone_is_busy_till_then",),
    ),
    Mutant(
        name="The offer for an adopted caller takes the number of a leg that still lives",
        file=_HERE,
        find="        attempts=max(_last_attempt(leg, living), seen.epoch * _ATTEMPTS_AN_EPOCH),\n",
        replace="        attempts=seen.epoch * _ATTEMPTS_AN_EPOCH,\n",
        guards=(_GUARD + "test_the_offer_of_an_adopted_caller_has_a_number_not_in_use",),
    ),
    Mutant(
        name="A second router numbers its offers like the first, and the ledger keeps only one of each",
        file=_HERE,
        find="        attempts=max(_last_attempt(leg, living), seen.epoch * _ATTEMPTS_AN_EPOCH),\n",
        replace="        attempts=_last_attempt(leg, living),\n",
        guards=(_GUARD + "test_the_offers_of_a_later_owner_are_numbered_from_its_epoch",),
    ),
    Mutant(
        name="Callers of a node that is lost are offered to agents",
        file=_HERE,
        find="            floor.park(contact, True)\n",
        replace="            pass\n",
        guards=(_GUARD + "test_while_the_node_is_lost_callers_keep_place_and_age_but_nothing_is_offered",),
    ),
    Mutant(
        name="An order to ring that never arrived is waited for until its deadline",
        file=_HERE,
        find="        elif offer.leg_seen_at is None and missing(",
        replace="        elif offer.leg_seen_at is not None and missing(",
        guards=(_GUARD + "test_an_order_to_ring_that_was_lost_is_noticed",),
    ),
    Mutant(
        name="A closing message that was ordered while the node was away is never played",
        file=_HERE,
        find='            _differs(floor, "not-sent-off", leg.leg, contact_id)\n'
        "            send_off(floor, contact, now)\n",
        replace="            pass\n",
        guards=(_GUARD + "test_a_closing_message_that_was_never_ordered_is_ordered_again",),
    ),
    Mutant(
        name="A snapshot of one Asterisk brings back the callers of one that is away",
        file=_HERE,
        find="        if contact.node == seen.node:\n            floor.park(contact, False)\n",
        replace="        if contact.node:\n            floor.park(contact, False)\n",
        guards=(_GUARD + "test_a_snapshot_of_one_node_does_not_bring_back_the_callers_of_another",),
    ),
    Mutant(
        name="A phone that Asterisk says nothing of is rung",
        file=_HERE,
        find="seen.reachable.get(endpoint, False)",
        replace="seen.reachable.get(endpoint, True)",
        guards=(_GUARD + "test_a_phone_that_asterisk_says_nothing_of_is_not_rung",),
    ),
    Mutant(
        name="After an attended transfer a colleague's caller is booked for an agent",
        file=_HERE,
        find="o.offer_id and o.contact_id == leg.contact_id",
        replace="o.offer_id",
        guards=(_GUARD + "test_an_agent_who_shares_a_bridge_with_the_caller_of_a_colleague_is_not_booked_for_them",),
    ),
    Mutant(
        name="An adopted caller who was served before counts as one who gave up waiting",
        file=_HERE,
        find="        contact.answered_at = max(leg.talk_at, contact.arrived_at)\n",
        replace="        pass\n",
        guards=(_GUARD + "test_an_adopted_caller_who_was_served_and_waits_again_stays_answered",),
    ),
    Mutant(
        name="Who talks to an agent is torn away because paper named nobody",
        file=_HERE,
        find='        floor.timers.cancel(("return", contact.contact_id))',
        replace='        floor.timers.at(("return", contact.contact_id))',
        guards=(_GUARD + "test_who_talks_with_one_of_ours_is_not_fetched_back_although_paper_names_nobody",),
    ),
    Mutant(
        name="An agent whom paper has in wrap-up is not booked for the talk they are in",
        file=_HERE,
        find="    finish_wrapup(floor, agent, now)\n",
        replace="",
        guards=(_GUARD + "test_a_talk_we_did_not_know_of_ends_the_wrap_up_we_believed_in",),
    ),
    Mutant(
        name="What a resync finds otherwise is mended and nobody hears of it",
        file=_HERE,
        find="    floor.emit(DifferenceMended(",
        replace="    _ = (DifferenceMended(",
        guards=("tests/domain/test_differences.py::test_a_difference_is_told",),
    ),
    Mutant(
        name="Every start tells of as many differences as there are phones",
        file=_HERE,
        find="            if seen_before:\n",
        replace="            if seen.node:\n",
        guards=("tests/domain/test_differences.py::test_phones_seen_for_the_first_time_are_no_differences",),
    ),
)

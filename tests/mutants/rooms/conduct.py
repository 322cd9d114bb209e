"""The agents' conduct: what follows offers in vain, pauses with limits, ways to wrap up, media side by side."""

from tests.mutants.mutant import Mutant

_AFTER = "router/domain/staff/aftermath.py"
_PAUSES = "router/domain/staff/pauses.py"
_WRAPUP = "router/domain/staff/wrapup.py"
_MEDIA = "router/domain/rulebook/media.py"

MUTANTS = (
    Mutant(
        name="The second miss in a row pauses where two are forgiven",
        file=_AFTER,
        find="    what = ladder[min(times, len(ladder)) - 1]\n",
        replace="    what = ladder[min(times, len(ladder) - 1)]\n",
        guards=("tests/domain/test_aftermath.py::test_the_third_in_a_row_pauses_where_two_are_forgiven",),
    ),
    Mutant(
        name="Where no calls may be taken at all, they are offered all the same",
        file="router/domain/staff/engagement.py",
        find="    return floor.rules.media.may_be_offered(VOICE, besides)\n",
        replace="    return not besides or floor.rules.media.may_be_offered(VOICE, besides)\n",
        guards=("tests/domain/test_media.py::test_where_there_is_no_room_for_calls_nobody_is_offered_one",),
    ),
    Mutant(
        name="A dead phone is the first to be asked again",
        file="router/domain/calls/offering.py",
        find="    if result in REASONS:\n        agent.idle_since = now",
        replace="    if result is _REJECTED:\n        agent.idle_since = now",
        guards=("tests/domain/test_aftermath.py::test_after_an_offer_in_vain_the_others_are_asked_first",),
        short=True,
    ),
    Mutant(
        name="A phone that is dead for good costs three callers every ten minutes",
        file=_AFTER,
        find='        agent.in_vain = ("", 0) if seen else agent.in_vain\n',
        replace='        agent.in_vain = ("", 0)\n',
        guards=("tests/domain/test_aftermath.py::test_the_one_offer_after_a_while_is_the_whole_trial",),
    ),
    Mutant(
        name="While Asterisk is away every phone is taken for dead",
        file=_AFTER,
        find="    if known:\n        agent.in_vain",
        replace="    if True:\n        agent.in_vain",
        guards=("tests/domain/test_aftermath.py::test_an_order_that_never_reached_asterisk_is_held_against_no_phone",),
    ),
    Mutant(
        name="Misses of last week count as in a row",
        file=_AFTER,
        find='    agent.in_vain = ("", 0)\n    if offer',
        replace="    if offer",
        guards=("tests/domain/test_aftermath.py::test_a_talk_between_begins_the_row_anew",),
    ),
    Mutant(
        name="An agent whose phone lost its network stays paused when it is back",
        file=_AFTER,
        find="    if agent.status is Status.PAUSED and agent.reason in BY_PHONE:\n",
        replace="    if agent.status is Status.PAUSED and agent.reason == RONA:\n",
        guards=(
            "tests/domain/test_aftermath.py::test_a_pause_for_what_a_phone_did_is_taken_back_when_it_is_there_again",
        ),
    ),
    Mutant(
        name="Who went to lunch while their phone was away is offered callers when it is back",
        file=_AFTER,
        find="    if agent.status is Status.PAUSED and agent.reason in BY_PHONE:\n",
        replace="    if agent.status is Status.PAUSED:\n",
        guards=("tests/domain/test_aftermath.py::test_who_chose_a_pause_meanwhile_is_left_alone",),
    ),
    Mutant(
        name="Who let it ring and was forgiven is rung for the same caller at once",
        file=_AFTER,
        find="BY_PERSON = (OfferResult.MISSED, OfferResult.REJECTED)\n",
        replace="BY_PERSON = (OfferResult.REJECTED,)\n",
        guards=(
            "tests/domain/test_aftermath.py::"
            "test_who_missed_without_a_pause_is_offered_the_next_caller_but_not_the_same_one_for_a_while",
        ),
    ),
    Mutant(
        name="A pause that ended by logging out was none",
        file=_PAUSES,
        find="    if agent.status is Status.PAUSED and agent.reason is not None:\n",
        replace="    if agent.status is Status.PAUSED and status is Status.READY and agent.reason is not None:\n",
        guards=("tests/domain/test_pauses.py::test_a_pause_counts_however_it_ended",),
    ),
    Mutant(
        name="A pause over midnight uses up the new day",
        file=_PAUSES,
        find="max(agent.since_at, agent.today.began_at)",
        replace="agent.since_at",
        guards=("tests/domain/test_pauses.py::test_a_new_day_begins_anew_also_for_a_pause_that_goes_over_midnight",),
    ),
    Mutant(
        name="One more than may have a pause at a time has it",
        file=_PAUSES,
        find="        if there >= rules.at_most:\n",
        replace="        if there > rules.at_most:\n",
        guards=(
            "tests/domain/test_pauses.py::"
            "test_only_so_many_of_the_pool_have_it_at_a_time_and_the_refusal_says_how_many",
        ),
    ),
    Mutant(
        name="Who will pause after the call is not counted among those who pause",
        file=_PAUSES,
        find="    return (agent.reason, agent.next_reason)\n",
        replace="    return (agent.reason,)\n",
        guards=("tests/domain/test_pauses.py::test_who_was_granted_it_for_after_the_call_has_it_already_and_keeps_it",),
    ),
    Mutant(
        name="A mandatory wrap-up ends without a word",
        file=_WRAPUP,
        find="    if disposition is None and assignment.wrapup is _WRAPUP_MANDATORY:\n",
        replace="    if disposition is None and assignment.wrapup is _WRAPUP_NONE:\n",
        guards=("tests/domain/test_wrapup.py::test_a_mandatory_one_ends_with_the_disposition_and_not_before",),
        short=True,
    ),
    Mutant(
        name="Wrap-up is extended for ever",
        file=_WRAPUP,
        find="    until_at = min(was_until + assignment.wrapup_us, assignment.longest_until)\n",
        replace="    until_at = was_until + assignment.wrapup_us\n",
        guards=("tests/domain/test_wrapup.py::test_more_time_may_be_asked_for_again_and_again_up_to_the_longest",),
    ),
    Mutant(
        name="What was said during the talk is forgotten when the agent says that they are done",
        file=_WRAPUP,
        find="_listed(floor, assignment, asked.disposition) or assignment.disposition\n",
        replace="_listed(floor, assignment, asked.disposition)\n",
        guards=(
            "tests/domain/test_wrapup.py::"
            "test_finishing_keeps_what_was_said_during_the_talk_unless_something_else_is_said",
        ),
    ),
    Mutant(
        name="A call comes on top of chats because e-mails may be interrupted",
        file=_MEDIA,
        find="        return all(\n",
        replace="        return any(\n",
        guards=("tests/domain/test_media.py::test_what_may_come_on_top_of_what_is_in_hand",),
    ),
    Mutant(
        name="A site that says so gives an agent two callers",
        file=_MEDIA,
        find="        return min(most, 1) if medium == VOICE else most\n",
        replace="        return most\n",
        guards=("tests/domain/test_media.py::test_a_site_says_how_many_but_never_two_calls",),
    ),
)

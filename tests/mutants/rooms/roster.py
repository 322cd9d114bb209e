"""The agents' side: status, phones, feature codes, private calls."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/staff/roster.py"
_AGENT = "router/domain/benches/agent.py"
_GUARD = "tests/domain/test_roster.py::"

MUTANTS = (
    Mutant(
        name="An agent on a private call is offered callers",
        file=_AGENT,
        find="        if self.private_legs:\n            return _STANDING_BUSY_ELSEWHERE\n",
        replace="",
        guards=(_GUARD + "test_an_agent_on_a_private_call_is_not_offered_anything",),
        short=True,
    ),
    Mutant(
        name="A phone that is gone is rung nevertheless",
        file=_AGENT,
        find="        if not self.is_reachable:\n            return _STANDING_UNREACHABLE\n",
        replace="",
        guards=(_GUARD + "test_an_unreachable_phone_is_not_offered_anything_until_it_is_back",),
    ),
    Mutant(
        name="A feature code that is told twice logs in and out again",
        file=_HERE,
        find="        if private is None or private.answered:\n",
        replace="        if private is None:\n",
        guards=(_GUARD + "test_a_feature_code_told_twice_counts_once",),
    ),
    Mutant(
        name="A pause asked for during a contact takes effect in the middle of it",
        file=_HERE,
        find="    if in_hand and state is not Status.READY:\n",
        replace="    if in_hand and state is Status.READY:\n",
        guards=("tests/domain/test_offering.py::test_a_pause_asked_for_while_it_rings_begins_when_the_offer_is_over",),
    ),
    Mutant(
        name="An agent is dismissed in the middle of a contact",
        file=_HERE,
        find="    if agent.offer is not None or agent.assignment is not None:\n        raise",
        replace="    if agent.offer is not None and agent.assignment is not None:\n        raise",
        guards=(_GUARD + "test_an_agent_on_a_contact_cannot_be_dismissed",),
    ),
    Mutant(
        name="Two agents share one phone",
        file=_HERE,
        find="    if holder is not None and holder.agent_id != profile.agent_id:\n",
        replace="    if holder is not None and holder.profile is profile:\n",
        guards=(_GUARD + "test_two_agents_cannot_share_a_phone",),
    ),
    Mutant(
        name="After a restart everybody is logged out",
        file=_HERE,
        find="    status = Status(asked.status) if asked.status in set(Status) else Status.LOGGED_OUT\n",
        replace="    status = Status.LOGGED_OUT\n",
        guards=(_GUARD + "test_what_the_last_router_wrote_down_is_remembered",),
    ),
    Mutant(
        name="An agent with a new phone is rung before anybody has seen it",
        file=_HERE,
        find="        agent.reachable = False\n",
        replace="        pass\n",
        guards=(_GUARD + "test_a_new_phone_is_not_rung_before_it_was_seen",),
    ),
    Mutant(
        name="A phone that registers again is left alone for what it said before",
        file=_HERE,
        find="        release(floor, agent)\n",
        replace="",
        guards=(_GUARD + "test_a_phone_that_registers_again_is_rung_at_once_whatever_it_said_before",),
    ),
    Mutant(
        name="Who was out of reach for an hour has been idle for an hour",
        file=_HERE,
        find="        agent.idle_since = max(agent.idle_since, now)\n        release",
        replace="        release",
        guards=(_GUARD + "test_who_comes_into_reach_again_begins_to_be_idle_then",),
    ),
    Mutant(
        name="Who was off shift has been idle all the while",
        file=_HERE,
        find="        agent.idle_since = max(agent.idle_since, now)\n        floor.reseat(agent)\n",
        replace="        floor.reseat(agent)\n",
        guards=(_GUARD + "test_who_begins_a_shift_begins_to_be_idle_then",),
    ),
    Mutant(
        name="Who was at lunch has been idle all the while",
        file=_HERE,
        find="    if state is Status.READY:\n        agent.idle_since = now\n",
        replace="    if state is Status.READY:\n        pass\n",
        guards=("tests/domain/test_matching.py::test_idle_begins_again_after_a_pause",),
    ),
    Mutant(
        name="A private call that is over keeps its agent busy when late news of it come",
        file="router/domain/switchboard.py",
        find="    if seen.leg in floor.past or seen.leg in floor.private or",
        replace="    if seen.leg in floor.private or",
        guards=(_GUARD + "test_late_news_of_a_private_call_that_is_over_keeps_nobody_busy",),
    ),
    Mutant(
        name="The reason of a pause that has begun is still told as put off",
        file="router/domain/staff/pauses.py",
        find="        agent.next_status = agent.next_reason = agent.next_by = None\n        turn",
        replace="        agent.next_status = agent.next_by = None\n        turn",
        guards=(_GUARD + "test_what_was_put_off_is_told_no_longer_once_it_took_effect",),
    ),
    Mutant(
        name="A pause that took effect is the router's, because the router concluded something while it was put off",
        file="router/domain/staff/pauses.py",
        find="        agent.asked_by = agent.next_by or agent.asked_by\n",
        replace="",
        guards=(
            "tests/domain/test_engine.py::"
            "test_a_pause_asked_for_while_it_rang_is_the_person_s_word_whatever_the_router_concluded_in_between",
        ),
    ),
    Mutant(
        name="After a takeover nobody knows any more who asked for what was put off",
        file="router/domain/pictures/recovery.py",
        find="stands.next_reason, stands.next_by if next_status else None\n",
        replace="stands.next_reason, None\n",
        guards=(
            "tests/domain/test_succession.py::"
            "test_what_a_person_put_off_is_still_their_word_under_a_successor[page-page]",
        ),
    ),
    Mutant(
        name="A pause asked for during a call is in no database before the call is over",
        file="router/domain/engine.py",
        find="agent.told[:4] != visible[:4]",
        replace="agent.told[:2] != visible[:2]",
        guards=(
            "tests/domain/test_engine.py::"
            "test_what_was_put_off_is_a_fact_when_it_was_asked_for_thought_better_of_and_when_it_took_effect",
        ),
    ),
    Mutant(
        name="Every news of a phone is a change of status for the ledger",
        file="router/domain/messages/facts.py",
        find="        case AgentChanged() if event.asked_by is not None:\n",
        replace="        case AgentChanged():\n",
        guards=("tests/domain/test_engine.py::test_only_what_somebody_asked_for_is_a_change_of_status_for_the_ledger",),
    ),
    Mutant(
        name="Who is logged out when they leave for good leaves nobody behind",
        file=_HERE,
        find="    floor.thin(agent.skilled)  # who was logged out",
        replace="    floor.thin(())  # who was logged out",
        guards=(
            "tests/domain/test_limits.py::"
            "test_who_is_not_logged_in_leaves_too_where_that_is_not_asked_of_them[is dismissed-entitled-True]",
        ),
    ),
    Mutant(
        name="Who forgets a skill off shift was never counted on",
        file=_HERE,
        find="    floor.thin(agent.skilled)  # rows may be replaced",
        replace="    floor.thin(agent.serves)  # rows may be replaced",
        guards=(
            "tests/domain/test_limits.py::"
            "test_who_is_not_logged_in_leaves_too_where_that_is_not_asked_of_them"
            "[learns something else-skilled-False]",
        ),
    ),
    Mutant(
        name="Who has done with calls when they come to a line is said to have left it",
        file=_HERE,
        find="    engagement.weigh(floor, agent, now)  # who has done with calls before they sit down leaves nobody\n"
        "    floor.assign_queues(agent, now)\n",
        replace="    floor.assign_queues(agent, now)\n    engagement.weigh(floor, agent, now)\n",
        guards=(
            "tests/domain/test_limits.py::test_nor_has_who_learns_to_serve_a_line_and_has_done_with_calls_for_today",
        ),
    ),
)

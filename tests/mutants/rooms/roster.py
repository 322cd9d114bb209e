"""The agents' side: status, phones, feature codes, private calls."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/roster.py"
_AGENT = "router/domain/agent.py"
_GUARD = "tests/domain/test_roster.py::"

MUTANTS = (
    Mutant(
        name="An agent on a private call is offered callers",
        file=_AGENT,
        find="        if self.private_legs:\n            return Standing.BUSY_ELSEWHERE\n",
        replace="",
        guards=(_GUARD + "test_an_agent_on_a_private_call_is_not_offered_anything",),
    ),
    Mutant(
        name="A phone that is gone is rung nevertheless",
        file=_AGENT,
        find="        if not self.is_reachable:\n            return Standing.UNREACHABLE\n",
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
        find="    agent.status = Status(asked.status) if asked.status in set(Status) else Status.LOGGED_OUT\n",
        replace="    agent.status = Status.LOGGED_OUT\n",
        guards=(_GUARD + "test_what_the_last_router_wrote_down_is_remembered",),
    ),
)

"""The talk, hold, wrap-up, and an agent's leg that stays."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/calls/talk.py"
_GUARD = "tests/domain/test_talk.py::"

MUTANTS = (
    Mutant(
        name="Wrap-up never ends",
        file="router/domain/staff/wrapup.py",
        find='    floor.timers.set(("wrapup", assignment.agent_id), until_at)\n',
        replace="",
        guards=(_GUARD + "test_after_the_talk_comes_wrap_up_and_then_the_next_caller",),
        short=True,
    ),
    Mutant(
        name="A talk begins while the agent is alone in the bridge",
        file=_HERE,
        find="        if contact is not None and contact.bridge == seen.bridge:\n            connect(",
        replace="        if contact is not None:\n            connect(",
        guards=("tests/domain/test_offering.py::test_an_agent_alone_in_a_bridge_does_not_talk_yet",),
    ),
    Mutant(
        name="A hold that is told again puts the caller on hold again",
        file=_HERE,
        find="    if state is None or seen.at <= assignment.held_at:\n",
        replace="    if state is None:\n",
        guards=(_GUARD + "test_a_hold_told_twice_and_late_does_not_begin_again",),
    ),
    Mutant(
        name="Time on hold is billed as talk",
        file=_HERE,
        find="        kind = _HOLD if hold else _TALK\n",
        replace="        kind = _TALK\n",
        guards=(_GUARD + "test_hold_is_a_segment_of_its_own",),
    ),
    Mutant(
        name="An agent whose answer crossed our hang-up talks and stays blamed for a missed ring",
        file="router/domain/staff/aftermath.py",
        find="            turn(floor, agent, Status.READY, None, now)\n            agent.asked_by = ROUTER\n\n",
        replace="            pass\n\n",
        guards=("tests/domain/test_offering.py::test_an_answer_that_crosses_our_hang_up_is_a_talk_and_no_miss",),
    ),
    Mutant(
        name="A second agent's phone rings on after the first took the caller",
        file=_HERE,
        find="        rescind(floor, other, _RESCINDED if expected else _TAKEN, now)\n",
        replace="        pass\n",
        guards=("tests/domain/test_offering.py::test_an_answer_that_crosses_our_hang_up_is_a_talk_and_no_miss",),
    ),
    Mutant(
        name="A pause asked for in a talk is forgotten after it",
        file="router/domain/staff/wrapup.py",
        find="    agent.idle_since = now\n    apply_next(floor, agent, now)\n",
        replace="    agent.idle_since = now\n",
        guards=(_GUARD + "test_a_pause_asked_for_in_a_talk_begins_after_the_wrap_up",),
    ),
    Mutant(
        name="An agent is idle since before their last talk, and asked first again",
        file="router/domain/staff/wrapup.py",
        find="    agent.idle_since = now\n    apply_next(floor, agent, now)\n",
        replace="    apply_next(floor, agent, now)\n",
        guards=("tests/domain/test_matching.py::test_idle_begins_again_after_a_contact",),
    ),
    Mutant(
        name="A caller who never comes back from a talk is never fetched",
        file=_HERE,
        find='        floor.timers.set(("return", contact.contact_id), now + grace_us)\n',
        replace="        pass\n",
        guards=(
            "tests/domain/test_reception.py::"
            "test_a_caller_who_never_comes_back_from_a_talk_is_fetched_and_waits_at_the_old_age",
        ),
    ),
    Mutant(
        name="An agent's leg that outlives its caller is never hung up",
        file=_HERE,
        find='        floor.timers.set(("leg", assignment.leg), now + floor.rules.rescind_grace_us)\n',
        replace="        pass\n",
        guards=(
            _GUARD + "test_an_agents_leg_that_outlives_its_caller_is_hung_up_and_keeps_the_phone_busy_until_it_ends",
        ),
    ),
    Mutant(
        name="An agent whose phone is still in the last talk is rung for the next",
        file=_HERE,
        find="    floor.occupy(floor.agents[assignment.agent_id], leg, assignment.node, assignment.seen_at, now)\n",
        replace="",
        guards=(
            _GUARD + "test_an_agents_leg_that_outlives_its_caller_is_hung_up_and_keeps_the_phone_busy_until_it_ends",
        ),
    ),
    Mutant(
        name="A caller who has left the bridge is believed to talk to who enters it",
        file=_HERE,
        find='            contact.bridge = ""\n',
        replace="            pass\n",
        guards=("tests/domain/test_offering.py::test_who_enters_a_bridge_after_the_other_has_left_it_talks_to_nobody",),
    ),
    Mutant(
        name="An agent who has left the bridge is believed to talk to who enters it",
        file=_HERE,
        find='        offer.bridge = ""\n',
        replace="        pass\n",
        guards=("tests/domain/test_offering.py::test_who_enters_a_bridge_after_the_other_has_left_it_talks_to_nobody",),
    ),
    Mutant(
        name="A talk is billed on after its agent has left the bridge",
        file=_HERE,
        find="    if contact.timeline.is_talking:\n        contact.begins(_WAITING, at)\n",
        replace='    if contact.leg == "":\n        contact.begins(_WAITING, at)\n',
        guards=(_GUARD + "test_a_talk_ends_when_the_first_of_the_two_leaves_the_bridge",),
    ),
    Mutant(
        name="Two who meet again in another bridge are billed as a wait",
        file=_HERE,
        find="    if together and not contact.timeline.is_talking:\n",
        replace="    if together and contact.timeline.is_talking:\n",
        guards=(_GUARD + "test_two_who_meet_again_in_another_bridge_talk_on",),
    ),
    Mutant(
        name="A hold that is told late begins after the talk is over",
        file=_HERE,
        find="        if contact.timeline.is_talking:\n            contact.begins(kind",
        replace="        if contact.leg:\n            contact.begins(kind",
        guards=(_GUARD + "test_hold_ends_with_the_talk_and_does_not_come_back_when_told_late",),
    ),
    Mutant(
        name="The milliseconds of hanging up are billed as a wait",
        file="router/domain/contacts/timeline.py",
        find="to_at - self._from >= PARTING",
        replace="to_at - self._from >= 0",
        guards=(_GUARD + "test_hanging_up_takes_milliseconds_and_is_no_wait",),
    ),
    Mutant(
        name="Who was back before we heard of the talk is believed to talk until the deadline",
        file="router/domain/calls/talk.py",
        find="        grace_us = 0 if contact.back_at >= assignment.talk_at else ",
        replace="        grace_us = ",
        guards=("tests/domain/test_talk.py::test_who_was_back_before_we_heard_of_the_talk_waits_at_once",),
    ),
)

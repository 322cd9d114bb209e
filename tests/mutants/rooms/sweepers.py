"""Nothing stays as it is for ever: sweeps, and the longest talk."""

from tests.mutants.mutant import Mutant

_RESYNC = "router/domain/truth/resync.py"
_FLOOR = "router/domain/floor.py"
_TALK = "router/domain/calls/talk.py"
_RECEPTION = "router/domain/lobby/reception.py"
_TRANSFER = "router/domain/lobby/transfer.py"
_RECOVERY = "router/domain/pictures/recovery.py"
_GUARD = "tests/domain/test_sweepers.py::"

MUTANTS = (
    Mutant(
        name="Asterisk is asked once whether a caller is still there, and then never again",
        file=_RESYNC,
        find='        floor.timers.set(("sweep", node), now + floor.rules.sweep_us)\n',
        replace="        pass\n",
        guards=(_GUARD + "test_as_long_as_a_caller_is_there_asterisk_is_asked_whether_they_are",),
        short=True,
    ),
    Mutant(
        name="The time to look who is still there comes, and nobody looks",
        file=_RESYNC,
        find="        floor.effects.append(LookAgain(node=node))\n",
        replace="        pass\n",
        guards=(_GUARD + "test_as_long_as_a_caller_is_there_asterisk_is_asked_whether_they_are",),
    ),
    Mutant(
        name="After a node was lost nobody looks who is still there",
        file=_RESYNC,
        find="    if _is_peopled(floor):\n        floor.sweep(seen.node, now)\n",
        replace="",
        guards=(_GUARD + "test_a_node_that_is_out_of_sight_is_not_asked_and_is_asked_again_once_it_is_back",),
    ),
    Mutant(
        name="A node that is out of sight is asked all the time",
        file=_RESYNC,
        find='    floor.timers.cancel(("sweep", node))\n',
        replace="",
        guards=(_GUARD + "test_a_node_that_is_out_of_sight_is_not_asked_and_is_asked_again_once_it_is_back",),
    ),
    Mutant(
        name="A caller's arrival makes nobody look later whether they are still there",
        file=_RECEPTION,
        find="    floor.sweep(contact.node, contact.seen_at)\n",
        replace="",
        guards=(_GUARD + "test_after_an_empty_hour_the_next_caller_is_looked_after_like_the_first",),
    ),
    Mutant(
        name="A private call whose end got lost keeps an agent from work for ever",
        file=_FLOOR,
        find="        self.sweep(node, now)\n",
        replace="",
        guards=(_GUARD + "test_a_private_call_whose_end_got_lost_does_not_keep_an_agent_for_ever",),
    ),
    Mutant(
        name="Each caller who comes puts the next look off",
        file=_FLOOR,
        find='        if ("sweep", node) not in self.timers:\n',
        replace="        if node:\n",
        guards=(_GUARD + "test_callers_who_come_all_the_time_do_not_put_the_look_off",),
    ),
    Mutant(
        name="A talk has no longest time",
        file=_TALK,
        find="    limit_call(floor, contact, now)\n",
        replace="",
        guards=(_GUARD + "test_the_longest_talk_is_ended_for_both",),
    ),
    Mutant(
        name="The longest talk ends for the caller, and the agent's leg stays up for ever",
        file=_TRANSFER,
        find="        expect_leg_end(floor, agent.assignment, now)\n    leave(floor, contact, None, now)\n    release(",
        replace="        pass\n    leave(floor, contact, None, now)\n    release(",
        guards=(_GUARD + "test_the_longest_talk_is_ended_for_both",),
    ),
    Mutant(
        name="The longest talk is over in the books and goes on on the line",
        file=_TRANSFER,
        find="    leave(floor, contact, None, now)\n    release(floor, contact)\n\n\ndef return_deadline",
        replace="    leave(floor, contact, None, now)\n\n\ndef return_deadline",
        guards=(_GUARD + "test_the_longest_talk_is_ended_for_both",),
    ),
    Mutant(
        name="The record says that the caller ended the talk that we ended",
        file=_TRANSFER,
        find="    contact.ended_by = EndedBy.SYSTEM\n    agent = floor",
        replace="    agent = floor",
        guards=(_GUARD + "test_the_longest_talk_is_ended_for_both",),
    ),
    Mutant(
        name="The longest time of a first talk ends the second",
        file=_TALK,
        find='        floor.timers.set(("call", contact.contact_id), now + campaign.max_call_us)\n',
        replace=(
            '        key = ("call", contact.contact_id)\n'
            "        if key not in floor.timers:\n"
            "            floor.timers.set(key, contact.arrived_at + campaign.max_call_us)\n"
        ),
        guards=(_GUARD + "test_who_waits_again_after_a_talk_is_not_cut_off_by_its_limit",),
    ),
    Mutant(
        name="A node that is away for ever is never given up, and its callers never get a record",
        file=_RESYNC,
        find='    floor.timers.set(("node", node), now + floor.rules.give_up_us)\n',
        replace="",
        guards=(_GUARD + "test_a_node_that_never_comes_back_is_given_up_and_nobody_is_billed_for_what_nobody_saw",),
    ),
    Mutant(
        name="A caller of a node that was given up is billed until then",
        file=_RESYNC,
        find="legs=(), asked_at=now, at=lost_at)",
        replace="legs=(), asked_at=now, at=now)",
        guards=(_GUARD + "test_a_node_that_never_comes_back_is_given_up_and_nobody_is_billed_for_what_nobody_saw",),
    ),
    Mutant(
        name="A node that is back is given up all the same, with everybody who talks there",
        file=_RESYNC,
        find='    floor.timers.cancel(("node", seen.node))\n',
        replace="",
        guards=(_GUARD + "test_a_node_that_is_back_in_time_is_not_given_up",),
    ),
    Mutant(
        name="A node that nobody has seen since the takeover is never given up",
        file=_RECOVERY,
        find='        floor.timers.set(("node", node), now + floor.rules.give_up_us)\n',
        replace="        pass\n",
        guards=(_GUARD + "test_a_node_nobody_has_seen_since_a_takeover_is_given_up_too",),
    ),
    Mutant(
        name="A talk whose end may have been missed is billed as if it had been heard",
        file="router/domain/calls/departure.py",
        find="seen.estimated or (contact.parked and contact.answered_at is not None)",
        replace="seen.estimated",
        guards=(_GUARD + "test_a_talk_whose_end_may_have_been_missed_is_said_to_be_estimated",),
    ),
)

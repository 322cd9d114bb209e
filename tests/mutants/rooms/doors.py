"""Doors, and what befalls who waits behind them, is rung for meanwhile, or is an emergency."""

from tests.mutants.mutant import Mutant

_KEPT = "tests/domain/test_acquaintance.py::"
_URGENT = "tests/domain/test_urgency.py::"

MUTANTS = (
    Mutant(
        name="An emergency that only Asterisk tells of is none",
        file="router/domain/reception.py",
        find="    heed(floor, contact, contact.campaign, contact.seen_at)\n",
        replace="    if contact.expected_us:\n        heed(floor, contact, contact.campaign, contact.seen_at)\n",
        guards=(_URGENT + "test_an_emergency_caller_whom_only_asterisk_tells_of_is_one",),
        short=True,
    ),
    Mutant(
        name="Who is sent to an emergency number by an agent waits their turn",
        file="router/domain/transfer.py",
        find="            heed(floor, contact, campaign.name, now)\n",
        replace="            heed(floor, contact, contact.campaign, now)\n",
        guards=(_URGENT + "test_who_is_sent_to_an_emergency_number_by_an_agent_is_an_emergency",),
    ),
    Mutant(
        name="A campaign that a reload makes an emergency is one for who comes next only",
        file="router/domain/engine.py",
        find="        urgency.heed(floor, contact, contact.campaign, now)\n",
        replace="",
        guards=(_URGENT + "test_a_reload_makes_emergencies_of_those_who_wait",),
    ),
    Mutant(
        name="An emergency caller is kept for one busy agent while another is free",
        file="router/domain/acquaintance.py",
        find=" or not campaign.keep_us or contact.urgent:\n",
        replace=" or not campaign.keep_us:\n",
        guards=(_KEPT + "test_an_emergency_caller_is_kept_for_nobody_while_another_is_free",),
    ),
    Mutant(
        name="A caller is kept for an agent who has had the last contact of their day",
        file="router/domain/agent.py",
        find="not 0 < cap <= self.today.contacts + talks\n",
        replace="not 0 < cap < self.today.contacts + talks\n",
        guards=(_KEPT + "test_nobody_is_kept_for_an_agent_who_has_had_the_last_contact_of_their_day",),
    ),
    Mutant(
        name="Who is kept for an agent waits through the last talk of that agent's day",
        file="router/domain/talk.py",
        find="    if agent.awaited and not agent.takes_more:\n",
        replace="    if False:\n",
        guards=(_KEPT + "test_the_last_contact_of_an_agent_s_day_lets_go_of_who_is_kept_for_them",),
    ),
)

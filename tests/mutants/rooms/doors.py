"""Doors, and what befalls who waits behind them, is rung for meanwhile, or is an emergency."""

from tests.mutants.mutant import Mutant

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
)

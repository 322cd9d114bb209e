"""Admission: who is refused before the answer because there is no room."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/admission.py"
_GUARD = "tests/domain/test_admission.py::"

MUTANTS = (
    Mutant(
        name="The last place of a campaign is never given",
        file=_HERE,
        find="        if 0 < self.of_campaign < of_campaign:\n",
        replace="        if 0 < self.of_campaign <= of_campaign:\n",
        guards=(_GUARD + "test_the_last_place_is_given_and_the_next_caller_is_refused",),
    ),
    Mutant(
        name="One caller too many is let in",
        file=_HERE,
        find="        return NODE_FULL if 0 < self.on_node < on_node else None\n",
        replace="        return NODE_FULL if 0 < self.on_node < on_node - 1 else None\n",
        guards=(_GUARD + "test_the_last_place_is_given_and_the_next_caller_is_refused",),
    ),
    Mutant(
        name="Places kept for emergencies are given to everybody",
        file=_HERE,
        find="    reserved = 0 if emergency else capacity.reserved_calls\n",
        replace="    reserved = 0\n",
        guards=(_GUARD + "test_reserved_places_are_for_emergency_campaigns",),
        short=True,
    ),
    Mutant(
        name="One client's flood on a trunk keeps an emergency out",
        file=_HERE,
        find="trunks=not emergency)",
        replace="trunks=True)",
        guards=(_GUARD + "test_a_flood_by_a_trunk_keeps_no_emergency_out",),
    ),
    Mutant(
        name="A site without limits lets nobody in but one",
        file=_HERE,
        find=" if capacity.max_calls else 0\n",
        replace=" if capacity.max_calls else 1\n",
        guards=(_GUARD + "test_without_limits_everybody_is_let_in",),
    ),
    Mutant(
        name="A caller who was refused is told to nobody",
        file="router/domain/engine.py",
        find="    floor.emit(CallRefused(",
        replace="    _ = (CallRefused(",
        guards=(_GUARD + "test_a_refused_caller_is_told_of_with_their_campaign_and_is_no_contact",),
    ),
)

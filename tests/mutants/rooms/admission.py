"""Admission: who is refused before the answer because there is no room."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/rulebook/admission.py"
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
    Mutant(
        name="An emergency campaign is told to Asterisk as if a trunk's limit held for it",
        file="router/adapters/ami/actions.py",
        find="{'' if room.trunks else _NO_TRUNK}",
        replace="",
        guards=("tests/adapters/ami/test_actions.py::test_limits_follow_the_pool_as_far_as_there_are_any",),
    ),
    Mutant(
        name="The limit of a trunk never reaches Asterisk",
        file="router/adapters/ami/actions.py",
        find='        found[f"ACD_TRUNK_{endpoint}"] = str(limit)\n',
        replace='        found.pop(f"ACD_TRUNK_{endpoint}", None)\n',
        guards=("tests/adapters/ami/test_telephony_routes.py::test_limits_stand_behind_a_number_and_with_the_trunk",),
    ),
    Mutant(
        name="A record cites rules whose hash does not know how many callers were let in",
        file="router/config/rulebook.py",
        find='        "room": settings.asterisk.model_dump(include={"max_calls", "reserved_calls"}),\n',
        replace="",
        guards=("tests/config/test_capacity.py::test_a_limit_is_a_rule_and_so_in_the_hash",),
    ),
    Mutant(
        name="A reserve for emergencies that no campaign can fill is accepted",
        file="router/config/rulebook.py",
        find="    elif broken or 0 in usable or sum(usable) >= reserved:\n",
        replace="    elif broken or usable:\n",
        guards=("tests/config/test_capacity.py::test_places_that_no_emergency_campaign_may_fill_are_told",),
    ),
)

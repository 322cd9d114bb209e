"""The list of mutants keeps up with the tree: every one of them still applies, and its guards are there."""

import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from tests.mutants import rooms
from tests.mutants.mutant import Mutant, module_of, planted
from tests.mutants.rooms import ALL

ROOT = Path(__file__).parents[2]
BY_NAME = [pytest.param(mutant, id=re.sub(r"\W+", "-", mutant.name)) for mutant in ALL]


@pytest.mark.parametrize("mutant", BY_NAME)
def test_it_applies_and_compiles_and_its_guards_are_there(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    after = planted(mutant, text)
    if module_of(mutant.file):
        compile(after, mutant.file, "exec", dont_inherit=True)
    assert mutant.guards
    for guard in mutant.guards:
        file, _, test = guard.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert not test or f"def {test.partition('[')[0]}(" in source, guard


def test_every_room_is_in_the_list_and_in_the_short_form() -> None:
    for room in iter_modules(rooms.__path__):
        mutants = import_module(f"{rooms.__name__}.{room.name}").MUTANTS
        assert [mutant.name for mutant in mutants if mutant not in ALL] == []
        assert any(mutant.short for mutant in mutants), room.name


def test_there_are_enough_of_them_each_once() -> None:
    assert len(ALL) >= 300
    assert [name for name, count in Counter(mutant.name for mutant in ALL).items() if count > 1] == []
    faults = Counter((mutant.file, mutant.find, mutant.replace) for mutant in ALL)
    assert [fault for fault, count in faults.items() if count > 1] == []
    assert 8 <= sum(mutant.short for mutant in ALL) <= 40


def test_names_are_sentences_without_their_full_stop() -> None:
    assert [m.name for m in ALL if not m.name[0].isupper() or m.name.endswith(".") or len(m.name.split()) < 3] == []

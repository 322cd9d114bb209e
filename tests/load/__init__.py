"""The measurements. Some are run with another commit's `router` first on PYTHONPATH (against_commit.py).

An older router has all of its domain in one folder: there the names below lead to the file without its room. It must be
so before anything here is imported, hence in this place; test_older_router.py keeps the list whole.
"""

import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

IN_ROOMS = (
    "messages.commands",
    "messages.effects",
    "messages.events",
    "messages.facts",
    "messages.observations",
    "rulebook.need",
    "rulebook.rules",
)
"What busy_floor.py and memory.py take from the rooms of the domain."

if find_spec("router.domain.messages") is None:
    for _name in IN_ROOMS:
        with suppress(ModuleNotFoundError):  # whoever wants what it has not got is told there
            sys.modules[f"router.domain.{_name}"] = import_module(f"router.domain.{_name.partition('.')[2]}")

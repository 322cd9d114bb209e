"""A pytest plugin that stands beside the guards and writes down what happens, a line of JSON for each thing.

It is copied to a directory of its own and knows nothing of the tree it watches. Before anything is collected it imports
the module with the fault: a fault that only keeps a module from being imported proves nothing about its guards.
"""

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

TOLD, MODULE, ROOT = "RINGFAIR_WITNESS_TOLD", "RINGFAIR_WITNESS_MODULE", "RINGFAIR_WITNESS_ROOT"
_LONGEST = 300


def tell(**what: object) -> None:
    with open(os.environ[TOLD], "a", encoding="utf-8") as told:
        told.write(json.dumps(what) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """The same examples in every run, none from earlier ones, and no minutes spent on making a failure smaller."""
    if "hypothesis" in sys.modules:
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", settings(derandomize=True, database=None, phases=phases))
        settings.load_profile("mutants")


def pytest_sessionstart(session: pytest.Session) -> None:
    name = os.environ.get(MODULE, "")
    if not name:
        return
    try:
        found = importlib.import_module(name).__file__ or ""
    except BaseException as error:  # noqa: BLE001 - a SystemExit is no import either
        tell(unfit=f"{type(error).__name__}: {error}"[:_LONGEST])
        pytest.exit("the module with the fault cannot be imported", returncode=3)
    if not Path(found).is_relative_to(os.environ[ROOT]):
        tell(unfit=f"{name} is imported from {found}, not from the copy with the fault")
        pytest.exit("another tree is tested", returncode=3)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    crash = getattr(report.longrepr, "reprcrash", None)
    why = str(getattr(crash, "message", "") or (report.longrepr if report.failed else ""))
    tell(
        test=report.nodeid,
        when=report.when,
        outcome=report.outcome,
        took_s=report.duration,
        why=next(iter(why.splitlines()), "")[:_LONGEST],
    )

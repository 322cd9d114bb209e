"""Another commit's router may have all of its domain in one folder; the measurements find it there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.load import IN_ROOMS

HERE = Path(__file__).parent
MEASURED = ("busy_floor.py", "memory.py", "engine_alone.py")


def test_every_name_that_is_taken_from_a_room_is_found_in_an_older_router_too() -> None:
    taken = {
        name
        for file in MEASURED
        for name in re.findall(r"from router\.domain\.(\w+\.\w+) import", (HERE / file).read_text(encoding="utf-8"))
    }
    assert taken == set(IN_ROOMS)


def test_a_router_without_rooms_is_spoken_to_by_the_same_names(tmp_path: Path) -> None:
    domain = tmp_path / "router" / "domain"
    domain.mkdir(parents=True)
    for package in (domain.parent, domain):
        (package / "__init__.py").touch()
    for name in IN_ROOMS:
        (domain / f"{name.partition('.')[2]}.py").write_text("HERE = __file__\n", encoding="utf-8")

    asked = "; ".join(
        ["import tests.load", *(f"from router.domain.{one} import HERE; print(HERE)" for one in IN_ROOMS)]
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", asked],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{HERE.parents[1]}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.split() == [str(domain / f"{one.partition('.')[2]}.py") for one in IN_ROOMS]

"""`deploy/prepare`, the parts that need no network: its shell is whole, and it looks for programs, not for itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

PREPARE = Path(__file__).parents[2] / "deploy" / "prepare"
TEXT = PREPARE.read_text(encoding="utf-8")


def test_its_shell_is_whole_and_a_wrong_part_is_told_the_right_ones() -> None:
    assert subprocess.run(["bash", "-n", PREPARE], check=False).returncode == 0
    done = subprocess.run([PREPARE, "everything"], capture_output=True, text=True, check=False, timeout=10)
    assert done.returncode == 2
    assert all(f"  {part}  " in done.stderr for part in ("venv", "pbx", "servers"))


def test_a_program_it_has_a_function_of_the_same_name_for_is_looked_for_on_disk() -> None:
    """`command -v` finds functions first, and so the program always "is there already"."""
    functions = set(re.findall(r"^(\w+)\(\) \{", TEXT, re.MULTILINE))
    assert "prometheus" in functions
    assert functions & set(re.findall(r"command -v ([\w-]+)", TEXT)) == set()


def test_without_a_prometheus_on_the_path_it_goes_and_gets_one(tmp_path: Path) -> None:
    """The function as it stands, where neither PATH nor the cache has Prometheus; what it would fetch is only told."""
    [function] = re.findall(r"^prometheus\(\) \{\n.*?^\}\n", TEXT, re.MULTILINE | re.DOTALL)
    for program in ("mkdir", "mktemp", "rm", "mv"):
        found = shutil.which(program)
        assert found is not None
        (tmp_path / program).symlink_to(found)
    script = f"""set -euo pipefail
debian_lists() {{ echo lists; }}
working() {{ echo "fetches: $*"; }}
{function}
prometheus
"""
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", script],
        env={"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert done.returncode == 0, done.stderr
    assert "fetches: unpacking Debian's Prometheus" in done.stdout

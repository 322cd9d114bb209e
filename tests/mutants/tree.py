"""Copies of the tree to plant faults in; the tree itself is only read.

Each worker has one: the files git would commit, without what was built from them. Compiled files are checked by their
contents and not by their age, because a fault is planted, tried and taken out again within one tick of a file system's
clock, often without changing the length of the file.
"""

import compileall
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from py_compile import PycInvalidationMode

from tests.mutants.mutant import Mutant, planted

WITNESS = "ringfair_witness"
"The name our plugin is loaded by: a package `tests` of the copy must not hide it."


class NotListed(Exception):
    """git cannot say which files there are."""


class Tree:
    """A copy, with a directory for whatever its tests make."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "tree"
        self.plugins = home / "plugins"
        self.tmp = home / "tmp"

    @classmethod
    def copied(cls, home: Path, source: Path, files: Iterable[str]) -> "Tree":
        tree = cls(home)
        for file in files:
            found = source / file
            if not found.is_file():
                continue  # listed by git and deleted since
            target = tree.root / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, target)
        tree.tmp.mkdir()
        tree.plugins.mkdir()
        shutil.copy(Path(__file__).with_name("witness.py"), tree.plugins / f"{WITNESS}.py")
        # pytest compiles test modules itself
        own_compiler = re.compile(r"/test_[^/]*\.py$")
        compileall.compile_dir(tree.root, quiet=2, rx=own_compiler, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        # A server that must not run as root runs as somebody else, who has to find the way to its directory.
        for folder in (home.parent, home, tree.tmp):
            folder.chmod(0o711)
        return tree

    def twin(self, home: Path) -> "Tree":
        """Another copy, faster than the first."""
        shutil.copytree(self.home, home)
        return Tree(home)

    @contextmanager
    def with_fault(self, mutant: Mutant) -> Iterator[str]:
        """Plant it, give the new text, and take it out again. Raises DoesNotApply, SyntaxError."""
        path = self.root / mutant.file
        before = path.read_bytes() if path.is_file() else b""
        after = planted(mutant, before.decode())
        if path.suffix == ".py":
            compile(after, mutant.file, "exec", dont_inherit=True)
        path.write_text(after, encoding="utf-8")
        try:
            yield after
        finally:
            path.write_bytes(before)


def files_of(source: Path) -> list[str]:
    """What git would commit, whether it was told of it or not. Raises NotListed."""
    command = ["git", "-C", str(source), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NotListed(f"git cannot list the files of {source}: mutants need a checkout, and git ({error})") from error
    return sorted({name for name in listed.decode().split("\0") if name})

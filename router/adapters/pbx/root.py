"""Where Asterisk and its companions run: a root directory made by ``asterisk/obtain``, or the system itself.

In a root, programs run through ``chroot`` on the host's network. Only ``chroot`` needs root rights (or sudo); what runs
inside it runs as an ordinary user: the root's own ``asterisk`` when we are root, else whoever called us.
"""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import router
from router.adapters.pbx.errors import PbxError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
"""What an instance, and a Valkey, may be called: it becomes a directory and part of ids."""

_MAX_STEPS = 200


def site_files(kind: str) -> Path:
    """The folder ``asterisk`` or ``dialplans``: inside the package when installed, beside it in a checkout.

    Inside first: beside an installed package may stand somebody else's package of that name.
    """
    package = Path(router.__file__).resolve().parent
    for candidate in (package / "site" / kind, package.parent / kind):
        if candidate.is_dir():
            return candidate
    raise PbxError("site-files-missing", f"the folder {kind}/ is neither inside nor beside {package}")


@dataclass(frozen=True, slots=True)
class Root:
    """A place to run programs in. ``path`` is the root's directory on the host, None for the system itself."""

    path: Path | None

    @property
    def state(self) -> Path:
        """Host directory in which instances keep their own directories."""
        if self.path is not None:
            return self.path / "srv" / "ringfair"
        if os.geteuid() == 0:
            return Path("/srv/ringfair")
        state = os.environ.get("XDG_STATE_HOME", "")
        return (Path(state) if state else Path.home() / ".local" / "state") / "ringfair"

    @property
    def data(self) -> Path:
        """Host path of Asterisk's data directory (sounds, music)."""
        return self.host(Path("/usr/share/asterisk"))

    @property
    def owner(self) -> tuple[int, int]:
        """User and group id that servers run as: never root where another user exists."""
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        if self.path is None:
            try:
                entry = pwd.getpwnam("asterisk")
            except KeyError:
                return 0, 0
            return entry.pw_uid, entry.pw_gid
        for line in (self.path / "etc" / "passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == "asterisk":
                return int(uid), int(gid)
        return 0, 0

    def inside(self, host_path: Path) -> Path:
        """The path a program in the root sees for a path of the host."""
        return host_path if self.path is None else Path("/") / host_path.relative_to(self.path)

    def host(self, inside_path: Path) -> Path:
        """The host's path for a path a program in the root sees."""
        return inside_path if self.path is None else self.path / inside_path.relative_to("/")

    def resolve(self, inside_path: Path) -> Path:
        """The host's path for ``inside_path``, its symbolic links followed as a program in the root would.

        Debian's `sounds/en` is an absolute link through /etc/alternatives; followed from outside it would lead into
        the host's /etc.
        """
        left, at = list(inside_path.parts[1:]), Path("/")
        for _ in range(_MAX_STEPS):
            if not left:
                return self.host(at)
            part = left.pop(0)
            step = at.parent if part == ".." else at / part
            if not self.host(step).is_symlink():
                at = step
                continue
            link = self.host(step).readlink()
            left = [*(link.parts[1:] if link.is_absolute() else link.parts), *left]
            at = Path("/") if link.is_absolute() else at
        raise PbxError("link-loop", f"{inside_path} leads in a circle")

    def command(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as the host runs it, as the unprivileged owner."""
        uid, gid = self.owner
        if self.path is not None:
            enter = ["chroot", "--groups=", f"--userspec={uid}:{gid}", str(self.path), *argv]
            return enter if os.geteuid() == 0 else ["sudo", *enter]
        if os.geteuid() == 0 and uid != 0:
            return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *argv]
        return list(argv)

    @property
    def _environment(self) -> dict[str, str]:
        """The caller's PATH means nothing inside a root; outside, the places of servers are added to it."""
        standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        own = os.environ.get("PATH", "")
        return {"PATH": f"{own}:{standard}" if self.path is None and own else standard, "LC_ALL": "C.UTF-8"}

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes | None = None, missing: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a program to its end; its output is captured. ``missing`` says what to do if it is not there."""
        try:
            done = subprocess.run(
                self.command(argv),
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                cwd="/",
                env=self._environment,
            )
        except FileNotFoundError as error:
            raise PbxError("program-missing", f"{error.filename} is not installed. {missing}".strip()) from error
        except subprocess.TimeoutExpired as error:
            raise PbxError("program-hangs", f"{argv[0]} did not end within {timeout_s:g} s") from error
        if done.returncode == 127:
            raise PbxError("program-missing", f"{argv[0]} is not installed. {missing}".strip())
        return done

    def give_to_owner(self, path: Path) -> None:
        """Hands ``path`` and everything below it to the owner (needed only when we are root)."""
        if os.geteuid() != 0:
            return
        uid, gid = self.owner
        os.chown(path, uid, gid, follow_symlinks=False)
        for folder, names, files in os.walk(path):
            for name in [*names, *files]:
                os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)


def find_root(*, make: bool = True, pbx_only: bool = False) -> Root:
    """Asks ``asterisk/obtain``; with ``make`` a missing root is made (about a minute, progress on stderr)."""
    script = site_files("asterisk") / "obtain"
    argv = ["bash", str(script), *([] if make else ["--find"]), *(["--pbx-only"] if pbx_only else [])]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode == 3:
        raise PbxError("no-asterisk", "no usable Asterisk on this machine; `asterisk/obtain` makes one")
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise PbxError("no-asterisk", "asterisk/obtain found no usable Asterisk and could not make one")
    return Root(None if lines[-1] == "system" else Path(lines[-1]))

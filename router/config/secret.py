"""Secrets: from a file of their own or from the environment, never from a configuration file, never shown."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from router.config.faults import HIDDEN, MISSING, Faults
from router.config.settings import Settings

MAX_SECRET = 4096
TOO_OPEN = 0o027
"A group may read (root:ringfair 0640 is usual); it may not write, and others may do nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What the neighbours want to hear. Kept out of `repr`, hash of the rules and faults."""

    asterisk: str = field(repr=False)
    telemetry: str | None = field(default=None, repr=False)
    redis: str | None = field(default=None, repr=False)
    redis_sentinel: str | None = field(default=None, repr=False)
    ledger: str | None = field(default=None, repr=False)


def read_secrets(settings: Settings, file: str, environ: Mapping[str, str], faults: Faults) -> Secrets:
    """Read each from its file; `RINGFAIR_…` of the environment goes before the file. Paths are absolute here."""
    ami = settings.asterisk.secret_file
    asterisk = _read(file, "asterisk.secret_file", ami, "RINGFAIR_ASTERISK_SECRET", environ, faults)
    if asterisk is None and ami is None and "RINGFAIR_ASTERISK_SECRET" not in environ:
        expected = "the file that holds the AMI user's secret, or RINGFAIR_ASTERISK_SECRET in the environment"
        faults.add(file, "asterisk.secret_file", MISSING, expected)
    return Secrets(
        asterisk=asterisk or "",
        telemetry=_read(
            file,
            "telemetry.secret_file",
            settings.telemetry.secret_file,
            "RINGFAIR_TELEMETRY_SECRET",
            environ,
            faults,
        ),
        redis=_read(
            file, "redis.password_file", settings.redis.password_file, "RINGFAIR_REDIS_PASSWORD", environ, faults
        ),
        redis_sentinel=_read(
            file,
            "redis.sentinel_password_file",
            settings.redis.sentinel_password_file,
            "RINGFAIR_REDIS_SENTINEL_PASSWORD",
            environ,
            faults,
        ),
        ledger=_read(
            file, "ledger.password_file", settings.ledger.password_file, "RINGFAIR_LEDGER_PASSWORD", environ, faults
        ),
    )


def _read(
    file: str, key: str, path: str | None, variable: str, environ: Mapping[str, str], faults: Faults
) -> str | None:
    if variable in environ:
        secret, wrong = _checked(environ[variable])
        if wrong:
            faults.add("(environment)", variable, HIDDEN, wrong)
        return secret
    if path is None:
        return None
    secret, wrong = _from_file(Path(path))
    if wrong:
        faults.add(file, key, path, wrong)
    return secret


def _from_file(path: Path) -> tuple[str | None, str]:
    """The secret, or why not."""
    try:
        # Non-blocking, so that a FIFO put there cannot stop the start; checked after opening, so that what was
        # checked is what is read.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return None, f"a readable file ({error.strerror})"
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None, "a regular file"
        if found.st_mode & TOO_OPEN:
            mode = stat.S_IMODE(found.st_mode)
            return None, f"a file that others cannot read and no group can write: mode 0640 or 0600, it has {mode:04o}"
        content = os.read(descriptor, MAX_SECRET + 1)
    except OSError as error:
        return None, f"a readable file ({error.strerror})"
    finally:
        os.close(descriptor)
    try:
        return _checked(content.decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        return None, "a file with one line of UTF-8"


def _checked(secret: str) -> tuple[str | None, str]:
    # Control characters would end an AMI header and begin another one.
    if not secret or len(secret) > MAX_SECRET or not secret.isprintable():
        return None, f"a secret on one line, 1 to {MAX_SECRET} characters, none of them a control character"
    return secret, ""

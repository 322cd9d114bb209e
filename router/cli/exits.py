"""Exit codes, and how an error becomes one sentence on stderr. The numbers are an interface: scripts depend on them."""

from typing import Final

from router.domain.errors import CommandRefused, ConfigError, RemoteError, RouterError

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
MISSING: Final = 3
REFUSED: Final = 4
POOL_LOST: Final = 5

MEANINGS: Final = {
    DONE: "done",
    FAILED: "failed, or something unexpected",
    USAGE: "wrong usage, or faults in the configuration or in a file given",
    MISSING: "a neighbour is missing: Asterisk, Redis, the database, or a running router",
    REFUSED: "refused; the sentence says why",
    POOL_LOST: "another router owns the pool now",
}

_OF_ID: Final = {
    "pool-lost": POOL_LOST,
    "pool-owned": POOL_LOST,
    "pool-foreign": USAGE,
    "canary-lost": FAILED,
    "router-fault": FAILED,
}


def code_of(error: RouterError) -> int:
    """The exit code of an error."""
    if error.error_id in _OF_ID:
        return _OF_ID[error.error_id]
    if isinstance(error, ConfigError):
        return USAGE
    if isinstance(error, CommandRefused):
        return REFUSED
    if isinstance(error, RemoteError):
        return MISSING
    return FAILED


def sentence(error: BaseException) -> str:
    """What is printed for an error: a sentence of ours, or the kind of a foreign one."""
    if isinstance(error, RouterError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return f"{where}{error.strerror}"
    return f"unexpected {type(error).__name__}: {error}"


def first_of_ours(error: BaseException) -> RouterError | None:
    """The error of ours inside what a TaskGroup raised, if there is one."""
    if isinstance(error, RouterError):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if (found := first_of_ours(inner)) is not None:
                return found
    return None

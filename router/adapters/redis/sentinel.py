"""A Redis that moves: the Sentinels are asked where the master is, and every connection of ours goes there.

After a failover the new master may lack what the old one had acknowledged (replication is asynchronous), and an old
master that was only cut off goes on taking writes that nobody will ever see. Therefore:

Rule 1: more than half of the Sentinels are asked, and of their answers the one of the latest failover counts
(`config-epoch`): redis-py believes the first that answers, which may be the one that was cut off with the old master.
If fewer than half answer, those who do are believed: Asterisk's epochs fence better than any Sentinel.
Rule 2: a connection that stands is no proof that its server is still the master. It is looked up again at most every
`LOOK_S`; Sentinels that cannot be asked then change nothing.
Rule 3: what was connected says its role, and is left again as soon as it calls itself a replica (`READONLY`), or a
master without enough replicas (`NOREPLICAS`).
Rule 4: a move is never silent. The first command after it fails, unless one has failed before it: whoever writes has to
know that the server may lack what the last one had. The next try is on the new master.

This file has what loops (`master.py`) and threads (`thread_master.py`) have in common; it connects to nothing.
redis-py's connections for Sentinel do the connecting. Its pool for them does not wait when it is exhausted, and knows
none of the rules, so the ordinary blocking pool holds them.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from redis.exceptions import AuthenticationError, InvalidResponse, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

LOOK_S = 0.4
"Less than the renewals of a lease are apart: the owner has moved before one who stands by takes the new master's word."
LOOK_AGAIN_S = 5.0
"After a look that no majority answered: three dead machines shall not slow a living one down."
SENTINEL_S = 0.2
"For a connection to a Sentinel and for its answer."
LONGEST = 300
"Bytes of a word a Sentinel says."

Place = tuple[str, int]
FAILURES = (RedisError, OSError, TimeoutError, TypeError, ValueError)
_UNFIT = ("NOREPLICAS", "MASTERDOWN", "READONLY")


class NoMaster(RedisConnectionError):
    """No Sentinel names a master that is up; `why`: `silent`, `unknown`, `login`, `untrusted`, `foreign`, `down`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no master: {why}")
        self.why = why


class MasterMoved(RedisConnectionError):
    """Another server is the master now; the next try goes there."""


class MasterDemoted(RedisConnectionError):
    """The server that was named says it is a replica."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one Sentinel says of the master."""

    place: Place
    failovers: int
    "`config-epoch`: which failover it knows of."
    up: bool
    replicas: int
    sentinels: int
    "Itself included."


Answer = Told | str
"Or why there is none: a word of `NoMaster`."


def read(answer: object) -> Answer:
    """`SENTINEL MASTER name`: a list of names and values in turn."""
    if not isinstance(answer, list) or not all(isinstance(part, bytes) and len(part) <= LONGEST for part in answer):
        return "foreign"
    words = [part.decode("utf-8", "replace") for part in answer]
    fields = dict(zip(words[::2], words[1::2], strict=False))
    host, port = fields.get("ip", ""), _whole(fields.get("port"))
    if not host or not host.isprintable() or not 0 < port < 65_536:
        return "foreign"
    flags = fields.get("flags", "").split(",")
    return Told(
        place=(host, port),
        failovers=_whole(fields.get("config-epoch")),
        up="master" in flags and "s_down" not in flags and "o_down" not in flags,
        replicas=_whole(fields.get("num-slaves")),
        sentinels=1 + _whole(fields.get("num-other-sentinels")),
    )


def absence(failure: BaseException) -> Answer:
    """Why a Sentinel did not say it."""
    if isinstance(failure, AuthenticationError | NoPermissionError) or "NOAUTH" in str(failure):
        return "login"
    if "CERTIFICATE" in str(failure):
        return "untrusted"
    if isinstance(failure, ResponseError):
        return "unknown" if "No such master" in str(failure) else "foreign"
    if isinstance(failure, InvalidResponse) or "Protocol error" in str(failure):
        return "foreign"
    return "silent" if isinstance(failure, RedisError | OSError) else "foreign"


def enough(answers: Sequence[Answer], of: int) -> bool:
    """Whether more than half of them told."""
    return 2 * sum(isinstance(answer, Told) for answer in answers) > of


def newest(answers: Sequence[Answer], of: int) -> Told:
    """Rule 1. Raises `NoMaster`."""
    told = [answer for answer in answers if isinstance(answer, Told)]
    if not told:
        known = [word for word in ("login", "unknown", "untrusted", "foreign") if word in answers]
        raise NoMaster(known[0] if known else "silent")
    latest = max(answer.failovers for answer in told)
    same = sorted((answer for answer in told if answer.failovers == latest), key=lambda answer: not answer.up)
    if not same[0].up and enough(told, of):
        raise NoMaster("down")
    return same[0]


class Whereabouts:
    """What one client knows of its master."""

    is_master, check_connection = True, False
    "Read by redis-py's connections, which take this for their pool."

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.place: Place | None = None
        self.failed = True
        "Whether an error has told the client already that not all is as it was."
        self._clock = clock
        self._look_at = 0.0

    def look_is_due(self) -> bool:
        """Whether rule 2 asks for a look; then it is this caller's, and nobody else's for a while."""
        now = self._clock()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_AGAIN_S
        return True

    def looked(self, answers: Sequence[Answer], of: int) -> None:
        """Rule 2: what came of a look. Raises `MasterMoved`."""
        if enough(answers, of):
            self._look_at = self._clock() + LOOK_S
            with suppress(NoMaster):  # it is being replaced; the command itself will tell
                self.found(newest(answers, of).place)

    def found(self, place: Place) -> Place:
        """Rule 4. Raises `MasterMoved`."""
        self._look_at = self._clock() + LOOK_S
        before, self.place = self.place, place
        if before != place and not self.failed:
            self.failed = True
            raise MasterMoved("another server is the master now")
        return place


def is_unfit(failure: ResponseError) -> bool:
    """Rule 3: whether the server says that it is not the one to write to."""
    return any(word in str(failure) for word in _UNFIT)


def must_be_master(role: object) -> None:
    """Rule 3: the answer to `ROLE`. Raises `MasterDemoted`."""
    if not isinstance(role, list) or not role or role[0] != b"master":
        raise MasterDemoted("what is named as the master is a replica")


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0

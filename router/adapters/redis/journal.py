"""The journal of a pool in Redis or Valkey: who stands how, for whoever takes over. All keys carry the tag `{POOL}`.

    ringfair:{main}:journal    stream, one entry per picture (router/domain/pictures/picture.py), of the last hour
        v      1
        seq    of the commit it came with; grows by one, for ever
        epoch  of the router that wrote it
        now    µs since the epoch, UTC: the engine's clock at the commit
        kind   event
        type   ContactStands | AgentStands | DoorStands | PaceStands | PromiseStands
               | ContactGone | AgentGone | PromiseGone
        body   JSON, the picture
    ringfair:{main}:snapshot   hash: the newest picture of each, `contact <id>`, `agent <id>`, `door <campaign>`,
                               `pace <queue or campaign>` or `promise <id>` → `TYPE JSON`
        commit   JSON: {"v":1,"seq":…,"epoch":…,"now":…,"config_hash":"…","stands_on":"SEQ EPOCH"} of the last commit
    ringfair:{main}:epoch      the highest epoch ever given out (lease.py)
    ringfair:{main}:synced     the `seq` up to which somebody wanted to know it safe

Rule 1: a commit is one script: the entries and the snapshot change together or not at all, so the snapshot is always
as new as the stream. Reading it is still snapshot *and* what the stream has after it: an older release, or a restored
backup, may have left them apart.
Rule 2: who writes says in which epoch. With a lower one than was given out nothing is written (`journal-fenced`).
Rule 3: with each commit the server is told the last one we know to be there. If that is neither the last one there nor
what the last one there stands on (one of ours, whose answer never came), the server lost some, or all, of what we wrote
(a restart without its file, a Sentinel failover): everything is then written again. The commit itself says so, too:
should this answer get lost as well, the next one tells.
Rule 4: everybody can write to Redis: what cannot be read is counted and left out, the rest counts.

How durable: a commit is as safe as the server's own `appendfsync`; `sync` waits until it is on its disk (`WAITAOF`,
Redis 7.2 and Valkey), and with Sentinels until a replica has heard of it as well. A primary that dies may take up to a
second with `everysec`, a Sentinel failover what the promoted replica had not heard. The design needs no more: calls are
Asterisk's, records are in the spool, what only we know is synced, and the owner writes everything again.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from redis.exceptions import ResponseError

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.trouble import FAILURES, asking
from router.domain.errors import RemoteError
from router.domain.ids import Micros
from router.domain.pictures.picture import AgentGone, ContactGone, Picture, PromiseGone, key_of
from router.ports import Journalled

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

SCHEMA = 1
KEPT = 100_000
"Entries of the stream, roughly: half an hour at 60 contacts/s. For people; recovery needs the snapshot alone."
KEPT_S = 3600
"And no longer: callers' numbers stand in it."
APPEND_S = 2.0
LOAD_S = 15.0
HEARD_S = 0.1
SYNC_S = 0.3
"With the tenth a server takes to notice, less than a client waits for any answer: a slow disk is no silent server."
READ_AT_ONCE = 500
LONGEST = 64 * 1024
"Bytes of one picture; a longer one was not written by us."
MOST = 200_000
"Pictures. More than this is not a snapshot of ours."

HIGHEST = 2**53
"Of a number that Lua can tell from its neighbours; a higher one was not written by us."

_COMMIT = b"commit"
_TYPES: dict[str, type[Picture]] = {kind.__name__: kind for kind in get_args(Picture)}
_GONE = (ContactGone, AgentGone, PromiseGone)
_SCRIPT = """
-- KEYS epoch journal snapshot  ARGV epoch seq now kept kept_s known commit (and as it is if `known` is lost), then for
-- each picture: key type body. Gives {the higher epoch, 0}, or {0, whether nothing was lost since `known`}
local given = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if given > tonumber(ARGV[1]) then return {given, 0} end
local before = redis.call('HGET', KEYS[3], 'commit')
local last, stands_on = '0 0', ''
if before then
  local ok, was = pcall(cjson.decode, before)
  if ok and type(was) == 'table' then
    last = string.format('%.0f %.0f', tonumber(was['seq']) or 0, tonumber(was['epoch']) or 0)
    stands_on = was['stands_on']
  end
end
local kept = last == ARGV[6] or stands_on == ARGV[6]
local time = redis.call('TIME')
for at = 9, #ARGV, 3 do
  local key, kind, body = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'v', '1', 'seq', ARGV[2], 'epoch', ARGV[1], 'now', ARGV[3],
    'kind', 'event', 'type', kind, 'body', body)
  if kind == 'ContactGone' or kind == 'AgentGone' or kind == 'PromiseGone' then
    redis.call('HDEL', KEYS[3], key)
  else
    redis.call('HSET', KEYS[3], key, kind .. ' ' .. body)
  end
end
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', (time[1] - ARGV[5]) * 1000))
redis.call('HSET', KEYS[3], 'commit', kept and ARGV[7] or ARGV[8])
return {0, kept and 1 or 0}
"""


class _Commit(msgspec.Struct):
    """The last commit a snapshot holds."""

    v: int
    seq: int
    epoch: int
    now: Micros
    config_hash: str = ""
    stands_on: str = "?"
    """`SEQ EPOCH` of the commit its router knew to be there, if that was so: the last one before it, or what that one
    stood on, whose answer never came. Empty: it was lost."""


class RedisJournal:
    """The `Journal` port. One server, one pool; use it from the loop it was first used on."""

    def __init__(self, address: RedisAddress, *, pool: str = "main") -> None:
        self.address = address
        self.unreadable = 0
        "Pictures that `load` found and could not read: a newer release's, or foreign bytes."
        self._prefix = f"ringfair:{{{pool}}}:"
        self._journal = f"{self._prefix}journal"
        self._snapshot = f"{self._prefix}snapshot"
        self._seq = self._epoch = 0
        "Of the commit that must be the last one there."
        self._sent = 0
        "The highest seq that was used."
        self._strange: list[bytes] = []
        "Fields of the snapshot that could not be read."
        self._synced = f"{self._prefix}synced"
        self._syncs = True
        self._client: Redis | None = None
        self._append: AsyncScript | None = None

    async def load(self) -> Journalled:
        """The state at the last commit. Raises `RemoteError`: Redis is away, or `journal-foreign`, a set too large."""
        self.unreadable, self._strange = 0, []
        found: Journalled | None = None
        async with asking(self.address, LOAD_S):
            found = await self._load()
        assert found is not None
        return found

    async def _load(self) -> Journalled:
        client = self._connected()
        if await client.hlen(self._snapshot) > MOST:
            raise RemoteError(
                "journal-foreign",
                f"{self._snapshot} at {self.address} has more entries than a pool can have: others write there. "
                "Give [redis] url a database of our own, or delete that key: Asterisk knows who is on the line.",
            )
        newest: dict[str, Picture] = {}
        commit = _Commit(v=SCHEMA, seq=0, epoch=0, now=0)
        async for name, value in client.hscan_iter(self._snapshot, count=READ_AT_ONCE):
            if name == _COMMIT:
                commit = _read(value, _Commit) or commit
                continue
            kind, _, body = value.partition(b" ")
            picture = self._picture(kind, body)
            if picture is not None:
                newest[key_of(picture)] = picture
            else:
                self._strange.append(name)
        async for fields in self._after(client, commit.seq):
            picture = self._picture(fields.get(b"type", b""), fields.get(b"body", b""))
            if picture is not None:
                key = key_of(picture)
                newest.pop(key, None)
                if not isinstance(picture, _GONE):
                    newest[key] = picture
            later = _whole(fields.get(b"seq")), _whole(fields.get(b"epoch")), _whole(fields.get(b"now"))
            commit.seq, commit.epoch, commit.now = (
                max(pair) for pair in zip((commit.seq, commit.epoch, commit.now), later, strict=True)
            )
        self._seq, self._epoch = commit.seq, commit.epoch
        self._sent = max(self._sent, commit.seq)
        return Journalled(
            pictures=tuple(newest.values()),
            seq=commit.seq,
            epoch=commit.epoch,
            written_at=commit.now,
            config_hash=commit.config_hash,
            unreadable=self.unreadable,
        )

    async def _after(self, client: "Redis", seq: int) -> AsyncIterator[dict[bytes, bytes]]:
        """Entries of commits after `seq`, oldest first. Read from the end: ordinarily there is none."""
        later: list[dict[bytes, bytes]] = []
        until = "+"
        while True:
            page: list[tuple[bytes, dict[bytes, bytes]]]
            page = await client.xrevrange(self._journal, max=until, count=READ_AT_ONCE)  # type: ignore[assignment]
            fresh = [fields for _, fields in page if _whole(fields.get(b"seq")) > seq]
            later += fresh
            if len(fresh) < READ_AT_ONCE or len(later) > MOST:
                break
            until = "(" + page[-1][0].decode()
        for fields in reversed(later):
            yield fields

    def _picture(self, kind: bytes, body: bytes) -> Picture | None:
        known = _TYPES.get(kind.decode("ascii", "replace"))
        picture = None if known is None else _read(body, known)
        if picture is None:
            self.unreadable += 1
        return picture

    async def append(self, pictures: Sequence[Picture], *, epoch: int, now: Micros, config_hash: str) -> bool:
        """One commit. False when the server had lost earlier ones: then everything must be written again.

        Raises `RemoteError`; `journal-fenced` when a later router owns the pool: nothing was written.
        """
        self._sent += 1
        known = f"{self._seq} {self._epoch}"
        commit = _Commit(v=SCHEMA, seq=self._sent, epoch=epoch, now=now, config_hash=config_hash, stands_on=known)
        given: list[Any] = [epoch, commit.seq, now, KEPT, KEPT_S, known]
        given += (msgspec.json.encode(each) for each in (commit, msgspec.structs.replace(commit, stands_on="")))
        for picture in pictures:
            given += (key_of(picture), type(picture).__name__, msgspec.json.encode(picture))
        higher = kept = 0
        async with asking(self.address, APPEND_S):
            client = self._connected()
            if self._append is None:
                self._append = client.register_script(_SCRIPT)
            keys = [f"{self._prefix}epoch", self._journal, self._snapshot]
            higher, kept = await self._append(keys=keys, args=given)
            if not higher and self._strange:
                await client.hdel(self._snapshot, *self._strange)
                self._strange = []
        if higher:
            raise RemoteError("journal-fenced", f"A later router (epoch {higher}) owns the pool.", epoch=higher)
        self._seq, self._epoch = commit.seq, commit.epoch
        return bool(kept)

    async def sync(self) -> bool:
        """Wait until all commits are on the server's disk; False when this server cannot say, or keeps no such file.

        With Sentinels a replica must have heard of them, too: one that becomes the master would know nothing of them.
        """
        if not self._syncs:
            return False
        seq, epoch = self._seq, self._epoch
        answers: list[Any] = []
        async with (
            asking(self.address, SYNC_S + HEARD_S + 0.5),
            self._connected().pipeline(transaction=False) as pipe,
        ):
            # both wait for what their own connection wrote last: so something is written on this one
            pipe.set(self._synced, seq)
            pipe.hget(self._snapshot, _COMMIT.decode())
            pipe.execute_command("WAITAOF", 1, 0, round(SYNC_S * 1000))
            if self.address.sentinels:
                pipe.execute_command("WAIT", 1, round(HEARD_S * 1000))
            answers = await pipe.execute(raise_on_error=False)
        _, stands, on_disk, *heard = answers
        if isinstance(on_disk, ResponseError):
            # unknown before Redis 7.2; refused where `appendonly` is off. The next master may be another kind
            self._syncs = bool(self.address.sentinels)
            return False
        commit = _read(stands, _Commit) if isinstance(stands, bytes) else None
        if seq and (commit is None or commit.seq < seq or commit.epoch != epoch or not commit.stands_on):
            return False  # it was lost meanwhile; the next commit will tell
        return isinstance(on_disk, list) and bool(on_disk) and on_disk[0] >= 1 and heard != [0]

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(*FAILURES):
                await client.aclose()

    def _connected(self) -> "Redis":
        if self._client is None:
            self._client = self.address.client()
        return self._client


def _read(body: bytes, kind: type) -> Any:
    """Decode what may be anything; None when it is not what it says."""
    if len(body) > LONGEST:
        return None
    try:
        read: Any = msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(read, _Commit) and not all(0 <= number <= HIGHEST for number in (read.seq, read.epoch, read.now)):
        return None
    return read


def _whole(value: bytes | None) -> int:
    number = int(value) if value is not None and value.isdigit() and len(value) < 19 else 0
    return number if number <= HIGHEST else 0

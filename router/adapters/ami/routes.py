"""The numbers Asterisk serves for a pool, the limits of trunks, and the list of both that outlives the router.

Globals of Asterisk stay when the router goes (`clearglobalvars=no`), so a number taken off while it was down would be
answered for ever: nobody would know its name any more. The names therefore stand in globals too, `ACD_ROUTES_<pool>_0`,
`_1` and so on up to the first empty one, digits sorted as text and separated by commas; behind the digits the trunks,
as `TRUNK_<endpoint>`.

Rule 1: the list never lacks a number that is served. It grows before numbers are set and shrinks after they are
        cleared; a change of it that breaks off in the middle leaves too much in it, never too little.
Rule 2: a number is cleared only while its value names our pool: another pool may have it by now. A limit says nothing
        of who set it; of pools that share a trunk one should.
Rule 3: `ACD_ROUTED` is set behind all of it. A start of Asterisk empties every global, and without this one the
        dialplan knows that "no such number" means "no router yet" and refuses nobody.
"""

import re
from collections.abc import Iterable

from router.adapters.ami.asking import Asking

_NUMBER, _TRUNK = "ACD_DNIS_", "ACD_TRUNK_"
_ROUTED = ("ACD_ROUTED", "1")
_PART_BYTES = 900
"Of one global: Asterisk reads lines of at most 1022 bytes and tells 1023 of a value (`action_getvar`, main/manager.c)."
_MOST_PARTS = 10_000
"Far beyond any site; whatever somebody wrote there, reading ends."
_ENTRY = re.compile(r"[0-9a-z]{1,32}|TRUNK_[A-Za-z0-9_.-]{1,64}")
"Digits, or the letters of a number that no trunk can dial; or a trunk."


class Routes:
    """What is published at one Asterisk."""

    def __init__(self, pool: str, asking: Asking) -> None:
        self._pool = pool
        self._asking = asking
        self._published: dict[str, str | None] = {}
        "Global → value as Asterisk acknowledged it; None: ours, but who knows what it is now."
        self._listed: list[str] | None = None
        "The parts of the list as Asterisk has them; None: not read on this connection, or perhaps half written."
        self._routed = False
        "Whether Asterisk was told, on this connection, that numbers are published."

    def forget(self) -> None:
        """There is a new connection: Asterisk may be another one than before."""
        self._published = dict.fromkeys(self._published)
        self._listed = None
        self._routed = False

    async def publish(self, wanted: dict[str, str]) -> None:
        """Bring the globals in line with `ACD_DNIS_<digits>` and `ACD_TRUNK_<endpoint>` → value.

        Numbers no longer ours become unknown ones, and trunks no longer limited are not.
        """
        listed = await self._read_list() if self._listed is None else self._listed
        for entry in ",".join(listed).split(","):
            if _ENTRY.fullmatch(entry):
                self._published.setdefault(f"ACD_{entry}" if entry[:6] == "TRUNK_" else _NUMBER + entry, None)
        await self._write_list(listed, self._published.keys() | wanted.keys())
        await self._clear([name for name in self._published if name not in wanted])
        changed = {name: value for name, value in wanted.items() if self._published.get(name) != value}
        # until Asterisk says so, nobody knows: a change that breaks off is made again
        self._published.update(dict.fromkeys(changed))
        await self._asking.set_all(changed.items())
        self._published = dict(wanted)
        await self._write_list(self._listed or [], wanted)
        if not self._routed:
            await self._asking.set_all([_ROUTED])
            self._routed = True

    async def _clear(self, names: list[str]) -> None:
        standing = await self._asking.get_all(names)
        ours = [name for name, value in standing.items() if name.startswith(_TRUNK) or _pool_of(value) == self._pool]
        await self._asking.set_all((name, "") for name in ours)

    async def _read_list(self) -> list[str]:
        parts: list[str] = []
        while len(parts) < _MOST_PARTS and (part := await self._asking.get(self._part(len(parts)))):
            parts.append(part)
        return parts

    async def _write_list(self, old: list[str], names: Iterable[str]) -> None:
        new = _parts(sorted(name.removeprefix(_NUMBER).removeprefix("ACD_") for name in names))
        padded = [*new, *[""] * (len(old) - len(new))]
        changes = [(self._part(n), part) for n, part in enumerate(padded) if n >= len(old) or old[n] != part]
        # More names push others into later parts, fewer pull them into earlier ones: whence they go is written last.
        growing = sum(map(len, new)) > sum(map(len, old))
        self._listed = None
        await self._asking.set_all(reversed(changes) if growing else changes)
        self._listed = new

    def _part(self, number: int) -> str:
        return f"ACD_ROUTES_{self._pool}_{number}"


def _pool_of(route: str) -> str:
    """`campaign,greeting,language,music,pool` and whatever newer routers put behind it."""
    return "".join(route.split(",")[4:5])


def _parts(digits: list[str]) -> list[str]:
    parts: list[str] = []
    for number in digits:
        if parts and len(parts[-1]) + 1 + len(number) <= _PART_BYTES:
            parts[-1] += "," + number
        else:
            parts.append(number)
    return parts

"""`redis+sentinel://…`: the address of a Redis that moves, taken apart and checked before anybody connects.

    redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT],…/MASTER[/DB]
    rediss+sentinel://…[?ca_file=…&cert_file=…&key_file=…]      TLS, to the Sentinels as to the master

The hosts are those of the Sentinels; MASTER is the name they know the server by (`sentinel monitor MASTER …`), and user
and password are for that server. `urllib` knows no list of hosts, so this is read here.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

SCHEMES = ("redis+sentinel", "rediss+sentinel")
PORT = 26379
MOST = 16
"Sentinels. Three or five are usual."

_URL = re.compile(
    r"(?P<scheme>rediss?\+sentinel)://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?", re.ASCII)
_MASTER = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
"The letters Sentinel itself allows in a name."
_TLS = {"ca_file", "cert_file", "key_file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelUrl:
    """What stands in such an address."""

    scheme: str
    sentinels: tuple[tuple[str, int], ...]
    master: str
    db: int
    username: str | None
    password: str | None = field(repr=False)
    tls: dict[str, str]


def is_sentinel_url(text: str) -> bool:
    return text.startswith(tuple(f"{scheme}:" for scheme in SCHEMES))


def sentinel_url(text: str) -> SentinelUrl:
    """Take it apart. Raises `ValueError` with what was expected, never with what stood there."""
    parts = _URL.fullmatch(text)
    if parts is None:
        raise ValueError('"redis+sentinel://host:26379,host:26379,host:26379/name-of-the-master/0"')
    tls = dict(parse_qsl(parts["query"] or "", keep_blank_values=True))
    allowed = _TLS if parts["scheme"] == "rediss+sentinel" else set()
    if set(tls) - allowed:
        raise ValueError(f"after the question mark only {', '.join(sorted(_TLS))}, and with rediss+sentinel:// alone")
    sentinels = tuple(_sentinel(one) for one in parts["hosts"].split(","))
    if len(sentinels) > MOST or len(set(sentinels)) < len(sentinels):
        raise ValueError(f"each Sentinel once, at most {MOST} of them")
    master, _, db = (parts["path"] or "").removeprefix("/").partition("/")
    if not _MASTER.fullmatch(master):
        raise ValueError("the name of the master behind the hosts, as in the Sentinels' `sentinel monitor NAME …`")
    if not (re.fullmatch(r"\d{0,5}", db, re.ASCII)):
        raise ValueError("the number of a database at the end, ordinarily 0")
    username, _, password = (parts["login"] or "").partition(":")
    return SentinelUrl(
        scheme=parts["scheme"],
        sentinels=sentinels,
        master=master,
        db=int(db or "0"),
        username=unquote(username) or None,
        password=unquote(password) or None,
        tls=tls,
    )


def _sentinel(text: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or PORT) if found else 0
    if found is None or not 0 < port < 65_536:
        raise ValueError(f"the Sentinels as host:port, separated by commas; the usual port is {PORT}")
    return found["host"].strip("[]"), port

"""The configuration of one Asterisk, written from the files under ``asterisk/`` and ``dialplans/``."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.rendering import render_text, write_atomically

_SYSTEMNAME = re.compile(r"[A-Za-z0-9_]{1,32}")
_MODULE = re.compile(r"[a-z0-9_]+")
# Read by Asterisk, written by nobody else: the AMI secret and the digests of agents' passwords are among them.
_SECRET_MODE = 0o640
_PLAIN_MODE = 0o644
_CEL_MODULES = ("res_cdrel_custom", "cel_custom")
_CEL_MAPPING = "cel_custom.conf"
"Written for a site that keeps the event log only: another may have a mapping of its own there."
EVENT_LOG = "ringfair-cel.csv"
"What that file calls the event log."


@dataclass(frozen=True, slots=True)
class Site:
    """What differs between two sites. Paths are as Asterisk sees them; the defaults are a Debian system's.

    ``systemname`` begins every contact's id, so it may hold no separator of ours. ``media_address`` is what SDP names
    (empty: the address of the interface). ``trunk_address`` is where calls come from. ``cel`` has Asterisk keep its own
    event log for ``ringfair reconcile``. ``extra_modules`` are loaded besides the list. ``telemetry_secret`` is the one
    of the AMI user that hears RTCP reports; nobody knows it, and so nobody logs in there, unless it is given.
    """

    systemname: str
    ami_secret: str
    telemetry_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    ports: Ports = field(default_factory=lambda: Ports(sip=5060, tls=5061, ami=5038, rtp_first=10000, rtp_last=19999))
    etc: Path = Path("/etc/asterisk")
    lib: Path = Path("/var/lib/asterisk")
    spool: Path = Path("/var/spool/asterisk")
    run: Path = Path("/var/run/asterisk")
    log: Path = Path("/var/log/asterisk")
    bind: str = "0.0.0.0"  # a site's phones and carriers come from outside; the embedded one is on loopback
    media_address: str = ""
    trunk_address: str = "127.0.0.2"
    language: str = "de"
    realm: str = "ringfair"
    qualify_s: int = 15
    rtp_timeout_s: int = 30
    cel: bool = False
    extra_modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _SYSTEMNAME.fullmatch(self.systemname):
            raise PbxError(
                "bad-systemname", f"systemname {self.systemname!r}: 1-32 letters, digits and underscores, nothing else"
            )
        for module in self.extra_modules:
            if not _MODULE.fullmatch(module):
                raise PbxError("bad-module", f"{module!r} is no module's name (such as app_queue)")

    @property
    def values(self) -> dict[str, str]:
        """Every placeholder of the files under ``asterisk/`` and what stands there for this site."""
        ports = self.ports
        return {
            "systemname": self.systemname,
            "ami_secret": self.ami_secret,
            "telemetry_secret": self.telemetry_secret,
            "ami_port": str(ports.ami),
            "sip_port": str(ports.sip),
            "tls_port": str(ports.tls),
            "rtp_first": str(ports.rtp_first),
            "rtp_last": str(ports.rtp_last),
            "etc": str(self.etc),
            "lib": str(self.lib),
            "spool": str(self.spool),
            "run": str(self.run),
            "log": str(self.log),
            "bind": self.bind,
            "media_address": self.media_address,
            "bind_media": "yes" if self.media_address else "no",
            "trunk_address": self.trunk_address,
            "language": self.language,
            "tone_zone": "de" if self.language == "de" else "us",
            "realm": self.realm,
            "qualify_s": str(self.qualify_s),
            "rtp_timeout_s": str(self.rtp_timeout_s),
            "cel": "yes" if self.cel else "no",
            "tls_cert": str(self.etc / "keys" / "ringfair.crt"),
            "tls_key": str(self.etc / "keys" / "ringfair.key"),
        }


def write_site(site: Site, etc: Path, *, asterisk: Path, dialplans: Path) -> list[Path]:
    """Writes the whole configuration below ``etc`` (a host path); returns the files it wrote.

    Files of ours are replaced, files of the site (``site-*.conf``, ``site/``, generated agents) are not touched.
    """
    written: list[Path] = []
    modules = (*_CEL_MODULES, *site.extra_modules) if site.cel else site.extra_modules
    for source in _configurations(asterisk):
        relative = source.relative_to(asterisk)
        if relative.name == _CEL_MAPPING and not site.cel:
            continue
        text = render_text(source.read_text(encoding="utf-8"), site.values, source=str(relative))
        if relative.name == "modules.conf":
            text += "".join(f"load = {module}.so\n" for module in modules)
        secret = relative.parts[0] == "manager.d"
        write_atomically(etc / relative, text, _SECRET_MODE if secret else _PLAIN_MODE)
        written.append(etc / relative)
    return written + write_dialplan(etc, dialplans)


def write_dialplan(etc: Path, dialplans: Path) -> list[Path]:
    """Copies the dialplan below ``etc``; a file of ours that the folder no longer has goes, a site's own stays.

    It holds no placeholders: what a site changes is in ``extensions.d/site/`` and in globals the router sets.
    """
    if not (dialplans / "extensions.conf").is_file():
        raise PbxError("no-dialplan", f"{dialplans}/extensions.conf is missing")
    written: list[Path] = []
    for source in _configurations(dialplans):
        target = etc / source.relative_to(dialplans)
        write_atomically(target, source.read_text(encoding="utf-8"), _PLAIN_MODE)
        written.append(target)
    for old in (etc / "extensions.d").glob("*.conf"):
        if old not in written:
            old.unlink()
    return written


def _configurations(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*.conf") if path.is_file())

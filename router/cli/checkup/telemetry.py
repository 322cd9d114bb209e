"""Telemetry: whether the user for RTCP reports can log in, hears them, and can do nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from router.cli.checkup.asterisk import ami_address
from router.cli.checkup.finding import Finding, fail, ok, warn
from router.domain.errors import RemoteError

if TYPE_CHECKING:
    from router.config import Site

HARMLESS = frozenset(
    {
        *("challenge", "events", "listcommands", "login", "logoff", "ping", "waitevent"),
        # Asterisk 22 asks no right for these of anybody who is logged in: no `write` takes them away.
        *("bridgedestroy", "bridgeinfo", "bridgekick", "bridgelist", "bridgetechnologylist"),
        *("bridgetechnologysuspend", "bridgetechnologyunsuspend"),
    }
)
"Actions without a class: every user of Asterisk 22 may send them."
KEYS = ("read", "writetimeout")


async def examine_telemetry(site: "Site") -> list[Finding]:
    """Knock as the telemetry user, and ask as the router's own what manager.conf says about it."""
    from router.adapters.ami.probe import knock, read_settings

    telemetry, secret = site.settings.telemetry, site.secrets.telemetry
    if secret is None:
        return [
            warn(
                "asterisk.telemetry",
                "no secret: the router runs without reports about lines",
                f"the secret of the AMI user {telemetry.user}",
                "Put the secret of its section in manager.conf into a file and name it as secret_file under "
                "[telemetry], or leave it: calls do not need it.",
            )
        ]
    ours = ami_address(site)
    try:
        actions = await knock(replace(ours, username=telemetry.user, secret=secret))
    except RemoteError as error:
        if error.error_id != "ami-refused":
            raise
        return [
            fail(
                "asterisk.telemetry",
                f"Asterisk refuses the AMI user {telemetry.user!r}",
                "a login",
                f"Add the section [{telemetry.user}] of asterisk/manager.conf (`ringfair pbx config DIR` writes it), "
                "then `manager reload`; its secret belongs into telemetry.secret_file.",
            )
        ]
    try:
        found = await read_settings(ours, [("manager.conf", telemetry.user, key) for key in KEYS])
    except RemoteError:
        found = [""] * len(KEYS)  # the examination of Asterisk itself tells why
    return list(judge(telemetry.user, actions, dict(zip(KEYS, found, strict=True))))


def judge(user: str, actions: frozenset[str], settings: Mapping[str, str]) -> Iterator[Finding]:
    """What it may do and hear; pure. `settings`: of its section, empty text for what Asterisk does not tell."""
    section = f"[{user}] of manager.conf"
    if too_many := sorted(actions - HARMLESS):
        yield fail(
            "asterisk.telemetry",
            f"may also send {', '.join(too_many[:5])}" + (" and more" if len(too_many) > 5 else ""),
            "a user that only listens",
            f"Leave `write =` in {section} empty, then `manager reload`.",
        )
        return
    classes = {part.strip() for part in settings["read"].lower().split(",")} - {""}
    if classes and not classes & {"reporting", "all"}:
        mend = f"read = reporting in {section}: RTCPSent and RTCPReceived are of that class."
        yield fail("asterisk.telemetry", f"read = {settings['read']}", "reporting", mend)
    elif classes - {"reporting"}:
        mend = f"read = reporting in {section}: whatever else it hears only costs time."
        yield warn("asterisk.telemetry", f"read = {settings['read']}", "reporting", mend)
    elif settings["writetimeout"].isdigit() and int(settings["writetimeout"]) >= 1000:
        yield ok("asterisk.telemetry", f"{user} logs in, hears RTCP reports and can do nothing else")
    else:
        mend = f"writetimeout = 2000 in {section}: at 100 ms one pause of the router costs the connection."
        shown = settings["writetimeout"] or "100 (default)"
        yield warn("asterisk.telemetry", f"logs in; writetimeout = {shown}", "1000 ms or more", mend)

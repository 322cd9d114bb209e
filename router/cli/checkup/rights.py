"""What our AMI user may do and hear: everything the router needs, and nothing that runs programs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from router.cli.checkup.finding import Finding, fail, ok, warn

if TYPE_CHECKING:
    from router.adapters.ami.probe import Anatomy

NEEDED_ACTIONS = (
    *("Originate", "Redirect", "Hangup", "Setvar", "Getvar", "UserEvent", "Status", "DeviceStateList"),
    *("CoreSettings", "Ping"),
)
DANGEROUS_ACTIONS = {
    "Command": "command",
    "GetConfig": "config or system",
    "GetConfigJSON": "config or system",
    "UpdateConfig": "config",
    "CreateConfig": "config",
    "Reload": "config or system",
    "ModuleLoad": "system",
    "DBPut": "system",
    "DBDel": "system",
    "AGI": "agi",
}
"Actions nobody who may originate should have, and the class of manager.conf's `write` that brings them."
NEEDED_READ = ("system", "call", "user")


def judge_rights(anatomy: "Anatomy", user: str) -> Iterator[Finding]:
    """What may be sent, and what may be heard."""
    section = f"[{user}] of manager.conf"
    if not anatomy.actions:
        yield fail(
            "asterisk.rights", "Asterisk does not say", "a list of our actions", f"Look at `write` in {section}."
        )
        return
    missing = [action for action in NEEDED_ACTIONS if action.lower() not in anatomy.actions]
    if missing:
        yield fail(
            "asterisk.rights",
            f"may not {', '.join(missing)}",
            ", ".join(NEEDED_ACTIONS),
            f"write = call,originate,reporting,user in {section}; then `manager reload`.",
        )
    else:
        yield ok("asterisk.rights", f"all {len(NEEDED_ACTIONS)} actions the router sends are allowed")
    dangerous = {a: right for a, right in DANGEROUS_ACTIONS.items() if a.lower() in anatomy.actions}
    if dangerous:
        rights = ", ".join(dict.fromkeys(dangerous.values()))
        yield fail(
            "asterisk.least-privilege",
            f"may also {', '.join(dangerous)}",
            "none of " + ", ".join(DANGEROUS_ACTIONS),
            f"Take the class {rights} out of `write` in {section}: whoever got the secret could run programs there.",
        )
    else:
        yield ok("asterisk.least-privilege", "no action that reads or changes its files, or runs programs")
    yield _reading(anatomy, section)


def _reading(anatomy: "Anatomy", section: str) -> Finding:
    classes = {part.strip() for part in anatomy.read.lower().split(",")} - {""}
    wanted = ",".join(NEEDED_READ)
    if not classes:
        return warn(
            "asterisk.read",
            "manager.conf does not show it",
            wanted,
            f"Make sure that {section} has read = system,call,user.",
        )
    missing = [name for name in NEEDED_READ if name not in classes and "all" not in classes]
    if missing:
        return fail("asterisk.read", anatomy.read, wanted, f"Add {','.join(missing)} to `read` in {section}.")
    if noisy := sorted(classes & {"all", "dialplan", "verbose", "dtmf", "log"}):
        return warn(
            "asterisk.read",
            anatomy.read,
            "system,call,user",
            f"Take {','.join(noisy)} out of `read` in {section}: events of every step of the dialplan cost most of a "
            "core at high load.",
        )
    return ok("asterisk.read", anatomy.read)


def judge_events(anatomy: "Anatomy", user: str) -> Finding:
    """Whether events do reach us: rights alone do not tell, a filter may hold them back."""
    lost = [
        name for name, heard in (("FullyBooted", anatomy.heard_boot), ("UserEvent", anatomy.heard_echo)) if not heard
    ]
    section = f"[{user}] of manager.conf"
    if lost:
        mend = f"`read` and every `eventfilter` in {section} must let them through; then `manager reload`."
        return fail("asterisk.events", f"{' and '.join(lost)} did not reach us", "both reach us", mend)
    if not anatomy.events_timed:
        mend = "timestampevents = yes under [general] of manager.conf: it is the clock of the billing records."
        return fail("asterisk.events", "without Asterisk's own time", "a Timestamp on each event", mend)
    timeout = anatomy.settings.get(("manager.conf", user, "writetimeout"), "")
    if not timeout.isdigit() or int(timeout) < 1000:
        mend = f"writetimeout = 10000 in {section}: at 100 ms one pause of the router costs the connection."
        return warn("asterisk.events", f"arrive; writetimeout = {timeout or '100 (default)'}", "1000 ms or more", mend)
    return ok("asterisk.events", "arrive, with Asterisk's own time")

"""Asterisk: version, our rights there, dialplan, modules, RTP, the agents' phones, its clock."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from router.cli.checkup.clock import judge_clock
from router.cli.checkup.finding import Finding, fail, ok, warn
from router.cli.checkup.rights import judge_events, judge_rights

if TYPE_CHECKING:
    from router.adapters.ami.probe import Anatomy
    from router.adapters.ami.session import AmiAddress
    from router.config import Site

MINIMUM = (22, 10, 1)
"Older ones lack the fixes of the security advisories published with 22.10.1."
BELOW = (23,)

CONTEXTS = (
    *(
        "acd-inbound",
        "acd-arrival",
        "acd-full",
        "acd-wait",
        "acd-agent,card",
        "acd-callback,answered",
        "acd-callback-agent,card",
        "acd-after",
        "acd-transfer",
        "acd-home",
        "acd-feature",
    ),
    *("acd-leaving", "acd-external,+1", "acd-voicemail"),
    *("acd-say", "acd-closing", "acd-fallback", "acd-canary", "acd-canary-agent"),
)
MODULES = (
    *("pbx_config.so", "chan_pjsip.so", "res_pjsip_registrar.so", "res_pjsip_authenticator_digest.so"),
    *("res_pjsip_refer.so", "res_pjsip_header_funcs.so", "res_rtp_asterisk.so", "res_musiconhold.so"),
    *("res_manager_devicestate.so", "bridge_simple.so", "codec_alaw.so", "format_wav.so"),
    *("app_userevent.so", "app_playback.so", "app_read.so", "app_stack.so", "app_exec.so", "app_echo.so"),
    *("app_dial.so", "app_record.so"),
    *("func_callerid.so", "func_channel.so", "func_cut.so", "func_dialplan.so", "func_devstate.so", "func_export.so"),
    *("func_global.so", "func_groupcount.so", "func_logic.so", "func_strings.so", "func_config.so", "func_module.so"),
    *("func_version.so", "func_pjsip_endpoint.so"),
)
SRTP_MODULE = "res_srtp.so"
SETTINGS = (
    ("rtp.conf", "general", "rtcpinterval"),
    ("rtp.conf", "general", "strictrtp"),
    ("rtp.conf", "general", "rtpstart"),
    ("rtp.conf", "general", "rtpend"),
    ("asterisk.conf", "options", "live_dangerously"),
)
HOME, INBOUND = "acd-home", "acd-inbound"
SHOWN = 10
"Names listed before `and n more`."
_FALSE = {"no", "false", "0", "off", "n", "f"}
_TRUE = {"yes", "true", "1", "on", "y", "t"}


def ami_address(site: "Site") -> "AmiAddress":
    """Where Asterisk's manager is, and who the router is there."""
    import ssl

    from router.adapters.ami.session import AmiAddress

    asterisk = site.settings.asterisk
    return AmiAddress(
        host=asterisk.host,
        port=asterisk.port,
        username=asterisk.user,
        secret=site.secrets.asterisk,
        tls=ssl.create_default_context(cafile=asterisk.tls_ca_file) if asterisk.tls else None,
    )


async def examine_asterisk(site: "Site", endpoints: Mapping[str, str]) -> list[Finding]:
    """Ask Asterisk and judge. `endpoints`: endpoint → transport, of the active agents."""
    from router.adapters.ami.probe import probe

    asterisk = site.settings.asterisk
    address = ami_address(site)
    anatomy = await probe(
        address,
        contexts=CONTEXTS,
        modules=(*MODULES, *((SRTP_MODULE,) if "tls" in endpoints.values() else ())),
        settings=(*SETTINGS, ("manager.conf", asterisk.user, "writetimeout")),
        endpoints=(*endpoints, *site.settings.trunk),
    )
    trunks = {name: anatomy.phones[name].context for name in site.settings.trunk}
    anatomy = replace(anatomy, phones={name: anatomy.phones[name] for name in endpoints})
    reached = ok("asterisk", f"answers at {asterisk.host}:{asterisk.port} within {anatomy.round_trip_us / 1000:.1f} ms")
    return [reached, *judge(anatomy, asterisk.systemname, asterisk.user), *judge_trunks(trunks)]


def judge(anatomy: "Anatomy", systemname: str, user: str) -> Iterator[Finding]:
    """Every finding about an Asterisk; pure."""
    yield _version(anatomy.version)
    yield _systemname(anatomy.systemname, systemname)
    yield from judge_rights(anatomy, user)
    yield judge_events(anatomy, user)
    yield from _inventory(anatomy)
    yield from _media(anatomy)
    yield _phones(anatomy)
    yield _clock(anatomy)


def judge_trunks(contexts: Mapping[str, str]) -> Iterator[Finding]:
    """`contexts`: each trunk the site limits → the context of its endpoint, empty when there is none."""
    astray = [name for name, context in contexts.items() if context != INBOUND]
    if astray:
        mend = "Name [trunk.NAME] like the trunk's endpoint in pjsip.d: as it is, this limit holds for nobody."
        yield fail("asterisk.trunks", f"no such trunk: {_some(astray)}", f"endpoints with context = {INBOUND}", mend)
    elif contexts:
        yield ok("asterisk.trunks", f"{len(contexts)} known")


def _version(text: str) -> Finding:
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    expected = "at least 22.10.1, below 23"
    if numbers is None:
        # VERSION(ASTERISK_VERSION_NUM) is 221001 for 22.10.1
        packed = re.fullmatch(r"(\d{1,2})(\d\d)(\d\d)", text)
        if packed is None:
            shown = text or "not told"
            return fail("asterisk.version", shown, expected, "Use a released version of Asterisk 22.")
        numbers = packed
    version = tuple(int(part) for part in numbers.groups())
    shown = ".".join(map(str, version))
    if version < MINIMUM:
        mend = "Upgrade it: older ones have known security holes and were never tried with this router."
        return fail("asterisk.version", shown, expected, mend)
    if version[:1] >= BELOW:
        mend = "Use Asterisk 22 LTS; the router's reading of events was not tried with this one."
        return fail("asterisk.version", shown, expected, mend)
    return ok("asterisk.version", shown)


def _systemname(found: str, expected: str) -> Finding:
    if found == expected:
        return ok("asterisk.systemname", found)
    return fail(
        "asterisk.systemname",
        found or "(none)",
        expected,
        f"Set systemname = {expected} under [options] of asterisk.conf and restart Asterisk, or [asterisk] systemname "
        "in ringfair.toml: ids of contacts begin with it.",
    )


def _inventory(anatomy: "Anatomy") -> Iterator[Finding]:
    missing = [name for name, there in anatomy.contexts.items() if not there]
    if missing:
        yield fail(
            "asterisk.dialplan",
            f"missing: {_some(missing)}",
            f"{len(anatomy.contexts)} contexts acd-*",
            "Install dialplans/ (`ringfair pbx config DIR` writes it), #include it, then `dialplan reload`.",
        )
    else:
        yield ok("asterisk.dialplan", f"{len(anatomy.contexts)} contexts")
    missing = [name for name, there in anatomy.modules.items() if not there]
    if missing:
        yield fail(
            "asterisk.modules",
            f"not loaded: {_some(missing)}",
            f"{len(anatomy.modules)} modules",
            "Load them in modules.conf (`load = …`); asterisk/modules.conf says what each is for.",
        )
    else:
        yield ok("asterisk.modules", f"{len(anatomy.modules)} needed ones are loaded")


def _media(anatomy: "Anatomy") -> Iterator[Finding]:
    setting = {key: value for (file, _, key), value in anatomy.settings.items() if file != "manager.conf"}
    interval = setting["rtcpinterval"] or "5000"
    if not interval.isdigit() or not 500 <= int(interval) <= 2000:
        yield warn(
            "asterisk.rtcpinterval",
            f"{interval} ms" + ("" if setting["rtcpinterval"] else " (default)"),
            "500-2000 ms",
            "rtcpinterval = 1000 in rtp.conf: a line that dies is seen only once a report is missing.",
        )
    else:
        yield ok("asterisk.rtcpinterval", f"{interval} ms")
    if setting["strictrtp"].lower() in _FALSE:
        mend = "strictrtp = yes in rtp.conf: without it anybody who guesses a port can take over a leg's audio."
        yield warn("asterisk.strictrtp", setting["strictrtp"], "yes", mend)
    else:
        yield ok("asterisk.strictrtp", setting["strictrtp"] or "yes (default)")
    first, last = setting["rtpstart"] or "5000", setting["rtpend"] or "31000"
    if first.isdigit() and last.isdigit() and int(last) - int(first) >= 99:
        yield ok("asterisk.rtp-ports", f"{first}-{last}: {(int(last) - int(first) + 1) // 2} legs at most")
    else:
        yield warn("asterisk.rtp-ports", f"{first}-{last}", "100 or more", "Widen rtpstart and rtpend in rtp.conf.")
    if setting["live_dangerously"].lower() in _TRUE:
        mend = "live_dangerously = no in asterisk.conf: with it the AMI can run programs through dialplan functions."
        yield fail("asterisk.live-dangerously", "yes", "no", mend)
    else:
        yield ok("asterisk.live-dangerously", "no")


def _phones(anatomy: "Anatomy") -> Finding:
    if not anatomy.phones:
        return warn("asterisk.endpoints", "no agents", "agents", "ringfair agent add agent-1001 --skill de=80")
    unknown = [name for name, phone in anatomy.phones.items() if not phone.context]
    if unknown:
        return fail(
            "asterisk.endpoints",
            f"{len(unknown)} of {len(anatomy.phones)} unknown: {_some(unknown)}",
            "an endpoint for every agent of the directory",
            "ringfair export pjsip --out …/pjsip.d/40-agents.conf, then asterisk -rx 'module reload res_pjsip.so'.",
        )
    astray = [name for name, phone in anatomy.phones.items() if phone.context != HOME]
    if astray:
        return fail(
            "asterisk.endpoints",
            f"not in the context {HOME}: {_some(astray)}",
            f"context = {HOME}",
            "Their phones could dial whatever that context allows, and no feature code. Use the template agent-home.",
        )
    here = sum(p.device_state.upper() not in ("UNAVAILABLE", "INVALID", "UNKNOWN", "") for p in anatomy.phones.values())
    return ok("asterisk.endpoints", f"{len(anatomy.phones)} known, {here} of them reachable now")


def _clock(anatomy: "Anatomy") -> Finding:
    return judge_clock("asterisk.clock", anatomy.clock_ahead_us, anatomy.round_trip_us)


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")

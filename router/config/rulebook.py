"""Campaign files → `Rules`: what no file can say of itself alone.

Here it is seen that a number is dialled for one campaign only, that overflow leads somewhere and never in a circle,
and that a file holds the campaign its name says. A caller who overflows moves along these targets and must end.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from zoneinfo import ZoneInfo

from router.config.callback import callback_rules, check_callback
from router.config.campaign import CampaignFile, CampaignTable, QueueTable
from router.config.conduct import ladders, media, pause_digits, pauses
from router.config.faults import E164, Faults
from router.config.hours import check_hours
from router.config.numbers import e164
from router.config.settings import Settings
from router.config.ways_out import check_keys, check_outside, early_keys, keys_are_heard, outside
from router.domain.ids import SECOND, CampaignName, Micros, QueueName
from router.domain.rulebook.admission import Capacity
from router.domain.rulebook.conduct import WrapUp
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import (
    AtClosing,
    CallbackRules,
    CampaignRules,
    OverflowTarget,
    QueueRules,
    Ring,
    Rules,
    ToClosing,
    ToNumber,
    ToQueue,
    ToVoicemail,
)

HASH_DIGITS = 16
RESERVED_CAMPAIGNS = frozenset({"canary"})
TARGETS = '"queue:NAME", "queue:CAMPAIGN/NAME", "campaign:NAME", "dial:+49…", "voicemail" or "closing"'


def compile_rules(
    settings: Settings, files: Mapping[str, CampaignFile], broken: Collection[str], faults: Faults
) -> Rules:
    """Check the files against each other and compile them.

    `files`: name of the file without `.toml` → its contents. `broken`: names of files that could not be read; what
    only they could tell is not held against the others. The result is only good if no fault was added.
    """
    _check_names(files, faults)
    _check_numbers(files, faults)
    queues: dict[QueueName, QueueRules] = {}
    campaigns: dict[CampaignName, CampaignRules] = {}
    for name, file in files.items():
        if not is_time_zone(file.campaign.time_zone):
            faults.add(where(name), "campaign.time_zone", file.campaign.time_zone, 'an IANA name, "Europe/Berlin"')
        entry = file.campaign.entry or next(iter(file.queue))
        if entry not in file.queue:
            faults.add(where(name), "campaign.entry", entry, "a queue of this file: " + ", ".join(file.queue))
        closed = _targets(name, "campaign.closed", "", file.campaign.closed, files, broken, faults)
        if (first := ToQueue(queue=_queue_name(name, entry))) in closed:
            text, expected = file.campaign.closed[closed.index(first)], "another queue than callers begin in"
            faults.add(where(name), "campaign.closed", text, f"{expected}: it would never close")
        at_closing = AtClosing.STAY if file.hours is None else AtClosing(file.hours.at_closing)
        if file.hours is not None:
            check_hours(file.hours, where(name), faults)
        campaigns[CampaignName(name)] = _campaign(name, file.campaign, _queue_name(name, entry), at_closing, closed)
        for short, table in file.queue.items():
            key = f"queue.{short}.overflow"
            overflow = _targets(name, key, _queue_name(name, short), table.overflow, files, broken, faults)
            _check_rings(name, short, table, faults)
            _check_wrapup(name, short, table, faults)
            if table.treatment.keys and not (table.exit_keys or table.keys or table.callback):
                expected = "exit_keys or keys beside it: no key does anything here"
                faults.add(where(name), f"queue.{short}.treatment.keys", table.treatment.keys, expected)
            keys = _keys(name, short, table, files, broken, faults)
            heard = keys_are_heard(settings, file)
            at, taken = f"queue.{short}.callback", table.exit_keys + "".join(table.keys)
            dnis = file.campaign.dnis
            check_callback(table.callback, taken, dnis, heard, settings, where(name), at, faults)
            rules = _queue(name, short, table, overflow, keys, callback_rules(table.callback, dnis, settings))
            queues[rules.name] = rules
    _check_circles(queues, faults)
    check_outside(settings, campaigns, queues, faults)
    check_keys(settings, {where(name): file for name, file in files.items()}, campaigns, queues, faults)
    _check_reserve(settings, files, broken, faults)
    router, asterisk = settings.router, settings.asterisk
    return Rules(
        config_hash=rules_hash(settings, files),
        pool=router.pool,
        campaigns=campaigns,
        queues=queues,
        outside=outside(settings),
        early_keys=early_keys(settings),
        capacity=Capacity(
            max_calls=asterisk.max_calls,
            reserved_calls=asterisk.reserved_calls,
            trunks={name: trunk.max_calls for name, trunk in settings.trunk.items() if trunk.max_calls},
        ),
        reject_hold_us=micros(router.reject_hold_s),
        pause_reasons=pause_digits(settings),
        pauses=pauses(settings),
        after=ladders(settings.agents.after),
        media=media(settings.agents.capacity, settings.agents.interrupt),
        fault_hold_us=micros(router.fault_hold_s),
        rescind_grace_us=micros(router.rescind_grace_s),
        connect_grace_us=micros(router.connect_grace_s),
        give_up_us=micros(router.give_up_s),
        sweep_us=micros(router.sweep_s),
    )


def rules_hash(settings: Settings, files: Mapping[str, CampaignFile]) -> str:
    """First digits of the SHA-256 over what decides about contacts, defaults filled in.

    Comments, order of keys and addresses of databases do not change it: two routers of a pool on two machines have
    the same rules. A new version of Ringfair with another default does change it, because the rules did.
    """
    content = {
        "router": settings.router.model_dump(),
        "room": settings.asterisk.model_dump(include={"max_calls", "reserved_calls"}),
        "trunk": {name: trunk.model_dump() for name, trunk in settings.trunk.items()},
        "pause_reasons": {digit: reason.model_dump() for digit, reason in settings.pause_reasons.items()},
        "pause": {reason: table.model_dump() for reason, table in settings.pause.items()},
        "agents": settings.agents.model_dump(include={"after", "capacity", "interrupt"}),
        # The order of the queues only matters for the entry, which is therefore written out.
        "campaigns": {
            name: file.model_dump() | {"entry": file.campaign.entry or next(iter(file.queue))}
            for name, file in files.items()
        },
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def micros(seconds: float) -> Micros:
    """Seconds of a file → microseconds."""
    return round(seconds * SECOND)


def is_time_zone(name: str) -> bool:
    """Whether this machine's time zone database has it."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # a path out of the database, a directory, not found
        return False
    return True


def where(name: str) -> str:
    """How faults call the file of a campaign; a name with control characters must not reach a terminal."""
    return f"campaigns/{''.join(c if c.isprintable() else '?' for c in name)}.toml"


def _check_names(files: Mapping[str, CampaignFile], faults: Faults) -> None:
    for name, file in files.items():
        if file.campaign.name != name:
            faults.add(where(name), "campaign.name", file.campaign.name, f'the file\'s name, "{name}"')
        if name in RESERVED_CAMPAIGNS:
            faults.add(where(name), "campaign.name", name, "another name: this one is the router's own (its echo call)")


def _check_numbers(files: Mapping[str, CampaignFile], faults: Faults) -> None:
    taken: dict[str, str] = {}
    for name, file in files.items():
        for index, number in enumerate(file.campaign.dnis):
            if number in taken:
                first = taken[number]
                other = "once: it is in this list twice" if first == name else f"a number not dialled for {first} too"
                faults.add(where(name), f"campaign.dnis[{index}]", number, other)
            elif e164(number) != number:
                # Its shape is right (the file's own check), so it has a wrong length or a trunk zero left in it.
                expected = 'a number that can exist, "+49 30 …" without the zero of "030"'
                faults.add(where(name), f"campaign.dnis[{index}]", number, expected)
            taken.setdefault(number, name)
    diverting: dict[str, str] = {}
    for name, file in files.items():
        for index, number in enumerate(file.campaign.diversion):
            key = f"campaign.diversion[{index}]"
            if number in diverting:
                faults.add(
                    where(name), key, number, f"a number that diverts to one campaign only, not {diverting[number]} too"
                )
            elif number in taken:
                faults.add(where(name), key, number, f"a number of the client's PBX, not one of {taken[number]}'s own")
            elif e164(number) != number:
                faults.add(where(name), key, number, 'a number that can exist, "+49 30 …" without the zero of "030"')
            diverting.setdefault(number, name)


def _targets(
    campaign: str,
    key: str,
    itself: str,
    targets: Sequence[str],
    files: Mapping[str, CampaignFile],
    broken: Collection[str],
    faults: Faults,
) -> tuple[OverflowTarget, ...]:
    found: list[OverflowTarget] = []
    for index, text in enumerate(targets):
        target, expected = _target(campaign, text, files, broken)
        if target is not None and target in found:
            expected = "each target once"
        elif isinstance(target, ToQueue) and target.queue == itself:
            expected = "another queue than this one"
        elif ToClosing() in found:
            expected = '"closing" to be the last target: nothing comes after it'
        if expected:
            faults.add(where(campaign), f"{key}[{index}]", text, expected)
        elif target is not None:
            found.append(target)
    return tuple(found)


def _target(
    campaign: str, text: str, files: Mapping[str, CampaignFile], broken: Collection[str]
) -> tuple[OverflowTarget | None, str]:
    """The target, or why not. Both are empty when only a broken file could tell."""
    if text in _PLAIN:
        return _PLAIN[text], ""
    kind, colon, name = text.partition(":")
    if kind == "dial":
        whole = re.fullmatch(E164, name) is not None and e164(name) == name
        return (ToNumber(number=name), "") if whole else (None, 'a number in E.164: "dial:+493023125000"')
    if kind == "campaign":
        if name not in files:
            return None, "" if name in broken else "a campaign that exists: " + ", ".join(files)
        entry = files[name].campaign.entry or next(iter(files[name].queue))
        return (ToQueue(queue=_queue_name(name, entry)), "") if entry in files[name].queue else (None, "")
    if kind != "queue" or not colon or not name:
        return None, TARGETS
    other, slash, short = name.rpartition("/")
    other = other if slash else campaign
    if other in broken:
        return None, ""
    if other not in files:
        return None, "a campaign that exists: " + ", ".join(files)
    if short not in files[other].queue:
        return None, f"a queue of campaign {other}: " + ", ".join(files[other].queue)
    return ToQueue(queue=_queue_name(other, short)), ""


_PLAIN: Mapping[str, OverflowTarget] = {"closing": ToClosing(), "voicemail": ToVoicemail()}


def _keys(
    campaign: str,
    queue: str,
    table: QueueTable,
    files: Mapping[str, CampaignFile],
    broken: Collection[str],
    faults: Faults,
) -> tuple[tuple[str, OverflowTarget], ...]:
    found: list[tuple[str, OverflowTarget]] = []
    for key, text in table.keys.items():
        target, expected = _target(campaign, text, files, broken)
        if isinstance(target, ToQueue) and target.queue == _queue_name(campaign, queue):
            expected = "another queue than this one"
        elif key in table.exit_keys:
            expected = f"another key: {key} stands in exit_keys and leads to the next overflow target"
        if expected:
            faults.add(where(campaign), f"queue.{queue}.keys.{key}", text, expected)
        elif target is not None:
            found.append((key, target))
    return tuple(found)


def _check_rings(campaign: str, queue: str, table: QueueTable, faults: Faults) -> None:
    """A step that no caller can live to see, or that is forbidden in the same breath, is a mistake."""
    key = f"queue.{queue}.ring"
    if table.never_relax and table.ring:
        faults.add(where(campaign), key, f"{len(table.ring)} steps", "none beside never_relax = true")
    for index, step in enumerate(table.ring):
        if step.after_s >= table.max_wait_s:
            expected = f"less than max_wait_s ({table.max_wait_s:g}): nobody waits here so long"
            faults.add(where(campaign), f"{key}[{index}].after_s", step.after_s, expected)


def _check_wrapup(campaign: str, short: str, table: QueueTable, faults: Faults) -> None:
    if table.wrapup in (WrapUp.MANDATORY, WrapUp.EXTENDABLE) and table.wrapup_max_s < table.wrapup_s:
        expected = f"at least wrapup_s ({table.wrapup_s:g})"
        faults.add(where(campaign), f"queue.{short}.wrapup_max_s", table.wrapup_max_s, expected)


def _check_circles(queues: Mapping[QueueName, QueueRules], faults: Faults) -> None:
    """Depth first without recursion; each edge that closes a circle is told once, where it stands."""
    done: set[QueueName] = set()
    for start in queues:
        path: list[QueueName] = []
        todo: list[tuple[QueueName, int]] = [(start, 0)]
        while todo:
            queue, depth = todo.pop()
            del path[depth:]
            if queue in path:
                last = queues[path[-1]]
                circle = " → ".join([*path[path.index(queue) :], queue])
                _, _, short = last.name.partition("/")
                faults.add(where(last.campaign), f"queue.{short}.overflow", circle, "overflow that ends")
                continue
            if queue in done:
                continue
            done.add(queue)
            path.append(queue)
            todo.extend((target.queue, depth + 1) for target in queues[queue].overflow if isinstance(target, ToQueue))


def _check_reserve(
    settings: Settings, files: Mapping[str, CampaignFile], broken: Collection[str], faults: Faults
) -> None:
    """Places that are kept free must be some of those there are, and somebody must be able to use them all."""
    reserved, most = settings.asterisk.reserved_calls, settings.asterisk.max_calls
    if not reserved:
        return
    usable = [file.campaign.max_calls for file in files.values() if file.campaign.emergency]
    if reserved >= most:
        expected = f"less than max_calls ({most})" if most else "max_calls beside it: without it nobody is refused"
    elif broken or 0 in usable or sum(usable) >= reserved:
        return
    elif usable:
        expected = f"{sum(usable)} at most: so many callers the emergency campaigns may have by their own max_calls"
    else:
        expected = "a campaign with emergency = true: nobody else may use these places"
    faults.add("ringfair.toml", "asterisk.reserved_calls", reserved, expected)


def _campaign(
    name: str, table: CampaignTable, entry: QueueName, at_closing: AtClosing, closed: tuple[OverflowTarget, ...]
) -> CampaignRules:
    return CampaignRules(
        name=CampaignName(name),
        client=table.client,
        dnis=tuple(table.dnis),
        entry=entry,
        language=table.language,
        time_zone=table.time_zone,
        greeting=table.greeting,
        music=table.music,
        label=table.label,
        whisper=table.whisper,
        press_one=table.press_one,
        max_call_us=micros(table.max_call_s),
        keep_us=micros(table.keep_s),
        last_agent=table.last_agent,
        show_number=table.show_number,
        max_calls=table.max_calls,
        emergency=table.emergency,
        alarm_us=micros(table.alarm_s),
        dispositions=dict(table.dispositions),
        diversion=tuple(table.diversion),
        early_media_max_us=micros(table.early_media_max_s),
        early_media_then=table.early_media_then,
        at_closing=at_closing,
        closed=closed,
    )


def _queue(
    campaign: str,
    short: str,
    table: QueueTable,
    overflow: tuple[OverflowTarget, ...],
    keys: tuple[tuple[str, OverflowTarget], ...],
    callback: CallbackRules | None,
) -> QueueRules:
    return QueueRules(
        name=_queue_name(campaign, short),
        campaign=CampaignName(campaign),
        need=Need.parse(table.need),
        priority=table.priority,
        priority_point_us=micros(table.priority_point_s),
        ring_us=micros(table.ring_s),
        wrapup=table.wrapup,
        wrapup_us=0 if table.wrapup is WrapUp.NONE else micros(table.wrapup_s),
        wrapup_max_us=micros(table.wrapup_max_s),
        max_wait_us=micros(table.max_wait_s),
        overflow=overflow,
        exit_keys=table.exit_keys,
        keys=keys,
        callback=callback,
        rings=tuple(Ring(after_us=micros(step.after_s), need=Need.parse(step.need)) for step in table.ring),
        never_relax=table.never_relax,
        choose=table.choose,
        at_once=table.at_once,
        strict=table.strict,
        max_waiting=table.max_waiting,
        join_if=tuple(table.join_if),
        stay_if=tuple(table.stay_if),
        dissuade_us=micros(table.dissuade_s),
        redial_us=micros(table.redial_s),
        treatment=table.treatment.compiled(),
    )


def _queue_name(campaign: str, short: str) -> QueueName:
    return QueueName(f"{campaign}/{short}")

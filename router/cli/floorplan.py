"""A campaign as the router obeys it, drawn as a tree or told as JSON: rules in, words out.

What is told by itself (numbers, needs, times, overflow) has its own branch; whatever else is not as it is by default
follows by its key in the file, so that a key the rules gain later is shown without a word here.
"""

import json
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from router.cli.opening_hours import days, openings
from router.domain.calls.outside import told
from router.domain.ids import SECOND, Micros
from router.domain.rulebook.rules import CallbackRules, CampaignRules, OverflowTarget, QueueRules, Rules, ToQueue
from router.domain.rulebook.treatment import NONE, Treatment

if TYPE_CHECKING:
    from rich.tree import Tree


def queues_of(rules: Rules, campaign: CampaignRules) -> list[QueueRules]:
    """The queue callers begin in first."""
    own = [queue for queue in rules.queues.values() if queue.campaign == campaign.name]
    return sorted(own, key=lambda queue: queue.name != campaign.entry)


def short_name(queue: QueueRules) -> str:
    return queue.name.rpartition("/")[2]


def _target(target: OverflowTarget) -> str:
    """As the file says it, with the campaign."""
    return f"queue:{target.queue}" if isinstance(target, ToQueue) else told(target)


def tree_of(rules: Rules, campaign: CampaignRules, hours: dict[str, Any] | None = None) -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    about = f"  {campaign.client}, {campaign.language}, {campaign.time_zone}, {campaign.greeting}"
    tree = Tree(Text.assemble((campaign.name, "bold"), about))
    for sentence in _unusual(campaign, told=("client", "dnis", "language", "time_zone", "greeting")):
        tree.add(Text(sentence))
    if campaign.dispositions:
        tree.add(Text("dispositions " + ", ".join(f"{code} = {what}" for code, what in campaign.dispositions.items())))
    numbers = tree.add("numbers" if campaign.dnis else "no number: callers come by overflow only")
    for number in campaign.dnis:
        numbers.add(Text(number))
    if hours is not None:
        branch = tree.add(f"hours: {'open' if hours['open_now'] else 'closed'} now")
        for sentence in (*openings(hours), *days(hours)):
            branch.add(Text(sentence))
    tree.add(Text("while it is closed on to " + ", ".join(map(_target, campaign.closed))))
    for queue in queues_of(rules, campaign):
        begins = "  callers begin here" if queue.name == campaign.entry else ""
        branch = tree.add(Text.assemble("queue ", (short_name(queue), "bold"), begins))
        branch.add(Text(f"asks for {queue.need.text or 'nobody in particular'}"))
        for ring in queue.rings:
            branch.add(Text(f"after {_seconds(ring.after_us)} also for {ring.need.text or 'anybody'}"))
        times = f"rings {_seconds(queue.ring_us)}, wrap-up {_seconds(queue.wrapup_us)}, priority {queue.priority}"
        branch.add(Text(times))
        for sentence in _unusual(queue, told=("ring_us", "wrapup_us", "priority", "max_wait_us", "rings", "overflow")):
            branch.add(Text(sentence))
        for key, target in queue.keys:
            branch.add(Text(f"key {key} leads to {_target(target)}"))
        if queue.treatment != NONE:
            branch.add(Text(_line("callers hear: ", _treatment(queue.treatment), _treatment(NONE))))
        if queue.callback is not None:
            branch.add(Text(_line("call-back: ", _callback(queue.callback))))
        onward = branch.add(Text(f"after {_seconds(queue.max_wait_us)} on to"))
        for target in queue.overflow:
            onward.add(Text(_target(target)))
    return tree


def campaign_json(rules: Rules, campaign: CampaignRules) -> dict[str, Any]:
    queues = [
        _plain(queue)
        | {
            "need": queue.need.text,
            "rings": [{"after_s": ring.after_us / SECOND, "need": ring.need.text} for ring in queue.rings],
            "overflow": [_target(target) for target in queue.overflow],
            "keys": {key: _target(target) for key, target in queue.keys},
            "treatment": _treatment(queue.treatment),
            "callback": None if queue.callback is None else _callback(queue.callback),
        }
        for queue in queues_of(rules, campaign)
    ]
    more = {"closed": list(map(_target, campaign.closed)), "dispositions": dict(campaign.dispositions)}
    return _plain(campaign) | more | {"queues": queues}


def _treatment(treatment: Treatment) -> dict[str, Any]:
    """By the keys of the file."""
    renamed = {"wait": "expected_wait", "wait_limit": "expected_wait_limit", "comfort_s": "comfort_every_s"}
    return {renamed.get(key, key): value for key, value in _plain(treatment).items()} | {
        "comfort": list(treatment.comfort)
    }


def _callback(callback: CallbackRules) -> dict[str, Any]:
    """By the keys of the file; `between` is part of the hours."""
    found = _plain(callback)
    found["mode"] = "agent-first" if found.pop("agent_first") else "caller-first"
    found["dial_s"] = found.pop("ring_s")
    return found


def _line(lead: str, keys: dict[str, Any], usual: dict[str, Any] | None = None) -> str:
    shown = {key: value for key, value in keys.items() if usual is None or value != usual[key]}
    return lead + ", ".join(f"{key} {_value(value)}" for key, value in shown.items())


def _plain(rules: CampaignRules | QueueRules | Treatment | CallbackRules) -> dict[str, Any]:
    """Whatever stands on one line, by its key in the file; so what rules gain later is shown without a word here."""
    found: dict[str, Any] = {}
    for field in fields(rules):
        value = getattr(rules, field.name)
        if field.name.endswith("_us") and isinstance(value, int):
            found[f"{field.name.removesuffix('_us')}_s"] = value / SECOND
        elif isinstance(value, str | int | float):
            found[field.name] = value
        elif isinstance(value, tuple) and all(isinstance(one, str) for one in value):
            found[field.name] = list(value)
    return found


def _unusual(rules: CampaignRules | QueueRules, told: tuple[str, ...]) -> list[str]:
    """What else is not as it is by default: `at_once 3`."""
    usual = {field.name.replace("_us", "_s"): field.default for field in fields(rules) if field.name not in told}
    found = []
    for key, value in _plain(rules).items():
        default = usual.get(key, MISSING)
        default = default / SECOND if key.endswith("_s") and isinstance(default, int) else default
        if default is not MISSING and value not in (default, list(default) if isinstance(default, tuple) else default):
            found.append(f"{key} {_value(value)}")
    return found


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _seconds(duration: Micros) -> str:
    return f"{duration / SECOND:g} s"

"""What a router exposes: every metric with the values its labels can have. And what a query asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from router.adapters.metrics import DoorReading, Metrics, QueueReading, Reading
from router.domain.messages.events import ObservationIgnored
from router.domain.messages.standing import Standing
from router.domain.record import OfferResult, Outcome
from router.ports import LineSummary

Labels = Mapping[str, frozenset[str] | None]
"Label → its possible values; None where the site's files decide."

_OPEN = {"queue", "campaign", "node", "instance", "version", "python", "kind", "target", "reason", "neighbour"}
_TARGET = {"job": frozenset({"ringfair"}), "instance": None}
"Prometheus puts these on everything it scrapes."


def exposed() -> dict[str, Labels]:
    """Every sample a router can expose, from the subscriber itself."""
    standings = {s.name.lower(): 0 for s in Standing}
    queue = QueueReading(queue="shop/orders", agents=standings, targets=("closing",), expected_us=0)
    lines = LineSummary(
        connected=True,
        events=1,
        dropped=0,
        legs=1,
        median_jitter_us=0,
        worst_jitter_us=0,
        median_lost=0.0,
        worst_lost=0.0,
    )
    reading = Reading(
        queues=[queue],
        doors={"shop": DoorReading()},
        ready={"redis": True},
        ami_connected={"pbx1": True},
        ami_last_event_at={"pbx1": 0},
        calls={"pbx1": 0},
        calls_limit={"pbx1": 0},
        lines=lines,
    )
    metrics = Metrics(lambda: reading, version="0")
    metrics(ObservationIgnored(kind="LegEnded", why="late"), 0)
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(metrics.expose().decode()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    assert found["ringfair_offers_total"]["result"] == {result.value for result in OfferResult}
    assert found["ringfair_contacts_total"]["outcome"] == {outcome.value for outcome in Outcome}
    names: dict[str, Labels] = {
        name: {label: None if label in _OPEN else frozenset(values) for label, values in labels.items()} | _TARGET
        for name, labels in found.items()
    }
    made = {"alertname": None, "alertstate": frozenset({"pending", "firing"}), "severity": None}
    return names | {"up": _TARGET, "ALERTS": made}


_SELECTOR = re.compile(r"(?<![\w:$\"])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(?!\s*\(|[\w:])")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_WORDS = {"and", "or", "unless", "bool", "offset"}


def selectors(expr: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Every metric an expression asks for, with its matchers (label, operator, value)."""
    plain = re.sub(r"\[[^\]]*\]", "", expr)
    plain = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", plain)
    for name, inside in _SELECTOR.findall(plain):
        if name not in _WORDS:
            yield name, _MATCHER.findall(inside)


def complaints(expr: str, known: Mapping[str, Labels]) -> list[str]:
    """Each metric, label or value an expression names that nobody exposes."""
    found: list[str] = []
    for name, matchers in selectors(expr):
        if name not in known:
            found.append(f"no metric {name}")
            continue
        for label, operator, value in matchers:
            if label not in known[name]:
                found.append(f"{name} has no label {label}")
                continue
            possible = known[name][label]
            wanted = value.split("|") if "~" in operator else [value]
            if possible is not None and not value.startswith("$"):
                found += [f"{name}: {label} is never {one}" for one in wanted if one not in possible]
    return found

"""Events → Prometheus. The only file that counts; the only one that knows prometheus_client.

Labels are medium, queue, outcome, result, status, node and kind: all bounded by the configuration or the code. Never
an agent, a caller or a contact. A counter or histogram is touched through a child kept in a dictionary (1-3 µs);
gauges are not kept at all but read at the scrape from what the router knows anyway (`Reading`).

Service level, both ways, from one histogram (a contact is counted in it once, when it is answered, else at its end):

    of all contacts      sum(increase(ringfair_wait_seconds_bucket{outcome="answered",le="20.0"}[1d]))
                       / sum(increase(ringfair_wait_seconds_count[1d]))
    without those who left within the threshold themselves
                         sum(increase(ringfair_wait_seconds_bucket{outcome="answered",le="20.0"}[1d]))
                       / (sum(increase(ringfair_wait_seconds_count[1d]))
                          - sum(increase(ringfair_wait_seconds_bucket{outcome="abandoned",le="20.0"}[1d])))
"""

import asyncio
import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from router.domain.events import (
    AgentChanged,
    AgentDismissed,
    CallRefused,
    ContactConnected,
    ContactEnded,
    ContactOverflowed,
    Event,
    InvariantFailed,
    ObservationIgnored,
    OfferClosed,
    PoolLost,
    WrapUpEnded,
)
from router.domain.ids import SECOND, AgentId, ContactId, Micros
from router.domain.record import BillingRecord, Outcome, SegmentKind

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

WAIT_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600)
HANDLE_BUCKETS = (15, 30, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1800, 3600)
MATCH_BUCKETS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2)
LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
REFUSALS = ("unknown-dnis",)
STATUSES = ("LOGGED_OUT", "READY", "PAUSED")
MOST_KINDS = 64
"Of ignored observations; what comes after them is `other`."

QueueOf = tuple[str, str]
"(medium, queue)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the router knows at the moment of a scrape."""

    waiting: Mapping[QueueOf, int] = field(default_factory=dict)
    longest_wait_us: Mapping[QueueOf, Micros] = field(default_factory=dict)
    inbox_depth: int = 0
    ami_connected: Mapping[str, bool] = field(default_factory=dict)
    "By node: whether nothing troubles it, so that its calls can be offered."
    ami_last_event_at: Mapping[str, Micros] = field(default_factory=dict)
    "By node: when anything was last heard from it."
    redis_errors: int = 0
    "Since the start."
    ledger_spool: int = 0
    "Facts that wait to be committed."


class Metrics:
    """A subscriber to events with a registry of its own. `read` is called at each scrape, on the loop."""

    def __init__(self, read: Callable[[], Reading], *, version: str, process: bool = True) -> None:
        # `_created` series double the size of every scrape and nobody asks for them
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._read = read
        self._statuses: dict[AgentId, str] = {}
        self._answered: set[ContactId] = set()
        "Contacts that live and have been connected: their wait is counted already."
        registry = self.registry
        self._contacts = Counter(
            "ringfair_contacts",
            "Contacts that ended.",
            ["medium", "queue", "outcome"],
            registry=registry,
        )
        self._waits = Histogram(
            "ringfair_wait_seconds",
            "Arrival to first talk; for those never answered, arrival to end.",
            ["medium", "queue", "outcome"],
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._handles = Histogram(
            "ringfair_handle_seconds",
            "Talk, hold and wrap-up of one agent with one contact.",
            ["medium", "queue"],
            buckets=HANDLE_BUCKETS,
            registry=registry,
        )
        self._offers = Counter("ringfair_offers", "Offers that ended, by result.", ["result"], registry=registry)
        self._overflows = Counter(
            "ringfair_overflows",
            "Contacts that went on after the maximum wait.",
            ["queue", "target"],
            registry=registry,
        )
        self._refusals = Counter(
            "ringfair_calls_refused", "Calls refused before the answer, by reason.", ["reason"], registry=registry
        )
        self._ignored = Counter(
            "ringfair_observations_ignored",
            "Observations that were late, doubled or of nobody we know; normal in small numbers.",
            ["kind"],
            registry=registry,
        )
        self._invariants = Counter(
            "ringfair_invariants_failed", "States that may never be, found on the floor.", registry=registry
        )
        self._pools_lost = Counter("ringfair_pools_lost", "Times a higher epoch took the pool away.", registry=registry)
        self._matches = Histogram(
            "ringfair_match_seconds",
            "Time the engine took for one input, with the decisions it led to.",
            buckets=MATCH_BUCKETS,
            registry=registry,
        )
        self._lags = Histogram(
            "ringfair_loop_lag_seconds",
            "How late the event loop woke up for a timer.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        Info("ringfair_build", "Version of the router.", registry=registry).info(
            {"version": version, "python": platform.python_version()}
        )
        if process:
            ProcessCollector(registry=registry)
        self._now_at_scrape = _NowCollector()
        registry.register(self._now_at_scrape)
        self._contact_children: dict[tuple[str, str, str], Counter] = {}
        self._wait_children: dict[tuple[str, str, str], Histogram] = {}
        self._handle_children: dict[tuple[str, str], Histogram] = {}
        self._offer_children: dict[str, Counter] = {}
        self._ignored_children: dict[str, Counter] = {}

    def __call__(self, event: Event, now: Micros) -> None:
        """Count one event."""
        match event:
            case AgentChanged():
                self._statuses[event.agent_id] = event.status
            case AgentDismissed():
                self._statuses.pop(event.agent_id, None)
            case OfferClosed():
                self._offer(event.fact.result.value)
            case ContactConnected():
                if event.contact_id not in self._answered:
                    self._answered.add(event.contact_id)
                    self._wait(event.medium, event.queue, Outcome.ANSWERED.value, event.waited_us)
            case ContactEnded():
                self._ended(event.record)
            case WrapUpEnded():
                key = (event.medium, event.queue)
                handles = self._handle_children.get(key)
                if handles is None:
                    handles = self._handle_children[key] = self._handles.labels(*key)
                handles.observe(event.handle_us / SECOND)
            case ContactOverflowed():
                self._overflows.labels(event.queue, event.target).inc()
            case ObservationIgnored():
                self._ignore(event.kind)
            case CallRefused():
                self._refusals.labels(event.reason if event.reason in REFUSALS else "other").inc()
            case InvariantFailed():
                self._invariants.inc()
            case PoolLost():
                self._pools_lost.inc()
            case _:
                pass

    def matched(self, seconds: float) -> None:
        """Count what the engine took for one input."""
        self._matches.observe(seconds)

    def lagged(self, seconds: float) -> None:
        """Count how late a timer of the loop came."""
        self._lags.observe(seconds)

    def expose(self) -> bytes:
        """Everything in the text format of Prometheus."""
        self._now_at_scrape.take(self._read(), Tally(self._statuses.values()))
        return generate_latest(self.registry)

    async def scrape(self) -> bytes:
        """`expose` for a busy loop: what is live is read here, the text (20 µs a series) is made in a thread."""
        self._now_at_scrape.take(self._read(), Tally(self._statuses.values()))
        return await asyncio.to_thread(generate_latest, self.registry)

    def _ended(self, record: BillingRecord) -> None:
        outcome = record.outcome.value
        key = (record.medium, record.queue, outcome)
        contacts = self._contact_children.get(key)
        if contacts is None:
            contacts = self._contact_children[key] = self._contacts.labels(*key)
        contacts.inc()
        if record.contact_id in self._answered:
            self._answered.discard(record.contact_id)
            return
        talks = (segment.from_at for segment in record.segments if segment.kind is SegmentKind.TALK)
        until = next(talks, record.ended_at)
        self._wait(record.medium, record.queue, outcome, until - record.arrived_at)

    def _wait(self, medium: str, queue: str, outcome: str, waited_us: Micros) -> None:
        key = (medium, queue, outcome)
        waits = self._wait_children.get(key)
        if waits is None:
            waits = self._wait_children[key] = self._waits.labels(*key)
        waits.observe(max(0, waited_us) / SECOND)

    def _offer(self, result: str) -> None:
        offers = self._offer_children.get(result)
        if offers is None:
            offers = self._offer_children[result] = self._offers.labels(result)
        offers.inc()

    def _ignore(self, kind: str) -> None:
        ignored = self._ignored_children.get(kind)
        if ignored is None:
            if len(self._ignored_children) >= MOST_KINDS:
                kind = "other"
            ignored = self._ignored_children[kind] = self._ignored.labels(kind)
        ignored.inc()


class _NowCollector(Collector):
    """The gauges. It holds one `Reading`, taken on the loop, so that a thread may make text of it."""

    def __init__(self) -> None:
        self._reading = Reading()
        self._agents: Mapping[str, int] = {}

    def take(self, reading: Reading, agents: Mapping[str, int]) -> None:
        self._reading = reading
        self._agents = agents

    def collect(self) -> Iterator[Metric]:
        reading, agents = self._reading, self._agents
        family = GaugeMetricFamily(
            "ringfair_agents", "Agents by what they chose: ready, paused, logged out.", labels=["status"]
        )
        for status in sorted({*STATUSES, *agents}):
            family.add_metric([status], agents.get(status, 0))
        yield family
        family = GaugeMetricFamily("ringfair_waiting", "Contacts that wait now.", labels=["medium", "queue"])
        for key, waiting in reading.waiting.items():
            family.add_metric(list(key), waiting)
        yield family
        family = GaugeMetricFamily(
            "ringfair_longest_wait_seconds", "Age of the oldest waiting contact.", labels=["medium", "queue"]
        )
        for key, waited_us in reading.longest_wait_us.items():
            family.add_metric(list(key), waited_us / SECOND)
        yield family
        family = GaugeMetricFamily(
            "ringfair_ami_connected",
            "1 while nothing troubles the node: connected, fit, the pool ours, its calls known.",
            labels=["node"],
        )
        for node, connected in reading.ami_connected.items():
            family.add_metric([node], 1 if connected else 0)
        yield family
        family = GaugeMetricFamily(
            "ringfair_ami_last_event_timestamp_seconds", "When the node was last heard.", labels=["node"]
        )
        for node, at in reading.ami_last_event_at.items():
            family.add_metric([node], at / SECOND)
        yield family
        yield GaugeMetricFamily("ringfair_inbox_depth", "Inputs that wait for the engine.", value=reading.inbox_depth)
        yield GaugeMetricFamily(
            "ringfair_ledger_spool_records",
            "Facts that wait to be committed to the database.",
            value=reading.ledger_spool,
        )
        yield CounterMetricFamily(
            "ringfair_redis_errors", "Writes of presence that failed.", value=reading.redis_errors
        )

"""Events → Prometheus: what is counted as it happens.

Rule 1: labels are bounded by the configuration or the code: medium, queue, outcome, result, status, node, kind and
  their like. Never an agent, a caller or a contact.
Rule 2: an event costs a microsecond. What has labels is counted in plain numbers (counts.py); gauges are not kept at
  all but read at the scrape from what the router knows anyway (`Reading`).
Rule 3: a series begins at 0. One that is born with its first contact hides that contact from `increase()` and `rate()`,
  so everything of a queue is there from the first scrape that knows the queue.
Rule 4: the router's own calls (the canary) are no callers, and whoever takes them is no agent: `own` is not counted.

Service level within 20 s, both usual ways, from one histogram; deploy/prometheus records them for 10, 15, 20 and 30 s.
A contact is counted in it once: when it is answered, else at its end.

    of the answered      sum(increase(ringfair_wait_seconds_bucket{outcome="answered",le="20.0"}[1d]))
                       / sum(increase(ringfair_wait_seconds_count{outcome="answered"}[1d]))
    of the offered       sum(increase(ringfair_wait_seconds_bucket{outcome="answered",le="20.0"}[1d]))
                       / sum(increase(ringfair_wait_seconds_count{outcome=~"answered|abandoned"}[1d]))

Callers who were sent away are in neither: `overflowed` (the longest wait was over, they heard the closing message) and
`system` (the dialplan's fallback, no queue left for them, hung up from the desk). Their share of all who called:

                         sum(increase(ringfair_contacts_total{outcome=~"overflowed|system"}[1d]))
                       / sum(increase(ringfair_contacts_total[1d]))
"""

import asyncio
import platform
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import get_args

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, generate_latest

from router.adapters.metrics.counts import Counts, Distributions
from router.adapters.metrics.gauges import Gauges
from router.adapters.metrics.reading import Reading
from router.domain.calls.outside import DIAL
from router.domain.ids import SECOND, AgentId, ContactId, Micros
from router.domain.messages.events import (
    AgentChanged,
    AgentDismissed,
    CallbackEnded,
    CallbackPromised,
    CallbackTried,
    CallRefused,
    ContactConnected,
    ContactEnded,
    ContactOverflowed,
    DifferenceMended,
    DistinctNeedsFull,
    EmergencyWaits,
    Event,
    InvariantFailed,
    ObservationIgnored,
    OfferClosed,
    PauseTooLong,
    PoolLost,
    WrapUpEnded,
)
from router.domain.messages.observations import Observation
from router.domain.record import BillingRecord, OfferResult, Outcome, SegmentKind
from router.domain.rulebook.admission import FULL
from router.domain.truth.differences import DIFFERENCES

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

WAIT_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600)
HANDLE_BUCKETS = (15, 30, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1800, 3600)
ERROR_BUCKETS = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600)
_ANSWERED = Outcome.ANSWERED.value
LONGER, SHORTER = "longer", "shorter"
MATCH_BUCKETS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2)
LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REFUSALS = frozenset({"unknown-dnis", "loop", *FULL})
GONE_ON = ("wait", "key", "full", "nobody", "closed", "closing", "long", "early-media", "callback")
"Why contacts go on to another target (`ContactOverflowed.why`); the series of these are there from the beginning."
MOST_KINDS = 64
"Of ignored observations; what comes after them is `other`."


class Metrics:
    """A subscriber to events with a registry of its own. `read` is called at each scrape, on the loop.

    `own`: agents and campaigns that are not counted (rule 4).
    """

    def __init__(
        self,
        read: Callable[[], Reading],
        *,
        version: str,
        process: bool = True,
        own: AbstractSet[str] = frozenset(),
    ) -> None:
        # `_created` series double the size of every scrape and nobody asks for them
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._read = read
        self._own = own
        self._agents: dict[AgentId, AgentChanged] = {}
        self._answered: set[ContactId] = set()
        "Contacts that live and have been connected: their wait is counted already."
        registry = self.registry
        self._contacts = Counts(
            "ringfair_contacts",
            "Contacts that ended.",
            ["medium", "queue", "outcome"],
            registry=registry,
        )
        self._waits = Distributions(
            "ringfair_wait_seconds",
            "Arrival to first talk; for those never answered, arrival to end.",
            ["medium", "queue", "outcome"],
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._expectations = Distributions(
            "ringfair_expected_wait_error_seconds",
            "How far the wait expected at entry was from that of those answered, who waited longer or shorter.",
            ["medium", "queue", "kind"],
            buckets=ERROR_BUCKETS,
            registry=registry,
        )
        self._handles = Distributions(
            "ringfair_handle_seconds",
            "Talk, hold and wrap-up of one agent with one contact.",
            ["medium", "queue"],
            buckets=HANDLE_BUCKETS,
            registry=registry,
        )
        self._differences = Counts(
            "ringfair_resync_differences",
            "Times Asterisk was found otherwise than the router believed, and it was put right.",
            ["kind"],
            registry=registry,
        )
        for kind in DIFFERENCES:
            self._differences.begin(kind)
        self._offers = Counts("ringfair_offers", "Offers that ended, by result.", ["result"], registry=registry)
        self._callbacks = Counts(
            "ringfair_callbacks",
            "Calls that were owed, by what became of them.",
            ["queue", "result"],
            registry=registry,
        )
        self._callback_tries = Counts(
            "ringfair_callback_tries", "Calls to those they were owed to.", ["queue", "result"], registry=registry
        )
        self._overflows = Counts(
            "ringfair_overflows",
            "Contacts that did not, or no longer, wait and went on; reason wait: the longest wait was over.",
            ["queue", "target", "reason"],
            registry=registry,
        )
        self._alarms = Counts(
            "ringfair_emergency_alarms",
            "Times nobody had taken an emergency caller within the campaign's alarm_s, and again after as long.",
            ["queue"],
            registry=registry,
        )
        self._needs_full = Counts(
            "ringfair_distinct_needs_full",
            "Times more distinct needs waited in a queue than may at a time, until everybody had a line again.",
            ["queue"],
            registry=registry,
        )
        self._refusals = Counts(
            "ringfair_calls_refused",
            "Calls refused before the answer: nobody serves the number, or no room for the campaign's caller.",
            ["reason", "campaign"],
            registry=registry,
        )
        self._ignored = Counts(
            "ringfair_observations_ignored",
            "Observations that were late, doubled or of nobody we know; normal in small numbers.",
            ["kind"],
            registry=registry,
        )
        self._invariants = Counter(
            "ringfair_invariants_failed", "States that may never be, found on the floor.", registry=registry
        )
        self._long_pauses = Counter(
            "ringfair_pauses_too_long", "Pauses that became longer than their reason allows.", registry=registry
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
        self._ami_lags = Histogram(
            "ringfair_ami_lag_seconds",
            "From Asterisk's own time of a caller's arrival to its handling here: socket, parser, inbox.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        Info("ringfair_build", "Version of the router.", registry=registry).info(
            {"version": version, "python": platform.python_version()}
        )
        if process:
            ProcessCollector(registry=registry)
        self._now_at_scrape = Gauges()
        registry.register(self._now_at_scrape)
        self._kinds: set[str] = set()
        "Of ignored observations, that have a series of their own."
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        "Queues whose series are there, and their overflow targets: a reload may add some."
        for result in OfferResult:
            self._offers.begin(result.value)
        for reason in ("unknown-dnis", "other"):
            self._refusals.begin(reason, "")
        for kind in get_args(Observation):
            self._ignored.begin(self._kind(kind.__name__))

    def __call__(self, event: Event, now: Micros) -> None:
        """Count one event."""
        match event:
            case AgentChanged():
                if event.agent_id not in self._own:
                    self._agents[event.agent_id] = event
            case AgentDismissed():
                self._agents.pop(event.agent_id, None)
            case OfferClosed():
                if event.fact.agent_id not in self._own:
                    self._offers.add(event.fact.result.value)
            case ContactConnected():
                if event.contact_id not in self._answered and event.campaign not in self._own:
                    self._answered.add(event.contact_id)
                    self._waits.add(max(0, event.waited_us) / SECOND, event.medium, event.queue, _ANSWERED)
                    if event.longer_us is not None:
                        kind = LONGER if event.longer_us > 0 else SHORTER
                        self._expectations.add(abs(event.longer_us) / SECOND, event.medium, event.queue, kind)
            case ContactEnded():
                if event.record.campaign not in self._own:
                    self._ended(event.record)
            case WrapUpEnded():
                if event.fact.agent_id not in self._own:
                    self._handles.add(event.handle_us / SECOND, event.medium, event.queue)
            case ContactOverflowed():
                if event.queue.partition("/")[0] not in self._own:  # a queue is named after its campaign
                    target = "dial" if event.target.startswith(DIAL) else event.target  # rule 1: no number is a label
                    self._overflows.add(event.queue, target, event.why)
            case DistinctNeedsFull():
                self._needs_full.add(event.queue)
            case EmergencyWaits():
                self._alarms.add(event.queue)
            case CallbackPromised():
                self._callbacks.add(event.queue, "promised")
            case CallbackEnded():
                self._callbacks.add(event.queue, event.result)
            case CallbackTried():
                self._callback_tries.add(event.queue, event.result)
            case ObservationIgnored():
                self._ignored.add(self._kind(event.kind))
            case DifferenceMended():
                self._differences.add(event.kind)
            case CallRefused():
                self._refusals.add(event.reason if event.reason in REFUSALS else "other", event.campaign)
            case InvariantFailed():
                self._invariants.inc()
            case PauseTooLong():
                self._long_pauses.inc()
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

    def heard(self, age_us: Micros) -> None:
        """Count how old a caller's arrival was when it was handled; below 0 (Asterisk's clock is ahead) counts 0."""
        self._ami_lags.observe(max(0, age_us) / SECOND)

    def expose(self) -> bytes:
        """Everything in the text format of Prometheus."""
        self._look()
        return generate_latest(self.registry)

    async def scrape(self) -> bytes:
        """`expose` for a busy loop: what is live is read here, the text (6 µs a line) is made in a thread."""
        self._look()
        return await asyncio.to_thread(generate_latest, self.registry)

    def _look(self) -> None:
        reading = self._read()
        for queue in reading.queues:
            if self._known.get((queue.medium, queue.queue)) != (targets := tuple(queue.targets)):
                self._begin(queue.medium, queue.queue, targets)
        self._now_at_scrape.take(reading, tuple(self._agents.values()))

    def _begin(self, medium: str, queue: str, targets: tuple[str, ...]) -> None:
        """Rule 3."""
        self._known[medium, queue] = targets
        for outcome in Outcome:
            self._contacts.begin(medium, queue, outcome.value)
            self._waits.begin(medium, queue, outcome.value)
        self._handles.begin(medium, queue)
        for kind in (LONGER, SHORTER):
            self._expectations.begin(medium, queue, kind)
        for target in targets:
            for reason in GONE_ON:
                self._overflows.begin(queue, target, reason)
        self._alarms.begin(queue)
        self._needs_full.begin(queue)
        for reason in FULL:
            self._refusals.begin(reason, queue.partition("/")[0])

    def _ended(self, record: BillingRecord) -> None:
        outcome = record.outcome.value
        self._contacts.add(record.medium, record.queue, outcome)
        if record.contact_id in self._answered:
            self._answered.discard(record.contact_id)
            return
        talks = (segment.from_at for segment in record.segments if segment.kind is SegmentKind.TALK)
        waited_us = next(talks, record.ended_at) - record.here_at
        self._waits.add(max(0, waited_us) / SECOND, record.medium, record.queue, outcome)

    def _kind(self, kind: str) -> str:
        """The label of an ignored observation."""
        if kind in self._kinds or len(self._kinds) < MOST_KINDS:
            self._kinds.add(kind)
            return kind
        return "other"

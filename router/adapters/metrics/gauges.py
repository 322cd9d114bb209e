"""What is true now, as gauges; nothing of it is kept between scrapes.

The totals that somebody else counts (the pump, the ledger's writer, the keeper of presence) are read here too.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from router.adapters.metrics.lines import line_metrics
from router.adapters.metrics.reading import Reading
from router.domain.ids import SECOND
from router.domain.messages.events import AgentChanged
from router.domain.rulebook.conduct import REASONS

STATUSES = ("LOGGED_OUT", "READY", "PAUSED")
WORK = ("free", "reserved", "ringing", "talking", "held", "wrapup")
AWAY = ("paused", "unreachable", "busy_elsewhere", "link_lost", "logged_out")
"What an agent does who has nothing in hand and can be offered nothing."
MOST_REASONS = 64
"Of pauses; what comes after them is `other`."


class Gauges(Collector):
    """The gauges. It holds one `Reading`, taken on the loop, so that a thread may make text of it."""

    def __init__(self) -> None:
        self._reading = Reading()
        self._agents: Sequence[AgentChanged] = ()

    def take(self, reading: Reading, agents: Sequence[AgentChanged]) -> None:
        self._reading, self._agents = reading, agents

    def collect(self) -> Iterator[Metric]:
        reading, agents = self._reading, self._agents
        yield _gauge(
            "ringfair_agents",
            "Agents by what they chose: ready, paused, logged out.",
            "status",
            _tally(STATUSES, (agent.status for agent in agents)),
        )
        yield _gauge(
            "ringfair_agents_work",
            "Agents by what they do; each is in it once. `free` can be offered a contact.",
            "work",
            _tally((*WORK, *AWAY), map(_work, agents)),
        )
        paused = _tally(
            tuple(REASONS.values()), (agent.reason or "none" for agent in agents if agent.status == "PAUSED")
        )
        yield _gauge(
            "ringfair_agents_paused",
            "Paused agents by reason; the router's own: `rona` (missed), rejected, busy, unregistered, failed.",
            "reason",
            _bounded(paused),
        )
        family = GaugeMetricFamily(
            "ringfair_queue_agents",
            "Agents entitled to a queue now and skilled for it, by standing; one may serve several queues.",
            labels=["medium", "queue", "standing"],
        )
        for queue in reading.queues:
            for standing, count in queue.agents.items():
                family.add_metric([queue.medium, queue.queue, standing], count)
        yield family
        family = GaugeMetricFamily("ringfair_waiting", "Contacts that wait now.", labels=["medium", "queue"])
        for queue in reading.queues:
            family.add_metric([queue.medium, queue.queue], queue.waiting)
        yield family
        family = GaugeMetricFamily(
            "ringfair_longest_wait_seconds", "Age of the oldest waiting contact.", labels=["medium", "queue"]
        )
        for queue in reading.queues:
            family.add_metric([queue.medium, queue.queue], queue.longest_wait_us / SECOND)
        yield family
        family = GaugeMetricFamily(
            "ringfair_expected_wait_seconds",
            "How long a caller would wait who came now, until the first word; no value where nobody can know.",
            labels=["medium", "queue"],
        )
        for queue in reading.queues:
            if queue.expected_us is not None:
                family.add_metric([queue.medium, queue.queue], queue.expected_us / SECOND)
        yield family
        yield _gauge(
            "ringfair_campaign_open",
            "1 while the campaign takes callers, by its hours and by hand.",
            "campaign",
            {name: door.is_open for name, door in reading.doors.items()},
        )
        yield _gauge(
            "ringfair_campaign_shut_by_hand",
            "1 while somebody has shut the campaign, whatever its hours say.",
            "campaign",
            {name: door.is_shut_by_hand for name, door in reading.doors.items()},
        )
        yield _gauge(
            "ringfair_ami_connected",
            "1 while nothing troubles the node: connected, fit, the pool ours, its calls known.",
            "node",
            reading.ami_connected,
        )
        yield _gauge(
            "ringfair_ami_last_event_timestamp_seconds",
            "When the node was last heard: an event or a reply. It is asked something every second.",
            "node",
            {node: at / SECOND for node, at in reading.ami_last_event_at.items()},
        )
        yield _gauge("ringfair_calls", "Callers on the node, waiting and talking.", "node", reading.calls)
        yield _gauge("ringfair_calls_limit", "Callers the node takes; 0: no limit.", "node", reading.calls_limit)
        if reading.lines is not None:
            yield from line_metrics(reading.lines)
        yield _gauge("ringfair_ready", "1 while /readyz says ok of this neighbour.", "neighbour", reading.ready)
        for name, text, value in (
            ("tasks", "Tasks of the event loop that are alive.", reading.tasks),
            ("inbox_depth", "Inputs that wait for the engine.", reading.inbox_depth),
            ("ring_orders", "Orders to ring an agent that Asterisk has not answered yet.", reading.ring_orders),
            (
                "journal_owed",
                "Agents and contacts whose latest change is not in the journal yet.",
                reading.journal_owed,
            ),
            (
                "journal_behind_seconds",
                "For how long something has been owed to the journal; 0 while all is written.",
                reading.journal_behind_us / SECOND,
            ),
            ("ledger_spool_records", "Facts that wait to be committed to the database.", reading.ledger_spool),
            ("ledger_spool_bytes", "What the spool takes on the disk.", reading.ledger_spool_bytes),
            ("ledger_spool_limit_bytes", "What the spool may take on the disk.", reading.ledger_spool_limit_bytes),
            ("ledger_unsynced_records", "Facts a kill would cost now: in memory only.", reading.ledger_unsynced),
            ("lease_held", "1 while Redis knows this router as the pool's owner.", reading.lease_left_us > 0),
            ("lease_remaining_seconds", "Until the pool's lease lapses.", reading.lease_left_us / SECOND),
        ):
            yield GaugeMetricFamily(f"ringfair_{name}", text, value=value)
        for name, text, value in (
            ("inbox_overflows", "Times too much waited and Asterisk was asked for the truth.", reading.inbox_overflows),
            ("ring_overflows", "Orders to ring that had no turn: too many, or too late.", reading.ring_overflows),
            ("failures", "Times the engine, or who was told of something, raised.", reading.failures),
            ("redis_errors", "Writes of presence or journal that failed.", reading.redis_errors),
            ("journal_rewrites", "Times Redis had lost the journal and it was written anew.", reading.journal_rewrites),
            ("unsafe_answers", "Commands in force that nobody could write down safely.", reading.unsafe_answers),
            (
                "ledger_spool_damaged",
                "Lines of the spool that cannot be read; kept aside.",
                reading.ledger_spool_damaged,
            ),
            ("ledger_lost_records", "Facts that are in no ledger and no longer here.", reading.ledger_lost),
            ("queue_log_lost_lines", "Lines of the queue log that were turned away.", reading.queue_log_lost),
            ("lease_lost", "Times the pool's lease lapsed or went to another router.", reading.lease_lapses),
            ("takeovers", "Times this router has taken the pool over from another one.", reading.takeovers),
            (
                "withheld_overflows",
                "Effects dropped: too many waited to know whose the pool is.",
                reading.withheld_overflows,
            ),
        ):
            yield CounterMetricFamily(f"ringfair_{name}", text, value=value)


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value_of, value in values.items():
        family.add_metric([value_of], float(value))
    return family


def _tally(always: Iterable[str], found: Iterable[str]) -> dict[str, int]:
    """How often each was found; `always` are there even when they were not."""
    return dict.fromkeys(always, 0) | Tally(found)


def _bounded(values: Mapping[str, int]) -> Mapping[str, int]:
    if len(values) <= MOST_REASONS:
        return values
    kept = dict(list(values.items())[:MOST_REASONS])
    return kept | {"other": sum(values.values()) - sum(kept.values())}


def _work(agent: AgentChanged) -> str:
    """One word for what an agent does, of `WORK` or `AWAY`. What is in hand goes before what was chosen."""
    if agent.work != "idle":
        return agent.work
    if agent.status != "READY":
        return agent.status.lower()
    if agent.reach != "REACHABLE":
        return agent.reach.lower()
    return "link_lost" if agent.link == "LOST" else "free"

"""Counters and histograms with labels, as plain numbers.

A site has hundreds of queues, and each of them a dozen series from the first scrape on. As children of a library's
counter they are objects with a lock for each bucket; here a histogram of a queue is one list. The loop
alone counts; a thread that makes the text of a scrape reads copies, each taken in one step of the interpreter.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Counts(Collector):
    """A counter for each combination of labels."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._counts: dict[Labels, int] = {}
        registry.register(self)

    def begin(self, *labels: str) -> None:
        """Have the series be there, at 0."""
        self._counts.setdefault(labels, 0)

    def add(self, *labels: str) -> None:
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def describe(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._documentation, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, count in list(self._counts.items()):
            family.add_metric(labels, count)
        yield family


class Distributions(Collector):
    """A histogram for each combination of labels, all with the same buckets."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        registry: CollectorRegistry,
        *,
        buckets: Sequence[float],
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._buckets = tuple(buckets)
        self._bounds = (*map(floatToGoString, buckets), "+Inf")
        self._counts: dict[Labels, list[float]] = {}
        "How many fell into each bucket and into none, and the sum of all."
        registry.register(self)

    def begin(self, *labels: str) -> list[float]:
        """Have the series be there, at 0."""
        return self._counts.setdefault(labels, [0] * (len(self._buckets) + 2))

    def add(self, value: float, *labels: str) -> None:
        counts = self._counts.get(labels)
        if counts is None:
            counts = self.begin(*labels)
        counts[bisect_left(self._buckets, value)] += 1
        counts[-1] += value

    def describe(self) -> Iterator[Metric]:
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, counts in list(self._counts.items()):
            *each, in_all = list(counts)
            below, buckets = 0.0, []
            for bound, count in zip(self._bounds, each, strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric(labels, buckets=buckets, sum_value=in_all)
        yield family

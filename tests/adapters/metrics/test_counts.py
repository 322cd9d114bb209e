"""What is counted in plain numbers reads like what the library counts."""

import prometheus_client
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from router.adapters.metrics.counts import Counts, Distributions

BUCKETS = (0.5, 1, 2.5, 10)
LABELS = st.tuples(st.sampled_from(["shop/orders", 'a "quoted" one']), st.sampled_from(["answered", "abandoned"]))
VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 2.5, 4.0, 10.0, 11.0])


@given(st.lists(st.tuples(LABELS, VALUES)))
def test_a_scrape_reads_like_one_of_the_library(seen: list[tuple[tuple[str, str], float]]) -> None:
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    waits = Distributions("waits", "How long.", ["queue", "outcome"], ours, buckets=BUCKETS)
    calls = Counts("calls", "How many.", ["queue", "outcome"], ours)
    library_waits = Histogram("waits", "How long.", ["queue", "outcome"], buckets=BUCKETS, registry=theirs)
    library_calls = Counter("calls", "How many.", ["queue", "outcome"], registry=theirs)
    for labels, value in seen:
        waits.add(value, *labels)
        calls.add(*labels)
        library_waits.labels(*labels).observe(value)
        library_calls.labels(*labels).inc()
    assert generate_latest(ours) == generate_latest(theirs)


def test_a_series_that_begins_is_there_at_nothing() -> None:
    registry = CollectorRegistry()
    Distributions("waits", "How long.", ["queue"], registry, buckets=BUCKETS).begin("shop/orders")
    Counts("calls", "How many.", ["queue"], registry).begin("shop/orders")
    assert registry.get_sample_value("waits_count", {"queue": "shop/orders"}) == 0
    assert registry.get_sample_value("waits_bucket", {"queue": "shop/orders", "le": "+Inf"}) == 0
    assert registry.get_sample_value("calls_total", {"queue": "shop/orders"}) == 0

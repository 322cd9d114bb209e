"""Events and readings → Prometheus. The only package that counts; the only one that knows prometheus_client."""

from router.adapters.metrics.reading import QueueReading, Reading, read_calls, read_queues
from router.adapters.metrics.subscriber import Metrics

__all__ = ["Metrics", "QueueReading", "Reading", "read_calls", "read_queues"]

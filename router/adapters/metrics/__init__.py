"""Events and readings → Prometheus. The only package that counts; the only one that knows prometheus_client."""

from router.adapters.metrics.reading import DoorReading, QueueReading, Reading, read_calls, read_doors, read_queues
from router.adapters.metrics.subscriber import Metrics

__all__ = ["DoorReading", "Metrics", "QueueReading", "Reading", "read_calls", "read_doors", "read_queues"]

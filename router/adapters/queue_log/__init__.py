"""Events → a file in the form of Asterisk's queue_log, for tools that read one: QueueMetrics, Asternic and their like.

event ── Translation ──> lines ── QueueLogWriter: memory, a thread ──> LogFile: one append a batch
"""

from router.adapters.queue_log.enquiry import FloorEnquiry
from router.adapters.queue_log.translation import Translation
from router.adapters.queue_log.writer import QueueLogWriter

__all__ = ["FloorEnquiry", "QueueLogWriter", "Translation"]

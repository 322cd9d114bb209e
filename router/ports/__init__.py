"""What the inside needs from the outside. Adapters implement these; tests use stateful fakes of the same shape.

Every method that awaits has its deadline inside the adapter and raises `RemoteError` when it passes.
"""

from router.ports.calls import Clock, EventSubscriber, ObservationSink, Telephony
from router.ports.desk import (
    AgentView,
    CallbackView,
    ContactTrace,
    ContactView,
    Desk,
    DoorView,
    FloorView,
    Milestone,
    OfferPath,
    QueueView,
    Reloaded,
    Roll,
)
from router.ports.directory import AgentEntry, Credential, Directory
from router.ports.journal import Journal, Journalled
from router.ports.lease import Acting, Lease, LeaseView, Tenure
from router.ports.ledger import ContactStory, Ledger, RecordQuery
from router.ports.lines import LineReport, LineReports, LineSummary, Way
from router.ports.presence import Presence, PresenceRow

__all__ = [
    "Acting",
    "AgentEntry",
    "AgentView",
    "CallbackView",
    "Clock",
    "ContactStory",
    "ContactTrace",
    "ContactView",
    "Credential",
    "Desk",
    "Directory",
    "DoorView",
    "EventSubscriber",
    "FloorView",
    "Journal",
    "Journalled",
    "Lease",
    "LeaseView",
    "Ledger",
    "LineReport",
    "LineReports",
    "LineSummary",
    "Milestone",
    "ObservationSink",
    "OfferPath",
    "Presence",
    "PresenceRow",
    "QueueView",
    "RecordQuery",
    "Reloaded",
    "Roll",
    "Telephony",
    "Tenure",
    "Way",
]

"""What an AMI session may use, and what it counted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one session. Seconds end in `_s`."""

    in_flight: int = 256
    "Actions without an answer; the next one is refused with Overloaded."
    block_bytes: int = 1 << 20
    "Longest unfinished block; a longer one is no AMI."
    backlog_bytes: int = 64 << 20
    """Bytes received and not yet parsed. Reading never stops (Asterisk ends a session whose reader stalls):
    at this size the connection is given up."""
    list_items: int = 200_000
    "Events of one list reply."
    slice_s: float = 0.005
    "Longest stretch of parsing before the loop gets a turn."
    connect_s: float = 5.0
    "TCP and TLS set-up."
    login_s: float = 5.0
    "Banner and answer to Login."
    ping_every_s: float = 10.0
    ping_deadline_s: float = 3.0
    "No Pong for so long: the peer is gone, however open the socket looks."
    stall_grace_s: float = 1.0
    "How much later a deadline may fire while the answer could still be among bytes not yet parsed."
    first_backoff_s: float = 0.25
    max_backoff_s: float = 15.0
    refused_backoff_s: float = 30.0
    "Least delay after a refused login: a faster one gets this address banned by fail2ban."
    stable_s: float = 5.0
    "A session that was up for so long starts the back-off anew."
    flapping_failures: int = 2
    """The back-off after one that was up for a shorter time is that of at most so many failures, 1 s: Asterisk is
    there, and its dialplan takes a router without a heartbeat for dead after 10 s."""


@dataclass(slots=True)
class Counters:
    """Everything a session counted since it was made; they only grow."""

    attempts: int = 0
    logins: int = 0
    refused: int = 0
    lost: int = 0
    "Connections that ended after a login, whoever ended them, our own close() excepted."
    pings_lost: int = 0
    bytes_in: int = 0
    events: int = 0
    "Events given to the consumer."
    unwanted: int = 0
    "Events dropped by their name, most of them before decoding."
    malformed: int = 0
    "Blocks that are neither event nor response."
    actions: int = 0
    replies: int = 0
    strays: int = 0
    "Replies and list items nobody waits for any more."
    timeouts: int = 0
    handler_errors: int = 0
    "Exceptions of the consumer's callbacks."
    overflows: int = 0
    "Connections given up because the backlog was full, and actions refused because too many were in flight."

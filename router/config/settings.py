"""`ringfair.toml`: the shape, the defaults and the limits of every key.

Descriptions become the JSON Schema that editors show. Durations are seconds here and microseconds inside.
A key is only here if something obeys it; there is no key "for later".
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from router.config.addresses import ledger_dsn, listen_address, redis_url, socket_path
from router.config.conduct import After, CapacityTable, InterruptTable, PauseTable
from router.config.faults import COUNTRY, DIGIT, ENDPOINT, HOST, SLUG, SYSTEMNAME, WORD
from router.config.values import STRICT as STRICT
from router.config.values import Calls as Calls
from router.config.values import Line as Line
from router.config.values import Seconds as Seconds
from router.config.values import one_line as one_line

Port = Annotated[int, Field(ge=1, le=65_535)]
Path = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(one_line)]


class Router(BaseModel):
    """How this router behaves."""

    model_config = STRICT
    pool: str = Field("main", pattern=SLUG, description="The pool of agents and queues this router owns.")
    country: str = Field(
        "DE", pattern=COUNTRY, description="Whose numbering plan national numbers of the trunk are read by."
    )
    time_zone: Annotated[str, Field(max_length=64)] = Field(
        "Europe/Berlin", description="IANA name; what is counted by the day begins anew at midnight there."
    )
    drain_s: Seconds = Field(60.0, description="SIGTERM: calls may go on for this long before the router leaves.")
    reject_hold_s: Seconds = Field(
        30.0, description="An agent who rejected a contact is not offered the same one for this long."
    )
    fault_hold_s: Seconds = Field(
        5.0, description="After busy, unregistered or failed an agent is offered nothing for this long."
    )
    rescind_grace_s: Seconds = Field(
        5.0, description="A withdrawn leg that has not ended after this long is taken for dead."
    )
    connect_grace_s: Seconds = Field(
        20.0, description="An answered agent's leg must talk within this long, whisper and press-1 included."
    )
    give_up_s: float = Field(
        900.0,
        ge=10,
        le=86_400,
        description="An Asterisk that has been away for this long has no calls any more: their records are closed, "
        "with the moment it was lost as their end, and their agents are free.",
    )
    sweep_s: float = Field(
        60.0, ge=5, le=3600, description="While calls are on, Asterisk is asked this often whether all legs still live."
    )


class Asterisk(BaseModel):
    """The Asterisk we work beside, by its manager interface (AMI)."""

    model_config = STRICT
    systemname: str = Field(
        pattern=SYSTEMNAME, description="`systemname` of its asterisk.conf: the name of the node, begins its ids."
    )
    host: str = Field("127.0.0.1", min_length=1, max_length=253, pattern=HOST, description="Its address or name.")
    port: Port = Field(5038, description="AMI port; with TLS usually 5039.")
    user: str = Field("ringfair", pattern=WORD, description="AMI user, a section of manager.conf.")
    secret_file: Path | None = Field(
        None, description="File that holds the AMI user's secret, or RINGFAIR_ASTERISK_SECRET."
    )
    tls: bool = Field(False, description="Speak AMI over TLS; the certificate is checked.")
    tls_ca_file: Path | None = Field(None, description="Certificates to trust instead of the system's (PEM).")
    max_calls: Calls = Field(
        0, description="Callers on this node at a time, waiting and talking; who comes above is refused. 0: no limit."
    )
    reserved_calls: Calls = Field(0, description="Of max_calls, those that only emergency campaigns may use.")
    max_originates: Annotated[int, Field(ge=1, le=200)] = Field(
        50, description="Orders to ring an agent that Asterisk has not answered yet; more wait for their turn."
    )


class Trunk(BaseModel):
    """[trunk.NAME]: what is to be known of a trunk, named like its PJSIP endpoint."""

    model_config = STRICT
    max_calls: Calls = Field(
        0, description="Callers by this trunk at a time on this node; who comes above is refused. 0: no limit."
    )
    outbound: bool = Field(
        False,
        description='Calls to numbers outside (overflow to "dial:+49…", call-backs) go by this trunk; of one trunk at '
        "most.",
    )
    ring_s: float = Field(
        30.0, ge=5, le=300, description="So long a number outside rings before the caller goes to the next target."
    )
    keys_before_answer: bool = Field(
        False,
        description="Callers' keys arrive before the answer, too: tried, since most carriers do not let them through.",
    )


class Telemetry(BaseModel):
    """The AMI user that hears RTCP reports alone, at the same Asterisk. Without its secret there is no telemetry."""

    model_config = STRICT
    user: str = Field("ringfair-telemetry", pattern=WORD, description="AMI user, a section of manager.conf.")
    secret_file: Path | None = Field(
        None, description="File that holds this user's secret, or RINGFAIR_TELEMETRY_SECRET."
    )


class Redis(BaseModel):
    """Redis or Valkey: what is true now."""

    model_config = STRICT
    url: Annotated[str, Field(max_length=500), AfterValidator(redis_url)] = Field(
        "redis://127.0.0.1:6379/0",
        description="redis://host:port/0, rediss:// for TLS, unix:///path?db=0, or "
        "redis+sentinel://host:26379,host:26379/name-of-the-master/0; never with a password.",
    )
    password_file: Path | None = Field(None, description="File that holds the password, or RINGFAIR_REDIS_PASSWORD.")
    sentinel_password_file: Path | None = Field(
        None, description="File that holds the Sentinels' own password, or RINGFAIR_REDIS_SENTINEL_PASSWORD."
    )


class Ledger(BaseModel):
    """The database of facts."""

    model_config = STRICT
    dsn: Annotated[str, Field(max_length=1000), AfterValidator(ledger_dsn)] = Field(
        "sqlite:////var/lib/ringfair/ledger.sqlite3",
        description="sqlite:////absolute/path (four slashes) or postgresql://user@host/database; no password.",
    )
    password_file: Path | None = Field(None, description="File that holds the password, or RINGFAIR_LEDGER_PASSWORD.")
    spool_dir: Path | None = Field(
        None,
        description="Where facts wait on this machine's disk until the database has them; routers may share it, and "
        "what one left there the others bring in: `spool` beside the SQLite file if not given, with PostgreSQL "
        "/var/lib/ringfair/spool.",
    )
    spool_max_mb: Annotated[int, Field(ge=1, le=1_048_576)] = Field(
        1024, description="MiB a router may keep there; what does not fit waits in memory."
    )


class QueueLog(BaseModel):
    """A file in the form of Asterisk's queue_log, for QueueMetrics, Asternic and their like. Off without `file`."""

    model_config = STRICT
    file: Path | None = Field(
        None,
        description="Where lines are appended, e.g. /var/log/ringfair/queue_log; each pool has one of its own. A file "
        "that logrotate has renamed is let go by itself.",
    )
    agent_prefix: Annotated[str, Field(max_length=20), AfterValidator(one_line)] = Field(
        "", description='What stands before an agent\'s id where reports know agents so: "Agent/" or "PJSIP/".'
    )


class Http(BaseModel):
    """Reading over HTTP, commanding over a unix socket."""

    model_config = STRICT
    listen: Annotated[str, Field(max_length=100), AfterValidator(listen_address)] = Field(
        "127.0.0.1:9580", description="Address and port for reading: health, metrics, the floor. Loopback only."
    )
    control_socket: Annotated[Path, AfterValidator(socket_path)] = Field(
        "/run/ringfair/control.sock", description="Unix socket for orders (mode 0660): who may open it may command."
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`; port 0 means any free one."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class PauseReason(BaseModel):
    """Why an agent pauses."""

    model_config = STRICT
    code: str = Field(pattern=SLUG, description="What records and screens call it.")
    label: Line = Field(description="What people read.")
    paid: bool = Field(False, description="Whether the pause is working time.")


class Shifts(BaseModel):
    """When agents are entitled to contacts. Without a file everybody is, always."""

    model_config = STRICT
    file: Path | None = Field(None, description="CSV: agent_id,from,to,campaigns and, if wanted, time_zone.")
    time_zone: Annotated[str, Field(max_length=64)] = Field(
        "Europe/Berlin", description="Zone of local times in lines that name none."
    )


class Agents(BaseModel):
    """The agents: their phones, what follows offers in vain, media side by side."""

    model_config = STRICT
    realm: str = Field("ringfair", pattern=WORD, description="SIP realm that password digests are made for.")
    after: After = Field(default_factory=After, description="What follows an offer in vain, by its result.")
    capacity: CapacityTable = Field(
        default_factory=CapacityTable, description="How many contacts of each medium an agent has in hand at most."
    )
    interrupt: InterruptTable = Field(
        default_factory=InterruptTable, description="Medium in hand → media that may come on top of it."
    )


class Settings(BaseModel):
    """ringfair.toml"""

    model_config = STRICT
    router: Router = Field(default_factory=Router)
    asterisk: Asterisk
    trunk: dict[Annotated[str, Field(pattern=ENDPOINT)], Trunk] = Field(
        default_factory=dict, max_length=100, description="Trunks, by the names of their PJSIP endpoints."
    )
    telemetry: Telemetry = Field(default_factory=Telemetry)
    redis: Redis = Field(default_factory=Redis)
    ledger: Ledger = Field(default_factory=Ledger)
    queue_log: QueueLog = Field(default_factory=QueueLog)
    http: Http = Field(default_factory=Http)
    shifts: Shifts = Field(default_factory=Shifts)
    agents: Agents = Field(default_factory=Agents)
    pause_reasons: dict[Annotated[str, Field(pattern=DIGIT)], PauseReason] = Field(
        default_factory=dict, description="The digit dialled after the pause code → the reason: [pause] without limits."
    )
    pause: dict[Annotated[str, Field(pattern=SLUG)], PauseTable] = Field(
        default_factory=dict, max_length=100, description="Pause reasons with their limits, by their names in records."
    )

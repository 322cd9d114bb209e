"""The tables, in one place. Instants and durations are integer microseconds, money (later) integer micro-units.

    records ─┬─< segments        one per contact; all closed in the same transaction
             ├─< legs
             └── chain           its place and its hash, by which a change is seen (chain.py)
    offers, decisions, wrapups, callbacks, overflows   point to a contact whose record may not be there yet: no foreign
                             key
    agent_changes                what each agent's status was, and when; what was put off until after a contact
    agents ─┬─< agent_skills     the directory; rows change, and every change leaves one in
            └─< agent_posts
    agent_audit
    identity                     one row: the name this ledger goes by, whatever its address is

The tables of `APPEND_ONLY` are bookkeeping: triggers refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE. A correction is
a new record that points to the old one by `corrects`. The migrations build this; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql

HEAD = "0010"
"The newest migration this code knows."
VERSION_TABLE = "ringfair_schema"
"Where alembic keeps the version; not its default name, so that a shared database cannot confuse two programs."

metadata = MetaData()

# Keys compare by code point everywhere, whatever locale a PostgreSQL was made with: else the order of a page, and
# with it where the next one begins, would depend on the machine.
Key = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
# SQLite counts only a column declared INTEGER up by itself.
Serial = BigInteger().with_variant(Integer, "sqlite")
_CORRECTION = text("corrects IS NOT NULL")

records = Table(
    "records",
    metadata,
    Column("contact_id", Key, primary_key=True),
    Column("schema", Integer, nullable=False),
    Column("medium", Text, nullable=False),
    Column("campaign", Key, nullable=False),
    Column("queue", Key, nullable=False),
    Column("ani", Text, nullable=False),
    Column("dnis", Text, nullable=False),
    Column("arrived_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("ended_at", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("config_hash", Text, nullable=False),
    Column("end_estimated", Boolean, nullable=False),
    Column("corrects", Key),
    Index("records_by_end", "ended_at", "contact_id"),
    Index("records_by_campaign", "campaign", "ended_at", "contact_id"),
    Index("records_by_correction", "corrects", postgresql_where=_CORRECTION, sqlite_where=_CORRECTION),
)

chain = Table(
    "chain",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3 …, without a gap
    Column("contact_id", Key, ForeignKey("records.contact_id"), nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("chain_by_contact", "contact_id", unique=True),
)

segments = Table(
    "segments",
    metadata,
    Column("contact_id", Key, ForeignKey("records.contact_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("from_at", BigInteger, nullable=False),
    Column("to_at", BigInteger, nullable=False),
    Column("agent_id", Key),
    Column("queue", Key),
    PrimaryKeyConstraint("contact_id", "position"),
)

legs = Table(
    "legs",
    metadata,
    Column("contact_id", Key, ForeignKey("records.contact_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("uniqueid", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("agent_id", Key),
    PrimaryKeyConstraint("contact_id", "position"),
)

offers = Table(
    "offers",
    metadata,
    Column("offer_id", Key, primary_key=True),
    Column("contact_id", Key, nullable=False),
    Column("agent_id", Key, nullable=False),
    Column("queue", Key, nullable=False),
    Column("from_at", BigInteger, nullable=False),
    Column("to_at", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
    Column("cause", Integer),
    Column("tech_cause", Text),
    Index("offers_by_contact", "contact_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("offer_id", Key, primary_key=True),
    Column("contact_id", Key, nullable=False),
    Column("queue", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("need", Text, nullable=False),
    Column("waited_us", BigInteger, nullable=False),
    Column("chosen", Key, nullable=False),
    Column("chosen_idle_us", BigInteger, nullable=False),
    Column("next_best", Text, nullable=False),  # JSON [[agent, idle µs], …]
    Column("others", Text, nullable=False),  # JSON [[reason, how many], …]
    Column("how", Text, nullable=True),  # JSON {choose, row, opens_us, points, urgent, at_once, skipped, told, told_us}
    Index("decisions_by_contact", "contact_id"),
)

wrapups = Table(
    "wrapups",
    metadata,
    Column("contact_id", Key, nullable=False),
    Column("agent_id", Key, nullable=False),
    Column("from_at", BigInteger, nullable=False),
    Column("to_at", BigInteger, nullable=False),
    Column("disposition", Text),
    Column("ended", Text),
    PrimaryKeyConstraint("contact_id", "agent_id", "from_at"),
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("contact_id", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("what", Key, nullable=False),
    Column("queue", Key, nullable=False),
    Column("call_id", Text),
    Column("number", Integer, nullable=False),
    Column("until_at", BigInteger),
    PrimaryKeyConstraint("contact_id", "at", "what"),
)

overflows = Table(
    "overflows",
    metadata,
    Column("contact_id", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("queue", Key, nullable=False),
    Column("target", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("passed", Text, nullable=False),  # JSON [[target, why not], …]
    PrimaryKeyConstraint("contact_id", "at", "queue"),
)

agent_changes = Table(
    "agent_changes",
    metadata,
    Column("agent_id", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("status", Key, nullable=False),
    Column("reason", Key, nullable=False),  # empty for none: NULLs are never equal, so they cannot be part of a key
    Column("asked_by", Key, nullable=False),
    # Not in the key: two changes of one agent never share a microsecond, since a decision takes many, and each agent
    # is told once a decision. (A key with them would mean copying the table into a new one.)
    Column("next_status", Text),
    Column("next_reason", Text),
    Column("paid", Boolean),
    PrimaryKeyConstraint("agent_id", "at", "status", "reason", "asked_by"),
)

agents = Table(
    "agents",
    metadata,
    Column("agent_id", Key, primary_key=True),
    Column("endpoint", Key, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("auto_answer", Text, nullable=False),
    Column("dial", Text, nullable=False),
    Column("transport", Text, nullable=False),
    Column("realm", Text),
    Column("digest", Text),
    Column("active", Boolean, nullable=False),
    Column("daily_cap", Integer, nullable=False, server_default=text("0")),  # contacts a day; 0: no limit
)

agent_skills = Table(
    "agent_skills",
    metadata,
    Column("agent_id", Key, ForeignKey("agents.agent_id"), nullable=False),
    Column("skill", Key, nullable=False),
    Column("proficiency", Integer, nullable=False),
    PrimaryKeyConstraint("agent_id", "skill"),
)

agent_posts = Table(
    "agent_posts",
    metadata,
    Column("agent_id", Key, ForeignKey("agents.agent_id"), nullable=False),
    Column("queue", Key, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("delay_us", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("agent_id", "queue"),
)

agent_audit = Table(
    "agent_audit",
    metadata,
    Column("change_id", Serial, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("agent_id", Key, nullable=False),
    Column("field", Text, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Index("agent_audit_by_agent", "agent_id", "change_id"),
)

identity = Table("identity", metadata, Column("ledger", Key, primary_key=True))

APPEND_ONLY = (
    records,
    segments,
    legs,
    chain,
    offers,
    decisions,
    wrapups,
    callbacks,
    overflows,
    agent_changes,
    agent_audit,
    identity,
)

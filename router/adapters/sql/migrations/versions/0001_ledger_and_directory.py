"""The ledger and the directory.

Frozen: tables are spelled out here and not taken from schema.py, which moves on while this file must not.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "records",
    "segments",
    "legs",
    "offers",
    "decisions",
    "wrapups",
    "agent_changes",
    "agent_audit",
)

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def key(name: str, *constraints: sa.ForeignKey, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, KEY, *constraints, nullable=null)


def text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def micros(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    _facts()
    _directory()
    _seal()


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")


def _facts() -> None:
    op.create_table(
        "records",
        key("contact_id"),
        number("schema"),
        text("medium"),
        key("campaign"),
        key("queue"),
        text("ani"),
        text("dnis"),
        micros("arrived_at"),
        micros("answered_at", null=True),
        micros("ended_at"),
        text("outcome"),
        text("ended_by"),
        text("config_hash"),
        flag("end_estimated"),
        key("corrects", null=True),
        text("prev_hash", null=True),
        sa.PrimaryKeyConstraint("contact_id"),
    )
    op.create_index("records_by_end", "records", ["ended_at", "contact_id"])
    op.create_index("records_by_campaign", "records", ["campaign", "ended_at", "contact_id"])
    op.create_table(
        "segments",
        key("contact_id", sa.ForeignKey("records.contact_id")),
        number("position"),
        text("kind"),
        micros("from_at"),
        micros("to_at"),
        key("agent_id", null=True),
        key("queue", null=True),
        sa.PrimaryKeyConstraint("contact_id", "position"),
    )
    op.create_table(
        "legs",
        key("contact_id", sa.ForeignKey("records.contact_id")),
        number("position"),
        text("uniqueid"),
        text("linkedid"),
        text("node"),
        key("agent_id", null=True),
        sa.PrimaryKeyConstraint("contact_id", "position"),
    )
    op.create_table(
        "offers",
        key("offer_id"),
        key("contact_id"),
        key("agent_id"),
        key("queue"),
        micros("from_at"),
        micros("to_at"),
        text("result"),
        number("cause", null=True),
        text("tech_cause", null=True),
        sa.PrimaryKeyConstraint("offer_id"),
    )
    op.create_index("offers_by_contact", "offers", ["contact_id"])
    op.create_table(
        "decisions",
        key("offer_id"),
        key("contact_id"),
        key("queue"),
        micros("at"),
        text("need"),
        micros("waited_us"),
        key("chosen"),
        micros("chosen_idle_us"),
        text("next_best"),
        text("others"),
        sa.PrimaryKeyConstraint("offer_id"),
    )
    op.create_index("decisions_by_contact", "decisions", ["contact_id"])
    op.create_table(
        "wrapups",
        key("contact_id"),
        key("agent_id"),
        micros("from_at"),
        micros("to_at"),
        text("disposition", null=True),
        sa.PrimaryKeyConstraint("contact_id", "agent_id", "from_at"),
    )
    op.create_table(
        "agent_changes",
        key("agent_id"),
        micros("at"),
        key("status"),
        key("reason"),
        key("asked_by"),
        sa.PrimaryKeyConstraint("agent_id", "at", "status", "reason", "asked_by"),
    )


def _directory() -> None:
    op.create_table(
        "agents",
        key("agent_id"),
        key("endpoint"),
        text("display_name"),
        text("auto_answer"),
        text("dial"),
        text("transport"),
        text("realm", null=True),
        text("digest", null=True),
        flag("active"),
        sa.PrimaryKeyConstraint("agent_id"),
    )
    op.create_table(
        "agent_skills",
        key("agent_id", sa.ForeignKey("agents.agent_id")),
        key("skill"),
        number("proficiency"),
        sa.PrimaryKeyConstraint("agent_id", "skill"),
    )
    op.create_table(
        "agent_audit",
        sa.Column("change_id", SERIAL, autoincrement=True, nullable=False),
        micros("at"),
        text("by"),
        key("agent_id"),
        text("field"),
        text("old"),
        text("new"),
        sa.PrimaryKeyConstraint("change_id"),
    )
    op.create_index("agent_audit_by_agent", "agent_audit", ["agent_id", "change_id"])


def _seal() -> None:
    """Refuse to rewrite facts. On PostgreSQL per statement, so that TRUNCATE and a DELETE of no rows are met too."""
    if op.get_context().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for deed in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: write a correction instead'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION ringfair_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only: write a correction instead', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ringfair_append_only()"
        )

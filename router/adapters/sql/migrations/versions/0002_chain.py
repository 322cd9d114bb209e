"""The chain over the billing records, and the way from a record to its corrections.

Frozen, like every migration: tables, columns and the canonical form are spelled out here.

The chain is a table of its own, so that no record is ever rewritten, not even here, and so that a record that is gone
still has its name in it. Records of before are chained as well, in the order in which contacts ended: from now on a
change of one of them is seen like any other's. (The alternative, to mark them as "before the chain", would leave
exactly the oldest bills without protection.)
"""

import hashlib
import json
import logging
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
PAGE = 500

RECORD = (
    *("contact_id", "schema", "medium", "campaign", "queue", "ani", "dnis", "arrived_at", "answered_at", "ended_at"),
    *("outcome", "ended_by", "config_hash", "end_estimated", "corrects"),
)
SEGMENT = ("kind", "from_at", "to_at", "agent_id", "queue")
LEG = ("uniqueid", "linkedid", "node", "agent_id")

TYPES: dict[str, Any] = {
    **dict.fromkeys(("contact_id", "campaign", "queue", "agent_id", "corrects"), KEY),
    **dict.fromkeys(("arrived_at", "answered_at", "ended_at", "from_at", "to_at", "position"), sa.BigInteger()),
    "schema": sa.Integer(),
    "end_estimated": sa.Boolean(),
}


def table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, TYPES.get(column, sa.Text())) for column in columns))


records = table("records", *RECORD)
segments = table("segments", "contact_id", "position", *SEGMENT)
legs = table("legs", "contact_id", "position", *LEG)
chain = table("chain", "position", "contact_id", "prev_hash", "hash")

log = logging.getLogger("ringfair.ledger")


def upgrade() -> None:
    op.create_table(
        "chain",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_id", KEY, sa.ForeignKey("records.contact_id"), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("chain_by_contact", "chain", ["contact_id"], unique=True)
    some = sa.text("corrects IS NOT NULL")
    op.create_index("records_by_correction", "records", ["corrects"], postgresql_where=some, sqlite_where=some)
    _chain_what_is_there()
    op.drop_column("records", "prev_hash")  # room for the chain that was never used
    _seal()


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")


def _chain_what_is_there() -> None:
    bind = op.get_bind()
    position, head, after = 0, "0" * 64, None
    while True:
        page = sa.select(records).order_by(records.c.ended_at, records.c.contact_id).limit(PAGE)
        if after is not None:
            page = page.where(sa.tuple_(records.c.ended_at, records.c.contact_id) > sa.tuple_(*after))
        found = bind.execute(page).mappings().all()
        if not found:
            break
        ids = [row["contact_id"] for row in found]
        parts, lines = _by_contact(bind, segments, ids), _by_contact(bind, legs, ids)
        links = []
        for row in found:
            contact = row["contact_id"]
            form = {name: row[name] for name in RECORD}
            form["segments"] = [{name: part[name] for name in SEGMENT} for part in parts.get(contact, ())]
            form["legs"] = [{name: leg[name] for name in LEG} for leg in lines.get(contact, ())]
            canonical = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
            digest = hashlib.sha256(f"{head}\n{canonical}".encode()).hexdigest()
            position += 1
            links.append({"position": position, "contact_id": contact, "prev_hash": head, "hash": digest})
            head = digest
        bind.execute(sa.insert(chain), links)
        after = (found[-1]["ended_at"], found[-1]["contact_id"])
    if position:
        log.info("%d records of before were chained; the last one's hash is %s", position, head)


def _by_contact(bind: sa.Connection, table: Any, ids: list[str]) -> dict[str, list[Any]]:
    query = sa.select(table).where(table.c.contact_id.in_(ids)).order_by(table.c.contact_id, table.c.position)
    grouped: dict[str, list[Any]] = {}
    for row in bind.execute(query).mappings():
        grouped.setdefault(row["contact_id"], []).append(row)
    return grouped


def _seal() -> None:
    if op.get_context().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER chain_no_{deed.lower()} BEFORE {deed} ON chain "
                "BEGIN SELECT RAISE(ABORT, 'chain is append-only: write a correction instead'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain "
        "FOR EACH STATEMENT EXECUTE FUNCTION ringfair_append_only()"
    )

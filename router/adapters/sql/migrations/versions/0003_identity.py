"""The ledger gets a name of its own, made here once.

An address does not tell which ledger it leads to: a server that took over after the first one died has another, and
two sites of one machine may share a place for their spools. What waits on the disk is kept for this name
(`router/adapters/sql/drawers.py`). A copy and a restored backup go by the same one, as they should: it is no secret.
"""

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    made = op.create_table("identity", sa.Column("ledger", KEY, nullable=False), sa.PrimaryKeyConstraint("ledger"))
    op.bulk_insert(made, [{"ledger": str(uuid.uuid4())}])
    _seal()


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")


def _seal() -> None:
    if op.get_context().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER identity_no_{deed.lower()} BEFORE {deed} ON identity "
                "BEGIN SELECT RAISE(ABORT, 'identity is append-only: write a correction instead'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER identity_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON identity "
        "FOR EACH STATEMENT EXECUTE FUNCTION ringfair_append_only()"
    )

"""What became of calls that were owed to callers. Who asked before this table was there has no line in it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("contact_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", KEY, nullable=False),
        sa.Column("queue", KEY, nullable=False),
        sa.Column("call_id", sa.Text()),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "at", "what"),
    )
    _seal()


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")


def _seal() -> None:
    if op.get_context().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER callbacks_no_{deed.lower()} BEFORE {deed} ON callbacks "
                "BEGIN SELECT RAISE(ABORT, 'callbacks is append-only: write a correction instead'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER callbacks_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON callbacks "
        "FOR EACH STATEMENT EXECUTE FUNCTION ringfair_append_only()"
    )

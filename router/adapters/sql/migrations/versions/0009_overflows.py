"""Where contacts went on to, and past whom. Who overflowed before this table was there has no line in it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "overflows",
        sa.Column("contact_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("queue", KEY, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("passed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "at", "queue"),
    )
    _seal()


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")


def _seal() -> None:
    if op.get_context().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER overflows_no_{deed.lower()} BEFORE {deed} ON overflows "
                "BEGIN SELECT RAISE(ABORT, 'overflows is append-only: write a correction instead'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER overflows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON overflows "
        "FOR EACH STATEMENT EXECUTE FUNCTION ringfair_append_only()"
    )

"""How agents stand to queues, and how many contacts a day they take at most.

Agents of before stand to every queue alike and have no limit: no row, and 0.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("agents", sa.Column("daily_cap", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_table(
        "agent_posts",
        sa.Column("agent_id", KEY, sa.ForeignKey("agents.agent_id"), nullable=False),
        sa.Column("queue", KEY, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("delay_us", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "queue"),
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")

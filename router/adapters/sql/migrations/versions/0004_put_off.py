"""What an agent asked for during a contact, and what takes effect after it, is a fact too.

Who pauses in the middle of a call is told that it is written down; a router that takes over must find it here when
Redis has lost it. Changes of before have none: NULL, in columns that are added without touching a row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("next_status", "next_reason"):
        op.add_column("agent_changes", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")

"""By what a wrap-up ended, and whether a pause is working time. NULL: by a release that did not note it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("wrapups", sa.Column("ended", sa.Text(), nullable=True))
    op.add_column("agent_changes", sa.Column("paid", sa.Boolean(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")

"""How an agent was chosen: by which of the ways, in which row, with which points, and who was passed over.

Decisions of before have none of it: NULL reads as the only way there was, the longest idle of the first row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("how", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: restore the backup made before the upgrade")

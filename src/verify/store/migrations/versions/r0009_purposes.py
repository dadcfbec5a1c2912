"""Reads have a purpose; a list or a search is one read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room. Reads of before keep none: the log binds them as they were."""
    for name in ("purpose", "regions", "shown"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("accesses", column)
    flag = sa.Boolean(create_constraint=False)
    op.add_column("accesses", sa.Column("stated", flag, nullable=False, server_default=sa.false()))

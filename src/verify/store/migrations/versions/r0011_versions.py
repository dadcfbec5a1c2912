"""A question may be put again with another version of its source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room. What was asked before was asked with the version it was accepted with."""
    for name in ("version", "version_set"):
        digest = sa.String(71).with_variant(sa.String(71, collation="C"), "postgresql")
        op.add_column("exchanges", sa.Column(name, digest, nullable=True))

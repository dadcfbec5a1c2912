"""Personal columns are sealed: room for the blind index of case numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room. The values are sealed when the service starts with its keys, in small steps
    that go on where they were interrupted (`verify.store.resealing`)."""
    digest = sa.String(71).with_variant(sa.String(71, collation="C"), "postgresql")
    op.add_column("verifications", sa.Column("case_blind", digest, nullable=True))
    op.create_index("ix_verifications_case", "verifications", ["case_blind"])
    plain = sa.column("case_blind").is_(None)
    op.create_index(
        "ix_verifications_plain",
        "verifications",
        ["id"],
        sqlite_where=plain,
        postgresql_where=plain,
    )

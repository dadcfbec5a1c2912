"""The access trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _code(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table of reads."""
    op.create_table(
        "accesses",
        sa.Column("id", _code(28), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("verification", _code(28), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("document", _code(71), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accesses"),
    )
    op.create_index("ix_accesses_verification", "accesses", ["verification", "id"])
    op.create_index("ix_accesses_caller", "accesses", ["caller", "id"])
    op.create_index(
        "ix_accesses_open",
        "accesses",
        ["id"],
        sqlite_where=sa.text("leaf IS NULL"),
        postgresql_where=sa.text("leaf IS NULL"),
    )

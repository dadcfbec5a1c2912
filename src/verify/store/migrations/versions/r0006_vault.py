"""The vault: sealed blobs, wrapped data keys, blind index of persons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _code(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make room for sealed blobs. What is stored already stays readable as it is."""
    op.add_column("blobs", sa.Column("scope", _code(96), nullable=True))
    op.create_index("ix_blobs_scope", "blobs", ["scope"])
    op.create_table(
        "data_keys",
        sa.Column("scope", _code(96), nullable=False),
        sa.Column("master", _code(16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("scope", name="pk_data_keys"),
    )
    op.create_table(
        "subjects",
        sa.Column("verification", _code(28), nullable=False),
        sa.Column("person", _code(32), nullable=False),
        sa.Column("blind", _code(71), nullable=False),
        sa.PrimaryKeyConstraint("verification", "person", name="pk_subjects"),
    )
    op.create_index("ix_subjects_blind", "subjects", ["blind"])

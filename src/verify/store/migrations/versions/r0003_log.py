"""The log: leaves, tiles and checkpoints; how far a verification is in the tree."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _code(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the log. Verifications from before get their leaf with the next append."""
    op.add_column(
        "verifications", sa.Column("in_tree", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index(
        "ix_verifications_open",
        "verifications",
        ["id"],
        sqlite_where=sa.text("entries > in_tree"),
        postgresql_where=sa.text("entries > in_tree"),
    )
    op.create_table(
        "tree_leaves",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", _code(40), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", _code(71), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_tree_leaves"),
    )
    op.create_index("ix_tree_leaves_subject", "tree_leaves", ["subject", "number"])
    op.create_table(
        "tree_tiles",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_tree_tiles"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("witnessed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoints"),
    )

"""Publishing rules: proposals, approvals and what came into force, as one chain of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _code(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table of rule events."""
    op.create_table(
        "rule_events",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("proposal", _code(28), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("previous", _code(71), nullable=False),
        sa.Column("hash", _code(71), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_rule_events"),
    )

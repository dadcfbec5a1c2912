"""Which API keys were given out and revoked, as a chain of entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from verify.store import key_chain

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _code(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the chain; its first entries say which keys there were already."""
    events = op.create_table(
        "key_events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_id", _code(16), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("previous", _code(71), nullable=False),
        sa.Column("hash", _code(71), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_key_events"),
    )
    op.create_index("ix_key_events_key_id", "key_events", ["key_id", "position"])
    names = ("created_at", "key_id", "secret_hash", "label", "roles", "regions", "revoked_at")
    keys = sa.table("api_keys", *(sa.column(name) for name in names))
    rows = op.get_bind().execute(sa.select(keys).order_by(keys.c.created_at, keys.c.key_id))
    head = key_chain.NO_HEAD
    for key in rows.mappings().all():
        row = {name: key[name] for name in names}
        entry = key_chain.entry(head, key_chain.FOUND, row, row["created_at"])
        op.bulk_insert(events, [entry])
        head = key_chain.Head(entry["position"], entry["hash"])

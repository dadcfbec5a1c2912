"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _code(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_ID, _DIGEST = _code(28), _code(71)


def upgrade() -> None:
    """Create every table."""
    _content()
    _verifications()
    _exchanges()
    _verdicts()


def _content() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", _code(16), nullable=False),
        sa.Column("secret_hash", _code(64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("regions", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_table(
        "content",
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_content"),
    )
    op.create_table(
        "blobs",
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_blobs"),
    )


def _verifications() -> None:
    op.create_table(
        "verifications",
        sa.Column("id", _ID, nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("region", _code(6), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("application_digest", _DIGEST, nullable=False),
        sa.Column("rules_digest", _DIGEST, nullable=False),
        sa.Column("scoring_digest", _DIGEST, nullable=False),
        sa.Column("connectors_digest", _DIGEST, nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Text(), nullable=False),
        sa.Column("known_at", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("answer_by", sa.BigInteger(), nullable=False),
        sa.Column("give_up_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict_count", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("head", _DIGEST, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("woken", sa.Boolean(create_constraint=False), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_verifications"),
        sa.ForeignKeyConstraint(
            ["application_digest"], ["blobs.digest"], name="fk_verifications_application_digest"
        ),
    )
    op.create_index("ix_verifications_region", "verifications", ["region", "id"])
    op.create_index(
        "ix_verifications_due",
        "verifications",
        ["due_at", "id"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_digest", _DIGEST, nullable=False),
        sa.Column("verification", _ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", name="pk_idempotency"),
        sa.ForeignKeyConstraint(
            ["verification"],
            ["verifications.id"],
            name="fk_idempotency_verification",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_index("ix_idempotency_verification", "idempotency", ["verification"])


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("verification", _ID, nullable=False),
        sa.Column("source", _code(64), nullable=False),
        sa.Column("person", _code(32), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=True),
        sa.Column("asked_on", sa.Text(), nullable=True),
        sa.Column("connector", _DIGEST, nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("bodies", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("callback_token", _code(43), nullable=False),
        sa.Column("worth_asking", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("woken", sa.Boolean(create_constraint=False), nullable=False),
        sa.PrimaryKeyConstraint("verification", "source", "person", name="pk_exchanges"),
        sa.ForeignKeyConstraint(
            ["verification"], ["verifications.id"], name="fk_exchanges_verification"
        ),
        sa.UniqueConstraint("callback_token", name="uq_exchanges_callback_token"),
    )


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("verification", _ID, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("follows", _DIGEST, nullable=False),
        sa.Column("evidence_digest", _DIGEST, nullable=False),
        sa.Column("rules_digest", _DIGEST, nullable=False),
        sa.Column("sealed_digest", _DIGEST, nullable=False),
        sa.Column("verdict_digest", _DIGEST, nullable=False),
        sa.Column("trace_digest", _DIGEST, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("final", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.ForeignKeyConstraint(
            ["verification"], ["verifications.id"], name="fk_verdicts_verification"
        ),
        *(
            sa.ForeignKeyConstraint([name], ["blobs.digest"], name=f"fk_verdicts_{name}")
            for name in ("sealed_digest", "verdict_digest", "trace_digest")
        ),
        sa.UniqueConstraint("verification", "sequence", name="uq_verdicts_sequence"),
        sa.UniqueConstraint(
            "verification", "evidence_digest", "rules_digest", name="uq_verdicts_evidence"
        ),
    )
    op.create_table(
        "ledger",
        sa.Column("verification", _ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("previous", _DIGEST, nullable=False),
        sa.Column("hash", _DIGEST, nullable=False),
        sa.PrimaryKeyConstraint("verification", "position", name="pk_ledger"),
        sa.ForeignKeyConstraint(
            ["verification"], ["verifications.id"], name="fk_ledger_verification"
        ),
    )

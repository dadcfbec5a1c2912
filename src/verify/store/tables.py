"""The tables. Integers for instants and counts, text for days and digests, no floats.

Columns fall in two classes. *Sealed* columns are what was asked, answered and found: each is
bound by a ledger entry (`verify.store.forms`). *Scheduling* columns (`due_at`, `lease_until`,
`lease_token`, `woken`, `worth_asking`, and `attempts` of a verification) say when a worker looks
again; they carry no evidence and are not sealed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _code(length: int) -> String:
    """Text that is compared and sorted byte by byte on every database, whatever its locale."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


_ID = _code(28)
_DIGEST = _code(71)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", _code(16), primary_key=True),
    Column("secret_hash", _code(64), nullable=False),
    Column("label", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("regions", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

# One chain for the whole installation: which API keys were given out and revoked.
key_events = Table(
    "key_events",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", _code(16), nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous", _code(71), nullable=False),
    Column("hash", _DIGEST, nullable=False),
    Index("ix_key_events_key_id", "key_id", "position"),
)

content = Table(
    "content",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    # Scope of the data key it is sealed under (`verify.store.vault`); null: not sealed.
    Column("scope", _code(96)),
    Index("ix_blobs_scope", "scope"),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("scope", _code(96), primary_key=True),
    Column("master", _code(16), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("erased_at", BigInteger),
)

subjects = Table(
    "subjects",
    metadata,
    Column("verification", _code(28), nullable=False),
    Column("person", _code(32), nullable=False),
    # Blind index of the person's id number: finds, and tells nothing.
    Column("blind", _DIGEST, nullable=False),
    PrimaryKeyConstraint("verification", "person"),
    Index("ix_subjects_blind", "blind"),
)

verifications = Table(
    "verifications",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("caller", Text, nullable=False),
    Column("region", _code(6), nullable=False),
    Column("programme", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("application_digest", _DIGEST, ForeignKey("blobs.digest"), nullable=False),
    Column("rules_digest", _DIGEST, nullable=False),
    Column("scoring_digest", _DIGEST, nullable=False),
    Column("connectors_digest", _DIGEST, nullable=False),
    Column("engine", Text, nullable=False),
    Column("as_of", Text, nullable=False),
    Column("known_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("answer_by", BigInteger, nullable=False),
    Column("give_up_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("verdict_count", Integer, nullable=False),
    # Length and last hash of the ledger, so that a cut tail is noticed.
    Column("entries", Integer, nullable=False),
    Column("head", _DIGEST, nullable=False),
    # Scheduling.
    Column("due_at", BigInteger),
    Column("lease_until", BigInteger),
    Column("lease_token", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("woken", Boolean(create_constraint=False), nullable=False),
    # Entries that the newest leaf of the log covers (`verify.store.log`).
    Column("in_tree", Integer, nullable=False, server_default="0"),
    # Blind index of the case number; null until the personal columns are sealed
    # (`verify.store.columns`), empty once the evidence was erased.
    Column("case_blind", _DIGEST),
    Index("ix_verifications_region", "region", "id"),
)
Index(
    "ix_verifications_due",
    verifications.c.due_at,
    verifications.c.id,
    sqlite_where=verifications.c.due_at.is_not(None),
    postgresql_where=verifications.c.due_at.is_not(None),
)

Index(
    "ix_verifications_open",
    verifications.c.id,
    sqlite_where=verifications.c.entries > verifications.c.in_tree,
    postgresql_where=verifications.c.entries > verifications.c.in_tree,
)

Index("ix_verifications_case", verifications.c.case_blind)
Index(
    "ix_verifications_plain",
    verifications.c.id,
    sqlite_where=verifications.c.case_blind.is_(None),
    postgresql_where=verifications.c.case_blind.is_(None),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("subject", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("body_digest", _DIGEST, nullable=False),
    # Deferred: the key is taken before the verification is written, so that of many callers
    # with one key exactly one goes on.
    Column(
        "verification",
        _ID,
        ForeignKey("verifications.id", deferrable=True, initially="DEFERRED"),
        nullable=False,
        index=True,
    ),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("subject", "key"),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("verification", _ID, ForeignKey("verifications.id"), nullable=False),
    Column("source", _code(64), nullable=False),
    Column("person", _code(32), nullable=False),
    Column("status", Text, nullable=False),
    Column("transport", Text),
    Column("asked_on", Text),
    Column("connector", _DIGEST, nullable=False),
    Column("letter", Text, nullable=False),
    Column("bodies", Text, nullable=False),  # JSON list of blob digests
    Column("detail", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # Digest of the token, or a token of before (`verify.store.callbacks`).
    Column("callback_token", _code(43), nullable=False, unique=True),
    # Digests of the declaration, and of the set it is in, that the last attempt was asked with;
    # empty where that was the planned one (`connector`).
    Column("version", _DIGEST),
    Column("version_set", _DIGEST),
    # Scheduling.
    Column("worth_asking", Boolean(create_constraint=False), nullable=False),
    Column("due_at", BigInteger),
    Column("woken", Boolean(create_constraint=False), nullable=False),
    PrimaryKeyConstraint("verification", "source", "person"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("verification", _ID, ForeignKey("verifications.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("follows", _DIGEST, nullable=False),
    Column("evidence_digest", _DIGEST, nullable=False),
    Column("rules_digest", _DIGEST, nullable=False),
    Column("sealed_digest", _DIGEST, ForeignKey("blobs.digest"), nullable=False),
    Column("verdict_digest", _DIGEST, ForeignKey("blobs.digest"), nullable=False),
    Column("trace_digest", _DIGEST, ForeignKey("blobs.digest"), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("final", Boolean(create_constraint=False), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("verification", "sequence", name="uq_verdicts_sequence"),
    UniqueConstraint(
        "verification", "evidence_digest", "rules_digest", name="uq_verdicts_evidence"
    ),
)

label_events = Table(
    "label_events",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous", _code(71), nullable=False),
    Column("hash", _DIGEST, nullable=False),
)

# What processes that ask sources know together: scheduling only, never evidence.
shared_state = Table(
    "shared_state",
    metadata,
    Column("key", _code(120), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("value", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("verification", _ID, ForeignKey("verifications.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous", _DIGEST, nullable=False),
    Column("hash", _DIGEST, nullable=False),
    PrimaryKeyConstraint("verification", "position"),
)

rule_events = Table(
    "rule_events",
    metadata,
    # One chain for the whole installation: which rules were proposed, approved, withdrawn and
    # taken into force, and by whom. Rows are only ever added.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("proposal", _ID, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous", _DIGEST, nullable=False),
    Column("hash", _DIGEST, nullable=False),
)

tree_leaves = Table(
    "tree_leaves",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject", _code(40), nullable=False),
    Column("entries", Integer, nullable=False),
    Column("digest", _DIGEST, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_tree_leaves_subject", "subject", "number"),
)

tree_tiles = Table(
    "tree_tiles",
    metadata,
    Column("level", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "number"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("witnessed", Boolean(create_constraint=False), nullable=False),
)

accesses = Table(
    "accesses",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("caller", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("verification", _ID, nullable=False),
    Column("what", Text, nullable=False),
    Column("document", _DIGEST, nullable=False),
    # What for, and whether the reader said so or their role does; empty before 0009.
    Column("purpose", Text, nullable=False, server_default=""),
    Column("stated", Boolean(create_constraint=False), nullable=False, server_default=false()),
    # Of a list or a search: regions of its reader, and the verifications that it showed.
    Column("regions", Text, nullable=False, server_default=""),
    Column("shown", Text, nullable=False, server_default=""),
    # Number of its leaf in the log; null until it has one.
    Column("leaf", BigInteger),
    Index("ix_accesses_verification", "verification", "id"),
    Index("ix_accesses_caller", "caller", "id"),
)
Index(
    "ix_accesses_open",
    accesses.c.id,
    sqlite_where=accesses.c.leaf.is_(None),
    postgresql_where=accesses.c.leaf.is_(None),
)

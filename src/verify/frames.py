"""Frame schemas: the shapes in which the pure steps hand work to each other.

Steps 3 to 6 of a verification (identity, reconciliation, rules) are pure functions over these
Polars frames. A frame always holds a *batch* of households; one household is a batch of one.
`household` is the caller's key for a household in the batch.

`dataframely` was measured at 5.9 ms per `validate` call on a one-row frame, a quarter of the
whole budget of a verification, so the check here is ours (ADR 0008): names, types and nulls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

STR, INT, DAY, FLAG = pl.String(), pl.Int64(), pl.Date(), pl.Boolean()
STRS = pl.List(pl.String())
REASONS = pl.List(
    pl.Struct({"field": pl.String, "level": pl.String, "weight": pl.Int64, "detail": pl.String})
)


@dataclass(frozen=True)
class Shape:
    """Column names and types of a frame; columns in `optional` may hold nulls."""

    name: str
    columns: Mapping[str, pl.DataType]
    optional: frozenset[str]
    key: tuple[str, ...]

    def frame(self, rows: Iterable[Mapping[str, Any]] = ()) -> pl.DataFrame:
        """A frame of this shape from row mappings (missing keys become null), sorted by key."""
        rows = list(rows)
        data = {name: [row.get(name) for row in rows] for name in self.columns}
        frame = pl.DataFrame(data, schema=dict(self.columns))
        return self.check(frame).sort(self.key)

    def filled(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Check a frame from outside, in which optional columns may be left out (nulls)."""
        absent = [c for c in self.columns if c in self.optional and c not in frame.columns]
        nulls = [pl.lit(None, dtype=self.columns[c]).alias(c) for c in absent]
        return self.check(frame.with_columns(nulls))

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with exactly this shape's columns in order.

        Raises:
            ValueError: a column is missing, has another type, or holds a null it may not hold.
        """
        if frame.columns != list(self.columns):
            missing = [c for c in self.columns if c not in frame.columns]
            if missing:
                raise ValueError(f"{self.name} frame lacks {missing}")
            frame = frame.select(list(self.columns))
        found = frame.schema  # built anew at every access
        for column, dtype in self.columns.items():
            if found[column] != dtype:
                raise ValueError(f"{self.name}.{column} is {found[column]}, expected {dtype}")
            if column not in self.optional and frame[column].null_count():
                raise ValueError(f"{self.name}.{column} holds nulls")
        return frame


def _shape(
    name: str, key: Sequence[str], columns: Mapping[str, pl.DataType], optional: str = ""
) -> Shape:
    return Shape(name, columns, frozenset(optional.split()), tuple(key))


HOUSEHOLDS = _shape(
    "households",
    ["household"],
    {
        "household": STR,
        "programme": STR,
        "region": STR,
        "residence": STR,  # urban | rural
        "as_of": DAY,
        "known_at": DAY,
        "accepted_on": DAY,  # null: on `as_of`
    },
    "accepted_on",
)

PERSONS = _shape(
    "persons",
    ["household", "person"],
    {
        "household": STR,
        "person": STR,
        "role": STR,  # domain.household.Role
        "relation": STR,  # domain.vocabulary.Relation
        "name": STR,
        "former_names": STRS,
        "id_number": STR,
        "birth": DAY,
        "phone": STR,
        "address": STR,
    },
)

RECORDS = _shape(
    "records",
    ["household", "record"],
    {
        "household": STR,
        "record": STR,  # `bank/p1/3`: evidence id and ordinal in the decoded answer
        "evidence": STR,  # `bank/p1`
        "source": STR,
        "asked_person": STR,
        "subject_name": STR,  # as the source wrote it
        "subject_id": STR,  # as the source wrote it: may be 15 digits, masked, wrong or null
        "subject_birth": DAY,
        "subject_phone": STR,
        "subject_address": STR,
        "kind": STR,  # domain.vocabulary.StatementKind
        "granularity": STR,  # domain.period.Granularity
        "period_start": DAY,
        "period_end": DAY,
        "as_of": DAY,
        "amount": INT,  # fen; for items the value where the source states one
        "object_key": STR,  # identity of the asset or payment: title no., plate, account, ...
        "share_num": INT,  # this subject's share of the object, 1/1 where sole
        "share_den": INT,
        "category": STR,  # VehicleClass for vehicles; title|contract for dwellings; role; ...
        "area_dm2": INT,  # hundredths of a square metre
        "detail": STR,  # canonical JSON object of the other mapped fields
    },
    "subject_name subject_id subject_birth subject_phone subject_address period_start period_end"
    " as_of amount object_key category area_dm2",
)

COVERAGE = _shape(
    "coverage",
    ["household", "evidence"],
    {
        "household": STR,
        "evidence": STR,
        "source": STR,
        "person": STR,
        "mandatory": FLAG,
        "state": STR,  # domain.evidence.EvidenceState
        "detail": STR,  # stable code, never personal data
        "as_of": DAY,  # the day the source says its data are of
        "yields": STRS,  # statement kinds this source is asked for
        "records": INT,
    },
    "as_of",
)

MATCHES = _shape(
    "matches",
    ["household", "record", "person"],
    {
        "household": STR,
        "record": STR,
        "person": STR,
        "judgement": STR,  # domain.match.Judgement
        "weighs": FLAG,  # may widen a bound; False for agreement in name alone
        "score": INT,  # milli-bits, prior included
        "prior": INT,
        "rule": STR,  # which judging rule decided, e.g. `confirming_identifier`
        "reasons": REASONS,
    },
)

DECLARED = _shape(
    "declared",
    ["household", "person", "quantity"],
    {"household": STR, "person": STR, "quantity": STR, "amount": INT},
)

CLAIMS = _shape(
    "claims",
    ["household", "person", "kind"],
    {
        "household": STR,
        "person": STR,
        "kind": STR,  # domain.vocabulary.Circumstance
        "holds": FLAG,
        "documented": FLAG,
        "grade": INT,
        "category": STR,
    },
    "grade category",
)

FACTS = _shape(
    "facts",
    ["household", "fact"],
    {
        "household": STR,
        "fact": STR,
        "person": STR,
        "quantity": STR,  # StatementKind or Circumstance value
        "granularity": STR,
        "period_start": DAY,  # null with an unbounded `hi`: any period
        "period_end": DAY,
        "as_of": DAY,
        "lo": INT,  # fen, item count (1) or truth (0/1), share applied
        "hi": INT,  # null: unbounded (nobody answered)
        "category": STR,
        "grade": INT,
        "area_dm2": INT,
        # Of things; worth and debt are this person's part of them. Null: not known.
        "worth": INT,  # fen, on the day
        "price": INT,  # fen, when acquired
        "debt": INT,  # fen, secured on it
        "acquired": DAY,
        "basis": STR,  # title | contract | registration of the contract
        "danger": STR,  # danger grade A-D of a dwelling
        "purpose": STR,  # what it is used for
        "object_key": STR,
        # The doubt this fact hangs on. A binary doubt (match, conflict, attestation,
        # annual_only) settled "yes" makes the fact count as [lo, hi]; settled "no" removes it.
        # While open it contributes [min(0, lo), max(0, hi)]. Missing and stale: [0, unbounded].
        # Item facts of one household with one object_key are one thing with several owners.
        "doubt": STR,
        "evidence": STRS,
        "records": STRS,
        "note": STR,
    },
    "period_start period_end as_of hi category grade area_dm2 worth price debt acquired basis"
    " danger purpose object_key doubt note",
)

DOUBTS = _shape(
    "doubts",
    ["household", "doubt"],
    {
        "household": STR,
        "doubt": STR,  # `match:bank/p1/3:p1`, `missing:bank/p1`, `conflict:...`, ...
        "kind": STR,  # domain.verdict.DoubtKind
        "weighs": FLAG,
        "person": STR,
        "source": STR,
        "record": STR,
        "evidence": STR,
        "quantities": STRS,
        "code": STR,  # stable reason code that chooses the question's wording
        "params": pl.List(pl.Struct({"key": pl.String, "value": pl.String})),
    },
)

DISCREPANCIES = _shape(
    "discrepancies",
    ["household", "person", "code", "quantity"],
    {
        "household": STR,
        "person": STR,
        "code": STR,  # undeclared | declared_higher | declared_lower | base_vs_wage | ...
        "quantity": STR,
        "declared": INT,
        "found_lo": INT,
        "found_hi": INT,
        "evidence": STRS,
    },
    "declared found_hi",
)

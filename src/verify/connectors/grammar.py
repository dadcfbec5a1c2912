"""The closed grammar in which a connector says how to read an answer.

Nothing here computes: these are the models of the YAML, checked when the content is loaded, so
that a mistake is reported with its file and line and never met by a family's answer. What the
grammar cannot say, a source may not do.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from verify.connectors.functions import FUNCTIONS
from verify.domain.evidence import EvidenceState
from verify.domain.vocabulary import StatementKind, VehicleClass

Path = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Money = Literal["yuan", "fen", "wan_yuan"]
Unit = Literal["yuan", "fen", "wan_yuan", "m2"]
DateFormat = Literal[
    "YYYYMMDD",
    "YYYYMM",
    "YYYY-MM-DD",
    "YYYY-MM",
    "YYYY/MM/DD",
    "YYYY.MM.DD",
    "YYYY年MM月DD日",
    "YYYY年MM月",
    "YYYY",
    "YYYY-MM-DDThh:mm:ss",
    "YYYYMMDDhhmmss",
]
PERIOD_FORMATS = ("YYYYMM", "YYYY-MM", "YYYY年MM月", "YYYY")
ANSWER_DAYS = ("as_of", "year_before_as_of", "month_first", "month_last", "year_first", "year_last")
# The day of the data, the day a year before it, the edges of its month and of its calendar year.
AnswerValue = Literal[
    "as_of", "year_before_as_of", "month_first", "month_last", "year_first", "year_last", "part"
]
Column = Literal[
    "granularity",
    "period_start",
    "period_end",
    "as_of",
    "amount",
    "object_key",
    "category",
    "area_dm2",
]
DATE_COLUMNS = ("period_start", "period_end", "as_of")
GRANULARITIES = {"month", "year", "instant"}


class Closed(BaseModel):
    """A frozen model that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Condition(Closed):
    """True when the text of `field` is (or is not) one of the listed values."""

    field: Path
    is_in: tuple[str, ...] | None = Field(default=None, alias="in")
    not_in: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if (self.is_in is None) == (self.not_in is None):
            raise ValueError("a condition has either `in` or `not_in`")
        return self


class Split(Closed):
    """One part (counted from 1) of a text that has exactly `parts` of them, divided by `by`."""

    by: Annotated[str, StringConstraints(min_length=1, max_length=3)]
    part: int = Field(ge=1, le=9)
    parts: int = Field(ge=2, le=9)


class ValueSpec(Closed):
    """Where a value comes from and how it is read. Exactly one origin.

    `field` is a field of the row, `constant` the text itself, `answer` something the answer as a
    whole says, `join` several values joined with a colon. Before it is read, a text may be
    `split`, or go through one named `function` (`verify.connectors.functions`), the way out for
    what the grammar cannot say. `minus` subtracts a second field of the same unit. An `optional`
    value may be empty; the field itself must still be there.
    """

    field: Path | None = None
    constant: str | None = None
    answer: AnswerValue | None = None
    join: tuple[Spec, ...] | None = None
    split: Split | None = None
    function: str | None = None
    unit: Unit | None = None
    minus: Path | None = None
    format: DateFormat | None = None
    edge: Literal["first", "last"] | None = None
    table: dict[str, str] | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> ValueSpec:
        origins = [self.field, self.constant, self.answer, self.join]
        if sum(o is not None for o in origins) != 1:
            raise ValueError("a value has exactly one of `field`, `constant`, `answer`, `join`")
        readers = [self.unit, self.format, self.table]
        before = [self.split, self.function]
        if self.field is None and any(r is not None for r in (*readers, *before)):
            raise ValueError("`split`, `function`, `unit`, `format` and `table` go with `field`")
        if self.function is not None and self.function not in FUNCTIONS:
            raise ValueError(f"`function` is one of {sorted(FUNCTIONS)}")
        if self.split is not None and self.split.part > self.split.parts:
            raise ValueError("`split`: there is no such part")
        if sum(r is not None for r in readers) > 1:
            raise ValueError("a value has at most one of `unit`, `format`, `table`")
        if self.minus is not None and self.unit is None:
            raise ValueError("`minus` goes with `unit`")
        if (self.edge is not None) != (self.format in PERIOD_FORMATS):
            raise ValueError("a month or year needs `edge` (first or last day); a day has none")
        return self


def _shorthand(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


Spec = Annotated[ValueSpec, BeforeValidator(_shorthand)]
ValueSpec.model_rebuild()


class RowSubject(Closed):
    """The row names the one person it is about."""

    form: Literal["row"]
    name: Path
    id: Path
    phone: Path | None = None
    address: Path | None = None


class ListSubjects(Closed):
    """The row holds a list of owners; each becomes one record with that owner's share."""

    form: Literal["list"]
    list: Path
    name: Path
    id: Path
    share: Path
    ignore: tuple[Path, ...] = ()


class JointSubjects(Closed):
    """The row names one holder, and further holders in one text; all hold equal shares."""

    form: Literal["joint"]
    name: Path
    id: Path
    phone: Path | None = None
    address: Path | None = None
    also: Path
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1)]
    inner: Annotated[str, StringConstraints(min_length=1, max_length=1)]


Subjects = Annotated[RowSubject | ListSubjects | JointSubjects, Field(discriminator="form")]


class Unique(Closed):
    """Rows equal in all `key` fields are one object and must then be equal in `agree`."""

    key: tuple[Path, ...] = Field(min_length=1)
    agree: tuple[Path, ...] = Field(min_length=1)


class Range(Closed):
    """What is plausible. A value outside says that the source changed a unit, not that a family
    is rich: the answer is refused, a person looks.

    `decimals` is how many places the source always writes: `312050` where `3120.50` used to
    stand is fen where yuan used to stand, however plausible the number.
    """

    field: Path
    unit: Unit
    min: str
    max: str
    decimals: int | None = Field(default=None, ge=0, le=6)
    where: Condition | None = None
    function: Literal["ungrouped"] | None = None  # as the value itself is read


class RecordSpec(Closed):
    """One record made from each row (and each of its subjects) for which all of `when` hold."""

    kind: Spec
    when: tuple[Condition, ...] = ()
    columns: dict[Column, Spec]
    detail: dict[str, Spec] = Field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[StatementKind]:
        """Every statement kind this record can have."""
        texts = self.kind.table.values() if self.kind.table else [self.kind.constant or ""]
        return frozenset(StatementKind(t) for t in texts)

    @model_validator(mode="after")
    def _typed(self) -> RecordSpec:
        kinds = self.kinds  # raises for a kind outside the vocabulary
        for name, spec in self.columns.items():
            if (name == "amount") != (spec.unit in ("yuan", "fen", "wan_yuan")):
                raise ValueError(f"{name}: `amount` and only `amount` has a unit of money")
            if (name == "area_dm2") != (spec.unit == "m2"):
                raise ValueError(f"{name}: `area_dm2` and only `area_dm2` has the unit m2")
            dated = spec.format is not None or spec.answer in ANSWER_DAYS
            if (name in DATE_COLUMNS) != dated:
                raise ValueError(f"{name}: date columns and only they have a date")
        if "granularity" not in self.columns:
            raise ValueError("every record states its granularity")
        if not GRANULARITIES.issuperset(_outcomes(self.columns["granularity"])):
            raise ValueError(f"granularity is one of {sorted(GRANULARITIES)}")
        if StatementKind.VEHICLE in kinds:
            classes = _outcomes(self.columns["category"]) if "category" in self.columns else [""]
            if not {c.value for c in VehicleClass}.issuperset(classes):
                raise ValueError("the category of a vehicle is a vehicle class")
        return self


def _outcomes(spec: ValueSpec) -> list[str]:
    return list(spec.table.values()) if spec.table else [spec.constant or ""]


class Section(Closed):
    """One list of rows in the answer. Every field of a row is used, tested or ignored on purpose;
    any other field is a signal that the source has changed."""

    rows: Path
    count: Path | None = None
    subjects: Subjects
    drop_when: tuple[Condition, ...] = ()
    unique: Unique | None = None
    ignore: tuple[Path, ...] = ()
    expect: tuple[Range, ...] = ()
    records: tuple[RecordSpec, ...] = Field(min_length=1)


class Share(Closed):
    """A share in permille that is plausible over many answers."""

    min: int = Field(default=0, ge=0, le=1000)
    max: int = Field(default=1000, ge=0, le=1000)


class Fill(Closed):
    """At least this share of the rows at `rows` has something in `field`."""

    rows: Path
    field: Path
    min_permille: int = Field(ge=1, le=1000)


class Magnitude(Closed):
    """Between which amounts the median of `field` lies.

    Ranges catch one absurd value; a whole source that turned from yuan to fen moves its median a
    hundredfold while each value may still be possible.
    """

    rows: Path
    field: Path
    unit: Money
    low: str
    high: str
    where: Condition | None = None


class Expectations(Closed):
    """What a source is like over its last `sample` answers. Unlike it, the source is quarantined:
    its answers are not used until a person has looked.

    `refused_in_a_row` so many answers that did not fit the declaration are enough by themselves.
    """

    sample: int = Field(default=100, ge=10, le=10_000)
    refused_in_a_row: int = Field(default=5, ge=2, le=100)
    found: Share = Share()
    mean_rows_max: int | None = Field(default=None, ge=1)
    fill: tuple[Fill, ...] = ()
    magnitude: tuple[Magnitude, ...] = ()


class Payload(Closed):
    """A base64 text in the envelope that holds a CSV table; it takes the field's place."""

    field: Path
    encoding: Literal["gb18030", "utf-8"]
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","


class OutcomeField(Closed):
    """The source's own result code. A code in none of the lists is a change of the source."""

    field: Path
    ok: tuple[str, ...] = Field(min_length=1)
    empty: tuple[str, ...] = Field(min_length=1)
    failures: dict[str, EvidenceState] = Field(default_factory=dict)


class DayField(Closed):
    """A date that the answer as a whole states."""

    field: Path
    format: DateFormat


class Echo(Closed):
    """Where the answer repeats who was asked about."""

    name: Path
    id: Path


class Paging(Closed):
    """Where a page says which it is: its number of how many, or the number of rows before it,
    or the cursor of the next page (empty on the last)."""

    page: Path | None = None
    pages: Path | None = None
    offset: Path | None = None
    next: Path | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """The declared places."""
        return tuple(p for p in (self.page, self.pages, self.offset, self.next) if p)

    def fits(self, by: str) -> None:
        """Check that the places are those that the way of paging needs.

        Raises:
            ValueError: they are not.
        """
        needed = {"page": ("page", "pages"), "offset": ("offset",), "cursor": ("next",)}[by]
        given = tuple(n for n in ("page", "pages", "offset", "next") if getattr(self, n))
        if given != needed:
            raise ValueError(f"`answer.paging` has exactly {' and '.join(needed)} for `by: {by}`")


class TableColumn(Closed):
    """A column of a fixed-width line: so many bytes in the declared encoding."""

    name: Path
    width: int = Field(ge=1, le=4000)


class Table(Closed):
    """An answer that is a table of its own. Its first line (row, or the file's key-value
    metadata for Parquet) is the head; the tree is `head.<name>` and the list `rows`.

    `fixed` needs widths for head and columns; an XLSX file is read from its first sheet.
    """

    form: Literal["csv", "fixed", "xlsx", "parquet"]
    encoding: Literal["gb18030", "gbk", "utf-8", "utf-8-sig"] = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    head: tuple[Path, ...] = Field(min_length=1)
    head_widths: tuple[int, ...] = ()
    columns: tuple[TableColumn, ...] = ()

    @model_validator(mode="after")
    def _widths(self) -> Table:
        fixed = self.form == "fixed"
        if fixed != bool(self.columns) or fixed != bool(self.head_widths):
            raise ValueError("`head_widths` and `columns` go with the form `fixed`")
        if fixed and len(self.head) != len(self.head_widths):
            raise ValueError("`head` and `head_widths` have the same length")
        return self


class Indicator(Closed):
    """Minimal disclosure: the source says only whether there is something, not what.

    "Nothing" is an answer. "Something" leaves the amount open: the answer is partial, the
    verdict undetermined where it matters, and a person asks for the rest.
    """

    field: Path
    nothing: tuple[str, ...] = Field(min_length=1)
    something: tuple[str, ...] = Field(min_length=1)


class AnswerSpec(Closed):
    """How to read one body of an answer.

    `soap` is XML in an envelope, whose namespaces say nothing to us; a `Fault` is a refusal.
    """

    format: Literal["json", "xml", "soap", "table"]
    table: Table | None = None
    payload: Payload | None = None
    part: Path | None = None
    outcome: OutcomeField
    as_of: DayField
    subject: Echo
    total: Path | None = None
    paging: Paging | None = None
    indicator: Indicator | None = None
    ignore: tuple[Path, ...] = ()
    sections: tuple[Section, ...] = ()
    discloses: tuple[StatementKind, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> AnswerSpec:
        if (self.format == "table") != (self.table is not None):
            raise ValueError("`table` goes with the format `table`")
        if (self.indicator is None) != bool(self.sections):
            raise ValueError("an answer has `sections`, or an `indicator` and nothing else")
        if bool(self.discloses) != (self.indicator is not None):
            raise ValueError("`discloses` lists what an `indicator` is about")
        return self

    @property
    def kinds(self) -> frozenset[StatementKind]:
        """Every statement kind that this answer can hold, or that its indicator is about."""
        mapped = frozenset(k for s in self.sections for r in s.records for k in r.kinds)
        return mapped | frozenset(self.discloses)

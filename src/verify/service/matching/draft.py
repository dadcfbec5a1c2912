"""A changed scoring content: the same text with other figures, so that comments stay.

A draft is validated like any content before anyone sees it. It is put to use by review: written
to a folder, compared, committed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from verify.content import ContentSet, Loc
from verify.domain.errors import ContentError, InputError, Problem
from verify.scoring import Scoring
from verify.scoring.declared import FamilyDeclared
from verify.service.matching.calibration import DECIMALS, Shares


def family_path(content: ContentSet, family: str) -> str:
    """The file that declares a family.

    Raises:
        InputError: this content has no such family.
    """
    paths = [p for p in sorted(content.files) if "/" not in p]
    for path in paths:
        if content.document(path).value.get("family") == family:
            return path
    known = ", ".join(sorted(str(content.document(p).value.get("family")) for p in paths))
    raise InputError(
        "no such script family",
        where="family",
        problems=(Problem("/family", "unknown", "is not declared.", f"One of: {known}."),),
    )


def declared(content: ContentSet, family: str) -> FamilyDeclared:
    """What the file of a family says."""
    return content.document(family_path(content, family)).model(FamilyDeclared)


def with_cutoffs(
    content: ContentSet, family: str, *, positive: int | None, unsure: int | None
) -> ContentSet:
    """The content with other cut-offs, in milli-bits.

    Raises:
        InputError: no such family, or the cut-offs stand the wrong way round.
    """
    values: dict[Loc, str] = {}
    for name, value in (("positive", positive), ("unsure", unsure)):
        if value is not None:
            values[("cutoffs", name)] = bits_text(value)
    now = declared(content, family).cutoffs
    high = now.positive if positive is None else positive
    low = now.unsure if unsure is None else unsure
    if high < low:
        raise InputError(
            "the cut-offs cannot be moved there",
            problems=(
                Problem(
                    "/positive", "order", "lies below the unsure cut-off.", "Keep it at or above."
                ),
            ),
        )
    return _changed(content, family_path(content, family), values)


def with_shares(content: ContentSet, family: str, shares: Shares) -> ContentSet:
    """The content with other m."""
    path = family_path(content, family)
    values: dict[Loc, str] = {}
    for i, field in enumerate(declared(content, family).fields):
        for j, level in enumerate(field.levels):
            m = shares[field.field].get(level.level)
            if m is not None and m != level.m:
                values[("fields", i, "levels", j, "m")] = share_text(m)
    return _changed(content, path, values)


def bits_text(milli: int) -> str:
    """`12500` milli-bits as `12.5`."""
    sign, size = ("-", -milli) if milli < 0 else ("", milli)
    whole, rest = divmod(size, 1000)
    return f"{sign}{whole}" + (f".{rest:03d}".rstrip("0") if rest else "")


def share_text(share: Fraction) -> str:
    """A share as decimal text."""
    units = share * 10**DECIMALS
    if units.denominator != 1:
        raise ValueError("not on the grid of decimals")
    return f"0.{units.numerator:0{DECIMALS}d}".rstrip("0")


def decimal(share: Fraction | None) -> str:
    """A declared share for reading: exact decimals where it has them, else a fraction."""
    if share is None:
        return ""
    try:
        return share_text(share)
    except ValueError:
        return str(share)


def _changed(content: ContentSet, path: str, values: Mapping[Loc, str]) -> ContentSet:
    """Replace the quoted scalars at these places, each on the line where it stands."""
    document = content.document(path)
    lines = content.files[path].splitlines(keepends=True)
    for loc, value in values.items():
        at = document.lines[loc] - 1
        pattern = re.compile(rf'(\b{re.escape(str(loc[-1]))}:\s*)"[^"]*"')
        changed, times = pattern.subn(lambda m, v=value: f'{m[1]}"{v}"', lines[at])  # type: ignore[misc]
        if times != 1:
            raise ContentError(
                f"the figure {loc[-1]} cannot be replaced",
                where=f"{path}:{at + 1}",
                remedy="write it quoted, once a line",
            )
        lines[at] = changed
    draft = ContentSet(content.kind, {**content.files, path: "".join(lines)})
    Scoring.from_content(draft)
    return draft


def write(draft: ContentSet, before: ContentSet, out: Path) -> list[str]:
    """Write a draft as a content folder; returns the files that differ.

    Raises:
        InputError: the folder holds files already.
    """
    folder = out / draft.kind
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            "the folder holds files already", where=str(folder), remedy="name a new folder"
        )
    for path, text in draft.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return sorted(p for p, text in draft.files.items() if before.files.get(p) != text)

"""Faults of a rulebook: where they are reported, and what nothing rests on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from verify.content import Document, Loc
from verify.domain.errors import ContentError
from verify.rules.expressions import Fault, Known
from verify.rules.grammar import RulebookM
from verify.rules.paid import paid
from verify.rules.reads import Reads


@contextmanager
def located(document: Document, loc: Loc) -> Iterator[None]:
    """Report a `Fault` as a `ContentError` at `loc`.

    Where the document's faults are noted instead of raised, what follows goes on without the
    thing that is at fault.
    """
    try:
        yield
    except Known:
        return
    except Fault as fault:
        error = ContentError(
            f"{'.'.join(map(str, loc))}: {fault.reason}",
            where=document.where(loc),
            remedy=fault.remedy,
        )
    else:
        return
    document.report(error)


def unused(model: RulebookM, reads: Reads) -> Iterator[tuple[str, str]]:
    """Quantities that no test can reach: conditions somebody believes to be applied."""
    roots = ["counted", *reads.parts(), *(t.value for t in model.tests)]
    roots += [name for _, name, _ in paid(model)]
    reached = {model.in_force_with}.union(*(reads.leaves(r) for r in roots))
    for group in ("facts", "limits", "things", "supporters", "persons", "household"):
        for name in getattr(model, group):
            if name not in reached:
                yield group, name

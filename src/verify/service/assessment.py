"""Judge given facts without asking any source: rules only, stateless, any number at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.domain.access import Caller, RoleName
from verify.domain.canonical import plain_fields
from verify.domain.errors import NotPermitted
from verify.domain.verdict import Assessment
from verify.rules import GivenHousehold, assess, facts_from_given
from verify.service.contents import Contents

Plain = dict[str, Any]


class Assessments:
    """Rules-only assessments of given households; nothing is stored."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def assess(self, given: Sequence[GivenHousehold], caller: Caller) -> list[Plain]:
        """Assess a list of households (one is the list of one), in the order given.

        Raises:
            InputError: unknown region or programme, or no rule in force on a day asked for.
            NotPermitted: the role may not assess.
        """
        if not caller.may(RoleName.CALLER, RoleName.CASEWORKER, RoleName.AUDITOR):
            raise NotPermitted("your role may not assess households")
        law = self._contents.law
        keys = [f"{i:08d}" for i in range(len(given))]
        parts = facts_from_given(list(zip(keys, given, strict=True)), law)
        found = {
            a.household: a
            for a in assess(law, parts.households, parts.persons, parts.facts, parts.doubts)
        }
        return [
            {"index": i, "rules": law.digest, **_view(found[key])} for i, key in enumerate(keys)
        ]


def _view(assessment: Assessment) -> Plain:
    return plain_fields(assessment, without=frozenset({"household"}))

from __future__ import annotations

from collections.abc import Callable

import pytest

from verify.content import ContentSet
from verify.domain.verdict import Assessment
from verify.rules import GivenHousehold, Law, assess, facts_from_given


@pytest.fixture(scope="session")
def rules_content() -> ContentSet:
    return ContentSet.load("rules")


@pytest.fixture(scope="session")
def law(rules_content: ContentSet) -> Law:
    return Law.from_content(rules_content)


@pytest.fixture(scope="session")
def judge(law: Law) -> Callable[..., list[Assessment]]:
    """Assess plain household documents; in the order given."""

    def run(*documents: dict, trace: bool = False) -> list[Assessment]:
        given = [(f"{i:04d}", GivenHousehold.model_validate(d)) for i, d in enumerate(documents)]
        parts = facts_from_given(given, law)
        return assess(law, parts.households, parts.persons, parts.facts, parts.doubts, trace=trace)

    return run

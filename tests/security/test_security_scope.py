"""Region scope is in the query: what is not yours does not exist, by any method."""

from __future__ import annotations

import pytest

from support.desk import NATIONAL, Desk, person
from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotFound


@pytest.fixture
def desk(store):
    made = Desk(store)
    made.keep()
    return made


def reads(store, verification: str, digest: str, caller, now: int):
    return {
        "verification": lambda: store.verification(verification, caller),
        "verdicts": lambda: store.verdicts(verification, caller),
        "latest_verdict": lambda: store.latest_verdict(verification, caller),
        "ledger": lambda: store.ledger(verification, caller),
        "document": lambda: store.document(verification, digest, caller),
        "check_integrity": lambda: store.check_integrity(verification, caller),
        "cancel": lambda: store.cancel(verification, caller, now),
    }


OUTSIDERS = [
    person("guangdong", "440000"),
    Caller("nobody", frozenset(RoleName), ()),
    person("another district", "310104"),
    person("empty", ""),
    person("two digits", "31"),
    person("wild", "3101__"),
    person("percent", "%%%%%%"),
    person("all digits", "000000"),
    person("full width", "３１００００"),
    person("too long", "310101000000"),
]


@pytest.mark.parametrize("outsider", OUTSIDERS, ids=lambda c: c.subject)
def test_outsiders_cannot_tell_a_verification_from_one_that_does_not_exist(desk, outsider):
    there = desk.finished()
    digest = desk.store.verification(there, NATIONAL).application_digest
    absent = "v_" + "0" * 26
    for name, read in reads(desk.store, there, digest, outsider, desk.now).items():
        with pytest.raises(NotFound) as hidden:
            read()
        with pytest.raises(NotFound) as missing:
            reads(desk.store, absent, digest, outsider, desk.now)[name]()
        assert str(hidden.value) == str(missing.value), name
        assert there not in str(hidden.value)
    assert desk.store.list(outsider) == ((), None)


@pytest.mark.parametrize("code", ["310101", "310100", "310000", "*"])
def test_a_region_code_covers_its_subtree(desk, code):
    verification = desk.finished()
    caller = person("insider", code)
    digest = desk.store.verification(verification, caller).application_digest
    for name, read in reads(desk.store, verification, digest, caller, desk.now).items():
        if name != "cancel":
            assert read() is not None, name
    assert [r.id for r in desk.store.list(caller)[0]] == [verification]


def test_a_document_is_given_out_only_through_its_own_verification(desk):
    mine = desk.accept()
    theirs = desk.store.accept(
        desk.new(region="440100", application=b"another family"), NATIONAL, None, desk.now
    ).id
    digest = desk.store.verification(theirs, NATIONAL).application_digest
    with pytest.raises(NotFound):
        desk.store.document(mine, digest, person())
    assert desk.store.document(theirs, digest, NATIONAL) == b"another family"


def test_a_content_digest_is_no_document_of_a_verification(desk):
    verification = desk.accept()
    with pytest.raises(NotFound):
        desk.store.document(verification, desk.sets["rules"].digest, person())

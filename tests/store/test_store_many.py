"""Many cases are checked and read together exactly as each would be by itself."""

from __future__ import annotations

import pytest

from support.desk import NATIONAL, person
from support.insider import altered
from verify.domain.errors import NotFound
from verify.store import tables


def each(desk, names):
    return [desk.store.check_integrity(name, NATIONAL) for name in names]


def test_the_faults_of_many_are_the_faults_of_each(desk, insider):
    names = [desk.finished(key=(f"key-{n}", "sha256:" + "b" * 64)) for n in range(3)]
    assert desk.store.check_many(names, NATIONAL) == [(), (), ()]
    for name in ("verifications", "exchanges", "verdicts", "ledger", "blobs", "content"):
        table = tables.metadata.tables[name]
        for row in insider.rows(table)[:4]:
            column = next(c for c in reversed(list(table.columns)) if row[c.name] is not None)
            changed = {column.name: altered(row[column.name], column)}
            insider.change(table, row, changed)
            assert desk.store.check_many(names, NATIONAL) == each(desk, names), (name, column.name)
            insider.change(table, {**row, **changed}, {column.name: row[column.name]})
    assert desk.store.check_many(names[::-1], NATIONAL) == [(), (), ()]


def test_one_case_that_is_not_the_callers_refuses_them_all(desk):
    names = [desk.finished(key=None), desk.accept(region="310102")]
    with pytest.raises(NotFound):
        desk.store.check_many(names, person("desk", "440000"))


def test_verdicts_of_many_are_those_of_each_in_order(desk):
    names = sorted(desk.finished(key=None) for _ in range(3))
    one_by_one = [v for name in names for v in desk.store.verdicts(name, NATIONAL)]
    assert list(desk.store.verdicts_of(names)) == one_by_one

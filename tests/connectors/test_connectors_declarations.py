"""Declarations: complete, cited, and wrong ones are refused with file and line."""

from __future__ import annotations

import pytest

from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.errors import ContentError, NotFound

CONTENT = ContentSet.load("connectors")


def changed(old: str, new: str, path: str = "vehicle.yaml") -> ContentSet:
    """The content with one text replaced, which must be there."""
    text = CONTENT.files[path]
    assert text.count(old) >= 1, old
    return ContentSet("connectors", {path: text.replace(old, new, 1)})


def test_every_source_names_its_legal_basis_and_reads_it_back_from_its_blob() -> None:
    connectors = Connectors.from_content(ContentSet.from_blob(CONTENT.to_blob()))
    assert connectors.digest == CONTENT.digest
    for source in connectors.sources:
        declaration = connectors.declaration(source)
        assert declaration.serves("social_assistance")
        assert all(c.article or c.number for p in declaration.purposes for c in p.citations)
        assert declaration.digest.startswith("sha256:")


def test_a_change_in_one_file_changes_its_digest_and_no_other() -> None:
    before = Connectors.from_content(CONTENT)
    text = CONTENT.files["tax.yaml"].replace("page_size: 50", "page_size: 20")
    after = Connectors.from_content(ContentSet("connectors", {**CONTENT.files, "tax.yaml": text}))
    differ = [
        s for s in before.sources if before.declaration(s).digest != after.declaration(s).digest
    ]
    assert differ == ["tax"]
    assert before.digest != after.digest


def test_an_unknown_source_is_not_found_and_the_known_ones_are_named() -> None:
    with pytest.raises(NotFound) as caught:
        Connectors.from_content(CONTENT).declaration("lottery")
    assert "social_insurance" in caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("driver: query", "driver: telepathy"),
        ("K33: car", "K33: spaceship"),
        ("kind: {constant: vehicle}", "kind: {constant: yacht}"),
        ("yields: [vehicle]", "yields: [vehicle, wage]"),
        ("{field: Price, unit: wan_yuan}\n            object", "Price\n            object"),
        ("as_of: {answer: as_of}\n            amount", "as_of: RegDate\n            amount"),
        ("Name: $name", "Name: $shoe_size"),
        ("Name: $name", "Name: plain text"),
        ("AsOf: $as_of YYYY/MM/DD", "AsOf: $as_of"),
        ("in: [E, M]", "in: [E, M], not_in: [A]"),
        ("granularity: {constant: instant}", "granularity: {constant: fortnight}"),
        ("purposes:", "reasons:"),
        ("deadline_seconds: 10", "deadline_seconds: 0"),
        ("concurrency: 16", "concurrency: many"),
        ("confidence: read", "confidence: rumour"),
        ("env: VERIFY_SOURCE_VEHICLE_URL", "env: HOME"),
        ("id: vehicle", "id: lorry"),
    ],
)
def test_a_wrong_declaration_is_refused_with_file_and_line(old: str, new: str) -> None:
    with pytest.raises(ContentError) as caught:
        Connectors.from_content(changed(old, new))
    path, _, line = caught.value.where.partition(":")
    assert path == "connectors/vehicle.yaml"
    assert int(line) >= 1


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("bank.yaml", "  part: head.bankCode\n", ""),
        ("tax.yaml", "  total: total\n", ""),
        ("tax.yaml", "  paging: {page: pageNo, pages: pages}\n", ""),
        ("tax.yaml", "format: YYYYMM, edge: first}", "format: YYYYMM}"),
    ],
)  # fmt: skip
def test_a_declaration_that_could_lose_pages_or_parts_is_refused(
    path: str, old: str, new: str
) -> None:
    with pytest.raises(ContentError):
        Connectors.from_content(changed(old, new, path))

"""An archive is intact only whole: whatever is changed, added, doubled or taken out is found."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from copy import deepcopy
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from support.live import ROOT
from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.domain.errors import Conflict, InputError, VerifyError
from verify.service.archive_file import laid_out, unzip
from verify.service.audit_bundle import check_bundle, unsigned_faults
from verify.service.audit_trust import Trust, retired_witnesses
from verify.service.replay_bundle import replay_bundle
from verify.settings import Settings
from verify.store.note import COSIGNATURE, SigningKey

EXAMPLES = int(os.environ.get("VERIFY_FORGERIES", "0"))
REPLAYS = ROOT / "fixtures" / "replays"
TRUST = Trust.read((REPLAYS / "keys.txt").read_text(encoding="utf-8"))
ARCHIVE = (REPLAYS / "02-a-namesakes-company.zip").read_bytes()
FILES = unzip(ARCHIVE)
ROWS = json.loads(FILES["case.json"])
VERDICT = ROWS["verdicts"][0]


@cache
def deflated(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


def pack(files: dict[str, bytes]) -> bytes:
    """As an archive is packed, the same contents only once."""
    return laid_out({name: deflated(body) for name, body in files.items()}, files)


def fitted(files: dict[str, bytes], salts: dict[str, str] | None = None) -> bytes:
    """The archive of these files, with a manifest that lists precisely them."""
    manifest = json.loads(FILES["manifest.json"])
    manifest["files"] = {n: digest_bytes(b) for n, b in files.items() if n != "manifest.json"}
    manifest["salts"] = salts if salts is not None else manifest["salts"]
    return pack({**files, "manifest.json": canonical_bytes(manifest)})


def with_rows(rows: dict) -> bytes:
    return fitted({**FILES, "case.json": canonical_bytes(rows)})


def document(digest: str) -> str:
    return f"documents/{digest.partition(':')[2]}"


def found_in(archive: bytes) -> bool:
    """Whether a forgery is found out: refused as no archive, or with its faults."""
    try:
        checked = check_bundle(archive, TRUST)
    except VerifyError:
        return True
    assert bool(checked.faults) is not checked.intact
    return not checked.intact


def test_the_genuine_archive_is_intact_however_often_it_is_packed_again():
    assert check_bundle(ARCHIVE, TRUST).intact
    assert unsigned_faults(ARCHIVE) == []
    assert check_bundle(fitted(FILES), TRUST).intact


# -- the forgeries that once passed ---------------------------------------------------------


def judged_otherwise() -> bytes:
    """Another answer and another verdict under the true digests; the true bytes lie elsewhere, and
    a second row says what the forger wants."""
    forged = dict(FILES)
    sealed = json.loads(FILES[document(VERDICT["verdict_digest"])])
    other = canonical_bytes({**sealed, "outcome": "ineligible"})
    forged[document(VERDICT["verdict_digest"])] = other
    true = VERDICT["verdict_digest"].partition(":")[2]
    forged[f"content/{true}"] = FILES[document(VERDICT["verdict_digest"])]
    rows = {**ROWS, "verdicts": [{**VERDICT, "outcome": "ineligible"}, VERDICT]}
    return fitted({**forged, "case.json": canonical_bytes(rows)})


def test_true_bytes_under_another_name_do_not_cover_for_a_forged_document():
    forged = {fault.thing for fault in check_bundle(judged_otherwise(), TRUST).faults}
    true = VERDICT["verdict_digest"].partition(":")[2]
    assert forged >= {f"documents/{true}", f"content/{true}", "verdicts row 2", "verdict 1"}


def test_a_forged_archive_is_not_called_identical_when_it_is_replayed():
    results = replay_bundle(judged_otherwise())
    assert not any(result.identical for result in results)
    assert all(result.divergent and result.faults for result in results)


@pytest.mark.parametrize("part", ["entries", "exchanges", "verdicts", "subjects"])
def test_a_second_row_of_one_thing_is_found_before_or_behind_the_true_one(part):
    for place in (0, len(ROWS[part])):
        rows = deepcopy(ROWS)
        rows[part].insert(place, ROWS[part][0])
        assert any("second row" in f.reason for f in unsigned_faults(with_rows(rows)))
        assert found_in(with_rows(rows))


def test_no_member_may_be_there_that_no_check_looks_at():
    for at in [(), ("header",), *((part, 0) for part in ("entries", "exchanges", "verdicts"))]:
        rows = deepcopy(ROWS)
        place = rows
        for step in at:
            place = place[step]
        place["decision"] = "reject"
        assert found_in(with_rows(rows))
        assert unsigned_faults(with_rows(rows))
    receipt = {**json.loads(FILES["receipt.json"]), "decision": "reject"}
    assert found_in(fitted({**FILES, "receipt.json": canonical_bytes(receipt)}))


@pytest.mark.parametrize(
    "name", ["documents/letter.txt", "content/" + "0" * 64, "NOTES.txt", "documents/", "a/../b"]
)
def test_no_file_may_be_there_that_the_case_does_not_name(name):
    forged = fitted({**FILES, name: b"forged letter"})
    assert name in {fault.thing for fault in check_bundle(forged, TRUST).faults}


def test_the_readme_says_what_it_says_in_every_archive():
    assert found_in(fitted({**FILES, "README.txt": b"no need to check"}))


def test_bytes_cannot_move_between_a_document_and_its_salt():
    """Both are digested as one: the digest stays, and the document would be another one."""
    salts = json.loads(FILES["manifest.json"])["salts"]
    for digest, salt in salts.items():
        name = f"documents/{digest}"
        whole = bytes.fromhex(salt) + FILES[name]
        for length in {0, 1, 16, 17} - {len(salt) // 2}:
            moved = {**salts, digest: whole[:length].hex()}
            forged = fitted({**FILES, name: whole[length:]}, moved)
            assert name in {fault.thing for fault in check_bundle(forged, TRUST).faults}


def test_the_archive_says_with_which_hash_its_log_was_built():
    assert found_in(with_rows({**ROWS, "hash": "sm3"}))


def test_one_member_of_a_json_file_written_twice_is_found():
    for name in ("case.json", "receipt.json", "manifest.json"):
        doubled = b'{"verification":"v_forged",' + FILES[name][1:]
        forged = {**FILES, name: doubled}
        assert found_in(pack(forged) if name == "manifest.json" else fitted(forged))


@pytest.mark.parametrize("name", ["case.json", "receipt.json", "manifest.json"])
@pytest.mark.parametrize("body", [b"[" * 200_000, b"9" * 5000, b"NaN", b"null", b"\xff", b""])
def test_what_is_no_such_json_at_all_is_refused(name, body):
    with pytest.raises(InputError):
        check_bundle(pack({**FILES, name: body}), TRUST)


# -- the zip file ---------------------------------------------------------------------------


def rezipped(**options) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.comment = options.get("comment", b"")
        for name in sorted(FILES, reverse=options.get("reverse", False)):
            info = zipfile.ZipInfo(name, options.get("day", (1980, 1, 1, 0, 0, 0)))
            info.extra, info.comment = options.get("extra", b""), options.get("note", b"")
            info.external_attr = options.get("mode", 0o600) << 16
            made.writestr(info, FILES[name], options.get("packing", zipfile.ZIP_DEFLATED))
        if options.get("folder"):
            made.writestr(zipfile.ZipInfo("documents/"), b"")
    return out.getvalue()


ODD = {
    "a comment": rezipped(comment=b"see also"),
    "an extra field": rezipped(extra=struct.pack("<2H", 0x7075, 4) + b"name"),
    "a comment of a member": rezipped(note=b"forged"),
    "another date": rezipped(day=(2026, 1, 1, 0, 0, 0)),
    "other rights": rezipped(mode=0o777),
    "another order": rezipped(reverse=True),
    "a folder": rezipped(folder=True),
    "bytes before it": b"#!/bin/sh\n" + ARCHIVE,
    "bytes behind it": ARCHIVE + b"\0",
    "another zip file before it": pack({"case.json": b"{}"}) + ARCHIVE,
    "members that are not packed": rezipped(packing=zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("odd", ODD)
def test_the_zip_file_holds_nothing_besides_its_members(odd):
    assert check_bundle(rezipped(), TRUST).intact
    assert found_in(ODD[odd])
    assert unsigned_faults(ODD[odd])


def test_a_member_named_twice_is_refused():
    out = io.BytesIO(ARCHIVE)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(out, "a") as made:
        made.writestr("README.txt", b"forged")
    with pytest.raises(InputError):
        check_bundle(out.getvalue(), TRUST)


def streams() -> list[range]:
    """Where the packed contents lie."""
    with zipfile.ZipFile(io.BytesIO(ARCHIVE)) as archive:
        starts = [(i, i.header_offset + 30 + len(i.filename)) for i in archive.infolist()]
    return [range(start, start + info.compress_size) for info, start in starts]


STREAMS = streams()
PLACES = st.one_of(
    st.integers(0, len(ARCHIVE) - 1),
    st.sampled_from([n for n in range(len(ARCHIVE)) if not any(n in s for s in STREAMS)]),
)


@examples(max_examples=EXAMPLES or 50, deadline=None)
@given(PLACES, st.integers(0, 7))
def test_no_flipped_bit_of_the_file_goes_unseen(at, bit):
    """But for bits that only say how a member is packed: what it holds is the same."""
    forged = ARCHIVE[:at] + bytes([ARCHIVE[at] ^ 1 << bit]) + ARCHIVE[at + 1 :]
    if not found_in(forged):
        assert any(at in stream for stream in STREAMS)
        assert unzip(forged) == FILES


# -- any one change of what it holds --------------------------------------------------------

ODD_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.just(1.0), st.just(10**30),
    st.text(max_size=3),
    st.sampled_from([[], {}, [[]], [{}], {"": None}, "\ud800", "sha256:" + "0" * 64, VERDICT]),
)  # fmt: skip


def places(value, at=()):
    yield at
    for key in (
        value if isinstance(value, dict) else range(len(value) if type(value) is list else 0)
    ):
        yield from places(value[key], (*at, key))


def written(value) -> bytes:
    """As canonically as such a value can be written."""
    try:
        return canonical_bytes(value)
    except (TypeError, ValueError):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def changed(draw, value, at):
    """The document with one thing replaced, taken out, doubled, added, moved or mixed up."""
    made = deepcopy(value)
    parent, place = made, made
    for step in at:
        parent, place = place, place[step]
    how = draw(st.sampled_from(["replace", "drop", "double", "add", "turn", "text"]))
    if how == "drop" and at:
        del parent[at[-1]]
    elif how == "double" and isinstance(parent, list) and at:
        parent.insert(draw(st.integers(0, len(parent))), deepcopy(place))
    elif how == "add" and isinstance(place, dict):
        place[draw(st.text(max_size=8))] = draw(ODD_VALUES)
    elif how == "add" and isinstance(place, list):
        place.insert(draw(st.integers(0, len(place))), draw(ODD_VALUES))
    elif how == "turn" and isinstance(place, list):
        place.reverse()
    elif how == "text" and isinstance(place, str) and at:
        cut = draw(st.integers(0, len(place)))
        parent[at[-1]] = place[:cut] + draw(st.text(max_size=2)) + place[cut + 1 :]
    elif at:
        parent[at[-1]] = draw(ODD_VALUES)
    else:
        made = draw(ODD_VALUES)
    return made


DOCUMENTS = {n: json.loads(FILES[n]) for n in ("case.json", "receipt.json", "manifest.json")}
WHERE = {name: list(places(document_)) for name, document_ in DOCUMENTS.items()}


@examples(max_examples=EXAMPLES or 70, deadline=None)
@given(st.data())
def test_no_single_change_of_a_row_receipt_or_manifest_goes_unseen(data):
    name = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    made = changed(data.draw, DOCUMENTS[name], data.draw(st.sampled_from(WHERE[name])))
    body = written(made)
    if body == FILES[name]:
        return
    files = {**FILES, name: body}
    assert found_in(pack(files) if name == "manifest.json" else fitted(files))


@examples(max_examples=EXAMPLES or 30, deadline=None)
@given(st.data())
def test_no_changed_exchanged_added_or_missing_file_goes_unseen(data):
    names = st.sampled_from(sorted(set(FILES) - {"manifest.json"}))
    one, other = data.draw(names), data.draw(names)
    how = data.draw(st.sampled_from(["change", "swap", "drop", "copy", "move"]))
    files = dict(FILES)
    salts = dict(DOCUMENTS["manifest.json"]["salts"])
    if how == "change":
        at = data.draw(st.integers(0, len(files[one])))
        files[one] = files[one][:at] + data.draw(st.binary(max_size=3)) + files[one][at + 1 :]
    elif how == "swap":
        files[one], files[other] = files[other], files[one]
    else:
        new = data.draw(st.sampled_from(["documents/", "content/", ""])) + digest_bytes(
            data.draw(st.binary(max_size=2))
        ).removeprefix("sha256:")
        if how != "drop":
            files[new] = files[one]
            salts[new.rpartition("/")[2]] = salts.get(one.rpartition("/")[2], "")
        if how != "copy":
            del files[one]
    if files == FILES:
        return
    there = {n.partition("/")[2] for n in files if n.startswith("documents/")}
    assert found_in(fitted(files, {d: s for d, s in salts.items() if d in there}))


# -- whose signatures count -----------------------------------------------------------------


def test_a_line_that_holds_no_key_is_named(tmp_path):
    key = SigningKey.generate("w/*", COSIGNATURE).public
    read = Trust.read(f"\n{key.text}\nretired {key.text}\n", 1)
    assert (read.keys, read.retired, read.quorum) == ((key,), (key,), 1)
    for text in (f"{key.text}\nretired", f"{key.text}\nold {key.text}", f"{key.text}\nx"):
        with pytest.raises(InputError) as refused:
            Trust.read(text)
        assert refused.value.where == "keys, line 2"
    log = SigningKey.generate("log/*").public
    for text in ("x", log.text):
        with pytest.raises(Conflict, match="witness"):
            retired_witnesses(Settings(home=tmp_path, witnesses_retired=text))

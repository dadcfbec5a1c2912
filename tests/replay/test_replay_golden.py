"""What earlier releases sealed is replayed by this one: the same bytes, from the archive alone."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.live import ROOT
from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.domain.errors import InputError
from verify.service.archive_file import unzip
from verify.service.audit_bundle import check_bundle
from verify.service.judging import judge
from verify.service.replay import bodies_of
from verify.service.replay_bundle import _content, replay_bundle
from verify.service.sealed import read_application_bytes, read_bundle
from verify.store.note import PublicKey

REPLAYS = ROOT / "fixtures" / "replays"
ARCHIVES = sorted(REPLAYS.glob("*.zip"))
ENVIRONMENTS = (
    {"PYTHONHASHSEED": "1", "TZ": "America/New_York", "LC_ALL": "C", "POLARS_MAX_THREADS": "1"},
    {"PYTHONHASHSEED": "77", "TZ": "Asia/Shanghai", "LC_ALL": "C.UTF-8", "POLARS_MAX_THREADS": "2"},
)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_a_golden_archive_replays_to_the_same_bytes(archive):
    results = replay_bundle(archive.read_bytes())
    assert results
    assert [r.differences for r in results] == [()] * len(results)
    assert all(r.identical for r in results)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_a_golden_archive_is_genuine_and_proven(archive):
    lines = (REPLAYS / "keys.txt").read_text(encoding="utf-8").splitlines()
    keys = [PublicKey.parse(line) for line in lines]
    checked = check_bundle(archive.read_bytes(), keys)
    assert checked.faults == ()
    assert checked.intact


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=["one thread", "two threads"])
def test_threads_hash_seeds_time_zones_and_locales_change_no_byte(environment):
    code = (
        "import sys; from pathlib import Path\n"
        "from verify.service.replay_bundle import replay_bundle\n"
        "print(all(r.identical for n in sys.argv[1:] for r in replay_bundle(Path(n).read_bytes())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, ARCHIVES)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"


def sealed(archive):
    """The case of an archive, its content, and the bytes that were sealed."""
    files = unzip(archive.read_bytes())
    rows = json.loads(files["case.json"])
    verdict = rows["verdicts"][-1]

    def document(digest):
        return files[f"documents/{digest.partition(':')[2]}"]

    bundle = document(verdict["sealed_digest"])
    application = read_application_bytes(document(rows["header"]["application_digest"]))
    case = read_bundle(bundle, application, {d: document(d) for d in bodies_of(bundle)})
    return case, _content(files, case.digests), document(verdict["verdict_digest"])


def test_judged_together_in_any_order_each_gives_the_bytes_of_its_own():
    """Many at once is only a way to go faster: the batch is checked against the single path."""
    found = [sealed(archive) for archive in ARCHIVES]
    assert len({case.digests for case, _, _ in found}) == 1
    for order in itertools.permutations(found):
        judged = judge([case for case, _, _ in order], order[0][1])
        assert [j.verdict_bytes for j in judged] == [verdict for _, _, verdict in order]


PARTS = st.lists(
    st.lists(st.sampled_from(range(len(ARCHIVES))), min_size=1, max_size=6), min_size=1, max_size=4
)


@settings(max_examples=12, deadline=None)
@given(PARTS)
def test_however_often_however_split_and_in_how_many_threads_no_byte_changes(parts):
    """Cases repeat within a batch, batches differ in size, and several are judged at a time."""
    found = [sealed(archive) for archive in ARCHIVES]
    content = found[0][1]
    with ThreadPoolExecutor(3) as pool:
        judged = list(pool.map(lambda part: judge([found[i][0] for i in part], content), parts))
    for part, results in zip(parts, judged, strict=True):
        assert [r.verdict_bytes for r in results] == [found[i][2] for i in part]
        # A verdict names the digest of its trace.
        assert [r.verdict.digests["trace"] for r in results] == [
            digest_bytes(r.trace_bytes) for r in results
        ]


def altered(archive, find, replace):
    """The archive with a text changed in its sealed content or documents."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, body in unzip(archive.read_bytes()).items():
            made.writestr(
                name, body.replace(find, replace) if name.startswith("documents/") else body
            )
    return out.getvalue()


def test_an_altered_answer_is_told_with_the_place_where_the_verdict_differs():
    archive = ARCHIVES[0]
    case, _, _ = sealed(archive)
    name = case.application.members[0].name.encode()
    results = replay_bundle(altered(archive, name, "无此人".encode()))
    assert not any(r.identical for r in results)
    assert all(r.differences for r in results)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_a_replay_tells_when_the_sealed_input_lost_the_exchange_with_a_source(archive):
    case, content, _ = sealed(archive)
    lost, bundle = case.exchanges[0], case.bundle()
    shorter = {**json.loads(bundle), "exchanges": json.loads(bundle)["exchanges"][1:]}
    results = replay_bundle(altered(archive, bundle, canonical_bytes(shorter)))
    assert not any(r.identical for r in results)
    [again] = judge([dataclasses.replace(case, exchanges=case.exchanges[1:])], content)
    assert not again.verdict.final
    assert [(c["source"], c["person"]) for c in again.verdict.coverage if not c["asked_on"]] == [
        (lost.source, lost.person)
    ]


def test_an_archive_that_lacks_a_document_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, body in unzip(ARCHIVES[0].read_bytes()).items():
            if not name.startswith("content/"):
                made.writestr(name, body)
    with pytest.raises(InputError, match="does not hold everything"):
        replay_bundle(out.getvalue())

"""Metrics, traces and readiness: they tell how it does, and never about whom."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from support.live import household, installation
from support.waiting import until
from verify import telemetry
from verify.domain.access import LOCAL
from verify.service.clock import now_ms
from verify.service.intake import ApplicationIn

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "ops" / "grafana" / "verify.json"
NAME = re.compile(r"\bverify_[a-z_]+")
BOUNDED = re.compile(r"[a-z][a-z0-9_.+-]*( [a-z]+)*|[A-Z]+|\(\w+\)|\d{3}|/[A-Za-z0-9_{}/.:-]*")
ID = re.compile(r"[vdal]_[0-9a-z]{26}|sha256|\d{5,}|@")


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.use(provider)
    yield exporter
    telemetry.use(None)


@pytest.fixture(scope="module")
def families(live, caseworker, auditor):
    """All metrics, after everything that is counted has happened once."""
    verification = live.check(household("01").application)
    for part in ("", "/report", "/evidence", "/nowhere"):
        caseworker.get(f"/v1/verifications/{verification}{part}")
    auditor.post(f"/v1/verifications/{verification}/replay")
    answer = auditor.get("/metrics")
    assert answer.status_code == 200
    return list(text_string_to_metric_families(answer.text))


def samples(families):
    return [sample for family in families for sample in family.samples]


def test_what_happened_is_counted(families):
    counted = {s.name for s in samples(families) if s.value > 0}
    assert counted >= {
        "verify_checks_total", "verify_verdicts_total", "verify_check_seconds_count",
        "verify_source_asks_total", "verify_source_ask_seconds_count",
        "verify_decode_seconds_count", "verify_judge_seconds_count",
        "verify_judge_households_sum", "verify_checkpoints_total", "verify_replays_total",
        "verify_accesses_total", "verify_http_requests_total", "verify_log_leaves",
        "verify_ready", "verify_disk_free_bytes",
    }  # fmt: skip


def test_labels_are_bounded_and_tell_of_nobody(families):
    for sample in samples(families):
        labels = {k: v for k, v in sample.labels.items() if k != "le"}
        assert labels.keys() <= telemetry.LABELS, sample.name
        for value in labels.values():
            assert BOUNDED.fullmatch(value), (sample.name, value)
            assert not ID.search(value), (sample.name, value)


def test_sources_in_labels_are_the_declared_ones(families, live):
    told = {s.labels["source"] for s in samples(families) if "source" in s.labels}
    assert told == set(live.system.contents.connectors.sources)


def test_every_query_of_the_dashboard_names_metrics_that_exist(families):
    there = {sample.name for sample in samples(families)}
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert queries
    for query in queries:
        names = NAME.findall(query)
        assert names, query
        assert set(names) <= there, query


def test_every_metric_is_on_the_dashboard(families):
    shown = set(NAME.findall(DASHBOARD.read_text(encoding="utf-8")))
    for family in families:
        assert any(name.startswith(family.name) for name in shown), family.name


def test_every_label_of_a_query_is_a_label_of_its_metric(families):
    labels = {s.name: set(s.labels) for s in samples(families)}
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for by in re.findall(r"by \(([^)]*)\)", target["expr"]):
                asked |= {name.strip() for name in by.split(",")}
            for name in NAME.findall(target["expr"]):
                assert asked <= labels[name], target


def test_metrics_ask_for_a_key(nobody, refusal):
    refusal(nobody.get("/metrics"), 401)


def test_a_check_is_a_span_with_its_asks_and_its_judging_in_it(live, spans):
    verification = live.check(household("01").application)
    deadline_spans = spans.get_finished_spans()
    by_name = {}
    for span in deadline_spans:
        by_name.setdefault(span.name, []).append(span)
    assert by_name.keys() >= {"check", "ask", "decode", "judge"}
    checks = [s for s in by_name["check"] if s.attributes["verify.verification"] == verification]
    known = {s.context.span_id for s in checks}
    asks = [s for s in by_name["ask"] if s.parent and s.parent.span_id in known]
    asked = {s.attributes["verify.source"] for s in asks}
    planned = {e.source for e in live.system.store.exchanges(verification)}
    assert asked == planned
    judged = {s.context.span_id for s in by_name["judge"]}
    assert all(s.parent and s.parent.span_id in judged for s in by_name["decode"])
    told = {key for span in deadline_spans for key in span.attributes}
    assert told <= {"verify.verification", "verify.source", "verify.state", "verify.households"}
    assert not any(span.events for span in deadline_spans)


def test_a_failing_span_tells_the_kind_of_the_error_and_not_its_text(spans):
    with pytest.raises(ValueError, match="310101"), telemetry.span("judge", households=1):
        raise ValueError("310101196001010018")
    (span,) = spans.get_finished_spans()
    assert "310101" not in span.to_json()
    assert span.status.description == "ValueError"


# -- readiness ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dependency", "part", "name"),
    [
        ("database", "store", "ping"),
        ("migrations", "store", "at_head"),
        ("keys", "keyring", "require_masters"),
        ("witness", "notary", "may_finish"),
        ("disk", "vitals", "_free"),
    ],
)
def test_a_dependency_that_fails_is_named(
    live, nobody, auditor, monkeypatch, dependency, part, name
):
    def broken(*_: object) -> int:
        raise OSError("a message that quotes 310101196001010018")

    owner = live.system.store.keyring if part == "keyring" else getattr(live.system, part)
    monkeypatch.setattr(owner, name, broken)
    answer = nobody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"][dependency] == "failing"
    assert "310101" not in answer.text
    assert f'verify_ready{{dependency="{dependency}"}} 0.0' in auditor.get("/metrics").text


def test_readiness_tells_how_long_the_oldest_check_waits_for_a_worker(tmp_path, database_url):
    url = "" if database_url.startswith("sqlite") else database_url
    clock = Standing()
    with installation(tmp_path, url, clock=clock) as own, own.client() as client:
        assert client.get("/readyz").json()["oldest_due_seconds"] is None
        body = ApplicationIn.model_validate(household("01").application)
        store, submit = own.system.store, own.system.verifications.submit
        own.system.worker.close()
        submit(body, LOCAL)
        clock.now += 90_500
        submit(body, LOCAL)
        assert client.get("/readyz").json()["oldest_due_seconds"] == 90
        assert store.oldest_due(clock()) == store.queue(clock()).oldest_due_ms == 90_500
        # What a worker carries does not wait; what it let lapse does.
        store.claim(clock(), 1, 60_000)
        assert store.oldest_due(clock()) == 0
        clock.now += 60_000
        assert store.oldest_due(clock()) == store.queue(clock()).oldest_due_ms == 150_500


class Standing:
    """A clock that somebody else moves."""

    def __init__(self):
        self.now = now_ms()

    def __call__(self):
        return self.now


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_has_lost_a_thread_is_not_ready(tmp_path, monkeypatch):
    with installation(tmp_path) as own, own.client() as client:
        assert client.get("/readyz").json()["checks"]["worker"] == "ok"
        monkeypatch.setattr(own.system.worker, "_next_batch", lambda: 1 / 0)
        until(lambda: client.get("/readyz").json()["checks"]["worker"] == "failing")
        assert client.get("/readyz").status_code == 503


def test_a_full_disk_is_not_ready(live, nobody, monkeypatch):
    monkeypatch.setattr(live.system.vitals, "_free", lambda: 10_000_000)
    assert nobody.get("/readyz").json()["checks"]["disk"] == "failing"

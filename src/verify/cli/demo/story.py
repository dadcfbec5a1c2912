"""What the demo tells, once its two processes are up: three families and a replay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from verify.cli.client import Api
from verify.cli.control import Control
from verify.cli.demo.narrator import Narrator
from verify.cli.progress import Progress, Watched, watch
from verify.cli.render import brief, question, report_view
from verify.cli.tree import match_lines
from verify.domain.errors import IntegrityError, Overloaded, VerifyError
from verify.domain.money import yuan_text
from verify.service.intake import ApplicationIn
from verify.simulate.households import HouseholdFixture

Plain = dict[str, Any]

VERDICT_SECONDS = 40
OUTAGE = "tax"


@dataclass(frozen=True)
class Stage:
    """What the story needs: the service, the switchboard of the departments, the teller."""

    api: Api
    control: Control
    narrator: Narrator
    home: Path


def family(stage: Stage, fixture: HouseholdFixture) -> str:
    """A household over HTTP: submitted once, asked live, its verdict explained in full."""
    narrator = stage.narrator
    body = as_body(fixture)
    with narrator.step(f"submit a household over HTTP: {fixture.title['en']}") as facts:
        key = f"demo-{uuid.uuid4()}"
        headers = {"Idempotency-Key": key}
        view = stage.api.post("/v1/verifications", body, headers).body
        again = stage.api.post("/v1/verifications", body, headers).body
        _require(again["id"] == view["id"], "the repeated request made a second verification")
        people = len(body["household"]["members"])
        facts |= {
            "done": f"a household of {people} submitted over HTTP: sent twice, accepted once",
            "id": view["id"],
        }
    narrator.say(Text(fixture.story, "dim"))
    with narrator.step("ask the sources about each member, under each member's letter") as facts:
        view = follow(stage, view["id"], watched_family(fixture), lambda w: w.done)
        asked = len(view["sources"])
        answered = sum(1 for s in view["sources"] if s["state"] == "ok")
        report = _report(stage, view["id"])
        facts |= {
            "done": f"{answered} of {asked} questions answered, judged and sealed",
            "outcome": report["outcome"]["code"],
            "final": report["final"],
        }
    _expect(report, fixture)
    narrator.show(report_view(report, digests=False))
    return str(view["id"])


def outage(stage: Stage, fixture: HouseholdFixture) -> str:
    """A department is down: provisional and honest about it; final once it is back."""
    narrator = stage.narrator
    body, watched = as_body(fixture), watched_family(fixture)
    with narrator.step("switch the tax office off and check a second family") as facts:
        stage.control.switch(OUTAGE, on=False)
        view = stage.api.post("/v1/verifications", body).body
        view = follow(stage, view["id"], watched, lambda w: w.done)
        report = _report(stage, view["id"])
        _require(not report["final"], "the verdict without the tax office claims to be final")
        facts |= {
            "done": "the tax office is off: a second family's verdict is provisional",
            "id": view["id"],
            "outcome": report["outcome"]["code"],
            "final": report["final"],
        }
    narrator.say(*brief(report))
    with narrator.step("switch it on again") as facts:
        stage.control.switch(OUTAGE, on=True)
        view = follow(stage, view["id"], watched, _is_final)
        report = _report(stage, view["id"])
        facts |= {
            "done": "it is back and was asked again: a second verdict follows",
            "sequence": view["verdict"]["sequence"],
            "outcome": report["outcome"]["code"],
            "final": report["final"],
        }
    _expect(report, fixture)
    narrator.say(*brief(report))
    return str(view["id"])


def namesake(stage: Stage, fixture: HouseholdFixture) -> str:
    """A stranger of the same name: scored with named reasons, never counted."""
    narrator = stage.narrator
    with narrator.step("check a third family, with a namesake in a register") as facts:
        view = stage.api.post("/v1/verifications", as_body(fixture)).body
        view = follow(stage, view["id"], watched_family(fixture), lambda w: w.done)
        report = _report(stage, view["id"])
        facts |= {
            "done": "a namesake's savings: asked about, never counted",
            "id": view["id"],
            "outcome": report["outcome"]["code"],
            "final": report["final"],
        }
    _expect(report, fixture)
    narrator.say(*brief(report))
    for row in strangers(report):
        narrator.say(*match_lines(row))
    for item in (*report["questions"], *report["advisories"]):
        narrator.say(*question(item, remedy=True))
    return str(view["id"])


def strangers(report: Plain) -> list[Plain]:
    """The records that are not simply theirs, the first of each kind of judgement."""
    seen: set[tuple[str, str]] = set()
    rows = []
    for row in report["matches"]:
        kind = (row["kind"]["code"], row["rule"])
        if row["judgement"]["code"] != "positive" and kind not in seen and _same_name(row):
            seen.add(kind)
            rows.append(row)
    return rows[:3]


def _same_name(row: Plain) -> bool:
    return any(r["field"] == "name" and r["weight"] > 0 for r in row["reasons"])


def replay(stage: Stage, verification: str) -> Plain:
    """Replay in a process of its own, with nothing but the store."""
    with stage.narrator.step("replay the first family's verdict in a fresh process") as facts:
        done = subprocess.run(  # noqa: S603 - our own program
            [
                sys.executable,
                "-m",
                "verify.cli.main",
                "replay",
                verification,
                "--json",
                "--home",
                str(stage.home),
            ],
            env={**os.environ, "VERIFY_DATABASE_URL": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        result = _document(done)
        if done.returncode or not result.get("identical"):
            raise IntegrityError(
                f"the replay differs: {result.get('faults') or result.get('differences')}",
                where=verification,
                remedy=f"see `verify replay {verification} --home {stage.home}`",
            )
        facts |= {"done": "replayed in a fresh process: byte-identical", "replay": result}
    stage.narrator.say(
        Text(f"{result['verdict_digest']}  the verdict", "dim"),
        Text(f"{result['trace_digest']}  its trace", "dim"),
    )
    return result


def _document(done: subprocess.CompletedProcess[str]) -> Plain:
    try:
        found: Plain = json.loads(done.stdout)
    except ValueError:
        raise VerifyError(
            f"the fresh process printed no result (exit code {done.returncode}): "
            f"{' '.join(done.stderr.split())[-300:]}"
        ) from None
    return found


# -- parts ------------------------------------------------------------------------------------


def watched_family(fixture: HouseholdFixture) -> Watched:
    """What the progress table shows of a fixture's household."""
    members = fixture.application["household"]["members"]
    return Watched(fixture.path.stem[:2], {m["person"]: m["name"] for m in members})


def follow(
    stage: Stage, verification: str, watched: Watched, until: Callable[[Watched], bool]
) -> Plain:
    """Poll over HTTP with live progress until `until`; returns the last view.

    Raises:
        Overloaded: it does not come to that in time.
    """
    watched.view = None
    with Progress([watched], stage.narrator.console) as progress:
        done = watch(
            progress,
            [watched],
            lambda _: stage.api.get(f"/v1/verifications/{verification}"),
            VERDICT_SECONDS,
            until=until,
        )
    view = watched.view
    if not done or view is None or view["verdict"] is None:
        raise Overloaded(
            f"no verdict after {VERDICT_SECONDS} s",
            where=verification,
            remedy="see the service's log",
        )
    return view


def _is_final(watched: Watched) -> bool:
    view = watched.view
    return view is not None and view["verdict"] is not None and bool(view["verdict"]["final"])


def _report(stage: Stage, verification: str) -> Plain:
    report: Plain = stage.api.get(f"/v1/verifications/{verification}/report")
    return report


def _expect(report: Plain, fixture: HouseholdFixture) -> None:
    found, expected = report["outcome"]["code"], fixture.expect["outcome"]
    _require(found == expected, f"the outcome is {found}, the fixture expects {expected}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise VerifyError(otherwise, remedy="this is a fault of the program: please report it")


def as_body(fixture: HouseholdFixture) -> Plain:
    """The fixture's application as the JSON body that a caller posts: typed, money as text."""
    application = ApplicationIn.model_validate(fixture.application)
    body: Plain = application.model_dump(mode="json", exclude_unset=True)
    household = body["household"]
    for person in (*household["members"], *household.get("supporters", [])):
        if person.get("support"):
            person["support"]["monthly"] = yuan_text(person["support"]["monthly"])
    for declared in body.get("declared", {}).get("amounts", []):
        declared["amount"] = yuan_text(declared["amount"])
    return body

"""The work of `verify check`: submit, wait with live progress, show the reports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from verify.cli import logs
from verify.cli.environment import source_environment
from verify.cli.inputs import InputFile, read_application_file
from verify.cli.output import emit, err, note, problem_document, show_error
from verify.cli.progress import Progress, Watched, watch
from verify.cli.reader import reader
from verify.cli.render import show_report
from verify.domain.access import LOCAL
from verify.domain.errors import InputError, Overloaded, VerifyError
from verify.service.intake import ApplicationIn
from verify.settings import Settings

if TYPE_CHECKING:
    from verify.bootstrap import System

Plain = dict[str, Any]

GRACE_SECONDS = 15  # judging and sealing after the last answer, on a busy machine


@dataclass
class _Case:
    """One file on its way: what was read, its verification, or why it has none."""

    file: str
    body: ApplicationIn | None = None
    source: InputFile | None = None
    verification: str = ""
    error: VerifyError | None = None
    report: Plain | None = None


def run_check(
    files: Sequence[str],
    settings: Settings,
    *,
    wait: int,
    simulate: bool,
    env_file: Path | None,
) -> int:
    """Check every file; returns the exit status of the first that failed, or 0.

    Raises:
        VerifyError: the only file's own error, or one that concerns all files.
    """
    logs.quiet()
    cases = [_read(name, settings.max_body_bytes) for name in files]
    if all(c.error for c in cases):
        return _finish(cases)
    # Only now: a fault in a file is told before the engine is loaded.
    from verify.bootstrap import build

    deadline = min(settings.answer_deadline_seconds, wait)
    settings = settings.model_copy(update={"answer_deadline_seconds": deadline})
    environment = source_environment(settings.home, env_file)
    with (
        _simulated([c.file for c in cases if c.error is None], environment, on=simulate),
        build(settings, environment=environment) as system,
    ):
        for case in cases:
            _submit(system, case)
        if any(c.verification for c in cases):
            system.start()
            _wait(system, [c for c in cases if c.verification], wait)
            for case in cases:
                _collect(system, case)
    return _finish(cases)


def _read(name: str, limit: int) -> _Case:
    try:
        source, body = read_application_file(name, limit)
    except VerifyError as error:
        return _Case(name, error=error)
    return _Case(name, body=body, source=source)


@contextlib.contextmanager
def _simulated(files: Sequence[str], environment: dict[str, str], *, on: bool) -> Iterator[None]:
    """The fixtures' registers behind real servers, their addresses put into `environment`."""
    if not on:
        yield
        return
    if "-" in files:
        raise InputError(
            "--simulate needs a fixture file; standard input has no registers",
            remedy="give the file's path, or start `verify simulate` first",
        )
    from verify.simulate.server import SimulatedSources, load_registers

    registers = load_registers(tuple(Path(name) for name in files))
    with SimulatedSources(registers) as sources:
        environment.update(sources.environment())
        yield


def _submit(system: System, case: _Case) -> None:
    if case.body is None:
        return
    try:
        case.verification = system.verifications.submit(case.body, LOCAL).id
    except InputError as error:
        case.error = case.source.located(error) if case.source else error
    except VerifyError as error:
        case.error = error


def _wait(system: System, cases: Sequence[_Case], seconds: int) -> None:
    labels = [Path(c.file).name if len(cases) > 1 else "" for c in cases]
    watched = [Watched(label, _names(c.body)) for label, c in zip(labels, cases, strict=True)]
    ids = [c.verification for c in cases]
    with Progress(watched) as progress:
        watch(
            progress,
            watched,
            lambda i: system.verifications.view(ids[i], LOCAL),
            seconds + GRACE_SECONDS,
        )


def _names(body: ApplicationIn | None) -> dict[str, str]:
    if body is None:
        return {}
    return {p.person: p.name for p in (*body.household.members, *body.household.supporters)}


def _collect(system: System, case: _Case) -> None:
    if not case.verification:
        return
    view = system.verifications.view(case.verification, LOCAL)
    if view["state"] == "failed":
        case.error = VerifyError(
            f"the household could not be judged; the verification {case.verification} is kept",
            where=case.file,
            remedy="this is a fault of the program: please report it with the log above",
        )
    elif view["verdict"] is None:
        case.error = Overloaded(
            f"there is no verdict in time; the verification {case.verification} is kept "
            f"(state {view['state']})",
            where=case.file,
            remedy="`verify serve` goes on with it; see it with `verify list`",
        )
    else:
        case.report = system.verifications.report(case.verification, reader())


def _finish(cases: Sequence[_Case]) -> int:
    """Print all results; one file's error is raised as the command's own."""
    if len(cases) == 1 and cases[0].error is not None:
        raise cases[0].error
    document = {"verifications": [_document(c) for c in cases]}
    emit(document, lambda console: _show(cases, console))
    return next((c.error.exit_code for c in cases if c.error), 0)


def _document(case: _Case) -> Plain:
    if case.error is not None:
        return {"file": case.file, "id": case.verification or None, **problem_document(case.error)}
    return {"file": case.file, "id": case.verification, "report": case.report}


def _show(cases: Sequence[_Case], console: Console) -> None:
    for case in cases:
        if len(cases) > 1:
            console.print(Text(f"\n━━ {case.file}", "bold"))
        if case.report is not None:
            show_report(case.report, console)
        elif case.error is not None:
            show_error(case.error, err())
    done = [c.verification for c in cases if c.report is not None]
    if done:
        note(f"verify explain {done[0]}   verify replay {done[0]}")

"""`verify replay`: judge the sealed evidence again and compare every byte; or suppose otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Home, Json, Sequence, StatedPurpose

if TYPE_CHECKING:
    from rich.console import Console

    from verify.bootstrap import System
    from verify.domain.access import Caller
    from verify.service.replay import ReplayResult
    from verify.service.what_if import Supposed, WhatIf

Plain = dict[str, Any]


def replay(
    verification: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The verification's id, `v_...`.")
    ] = None,
    sequence: Sequence = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Replay every verdict in the store.")
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample", min=1, metavar="N", help="Replay N verifications drawn by --seed."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the sample.")] = 0,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="DIR", help="What if: under the rules in this folder."),
    ] = None,
    scoring: Annotated[
        Path | None,
        typer.Option("--scoring", metavar="DIR", help="What if: with the scoring in this folder."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAY", help="What if: with the law and facts of this day."),
    ] = None,
    without: Annotated[
        str,
        typer.Option(
            "--without",
            metavar="RECORD",
            help="What if: without this record (`bank/p1/3`), or as if this source had not "
            "answered (`bank/p1`).",
        ),
    ] = "",
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle", metavar="FILE", help="Replay an exported archive; needs no database."
        ),
    ] = None,
    purpose: StatedPurpose = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            metavar="N",
            help="Processes for --all and --sample (default: one a core, where it pays).",
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Judge a sealed verification again and say whether every byte is the same.

    Opens the store for reading only, also beside a running service. Exit code 7 when a stored
    thing no longer fits its seal or the verdict comes out differently; each is named. Evidence
    that was erased when its retention ended is said to be gone: exit code 4 for one verification
    or archive, no failure of --all and --sample. With one of the what-if options the answer is
    never stored and never a verdict.
    """
    del as_json
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for
    from verify.cli.reader import reader
    from verify.domain.errors import InputError

    supposed = _supposed(rules, scoring, as_of, without)
    wanted = (verification is not None, everything, sample is not None, bundle is not None)
    about_one = supposed is not None or sequence is not None
    if sum(wanted) != 1 or (about_one and verification is None):
        raise InputError(
            "give one verification's id, or --all, or --sample N, or --bundle FILE",
            where="command line",
            remedy="a sequence number or a what-if question is about one verification's id",
        )
    if bundle is not None:
        _replay_bundle(bundle)
        return
    logs.quiet()
    me = reader(purpose)
    with build(settings_for(home), worker=False, read_only=True) as system:
        if verification is None:
            _replay_many(system, me, None if everything else sample, seed, jobs)
        elif supposed is not None:
            _suppose(system, me, verification, supposed, sequence)
        else:
            _replay_one(system, me, verification, sequence)


def _supposed(
    rules: Path | None, scoring: Path | None, as_of: str | None, without: str
) -> Supposed | None:
    if rules is None and scoring is None and as_of is None and not without:
        return None
    import datetime as dt

    from verify.content import ContentSet
    from verify.domain.errors import InputError
    from verify.service.what_if import Supposed

    try:
        day = None if as_of is None else dt.date.fromisoformat(as_of)
    except ValueError:
        raise InputError("this is not a day", where="--as-of", remedy="write 2025-10-01") from None

    def content(kind: str, folder: Path | None) -> ContentSet | None:
        if folder is None:
            return None
        inside = folder / kind
        return ContentSet.of_folder(kind, inside if inside.is_dir() else folder)

    return Supposed(content("rules", rules), content("scoring", scoring), day, without)


def _replay_bundle(file: Path) -> None:
    from verify.cli.files import read_file
    from verify.cli.output import emit
    from verify.domain.canonical import plain
    from verify.domain.errors import Conflict, IntegrityError
    from verify.service.replay_bundle import replay_bundle

    results = replay_bundle(read_file(file))
    wrong = [result for result in results if result.divergent]
    erased = [result for result in results if result.erased is not None and not result.divergent]
    document = {
        "replayed": len(results),
        "identical": len(results) - len(wrong) - len(erased),
        "divergent": [plain(result) for result in wrong],
        "erased": [plain(result) for result in erased],
    }

    def show(console: Console) -> None:
        if not erased:
            _show_many(len(results), wrong, console)
        for result in erased:
            _show(result, console)

    emit(document, show)
    if wrong:
        raise typer.Exit(IntegrityError.exit_code)
    if erased:
        raise typer.Exit(Conflict.exit_code)


def _replay_one(system: System, me: Caller, verification: str, sequence: int | None) -> None:
    from verify.cli.output import emit
    from verify.domain.canonical import plain
    from verify.domain.errors import Conflict, IntegrityError

    result = system.replays.replay(verification, me, sequence)
    emit(plain(result), lambda console: _show(result, console))
    if result.divergent:
        raise typer.Exit(IntegrityError.exit_code)
    if result.erased is not None:
        raise typer.Exit(Conflict.exit_code)


def _replay_many(
    system: System, me: Caller, sample: int | None, seed: int, jobs: int | None
) -> None:
    from rich.progress import Progress

    from verify.cli.output import emit, err
    from verify.cli.replaying import replay_all
    from verify.domain.canonical import plain
    from verify.domain.errors import IntegrityError

    count = 0
    wrong: list[ReplayResult] = []
    erased: list[ReplayResult] = []
    with Progress(console=err(), transient=True) as progress:
        task = progress.add_task("replaying", total=None)
        for result in replay_all(system, me, sample, seed, jobs):
            count += 1
            progress.update(task, completed=count)
            if result.divergent:
                wrong.append(result)
            elif result.erased is not None:
                erased.append(result)
    document = {
        "replayed": count,
        "identical": count - len(wrong) - len(erased),
        "divergent": [plain(result) for result in wrong],
        "erased": [plain(result) for result in erased],
    }
    emit(document, lambda console: _show_many(count, wrong, console, erased))
    if wrong:
        raise typer.Exit(IntegrityError.exit_code)


def _suppose(
    system: System, me: Caller, verification: str, supposed: Supposed, sequence: int | None
) -> None:
    from verify.cli.output import emit
    from verify.domain.canonical import plain

    found = system.what_ifs.ask(verification, supposed, me, sequence)
    emit(plain(found), lambda console: _show_supposed(found, console))


def _show_many(
    count: int,
    wrong: list[ReplayResult],
    console: Console,
    erased: tuple[ReplayResult, ...] | list[ReplayResult] = (),
) -> None:
    from rich.text import Text

    if erased:
        console.print(
            Text(f"– {len(erased)} of {count} not replayed: their retention ended, they are erased")
        )
    if not wrong:
        if rest := count - len(erased):
            console.print(Text(f"✔ {rest} verdicts replayed: all byte-identical", "bold green"))
        elif not erased:
            console.print("– nothing was replayed: there is no verdict yet")
        return
    console.print(Text(f"✘ {len(wrong)} of {count} verdicts are not identical", "bold red"))
    for result in wrong:
        _show(result, console)


def _show_supposed(found: WhatIf, console: Console) -> None:
    from rich.text import Text

    head = f"{found.verification}  verdict {found.sequence}"
    console.print(Text.assemble(("what if  假设", "bold"), f"  {head}  (not a verdict, not kept)"))
    console.print(f"  sealed    {found.sealed['outcome']}")
    console.print(f"  supposed  {found.supposed['outcome']}")
    for difference in found.differences:
        console.print(Text.assemble(("  ≠ ", "yellow"), (difference.pointer or "/", "bold")))
        console.print(Text(f"      sealed    {difference.sealed}"))
        console.print(Text(f"      supposed  {difference.replayed}"))


def _show(result: ReplayResult, console: Console) -> None:
    from rich.text import Text

    head = f"{result.verification}  verdict {result.sequence}"
    if result.identical:
        console.print(
            Text.assemble(("✔ replayed: byte-identical  逐字节一致", "bold green"), f"  {head}")
        )
    elif not result.divergent:
        console.print(
            Text.assemble(("– not replayed: it was erased  证据已销毁", "bold"), f"  {head}")
        )
    else:
        console.print(Text.assemble(("✘ replayed: NOT identical  不一致", "bold red"), f"  {head}"))
    console.print(Text(f"  verdict {result.verdict_digest}", "dim"))
    console.print(Text(f"  trace   {result.trace_digest}", "dim"))
    console.print(
        Text(f"  sealed by {result.engine_sealed or '?'}, replayed by {result.engine_now}", "dim")
    )
    if (erased := result.erased) is not None:
        console.print(
            f"  erased {erased.at} (ledger entry {erased.entry}): "
            f"retention {erased.ground} of {erased.scope} had ended",
            soft_wrap=True,
            markup=False,
        )
        console.print(f"  gone: {', '.join(erased.gone)}", soft_wrap=True, markup=False)
        console.print("  the ledger still proves what was asked, answered and decided, and when")
    for fault in result.faults:
        console.print(Text.assemble(("  ✘ altered: ", "red"), (fault.thing, "bold")))
        console.print(Text(f"      {fault.reason}"))
    for difference in result.differences:
        console.print(Text.assemble(("  ≠ ", "red"), (difference.pointer or "/", "bold")))
        console.print(Text(f"      sealed    {difference.sealed}"))
        console.print(Text(f"      replayed  {difference.replayed}"))

"""`verify replay`: judge the sealed evidence again and compare every byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from verify.cli.options import Home, Json, Sequence, VerificationId

if TYPE_CHECKING:
    from rich.console import Console

    from verify.service.replay import ReplayResult


def replay(
    verification: VerificationId,
    sequence: Sequence = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Judge a sealed verification again and say whether every byte is the same.

    Opens the store for reading only, also beside a running service. Exit code 7 when a stored
    thing no longer fits its seal or the verdict comes out differently; each is named.
    """
    del as_json
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.domain.canonical import plain
    from verify.domain.errors import IntegrityError

    logs.quiet()
    with build(settings_for(home), worker=False, read_only=True) as system:
        result = system.replays.replay(verification, LOCAL, sequence)
    emit(plain(result), lambda console: _show(result, console))
    if not result.identical:
        raise typer.Exit(IntegrityError.exit_code)


def _show(result: ReplayResult, console: Console) -> None:
    from rich.text import Text

    head = f"{result.verification}  verdict {result.sequence}"
    if result.identical:
        console.print(
            Text.assemble(("✔ replayed: byte-identical  逐字节一致", "bold green"), f"  {head}")
        )
    else:
        console.print(Text.assemble(("✘ replayed: NOT identical  不一致", "bold red"), f"  {head}"))
    console.print(Text(f"  verdict {result.verdict_digest}", "dim"))
    console.print(Text(f"  trace   {result.trace_digest}", "dim"))
    console.print(
        Text(f"  sealed by {result.engine_sealed or '?'}, replayed by {result.engine_now}", "dim")
    )
    for fault in result.faults:
        console.print(Text.assemble(("  ✘ altered: ", "red"), (fault.thing, "bold")))
        console.print(Text(f"      {fault.reason}"))
    for difference in result.differences:
        console.print(Text.assemble(("  ≠ ", "red"), (difference.pointer or "/", "bold")))
        console.print(Text(f"      sealed    {difference.sealed}"))
        console.print(Text(f"      replayed  {difference.replayed}"))

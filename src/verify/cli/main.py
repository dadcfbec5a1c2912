"""`verify`: the command line. See docs/reference/cli.md.

Exit codes: 0 done (whatever the verdict says), 1 a fault of the program, 2 bad input,
3 not found, 4 conflict, 5 access, 6 overloaded or not in time, 7 stored data or a replay differs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from verify import __version__
from verify.cli import output
from verify.cli.commands import (
    access,
    assess,
    check,
    connectors,
    db,
    demo,
    explain,
    listing,
    openapi,
    replay,
    rules,
    serve,
    simulate,
)
from verify.domain.errors import VerifyError

EPILOGUE = (
    "Exit codes: 0 done (whatever the verdict says), 1 a fault of the program, 2 bad input, "
    "3 not found, 4 conflict, 5 access, 6 overloaded or not in time, 7 stored data or a replay "
    "differs from what was sealed."
)

app = typer.Typer(
    name="verify",
    help="Household economic-status verification (居民家庭经济状况核对): from an application to "
    "a sealed, explainable, replayable means-test verdict.",
    epilog=EPILOGUE,
    no_args_is_help=True,
    add_completion=False,
    # Plain help: importing the panel renderer would double the start-up time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"verify {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Household economic-status verification (居民家庭经济状况核对)."""
    del version


app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("assess")(assess.assess)
app.command("replay")(replay.replay)
app.command("explain")(explain.explain)
app.command("list")(listing.list_verifications)
app.command("serve")(serve.serve)
app.add_typer(simulate.app, name="simulate")
app.add_typer(connectors.app, name="connectors")
app.add_typer(rules.app, name="rules")
app.add_typer(access.app, name="access")
app.add_typer(db.app, name="db")
app.command("openapi")(openapi.openapi)


def main() -> None:
    """Run a command; every expected error ends in its own exit code, without a traceback."""
    output.speak_utf8()
    try:
        app()
    except VerifyError as error:
        sys.exit(output.fail(error))
    except BrokenPipeError:
        # The reader of our output went away (`verify list | head`): nothing is wrong.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last net before a traceback
        sys.exit(output.fail_unexpected(error))


if __name__ == "__main__":
    main()

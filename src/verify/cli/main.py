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
    audit,
    check,
    connectors,
    db,
    demo,
    explain,
    listing,
    match_tuning,
    openapi,
    replay,
    rules,
    serve,
    simulate,
    witness,
)
from verify.domain.errors import InputError, VerifyError

INTERRUPTED = 130

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


app.command("demo", short_help="See a family verified, step by step.")(demo.demo)
app.command("check", short_help="Verify households, here and now.")(check.check)
app.command("assess", short_help="Apply the rules to given facts.")(assess.assess)
app.command("replay", short_help="Judge a sealed verdict again.")(replay.replay)
app.command("explain", short_help="A verdict in plain sentences.")(explain.explain)
app.command("list", short_help="The verifications, newest first.")(listing.list_verifications)
app.command("serve", short_help="API, console and worker.")(serve.serve)
app.add_typer(simulate.app, name="simulate", short_help="The simulated departments.")
app.add_typer(connectors.app, name="connectors", short_help="The sources, and whether they answer.")
app.add_typer(match_tuning.app, name="match", short_help="Who is who, why, and how sure.")
app.add_typer(rules.app, name="rules", short_help="Lint the law, run its cases.")
app.add_typer(access.app, name="access", short_help="API keys and tokens.")
app.add_typer(audit.app, name="audit", short_help="Checkpoints, proofs, archives.")
app.command("witness", short_help="Cosign a log's checkpoints.")(witness.witness)
app.add_typer(db.app, name="db", short_help="Upgrade and check the database.")
app.command("openapi", short_help="The API description.")(openapi.openapi)


def main() -> None:
    """Run a command; every expected error ends in its own exit code, without a traceback."""
    output.speak_utf8()
    sys.exit(_run())


def _run() -> int:
    try:
        return app(prog_name="verify", standalone_mode=False) or 0
    except VerifyError as error:
        return output.fail(error)
    except typer.TyperException as error:
        return _wrong_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        output.note("stopped", "yellow")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`verify list | head`): nothing is wrong.
        sys.stderr.close()
        return 0
    except Exception as error:  # noqa: BLE001 - the last net before a traceback
        return output.fail_unexpected(error)


def _wrong_usage(error: typer.TyperException) -> int:
    """A wrong option or argument, told like every other bad input."""
    text = error.format_message()
    if "Usage:" in text:  # no command was given: the text is the help page
        sys.stderr.write(f"{text}\n")
        return InputError.exit_code
    # The parser stops before it has seen every option.
    output.use_json("--json" in sys.argv)
    return output.fail(InputError(text, where="command line", remedy="see --help of the command"))


if __name__ == "__main__":
    main()

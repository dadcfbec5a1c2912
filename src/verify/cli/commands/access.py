"""`verify access`: API keys and tokens of this installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Home, Json
from verify.domain.access import RoleName

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]

app = typer.Typer(help="API keys and bearer tokens of this installation.")

Roles = Annotated[
    list[RoleName],
    typer.Option("--role", metavar="ROLE", help="What the holder may do; may be given repeatedly."),
]
Regions = Annotated[
    list[str],
    typer.Option(
        "--region",
        metavar="CODE",
        help="GB/T 2260 code whose subtree the holder sees, or * for all; may be repeated.",
    ),
]


@app.command("create-key")
def create_key(
    role: Roles,
    region: Regions,
    label: Annotated[str, typer.Option(metavar="TEXT", help="Who holds the key; shown in lists.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make an API key and print it, once: only its hash is stored.

    The embedded database has one writer: stop a service that runs on it first.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit, note
    from verify.service import access
    from verify.service.clock import now_ms
    from verify.store import Store

    settings = settings_for(home)
    settings.home.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.resolved_database_url) as store:
        key = access.create_key(store, label=label, roles=role, regions=region, now=now_ms())
    emit(
        {"key": key, "roles": [r.value for r in role], "regions": region, "label": label},
        lambda console: console.print(key, soft_wrap=True),
    )
    note("Keep it safe: it cannot be shown again. Use: Authorization: Bearer <key>")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="Id of the key, not the key.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """End a key at once. Repeating it is no error."""
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.service.clock import now_ms
    from verify.store import Store

    with Store.open(settings_for(home).resolved_database_url) as store:
        store.revoke_key(key_id, now_ms())
    emit({"revoked": key_id}, lambda console: console.print(f"✔ {key_id} is revoked"))


@app.command("list")
def list_keys(home: Home = None, as_json: Json = False) -> None:
    """List the keys: who holds them, what they may do, since when. Never the keys themselves."""
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.service.clock import iso
    from verify.store import Store

    with Store.open(settings_for(home).resolved_database_url, read_only=True) as store:
        rows = store.keys()
    document: Plain = {
        "keys": [
            {
                "key_id": k.key_id,
                "label": k.label,
                "roles": list(k.roles),
                "regions": list(k.regions),
                "created_at": iso(k.created_at),
                "revoked_at": iso(k.revoked_at) if k.revoked_at is not None else None,
            }
            for k in rows
        ]
    }
    emit(document, lambda console: _show(document["keys"], console))


@app.command()
def token(
    role: Roles,
    region: Regions,
    *,
    subject: Annotated[
        str, typer.Option(metavar="TEXT", help="Whom the token speaks for (`sub`).")
    ] = "demo",
    minutes: Annotated[
        int, typer.Option(min=1, max=1440, metavar="N", help="How long it holds.")
    ] = 30,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Mint a bearer token (JWT) with this installation's own signing key, made on first use.

    For trials: in production an identity provider mints tokens, and VERIFY_JWKS_FILE names its
    public keys.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.keys import signing_key
    from verify.cli.output import emit, note
    from verify.service.access import mint_token
    from verify.service.clock import now_ms

    check_regions(region)
    settings = settings_for(home)
    key = signing_key(settings.home)
    text = mint_token(
        key,
        settings,
        subject=subject,
        roles=role,
        regions=region,
        now=now_ms(),
        seconds=minutes * 60,
    )
    emit(
        {"token": text, "subject": subject, "minutes": minutes, "jwks_file": str(key.jwks_file)},
        lambda console: console.print(text, soft_wrap=True),
    )
    if settings.jwks_file is None:
        note(f"The service accepts it when it runs with VERIFY_JWKS_FILE={key.jwks_file}")


def check_regions(regions: list[str]) -> None:
    """Refuse what is neither a six-digit code nor `*`.

    Raises:
        InputError: names the option.
    """
    from verify.domain.errors import InputError, Problem

    for code in regions:
        if code != "*" and not (len(code) == 6 and code.isascii() and code.isdigit()):
            raise InputError(
                "a region is a six-digit GB/T 2260 code, or *",
                problems=(
                    Problem("--region", "region-code", "is not such a code.", "Give e.g. 310000."),
                ),
            )


def _show(keys: list[Plain], console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not keys:
        console.print(Text("no key yet; `verify access create-key` makes one", "dim"))
        return
    table = Table(box=box.SIMPLE_HEAD, border_style="dim")
    for name in ("key id", "label", "roles", "regions", "since", "state"):
        table.add_column(name)
    for key in keys:
        revoked = key["revoked_at"]
        table.add_row(
            key["key_id"],
            key["label"],
            ", ".join(key["roles"]),
            ", ".join(key["regions"]),
            key["created_at"][:10],
            Text(f"✘ revoked {revoked[:10]}", "red") if revoked else Text("✔ valid", "green"),
        )
    console.print(table)

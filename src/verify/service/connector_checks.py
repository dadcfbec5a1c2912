"""Is a changed declaration fit to be used? It loads, stays on its hosts, passes its contract.

Every fault has its place (`file:line`) and says what to do. Nothing is sent to any source.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.connectors import Connectors, Declaration, read_declaration
from verify.connectors.contract_checks import contract_of
from verify.connectors.egress import Egress
from verify.connectors.opening import secrets_of
from verify.connectors.recordings import recordings_of
from verify.content import ContentSet, Document
from verify.domain.errors import ContentError, Problem

Plain = dict[str, Any]
MOST_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """What is wrong with a draft: where (`file:line`), a stable code, why, what to do."""

    where: str
    code: str
    what: str
    remedy: str

    def plain(self) -> Plain:
        """As data."""
        return {"where": self.where, "code": self.code, "what": self.what, "remedy": self.remedy}

    def problem(self) -> Problem:
        """As a problem of the field that holds the draft."""
        field = "/replies" if self.where.startswith("replies/") else "/declaration"
        return Problem(field, self.code, f"{self.where}: {self.what}", self.remedy)


@dataclass(frozen=True)
class DraftChecks:
    """What was found. `declaration` is None where the draft does not load."""

    declaration: Declaration | None
    faults: tuple[Fault, ...]
    contract: int

    @property
    def passed(self) -> bool:
        """Whether it may be proposed and approved."""
        return not self.faults

    def summary(self) -> Plain:
        """The numbers."""
        return {"faults": len(self.faults), "contract": self.contract, "passed": self.passed}


def check_draft(
    source: str,
    text: str,
    replies: str | None,
    others: Connectors,
    environment: Mapping[str, str],
) -> DraftChecks:
    """Check the text of a declaration against its recorded `replies` and the present sources.

    `environment` says where requests may go and for which host each secret was given, as it does
    for the asking itself; secrets are not read.
    """
    path = f"{source}.yaml"
    content = ContentSet("connectors", {path: text})
    try:
        declaration = read_declaration(content, path)
    except ContentError as error:
        return DraftChecks(None, (not_loading(error),), 0)
    document = content.document(path)
    faults = [*_reach(declaration, document, others, environment)]
    contract, broken = _contract(declaration, content, document, replies)
    return DraftChecks(declaration, tuple([*faults, *broken][:MOST_FAULTS]), contract)


def not_loading(error: ContentError) -> Fault:
    """The fault of a draft that does not load."""
    remedy = error.remedy or "correct the named line; docs/reference/connectors.md has every field"
    return Fault(error.where, "does-not-load", error.reason, remedy)


# -- where it goes, and with whose secrets ----------------------------------------------------


def _reach(
    declaration: Declaration,
    document: Document,
    others: Connectors,
    environment: Mapping[str, str],
) -> Iterator[Fault]:
    endpoint = declaration.endpoint
    egress = Egress.from_environment(environment)
    if endpoint.default:
        # Checked also where the environment gives another address: elsewhere it may not.
        try:
            egress.target(endpoint.default, document.where(("endpoint", "default")))
        except ContentError as error:
            yield Fault(error.where, "address-not-allowed", error.reason, error.remedy)
            return
    taken = _addresses(others, without=declaration.id)
    names = [(("endpoint", "env"), endpoint.env)]
    if declaration.second is not None:
        names.append((("second", "env"), declaration.second.env))
    for place, name in names:
        where = document.where(place)
        if name in taken:
            yield Fault(
                where,
                "anothers-address",
                f"{name} is the address of the source {taken[name]}",
                "name an environment variable of this source's own",
            )
            continue
        yield from _secrets(declaration, document, (where, name), egress, environment)


def _addresses(others: Connectors, without: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in others.sources:
        declared = others.declaration(source)
        if source != without:
            found[declared.endpoint.env] = source
            if declared.second is not None:
                found[declared.second.env] = source
    return found


def _secrets(
    declaration: Declaration,
    document: Document,
    address: tuple[str, str],
    egress: Egress,
    environment: Mapping[str, str],
) -> Iterator[Fault]:
    """Whether each secret was given for the host behind one address."""
    where, env = address
    try:
        secrets = secrets_of(declaration, environment, egress, env)
    except ContentError as error:
        yield Fault(where, "address-not-allowed", error.reason, error.remedy)
        return
    first = env == declaration.endpoint.env
    known = bool(environment.get(env) or (first and declaration.endpoint.default))
    family = env.removesuffix("URL")
    for place, name in _references(declaration.model_dump(mode="python")):
        # By name where this machine knows no address, by the binding itself where it does.
        own = name.startswith(family) or bool(environment.get(f"{name}_HOST"))
        if (first and not own) or (known and not secrets.given_for_here(name)):
            yield Fault(
                document.where(place),
                "secret-of-another-host",
                f"{name} was not given for the host that this source is at",
                f"name a secret of this source ({family}...), or have whoever runs the machine "
                f"set {name}_HOST",
            )


def _references(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Every reference to a secret, `{env: NAME}`, with its place."""
    if isinstance(value, dict):
        if value.keys() == {"env"} and isinstance(value["env"], str):
            yield place, value["env"]
            return
        for key, child in value.items():
            if (*place, key) != ("second",):
                yield from _references(child, (*place, key))
    elif isinstance(value, list | tuple):
        for number, child in enumerate(value):
            yield from _references(child, (*place, number))


# -- what it makes of recorded answers --------------------------------------------------------


def _contract(
    declaration: Declaration, content: ContentSet, document: Document, replies: str | None
) -> tuple[int, list[Fault]]:
    """Run the contract; how many checks there were, and those that failed."""
    source = declaration.id
    name = f"replies/{source}/replies.yaml"
    if replies is None:
        missing = Fault(
            document.where(("answer",)),
            "no-recorded-replies",
            "there are no recorded replies to check it against",
            "give a file of recorded replies with it (docs/tutorials/new-source.md)",
        )
        return 0, [missing]
    try:
        recorded = recordings_of(name, replies)
    except ContentError as error:
        remedy = error.remedy or "correct the named line"
        return 0, [Fault(error.where, "replies-unreadable", error.reason, remedy)]
    faults: list[Fault] = []
    count = 0
    connectors = Connectors({source: declaration}, content.digest)
    with tempfile.TemporaryDirectory(prefix="verify-contract-") as folder:
        file = Path(folder) / source / "replies.yaml"
        file.parent.mkdir()
        file.write_text(replies, encoding="utf-8")
        for title, run in contract_of(connectors, Path(folder), recorded):
            count += 1
            try:
                run()
            except Exception as error:  # noqa: BLE001 - whatever a draft leads to is its fault
                faults.append(_broken(document.where(("answer",)), title, error))
    return count, faults


def _broken(where: str, title: str, error: Exception) -> Fault:
    why = str(error) if isinstance(error, AssertionError | ContentError) else type(error).__name__
    return Fault(
        where,
        "contract",
        f"{title}: {why}"[:400],
        "correct the mapping, or give recorded replies that show what the source answers now",
    )

"""Read what people hand to a command: applications and given households, JSON or YAML.

The same strict reading as at the API: size, depth, duplicate keys, NaN. Every fault names the
field by JSON pointer (and the line, where the file is YAML), the reason and the remedy; never
the value, which may be personal data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from verify.api.body import field_problems, parse
from verify.content import parse_yaml
from verify.domain.errors import ContentError, InputError, TooLarge, VerifyError

if TYPE_CHECKING:
    from verify.service.intake import ApplicationIn

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class InputFile:
    """A parsed file: its name as given, its value, and the line of each place where known."""

    name: str
    value: Any
    lines: Mapping[Loc, int] = field(default_factory=dict)
    base: Loc = ()

    def inner(self, key: str) -> InputFile:
        """The value under `key`, with places still pointing into the same file."""
        return replace(self, value=self.value[key], base=(*self.base, key))

    def line(self, pointer: str) -> int | None:
        """The line of a JSON pointer, or of its nearest enclosing place."""
        loc = (*self.base, *_loc(pointer))
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc)

    def located(self, error: InputError) -> InputError:
        """The same error with file and lines, so that a person can open the place."""
        if not self.lines and error.where:
            return error
        problems = tuple(
            replace(p, reason=f"line {line}: {p.reason}") if (line := self.line(p.pointer)) else p
            for p in error.problems
        )
        where = f"{self.name}: {error.where}" if error.where else self.name
        return type(error)(error.reason, where=where, remedy=error.remedy, problems=problems)


def read_file(name: str, limit: int) -> InputFile:
    """Read a JSON or YAML file, or standard input where `name` is `-`.

    Raises:
        InputError: no such file, not UTF-8, not JSON or YAML, nested too deep, a key twice.
        TooLarge: the file is over `limit` bytes.
    """
    data = _read_bytes(name, limit)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file is not UTF-8 text (byte {error.start})",
            where=name,
            remedy="save it as UTF-8",
        ) from None
    if name.endswith(".json") or text.lstrip()[:1] in ("{", "["):
        return InputFile(name, _read_json(name, data))
    try:
        document = parse_yaml(name, text)
    except ContentError as error:
        remedy = error.remedy or "correct that place and run the command again"
        raise InputError(error.reason, where=error.where, remedy=remedy) from None
    return InputFile(name, document.value, document.lines)


def _read_json(name: str, data: bytes) -> Any:
    try:
        return parse(data)
    except VerifyError as error:
        raise InputError(
            "the file cannot be read as JSON; nothing was stored",
            where=name,
            remedy="correct the named place and run the command again",
            problems=error.problems,
        ) from None


def _read_bytes(name: str, limit: int) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as stream:
                data = stream.read(limit + 1)
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})",
            where=name,
            remedy="check the path and its permissions",
        ) from None
    if len(data) > limit:
        raise TooLarge(
            f"the file is over {limit:,} bytes; nothing was stored",
            where=name,
            remedy="an application is a few kilobytes: check that this is the right file",
        )
    return data


def read_application_file(name: str, limit: int) -> tuple[InputFile, ApplicationIn]:
    """An application, or the application inside a household fixture.

    Raises:
        InputError: see `read_file` and `validated`.
    """
    from verify.service.clock import day_of, now_ms
    from verify.service.intake import ApplicationIn, read_application

    found = read_file(name, limit)
    if isinstance(found.value, dict) and "application" in found.value:
        found = found.inner("application")
    body = validated(found, ApplicationIn)
    try:
        # What a schema cannot check; the service checks it again when it accepts.
        read_application(body, day_of(now_ms()))
    except InputError as error:
        raise found.located(error) from None
    return found, body


def read_given_file(name: str, limit: int, kind: type[M]) -> list[tuple[InputFile, M]]:
    """Given households: one, a list of them, or a list under `households`."""
    found = read_file(name, limit)
    if isinstance(found.value, dict) and "households" in found.value:
        found = found.inner("households")
    if not isinstance(found.value, list):
        return [(found, validated(found, kind))]
    items = [
        replace(found, value=value, base=(*found.base, i)) for i, value in enumerate(found.value)
    ]
    return [(item, validated(item, kind)) for item in items]


def validated(found: InputFile, kind: type[M]) -> M:
    """The value as a model: JSON as strictly as the API reads it, YAML scalars from text.

    Raises:
        InputError: one problem per fault, with pointer, line, reason and remedy.
    """
    try:
        if found.lines:
            return kind.model_validate(found.value)
        return TypeAdapter(kind).validate_json(json.dumps(found.value), strict=True)
    except ValidationError as error:
        problems = tuple(field_problems(error))
        raise found.located(
            InputError(
                f"the file has {len(problems)} fault(s); nothing was stored",
                remedy="correct the named fields and run the command again",
                problems=problems,
            )
        ) from None


def _loc(pointer: str) -> Loc:
    parts = pointer.split("/")[1:]
    return tuple(int(p) if p.isdigit() else p.replace("~1", "/").replace("~0", "~") for p in parts)

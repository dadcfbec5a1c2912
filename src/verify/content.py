"""Read content folders (connectors, rules, scoring): strict YAML, `file:line`, one digest a set.

YAML's own typing is a trap (`no` is False, `0555` is 365, `2024-07-01` a date or a text), so all
scalars are read as text and typed by Pydantic models. Duplicate keys, anchors, aliases, tags and
deep nesting are refused. The text of every set that judged is kept, so a set can be rebuilt from
its stored form (`ContentSet.from_blob`) years later.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from yaml import CSafeLoader, MappingNode, MarkedYAMLError, Node, ScalarNode, SequenceNode
from yaml import compose as compose_yaml
from yaml import parse as parse_events
from yaml.events import AliasEvent, Event

from verify.domain.canonical import canonical_bytes, digest
from verify.domain.errors import ContentError

MAX_FILE_BYTES = 512_000
MAX_DEPTH = 24
_NULLS = {"", "~", "null"}

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML file as plain text values, with the line of every node."""

    path: str
    value: Any
    lines: Mapping[Loc, int]

    def where(self, loc: Loc = ()) -> str:
        """`file:line` of a place, or of its nearest enclosing node."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return f"{self.path}:{self.lines.get(loc, 1)}"

    def model(self, kind: type[M]) -> M:
        """Validate into a Pydantic model; every fault is reported with its line."""
        try:
            return kind.model_validate(self.value)
        except ValidationError as error:
            faults = [
                f"{self.where(e['loc'])}: {'.'.join(map(str, e['loc']))}: {e['msg']}"
                for e in error.errors(include_url=False, include_input=False)
            ]
            raise ContentError(
                f"does not fit {kind.__name__}: " + "; ".join(faults),
                where=self.where(error.errors()[0]["loc"]),
                remedy="correct the named lines; docs/reference/ describes every field",
            ) from None


def parse_yaml(path: str, text: str) -> Document:
    """Read strict YAML (see the module text).

    Raises:
        ContentError: with `file:line`, for anything the strict form does not allow.
    """
    if len(text.encode("utf-8")) > MAX_FILE_BYTES:
        raise ContentError(f"the file is over {MAX_FILE_BYTES} bytes", where=path)
    try:
        for event in parse_events(text, Loader=CSafeLoader):
            if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
                raise ContentError(
                    "anchors and aliases are not allowed",
                    where=f"{path}:{_line(event)}",
                    remedy="write the value out where it is used",
                )
            if getattr(event, "tag", None):
                raise ContentError(
                    "tags are not allowed",
                    where=f"{path}:{_line(event)}",
                    remedy="leave the tag out; models type the values",
                )
        node = compose_yaml(text, Loader=CSafeLoader)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContentError(f"not YAML: {error.problem}", where=f"{path}:{line}") from None
    if node is None:
        raise ContentError("the file is empty", where=path)
    lines: dict[Loc, int] = {}
    return Document(path, _value(path, node, (), lines), lines)


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _value(path: str, node: Node, loc: Loc, lines: dict[Loc, int]) -> Any:
    line = node.start_mark.line + 1
    lines[loc] = line
    if len(loc) > MAX_DEPTH:
        raise ContentError(f"nested deeper than {MAX_DEPTH}", where=f"{path}:{line}")
    if isinstance(node, ScalarNode):
        plain = node.style in (None, "")
        return None if plain and node.value in _NULLS else str(node.value)
    if isinstance(node, SequenceNode):
        return [_value(path, child, (*loc, i), lines) for i, child in enumerate(node.value)]
    if not isinstance(node, MappingNode):
        raise ContentError(f"unexpected {type(node).__name__}", where=f"{path}:{line}")
    result: dict[str, Any] = {}
    for key_node, child in node.value:
        key = str(key_node.value)
        if not isinstance(key_node, ScalarNode) or key in result:
            raise ContentError(
                f"the key {key!r} is given twice or is not text",
                where=f"{path}:{key_node.start_mark.line + 1}",
                remedy="keep one of them",
            )
        result[key] = _value(path, child, (*loc, key), lines)
    return result


@dataclass(frozen=True)
class ContentSet:
    """All files of one content folder, by relative path, as text."""

    kind: str
    files: Mapping[str, str] = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """Digest of all paths and texts: the version of the set."""
        return digest({"kind": self.kind, "files": dict(self.files)})

    @classmethod
    def load(cls, kind: str, root: Path | None = None) -> ContentSet:
        """Read `<root>/<kind>/**/*.yaml`; `root` defaults to `content_root()`."""
        folder = (root or content_root()) / kind
        if not folder.is_dir():
            raise ContentError("no such content folder", where=str(folder))
        files = {
            p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8")
            for p in sorted(folder.rglob("*.yaml"))
        }
        return cls(kind, files)

    def to_blob(self) -> bytes:
        """Canonical bytes; `digest_bytes(to_blob())` equals `digest`."""
        return canonical_bytes({"kind": self.kind, "files": dict(self.files)})

    @classmethod
    def from_blob(cls, blob: bytes) -> ContentSet:
        """Rebuild a set from its stored form."""
        data = json.loads(blob)
        return cls(data["kind"], data["files"])

    def document(self, path: str) -> Document:
        """One file, parsed."""
        return parse_yaml(f"{self.kind}/{path}", self.files[path])


def content_root() -> Path:
    """Where the content folders are: `VERIFY_CONTENT`, the installed package, or the checkout."""
    if configured := os.environ.get("VERIFY_CONTENT"):
        return Path(configured)
    packaged = Path(__file__).parent / "_content"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]

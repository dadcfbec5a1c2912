"""Read content folders (connectors, rules, scoring): strict YAML, `file:line`, one digest a set.

YAML's own typing is a trap (`no` is False, `0555` is 365, `2024-07-01` a date or a text), so all
scalars are read as text and typed by Pydantic models. Duplicate keys, anchors, aliases, tags and
deep nesting are refused. The text of every set that judged is kept, so a set can be rebuilt from
its stored form (`ContentSet.from_blob`) years later.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from yaml import (
    CSafeLoader,
    MappingNode,
    MarkedYAMLError,
    Node,
    ScalarNode,
    SequenceNode,
    YAMLError,
)
from yaml import compose as compose_yaml
from yaml import parse as parse_events
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event

from verify.domain.canonical import canonical_bytes, digest
from verify.domain.errors import ContentError

MAX_FILE_BYTES = 512_000
MAX_DEPTH = 24
MAX_NODES = 40_000
_NULLS = {"", "~", "null"}

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]


Report = Callable[[ContentError], None]
"""What happens to a fault: raised (the default), or noted so that the next one is seen too."""


def _raise(error: ContentError) -> None:
    raise error


@dataclass(frozen=True)
class Document:
    """A YAML file as plain text values, with the line of every node.

    Whoever reads it tells faults to `report`: the first one is raised, unless every one is noted.
    """

    path: str
    value: Any
    lines: Mapping[Loc, int]
    report: Report = field(default=_raise, repr=False, compare=False)

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


def parse_yaml(path: str, text: str, report: Report = _raise) -> Document:
    """Read strict YAML (see the module text).

    `report` is told of every fault. Duplicate keys are read over (the first counts); after any
    other fault there is no document.

    Raises:
        ContentError: with `file:line`, for anything the strict form does not allow.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
        raise ContentError(f"the file is over {MAX_FILE_BYTES} bytes", where=path)
    try:
        faults = _event_faults(path, text)
        if faults:
            for fault in faults[:-1]:
                report(fault)
            raise faults[-1]
        node = compose_yaml(text, Loader=CSafeLoader)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContentError(f"not YAML: {error.problem}", where=f"{path}:{line}") from None
    except (YAMLError, UnicodeError):
        raise ContentError(
            "not YAML: it holds characters YAML does not allow", where=path
        ) from None
    if node is None:
        raise ContentError("the file is empty", where=path)
    lines: dict[Loc, int] = {}
    return Document(path, _value(_Reading(path, lines, report), node, ()), lines, report)


def _event_faults(path: str, text: str) -> list[ContentError]:
    """What the strict form does not allow, found before anything is built from the text.

    Stops at once where the text nests too deep or has too many nodes: libyaml needs a time that
    grows with the square of the depth.
    """
    faults: list[ContentError] = []
    depth = 0
    for number, event in enumerate(parse_events(text, Loader=CSafeLoader)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        where = f"{path}:{_line(event)}"
        if depth > MAX_DEPTH:
            return [*faults, ContentError(f"nested deeper than {MAX_DEPTH}", where=where)]
        if number > MAX_NODES:
            return [*faults, ContentError(f"over {MAX_NODES} values and keys", where=where)]
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            faults.append(
                ContentError(
                    "anchors and aliases are not allowed",
                    where=where,
                    remedy="write the value out where it is used",
                )
            )
        if getattr(event, "tag", None):
            faults.append(
                ContentError(
                    "tags are not allowed",
                    where=where,
                    remedy="leave the tag out; models type the values",
                )
            )
    return faults


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


@dataclass(frozen=True)
class _Reading:
    """A file under way: where the lines are noted, and who is told of faults."""

    path: str
    lines: dict[Loc, int]
    report: Report


def _value(reading: _Reading, node: Node, loc: Loc) -> Any:
    line = node.start_mark.line + 1
    reading.lines.setdefault(loc, line)
    if isinstance(node, ScalarNode):
        plain = node.style in (None, "")
        return None if plain and node.value in _NULLS else str(node.value)
    if isinstance(node, SequenceNode):
        return [_value(reading, child, (*loc, i)) for i, child in enumerate(node.value)]
    if not isinstance(node, MappingNode):
        raise ContentError(f"unexpected {type(node).__name__}", where=f"{reading.path}:{line}")
    result: dict[str, Any] = {}
    for key_node, child in node.value:
        key = str(key_node.value)
        if not isinstance(key_node, ScalarNode) or key in result:
            reading.report(
                ContentError(
                    f"the key {key[:80]!r} is given twice or is not text",
                    where=f"{reading.path}:{key_node.start_mark.line + 1}",
                    remedy="keep one of them",
                )
            )
            continue
        # A fault in a block is one of its key: that is the line a reader looks for.
        reading.lines[(*loc, key)] = key_node.start_mark.line + 1
        result[key] = _value(reading, child, (*loc, key))
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
        return cls.of_folder(kind, (root or content_root()) / kind)

    @classmethod
    def of_folder(cls, kind: str, folder: Path) -> ContentSet:
        """Read `<folder>/**/*.yaml`.

        Raises:
            ContentError: there is no such folder, or a file is not UTF-8 text.
        """
        if not folder.is_dir():
            raise ContentError("no such content folder", where=str(folder))
        files = {}
        for path in sorted(folder.rglob("*.yaml")):
            name = path.relative_to(folder).as_posix()
            try:
                files[name] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise ContentError(
                    "the file is not UTF-8 text", where=f"{kind}/{name}", remedy="save it as UTF-8"
                ) from None
        return cls(kind, files)

    def to_blob(self) -> bytes:
        """Canonical bytes; `digest_bytes(to_blob())` equals `digest`."""
        return canonical_bytes({"kind": self.kind, "files": dict(self.files)})

    @classmethod
    def from_blob(cls, blob: bytes) -> ContentSet:
        """Rebuild a set from its stored form."""
        data = json.loads(blob)
        return cls(data["kind"], data["files"])

    def document(self, path: str, report: Report = _raise) -> Document:
        """One file, parsed; `report` as in `parse_yaml`."""
        return parse_yaml(f"{self.kind}/{path}", self.files[path], report)


def content_root() -> Path:
    """Where the content folders are: `VERIFY_CONTENT`, the installed package, or the checkout."""
    if configured := os.environ.get("VERIFY_CONTENT"):
        return Path(configured)
    packaged = Path(__file__).parent / "_content"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]

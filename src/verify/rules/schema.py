"""JSON Schemas of the files under rules/, for editors, made from the models that read them.

A YAML editor types scalars by YAML 1.2 (`12` is a number, `yes` a text), while our reader takes
every scalar as text and lets the models type it. The schemas are widened by just that: wherever a
text, a number or a truth is expected, its unquoted form is accepted too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from verify.rules import grammar
from verify.rules.cases import CasesM

Plain = dict[str, Any]

_MODELS: Mapping[str, tuple[type[BaseModel], str, str]] = {
    "rulebook": (grammar.RulebookM, "A rulebook", "rules/*/[0-9A-Z]*/*.yaml"),
    "regions": (grammar.RegionsM, "The region table", "rules/regions.yaml"),
    "wording": (grammar.WordingM, "The words of questions", "rules/wording.yaml"),
    "cases": (CasesM, "Golden cases", "rules/*/*/cases/**/*.yaml"),
}


def schemas() -> dict[str, Plain]:
    """A JSON Schema (2020-12) per kind of file, by its name."""
    found = {}
    for name, (model, title, files) in _MODELS.items():
        schema = _widened(model.model_json_schema(by_alias=True, mode="validation"))
        found[name] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **schema,
            "title": f"{title} ({files})",
        }
    return found


def editor_settings(folder: str = "api/schemas") -> dict[str, str]:
    """What to put under `yaml.schemas` of an editor: schema file to the files it is for."""
    return {f"./{folder}/{name}.schema.json": files for name, (_, _, files) in _MODELS.items()}


def _widened(node: Any) -> Any:
    if isinstance(node, list):
        return [_widened(n) for n in node]
    if not isinstance(node, dict):
        return node
    return _unquoted({k: _widened(v) for k, v in node.items()})


def _unquoted(node: Plain) -> Plain:
    """A scalar's schema, widened to what an editor takes the unquoted text for."""
    kind, words = node.get("type"), {node.get("const"), *node.get("enum", ())}
    if kind == "boolean":
        return {**_bare(node), "enum": [True, False, "yes", "no", "true", "false"]}
    if words & {"true", "false"}:
        return {**_bare(node), "enum": [*sorted(w for w in words if w), True, False]}
    if kind == "integer":
        return {**node, "type": ["integer", "string"]}
    if kind == "string" and words == {None}:
        return {**node, "type": ["string", "number"]}
    return node


def _bare(node: Plain) -> Plain:
    return {k: v for k, v in node.items() if k not in ("type", "const", "enum")}

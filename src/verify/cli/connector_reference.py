"""docs/reference/connectors.md, made from the models that read the YAML.

python -m verify.cli.connector_reference > docs/reference/connectors.md
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from verify.connectors import auths, declaration, grammar, protocols
from verify.connectors.functions import FUNCTIONS

_HEAD = """# The declaration of a source

Every field of `connectors/<id>.yaml`. Made from the models that read it by
`python -m verify.cli.connector_reference > docs/reference/connectors.md`; a test keeps the two
equal. [A new source in two files](../tutorials/new-source.md) uses it; `verify connectors preview`
shows what a declaration makes of an answer.
"""

_PARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Declaration", "declaration", (
        "Declaration", "Titles", "Purpose", "Source", "Endpoint", "Second", "Timing",
        "BreakerSpec", "Limits", "Freshness",
    )),
    ("Drivers", "protocols", (
        "Query", "Paged", "Gateway", "Job", "XRoad", "DciSearch", "FileDrop", "Archive",
        "SqlView", "SecretRef",
    )),
    ("Credentials", "auths", (
        "NoAuth", "ApiKey", "Basic", "OAuth2", "Hmac", "Signed", "MutualTls", "SftpKey",
    )),
    ("The answer", "grammar", (
        "AnswerSpec", "OutcomeField", "DayField", "Echo", "Paging", "Payload", "Table",
        "TableColumn", "Indicator", "Section", "RowSubject", "ListSubjects", "JointSubjects",
        "Unique", "Range", "RecordSpec", "ValueSpec", "Split", "Condition",
    )),
    ("Expectations", "grammar", ("Expectations", "Share", "Fill", "Magnitude")),
)  # fmt: skip
_MODULES = {
    "auths": auths,
    "declaration": declaration,
    "grammar": grammar,
    "protocols": protocols,
}


def document() -> str:
    """The whole page."""
    lines = [_HEAD]
    for title, module, names in _PARTS:
        lines.append(f"## {title}\n")
        for name in names:
            lines += _model(getattr(_MODULES[module], name))
    lines.append("## Named functions\n")
    lines.append("From text to text, at most one for a value; for what the grammar cannot say.\n")
    lines += ["| name | what it does |", "|---|---|"]
    lines += [f"| `{n}` | {_cell(inspect.getdoc(f) or '')} |" for n, f in sorted(FUNCTIONS.items())]
    return "\n".join(lines) + "\n"


def _model(model: type[BaseModel]) -> Iterator[str]:
    yield f"### {model.__name__}\n"
    yield (inspect.getdoc(model) or "") + "\n"
    yield "| field | form | without it |"
    yield "|---|---|---|"
    for name, field in model.model_fields.items():
        if name == "digest":
            continue  # computed from the text of the file
        default = field.get_default(call_default_factory=False)
        absent = "needed" if field.is_required() else _default(default)
        yield f"| `{field.alias or name}` | {_cell(_type(field.annotation))} | {absent} |"
    yield ""


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined or value in ("", (), {}):
        return ""
    if isinstance(value, BaseModel):
        return "its own defaults"
    return f"`{value}`"


def _type(annotation: Any) -> str:
    text = annotation.__name__ if inspect.isclass(annotation) else str(annotation)
    text = re.sub(r"(?:typing|decimal|verify(?:\.\w+)*|pydantic(?:\.\w+)*|datetime)\.", "", text)
    text = re.sub(r"Annotated\[(.*?), .*?\)\]", r"\1", text)
    text = text.replace("NoneType", "nothing").replace("<class '", "").replace("'>", "")
    return f"`{text}`" if len(text) < 160 else "one of several, see its name"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(document())

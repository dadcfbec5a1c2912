"""Write the request that a connector declares, from the closed list of request values."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from verify.connectors.protocols import FileDrop, HttpSpec
from verify.connectors.values import write_day

Values = Mapping[str, Any]
CONTENT_TYPES = {
    "json": "application/json; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "soap": "text/xml; charset=utf-8",
}
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


def write_request(protocol: HttpSpec, values: Values) -> bytes:
    """The request body in the declared encoding."""
    filled = _fill(protocol.request, values)
    if protocol.encoding == "json":
        return _json(filled)
    body = _xml(protocol.root or "Request", filled, protocol.namespace)
    if protocol.encoding == "soap":
        body = f'<s:Envelope xmlns:s="{_ENVELOPE}"><s:Body>{body}</s:Body></s:Envelope>'
    return _document(body)


def write_body(protocol: FileDrop, values: Values) -> bytes:
    """The content of a request file."""
    filled = _fill(protocol.request, values)
    if protocol.encoding == "json":
        return _json(filled)
    return _document(_xml(protocol.root or "Request", filled))


def _json(filled: Any) -> bytes:
    return json.dumps(filled, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _document(body: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()


def _fill(template: Any, values: Values) -> Any:
    if isinstance(template, dict):
        return {key: _fill(value, values) for key, value in template.items()}
    if template.startswith("="):
        return template[1:]
    name, _, date_format = template[1:].partition(" ")
    value = values[name]
    return write_day(value, date_format) if isinstance(value, dt.date) else value


def _xml(tag: str, value: Any, namespace: str = "") -> str:
    if isinstance(value, list | tuple):
        return "".join(_xml(tag, v) for v in value)
    inner = (
        "".join(_xml(k, v) for k, v in value.items())
        if isinstance(value, dict)
        else escape(str(value))
    )
    declared = f" xmlns={quoteattr(namespace)}" if namespace else ""
    return f"<{tag}{declared}>{inner}</{tag}>"

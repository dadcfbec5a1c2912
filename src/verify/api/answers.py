"""Data as JSON responses, and rows as CSV ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from verify.service.tabular import as_csv


def json_response(
    data: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`data` as compact UTF-8 JSON; floats and `NaN` never occur in our answers."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(body.encode("utf-8"), status, dict(headers or {}), "application/json")


def csv_or_json(
    request: Request,
    form: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any],
) -> Response:
    """`document` as JSON, or its `rows` as CSV; what CSV has no place for goes into `Link`."""
    if form != "csv":
        return json_response(document)
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    if following := document.get("next"):
        there = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{there.path}?{there.query}>; rel="next"'
    return Response(as_csv(columns, rows), media_type="text/csv", headers=headers)

"""A caller of the REST API, as a civil-affairs system would be one. Standard library only."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from verify.domain.errors import Overloaded, VerifyError

Plain = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """Status, headers and JSON body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Api:
    """The API at `url`, called with an API key or a token."""

    url: str
    key: str

    def get(self, path: str) -> Any:
        """The JSON at `path`."""
        return self.call("GET", path).body

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Post JSON to `path`."""
        return self.call("POST", path, body, headers)

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request.

        Raises:
            VerifyError: the service answered with a problem; its own words are kept.
            Overloaded: nobody answers at the address.
        """
        address = urlsplit(self.url)
        sent = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode("utf-8")
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            connection.request(method, path, data, {**sent, **(headers or {})})
            response = connection.getresponse()
            raw = response.read()
        except OSError as error:
            raise Overloaded(
                f"the service does not answer ({type(error).__name__})", where=self.url
            ) from None
        finally:
            connection.close()
        found = json.loads(raw) if raw else None
        if response.status >= 400:
            raise _problem(method, path, response.status, found)
        return Reply(response.status, dict(response.getheaders()), found)


def _problem(method: str, path: str, status: int, found: Any) -> VerifyError:
    problem: Plain = found if isinstance(found, dict) else {}
    faults = "; ".join(f"{e['pointer']}: {e['reason']}" for e in problem.get("errors", []))
    detail = problem.get("detail", "no details")
    return VerifyError(
        f"{detail} {faults}".strip(),
        where=f"{method} {path} -> {status}",
        remedy=problem.get("remedy", ""),
    )

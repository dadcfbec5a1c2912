"""Read a JSON request body strictly, before any field is looked at.

What lenient parsers let through is where two systems come to read one document differently:
keys given twice, `NaN`, lone surrogates, NUL in text, endless nesting. All of it is refused here
with a place; then Pydantic validates in strict mode, so that `"3"` is not a number and
`1747699200` is not a date. Values are never echoed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.message import Message
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from verify.domain.errors import InputError, Problem, VerifyError

MAX_DEPTH = 32
_SAFE_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

M = TypeVar("M", bound=BaseModel)


class MalformedBody(VerifyError):
    """The body is not the JSON that RFC 8259 and RFC 7493 (I-JSON) describe."""

    code, status, exit_code, title = "malformed-json", 400, 2, "The body is not valid JSON"


class UnsupportedMediaType(VerifyError):
    """The body is not declared as JSON (`Content-Type: application/json`)."""

    code, status, exit_code = "unsupported-media-type", 415, 2
    title = "The body is not declared as JSON"


async def read_json(request: Request) -> tuple[bytes, Any]:
    """The body's bytes and its value.

    Raises:
        UnsupportedMediaType: the content type is not `application/json` in UTF-8.
        MalformedBody: see the module text.
    """
    _check_content_type(request.headers.get("content-type", ""))
    raw = await request.body()
    return raw, parse(raw)


def _check_content_type(declared: str) -> None:
    message = Message()
    message["content-type"] = declared
    charset = str(message.get_param("charset") or "utf-8").lower()
    kind = declared.partition(";")[0].strip().lower()
    if kind != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(
            "the body must be JSON in UTF-8",
            remedy="send the header Content-Type: application/json",
        )


def parse(raw: bytes) -> Any:
    """Parse strict JSON (see the module text).

    Raises:
        MalformedBody: with the line and column, or the JSON pointer, of the fault.
    """
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        _refuse("not-utf-8", f"byte {error.start + 1} is not UTF-8.", "Encode the body in UTF-8.")
    except json.JSONDecodeError as error:
        _refuse(
            "not-json",
            f"it stops being JSON at line {error.lineno}, column {error.colno}.",
            "Correct the text there; a JSON checker shows the place.",
        )
    except RecursionError:
        _too_deep()
    except ValueError:
        # Python refuses to read integers of thousands of digits.
        _refuse("number", "it holds a number of thousands of digits.", "Give amounts as text.")
    for pointer, text in _texts(value):
        if "\0" in text:
            _refuse("nul-character", "the text holds U+0000.", "Remove it.", pointer)
        if any("\ud800" <= c <= "\udfff" for c in text):
            _refuse("surrogate", "the text holds half a character.", "Encode it anew.", pointer)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [k for k, _ in pairs]
        twice = next(k for k in names if names.count(k) > 1)
        named = f"the key `{twice}`" if _SAFE_KEY.fullmatch(twice) else "a key"
        _refuse("duplicate-key", f"{named} is given twice in one object.", "Keep one of them.")
    return found


def _constant(name: str) -> NoReturn:
    _refuse("not-a-number", f"{name} is not a JSON number.", "Give a number, or leave it out.")


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a value with its pointer; refuses nesting beyond `MAX_DEPTH`."""
    pending: list[tuple[str, Any, int]] = [("", value, 0)]
    while pending:
        at, node, depth = pending.pop()
        if depth > MAX_DEPTH:
            _too_deep()
        if isinstance(node, str):
            yield at, node
        elif isinstance(node, dict):
            for key, child in node.items():
                yield at, key
                pending.append((f"{at}/{escape(key)}", child, depth + 1))
        elif isinstance(node, list):
            pending.extend((f"{at}/{i}", child, depth + 1) for i, child in enumerate(node))


def _too_deep() -> NoReturn:
    _refuse("too-deep", f"it is nested deeper than {MAX_DEPTH}.", "No document here needs that.")


def _refuse(code: str, reason: str, remedy: str, pointer: str = "") -> NoReturn:
    raise MalformedBody(
        "the body cannot be read as JSON; nothing was stored",
        remedy="correct the named place and send it again",
        problems=(Problem(pointer, code, reason, remedy),),
    ) from None


_NAME = re.compile(r"(?!.*[0-9]{6})[\x21-\x7e]{1,64}")
_UNSHOWN = "(not shown)"


def escape(part: str | int) -> str:
    """One reference token of a JSON pointer (RFC 6901).

    A caller may have put a person's name or number where a field's name belongs: only what looks
    like one is repeated.
    """
    if isinstance(part, str) and not _NAME.fullmatch(part):
        return _UNSHOWN
    return str(part).replace("~", "~0").replace("/", "~1")


def validate(kind: type[M], raw: bytes, at: str = "") -> M:
    """Validate JSON bytes strictly into a model.

    `at` is put before every pointer (for one element of a longer body).

    Raises:
        InputError: one `Problem` per fault, each with its JSON pointer.
    """
    try:
        return TypeAdapter(kind).validate_json(raw, strict=True)
    except ValidationError as error:
        problems = tuple(field_problems(error, at))
    raise InputError(
        f"the body has {len(problems)} fault(s); nothing was stored",
        remedy="correct the named fields and send it again",
        problems=problems,
    )


_REMEDIES = {
    "missing": "Add the field.",
    "extra_forbidden": "Remove it, or correct its name.",
    "enum": "Use one of the listed values.",
    "string_pattern_mismatch": "Give text of that pattern.",
    "string_too_short": "Give the text.",
    "string_too_long": "Shorten the text.",
    "too_long": "Send fewer.",
    "too_short": "Send at least that many.",
    "value_error": "Give the value in that form.",
    "date_from_datetime_parsing": "Give a date such as 2025-05-20.",
    "date_parsing": "Give a date such as 2025-05-20.",
    "date_type": "Give a date such as 2025-05-20.",
}
_REASONS = {"extra_forbidden": "no such field here.", "missing": "the field is required."}


def field_problems(error: ValidationError, at: str = "") -> Iterator[Problem]:
    """Pydantic's faults as problems; the offending values are left out."""
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        kind = fault["type"]
        pointer = at + "".join(f"/{escape(part)}" for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        yield Problem(
            pointer=pointer,
            code=kind.replace("_", "-"),
            reason=_REASONS.get(kind, f"{message}."),
            remedy=_REMEDIES.get(kind, "See the schema in api/openapi.json."),
        )

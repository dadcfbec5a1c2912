"""Templates to pages. Every page is one document that needs nothing else, so a saved report stays
whole: the style sheet stands inside it and the content security policy names its hash."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from verify.console.charts import columns, gauge, waterfall
from verify.console.text import visible
from verify.console.view import report_view

_TEMPLATES = Path(__file__).parent / "templates"
# Autoescape applies to what is put in, not to the sheet itself, which is ours.
_STYLE = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode("utf-8")).digest()).decode("ascii")

PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""The policy of every page: its own style sheet, nothing else; forms go to this service."""

_environment = Environment(
    loader=PackageLoader("verify.console"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    finalize=lambda value: value if isinstance(value, Markup) else visible(value),
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals.update(
    columns=columns,
    gauge=gauge,
    waterfall=waterfall,
    style=Markup(_STYLE),  # noqa: S704 - a file of this package
)


def render(template: str, **values: Any) -> str:
    """A template with values."""
    return _environment.get_template(template).render(**values)


def report_page(report: dict[str, Any], console: dict[str, Any] | None = None) -> str:
    """The report as a page to read and print.

    `report` is `verify.service.report.build_report`'s; `console` adds the console's own bar
    (who is logged in, replay and its result).
    """
    return render("report.html", r=report, v=report_view(report), console=console)


def problem_page(code: str, status: int, title: str, meaning: str) -> str:
    """A short page on one kind of problem."""
    return render("problem.html", code=code, status=status, title=title, meaning=meaning)

"""What content is in use now, for listings: rulebooks and connected sources."""

from __future__ import annotations

from typing import Any

from verify.connectors import Connectors
from verify.rules import Law

Plain = dict[str, Any]

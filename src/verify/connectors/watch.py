"""Whether a source still is like itself; if not, it is quarantined.

One answer can be impossible (decoding refuses it). What no single answer shows - a field that
went empty, a registry that suddenly knows nobody, a whole source that turned from yuan to fen -
shows over many. A quarantined source is not asked, so that its answers can poison no verdict;
what hangs on it stays undetermined until a person has looked (`release`) or the declaration has
been changed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from verify.connectors.declaration import Declaration
from verify.connectors.observing import Observation
from verify.connectors.shared import SharedState, Value, change
from verify.connectors.values import integer_amount
from verify.domain.evidence import EvidenceState

# Answers of these states say that the source is not as declared.
_REFUSED = (
    EvidenceState.SCHEMA_MISMATCH,
    EvidenceState.MALFORMED,
    EvidenceState.WRONG_SUBJECT,
)
_FULL_LOOKS = 200  # at first every answer is looked at,
_EVERY = 8  # later each eighth


@dataclass
class _Window:
    answers: deque[tuple[bool, Observation]]
    looked: int = 0
    seen: int = 0
    refused_in_a_row: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Watch:
    """Remembers the last answers of each source, in this process; quarantine is shared by all."""

    def __init__(self, state: SharedState) -> None:
        self._state = state
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def wants(self, declaration: Declaration) -> bool:
        """Whether the next answer should be looked at: all at first, later a sample."""
        window = self._window(declaration)
        with window.lock:
            window.seen += 1
            return (
                window.looked < max(_FULL_LOOKS, declaration.expectations.sample)
                or window.refused_in_a_row > 0
                or window.seen % _EVERY == 0
            )

    def note(self, declaration: Declaration, state: EvidenceState, seen: Observation) -> str:
        """Remember an answer; returns why the source is quarantined from now on, or nothing."""
        window = self._window(declaration)
        with window.lock:
            window.looked += 1
            refused = state in _REFUSED
            window.refused_in_a_row = window.refused_in_a_row + 1 if refused else 0
            if not refused:
                window.answers.append((state is not EvidenceState.CONFIRMED_EMPTY, seen))
            reason = _verdict(declaration, window)
            if reason:
                window.answers.clear()
                window.refused_in_a_row = 0
        if reason:
            self.quarantine(declaration, reason)
        return reason

    def quarantine(self, declaration: Declaration, reason: str) -> None:
        """Stop using this source, as it is declared now."""
        # Two versions of one source may be asked side by side: each is held, or not, by itself.
        change(
            self._state,
            _key(declaration.id),
            lambda value: {"held": {**_held(value), declaration.digest: reason}},
        )

    def release(self, source: str) -> None:
        """A person has looked: the source is asked again."""
        change(self._state, _key(source), lambda value: {})

    def quarantined(self, declaration: Declaration) -> str:
        """Why the source is quarantined; nothing where it is not, or was under another version."""
        _, value = self._state.get(_key(declaration.id))
        return str(_held(value).get(declaration.digest, ""))

    def _window(self, declaration: Declaration) -> _Window:
        with self._lock:
            key = f"{declaration.id}@{declaration.digest}"
            if key not in self._windows:
                answers: deque[Any] = deque(maxlen=declaration.expectations.sample)
                self._windows[key] = _Window(answers)
            return self._windows[key]


def _key(source: str) -> str:
    return f"quarantine/{source}"


def _held(value: Value) -> dict[str, str]:
    """Why each version of a source is held, by digest; also from the earlier form of one alone."""
    alone = {value["declaration"]: value["reason"]} if "declaration" in value else {}
    return {**alone, **value.get("held", {})}


def _verdict(declaration: Declaration, window: _Window) -> str:
    """The first expectation that the window breaks, as a stable code with the declared place."""
    expected = declaration.expectations
    if window.refused_in_a_row >= expected.refused_in_a_row:
        return "refused_in_a_row"
    answers = window.answers
    if len(answers) < expected.sample:
        return ""
    found = 1000 * sum(1 for ok, _ in answers if ok) // len(answers)
    if not expected.found.min <= found <= expected.found.max:
        return "found_rate"
    rows = sum(o.rows for _, o in answers)
    if expected.mean_rows_max is not None and rows > expected.mean_rows_max * len(answers):
        return "mean_rows"
    return _fill(declaration, answers) or _magnitude(declaration, answers)


def _fill(declaration: Declaration, answers: Sequence[tuple[bool, Observation]]) -> str:
    for fill in declaration.expectations.fill:
        place = f"{fill.rows}.{fill.field}"
        asked = sum(o.asked.get(place, 0) for _, o in answers)
        filled = sum(o.filled.get(place, 0) for _, o in answers)
        if asked and 1000 * filled < fill.min_permille * asked:
            return f"fill_rate:{place}"
    return ""


def _magnitude(declaration: Declaration, answers: Sequence[tuple[bool, Observation]]) -> str:
    for size in declaration.expectations.magnitude:
        place = f"{size.rows}.{size.field}"
        amounts = sorted(a for _, o in answers for a in o.amounts.get(place, ()))
        if len(amounts) < declaration.expectations.sample // 4:
            continue
        read = integer_amount(size.unit)
        if not read(size.low) <= amounts[len(amounts) // 2] <= read(size.high):
            return f"magnitude:{place}"
    return ""

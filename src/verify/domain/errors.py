"""Every error the system can tell a caller, sorted by what the caller can do.

    VerifyError                  what, where, why it matters, what to do next
    ├── InputError        422    the request or file is wrong; nothing was stored
    │   ├── UnknownRegion        no region with that code
    │   ├── UnknownProgramme     the region has no rules for that programme
    │   ├── LawNotInForce        no rule for that date (never a neighbour's value)
    │   └── PurposeNeeded        personal data is not shown to who does not say what for
    ├── NotFound          404    no such thing, or not yours (the same answer for both)
    ├── Conflict          409    the thing exists and contradicts the request
    ├── NotAuthenticated  401    no or bad credentials
    ├── NotPermitted      403    the role may not do this
    ├── TooLarge          413    the body is over the limit
    ├── Overloaded        503    try again later
    ├── ContentError             a content file (rules, connectors, scoring) is wrong: file:line
    └── IntegrityError    500    a stored byte is not what was sealed: names the thing

Messages never hold personal data: field names, codes and places only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in an input: a JSON pointer, why it is wrong, and the remedy."""

    pointer: str
    code: str
    reason: str
    remedy: str


class VerifyError(Exception):
    """Base of all errors of this system.

    `code` is stable and part of the public contract; `status` the HTTP status; `exit_code` the
    CLI's exit status.
    """

    code = "internal"
    status = 500
    exit_code = 1
    title = "Internal error"

    def __init__(
        self, reason: str, *, where: str = "", remedy: str = "", problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where
        self.remedy = remedy
        self.problems = problems

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.reason}" if self.where else self.reason]
        parts += [f"  {p.pointer}: {p.reason} {p.remedy}".rstrip() for p in self.problems]
        if self.remedy:
            parts.append(f"  What to do: {self.remedy}")
        return "\n".join(parts)


class InputError(VerifyError):
    """The request or file cannot be accepted as it is."""

    code, status, exit_code, title = "invalid-input", 422, 2, "The request cannot be accepted"


class UnknownRegion(InputError):
    """No region with that code (GB/T 2260)."""

    code, title = "unknown-region", "Unknown region"


class UnknownProgramme(InputError):
    """The region and its ancestors have no rulebook for the programme."""

    code, title = "unknown-programme", "No rules for this programme here"


class LawNotInForce(InputError):
    """No rule is known for that date; a neighbouring value is never used."""

    code, title = "law-not-in-force", "No rule in force on that date"


class PurposeNeeded(InputError):
    """Personal data would be shown, and nobody said what for; nothing was shown.

    The trail of reads names who read what, and why: what does not follow from a role is stated.
    """

    code, title = "purpose-needed", "Say what you read it for"

    def __init__(self, what: str, purposes: tuple[str, ...]) -> None:
        mine = ", ".join(purposes)
        super().__init__(
            f"what you read this for ({what}) does not follow from your role; nothing was shown",
            where="purpose",
            remedy=f"every read is on record with its purpose: state yours ({mine})",
            problems=(
                Problem(
                    "header:X-Purpose",
                    "purpose-needed",
                    "no purpose was stated.",
                    f"Send one of: {mine}; at the command line it is `--purpose`.",
                ),
            ),
        )
        self.purposes = purposes


class NotFound(VerifyError):
    """No such thing, or not in the caller's scope."""

    code, status, exit_code, title = "not-found", 404, 3, "Not found"


class Conflict(VerifyError):
    """The request contradicts what is already stored."""

    code, status, exit_code, title = "conflict", 409, 4, "Conflict with what is stored"


class NotAuthenticated(VerifyError):
    """No credentials, or credentials that do not hold."""

    code, status, exit_code, title = "not-authenticated", 401, 5, "Credentials needed"


class NotPermitted(VerifyError):
    """The caller's role may not do this."""

    code, status, exit_code, title = "not-permitted", 403, 5, "Not permitted"


class TooLarge(VerifyError):
    """The body is larger than the service accepts."""

    code, status, exit_code, title = "too-large", 413, 2, "The body is too large"


class Overloaded(VerifyError):
    """The service cannot take the work now; nothing was stored."""

    code, status, exit_code, title = "overloaded", 503, 6, "Try again later"


class ContentError(VerifyError):
    """A content file is wrong. `where` is `file:line`."""

    code, status, exit_code, title = "content", 500, 2, "A content file is wrong"


class IntegrityError(VerifyError):
    """A stored byte differs from what was sealed. `where` names the thing."""

    code, status, exit_code, title = "integrity", 500, 7, "Stored data differs from its seal"

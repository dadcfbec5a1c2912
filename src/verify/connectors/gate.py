"""Nothing leaves without a letter (授权书): checked again before every single request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from verify.connectors.http import Failure
from verify.domain.evidence import EvidenceState
from verify.domain.household import Authorisation


class Gate:
    """Knows which letter allows asking one source about one person for one purpose today.

    A letter can end or be revoked between two pages or polls, so the question is put at every
    send, with the day it is then. `letter` is the last one that allowed a request.
    """

    def __init__(
        self,
        authorisations: Sequence[Authorisation],
        *,
        person: str,
        source: str,
        purpose: str,
        declared: bool,
        today: Callable[[], dt.date],
    ) -> None:
        self._letters = sorted(authorisations, key=lambda a: a.letter)
        self._asked = {"person": person, "source": source, "purpose": purpose}
        self._declared = declared
        self._today = today
        self.letter = ""

    def pass_through(self) -> str:
        """The letter that allows a request now.

        Raises:
            Failure: no letter does, or the connector declares no basis for the purpose.
        """
        if not self._declared:
            raise Failure(EvidenceState.UNAUTHORISED, "purpose_not_declared")
        day = self._today()
        for letter in self._letters:
            if letter.covers(**self._asked, day=day):
                self.letter = letter.letter
                return letter.letter
        raise Failure(EvidenceState.UNAUTHORISED, "letter_lapsed" if self.letter else "no_letter")

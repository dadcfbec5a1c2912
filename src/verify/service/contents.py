"""Content sets in use: the current ones, and any older one by digest."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from verify import __version__
from verify.connectors import Connectors
from verify.content import ContentSet
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.judging import Content
from verify.service.sealed import Digests

ENGINE = f"verify/{__version__}"


class Contents:
    """The current rules, scoring and connectors, and older versions fetched by digest.

    `fetch` reads the stored text of a content set (`Store.content`). A verification is judged
    with the versions pinned when it was accepted, whatever is current by then.
    """

    def __init__(self, current: dict[str, ContentSet], fetch: Callable[[str], bytes]) -> None:
        self.sets = current
        self._fetch = fetch
        self.law = Law.from_content(current["rules"])
        self.scoring = Scoring.from_content(current["scoring"])
        self.connectors = Connectors.from_content(current["connectors"])
        self.digests = Digests(
            rules=current["rules"].digest,
            scoring=current["scoring"].digest,
            connectors=current["connectors"].digest,
            engine=ENGINE,
        )
        self._older = lru_cache(maxsize=8)(self._load)

    @classmethod
    def load(cls, fetch: Callable[[str], bytes]) -> Contents:
        """Read the content folders (see `verify.content.content_root`)."""
        kinds = ("connectors", "rules", "scoring")
        return cls({kind: ContentSet.load(kind) for kind in kinds}, fetch)

    def pinned(self, digests: Digests) -> Content:
        """The content a verification is pinned to."""
        mine = self.digests
        if (digests.rules, digests.scoring, digests.connectors) == (
            mine.rules,
            mine.scoring,
            mine.connectors,
        ):
            return Content(self.law, self.scoring, self.connectors)
        return self._older(digests.rules, digests.scoring, digests.connectors)

    def _load(self, rules: str, scoring: str, connectors: str) -> Content:
        def stored(digest: str) -> ContentSet:
            return ContentSet.from_blob(self._fetch(digest))

        return Content(
            Law.from_content(stored(rules)),
            Scoring.from_content(stored(scoring)),
            Connectors.from_content(stored(connectors)),
        )

"""Content sets in use: the current ones, and any other one by digest.

Scoring and connectors are those of the content folder. The rules are those that were published
(`verify.service.publishing`) and are in force now; as long as nothing was ever published here,
those of the folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from verify import __version__
from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.errors import NotFound
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.judging import Content
from verify.service.sealed import Digests

ENGINE = f"verify/{__version__}"


@dataclass(frozen=True)
class Current:
    """The law in force at one instant, and the versions that go with it."""

    law: Law
    digests: Digests


class Contents:
    """The current rules, scoring and connectors, and other versions fetched by digest.

    `fetch` reads the stored text of a content set (`Store.content`); `published` gives the digest
    of the published rules in force now, or None. A verification is judged with the versions
    pinned when it was accepted, whatever is current by then.
    """

    def __init__(
        self,
        folder: dict[str, ContentSet],
        fetch: Callable[[str], bytes],
        published: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.sets = folder
        self._fetch = fetch
        self._published = published
        self._folder_law = Law.from_content(folder["rules"], lazily=True)
        self.scoring = Scoring.from_content(folder["scoring"])
        self.connectors = Connectors.from_content(folder["connectors"])
        self._law_by_digest = lru_cache(maxsize=8)(self._stored_law)
        self._older = lru_cache(maxsize=8)(self._load)

    @classmethod
    def load(
        cls, fetch: Callable[[str], bytes], published: Callable[[], str | None] = lambda: None
    ) -> Contents:
        """Read the content folders (see `verify.content.content_root`)."""
        kinds = ("connectors", "rules", "scoring")
        return cls({kind: ContentSet.load(kind) for kind in kinds}, fetch, published)

    def current(self) -> Current:
        """Law and versions of this instant, together: what is accepted now is pinned to them."""
        rules = self._published() or self.sets["rules"].digest
        digests = Digests(
            rules=rules,
            scoring=self.sets["scoring"].digest,
            connectors=self.sets["connectors"].digest,
            engine=ENGINE,
        )
        return Current(self.law_of(rules), digests)

    @property
    def law(self) -> Law:
        """The law in force now."""
        return self.current().law

    @property
    def digests(self) -> Digests:
        """The versions in use now."""
        return self.current().digests

    def law_of(self, digest: str) -> Law:
        """The law of a set of rules by its digest; compiled once, the last few are kept.

        Raises:
            NotFound: no such set is stored.
            ContentError: this version of the software cannot read it.
        """
        if digest == self._folder_law.digest:
            return self._folder_law
        return self._law_by_digest(digest)

    def rules(self, digest: str) -> ContentSet:
        """The text of a set of rules by its digest; raises as `law_of`."""
        folder = self.sets["rules"]
        found = folder if digest == folder.digest else self._stored(digest)
        if found.kind != "rules":
            raise NotFound("there are no rules with this digest here", where="rules")
        return found

    def pinned(self, digests: Digests) -> Content:
        """The content a verification is pinned to."""
        return self._older(digests.rules, digests.scoring, digests.connectors)

    def _load(self, rules: str, scoring: str, connectors: str) -> Content:
        def own(kind: str, digest: str) -> bool:
            return digest == self.sets[kind].digest

        return Content(
            self.law_of(rules),
            self.scoring
            if own("scoring", scoring)
            else Scoring.from_content(self._stored(scoring)),
            self.connectors
            if own("connectors", connectors)
            else Connectors.from_content(self._stored(connectors)),
        )

    def _stored_law(self, digest: str) -> Law:
        return Law.from_content(self._stored(digest), lazily=True)

    def _stored(self, digest: str) -> ContentSet:
        return ContentSet.from_blob(self._fetch(digest))

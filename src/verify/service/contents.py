"""Content sets in use: the current ones, and any other one by digest.

Scoring is that of the content folder. The rules and the declaration of each source are those that
were published (`verify.service.publishing`, `verify.service.connector_publishing`) and are in
force now; as long as nothing was ever published here, those of the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from verify import __version__
from verify.connectors import Connectors, read_declaration
from verify.content import ContentSet
from verify.domain.errors import NotFound
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.answers import Content
from verify.service.sealed import Digests

ENGINE = f"verify/{__version__}"


def engine_of(accepted: str) -> str:
    """What a verdict names as its engine: the version that judges; and, if the verification was
    accepted (and its sources asked) by another before an upgrade, that one too."""
    return ENGINE if accepted == ENGINE else f"{ENGINE} (accepted by {accepted})"


@dataclass(frozen=True)
class Current:
    """Law and sources of one instant, and the versions that go with them."""

    law: Law
    connectors: Connectors
    digests: Digests


Keep = Callable[[str, str, bytes], None]


class Contents:
    """The current rules, scoring and connectors, and other versions fetched by digest.

    `fetch` reads the stored text of a content set (`Store.content`); `published` gives the digest
    of the published rules in force now, or None; `sources`, by source, the stored sets that hold
    the published declarations in force now. `keep` stores a set that such declarations make up, so
    that a verification can be pinned to it. `withdrawn` says of a version of a source, by digest,
    whether it was rolled back. A verification is judged, and its sources are asked,
    with the versions pinned when it was accepted, whatever is current by then.
    """

    def __init__(
        self,
        folder: dict[str, ContentSet],
        fetch: Callable[[str], bytes],
        published: Callable[[], str | None] = lambda: None,
        sources: Callable[[], Mapping[str, str]] = dict,
        keep: Keep = lambda *_: None,
        *,
        withdrawn: Callable[[str, str], bool] = lambda *_: False,
    ) -> None:
        self.sets = folder
        self.withdrawn = withdrawn
        self._fetch = fetch
        self._published = published
        self._sources = sources
        self._keep = keep
        self._folder_law = Law.from_content(folder["rules"], lazily=True)
        self.scoring = Scoring.from_content(folder["scoring"])
        self._folder_connectors = Connectors.from_content(folder["connectors"])
        self._law_by_digest = lru_cache(maxsize=8)(self._stored_law)
        self._composed = lru_cache(maxsize=8)(self._compose)
        self._older_connectors = lru_cache(maxsize=8)(self._stored_connectors)
        self._older = lru_cache(maxsize=8)(self._load)

    @classmethod
    def load(
        cls,
        fetch: Callable[[str], bytes],
        published: Callable[[], str | None] = lambda: None,
        sources: Callable[[], Mapping[str, str]] = dict,
        keep: Keep = lambda *_: None,
        *,
        withdrawn: Callable[[str, str], bool] = lambda *_: False,
        root: Path | None = None,
    ) -> Contents:
        """Read the content folders in `root` (default: see `verify.content.content_root`)."""
        kinds = ("connectors", "rules", "scoring")
        folder = {kind: ContentSet.load(kind, root) for kind in kinds}
        return cls(folder, fetch, published, sources, keep, withdrawn=withdrawn)

    def current(self) -> Current:
        """Law and versions of this instant, together: what is accepted now is pinned to them."""
        rules = self._published() or self.sets["rules"].digest
        connectors = self.connectors
        digests = Digests(
            rules=rules,
            scoring=self.sets["scoring"].digest,
            connectors=connectors.digest,
            engine=ENGINE,
        )
        return Current(self.law_of(rules), connectors, digests)

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

    def scoring_set(self, digest: str) -> ContentSet:
        """The text of a scoring by its digest.

        Raises:
            NotFound: no such set is stored.
        """
        found = self._stored(digest)
        if found.kind != "scoring":
            raise NotFound("there is no scoring with this digest here", where="scoring")
        return found

    # -- sources --------------------------------------------------------------------------

    @property
    def connectors(self) -> Connectors:
        """The sources as declared now."""
        return self._composed(tuple(sorted(self._sources().items())))[1]

    def connector_set(self) -> ContentSet:
        """The text of the sources as declared now."""
        return self._composed(tuple(sorted(self._sources().items())))[0]

    def connectors_of(self, digest: str) -> Connectors:
        """The sources of a set of connectors by its digest.

        Raises:
            NotFound: no such set is stored.
            ContentError: this version of the software cannot read it.
        """
        if digest == self._folder_connectors.digest:
            return self._folder_connectors
        current = self.connectors
        return current if digest == current.digest else self._older_connectors(digest)

    def folder_declaration(self, source: str) -> str:
        """Digest of a source's declaration in the content folder; empty where there is none."""
        if source not in self._folder_connectors.sources:
            return ""
        return self._folder_connectors.declaration(source).digest

    def stored_text(self, source: str, stored: str) -> str:
        """The text of a source's declaration out of the stored set that holds it alone.

        Raises:
            NotFound: there is no such set here.
        """
        content = self._stored(stored)
        path = f"{source}.yaml"
        if content.kind != "connectors" or path not in content.files:
            raise NotFound("there is no such version of this source here", where=source)
        return content.files[path]

    def _compose(self, published: tuple[tuple[str, str], ...]) -> tuple[ContentSet, Connectors]:
        """The folder's sources with the published ones in their places."""
        folder = self.sets["connectors"]
        if not published:
            return folder, self._folder_connectors
        texts = {f"{source}.yaml": self.stored_text(source, s) for source, s in published}
        content = ContentSet("connectors", dict(sorted({**folder.files, **texts}.items())))
        declared = [read_declaration(content, path) for path in sorted(texts)]
        self._keep(content.kind, content.digest, content.to_blob())
        return content, self._folder_connectors.changed(declared, content.digest)

    def _stored_connectors(self, digest: str) -> Connectors:
        return Connectors.from_content(self._stored(digest))

    # -- versions that were pinned ----------------------------------------------------------

    def pinned(self, digests: Digests, versions: frozenset[str] = frozenset()) -> Content:
        """The content a verification is pinned to, and the sets that single answers were asked
        with (`SealedCase.versions`)."""
        content = self._older(digests.rules, digests.scoring, digests.connectors)
        if not versions:
            return content
        return replace(content, versions={v: self.connectors_of(v) for v in sorted(versions)})

    def _load(self, rules: str, scoring: str, connectors: str) -> Content:
        own = scoring == self.sets["scoring"].digest
        return Content(
            self.law_of(rules),
            self.scoring if own else Scoring.from_content(self._stored(scoring)),
            self.connectors_of(connectors),
        )

    def _stored_law(self, digest: str) -> Law:
        return Law.from_content(self._stored(digest), lazily=True)

    def _stored(self, digest: str) -> ContentSet:
        return ContentSet.from_blob(self._fetch(digest))

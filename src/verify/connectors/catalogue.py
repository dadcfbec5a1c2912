"""All connectors of a content set."""

from __future__ import annotations

from collections.abc import Iterable

from verify.connectors.declaration import Declaration
from verify.content import ContentSet
from verify.domain.canonical import digest
from verify.domain.errors import ContentError, NotFound


class Connectors:
    """The declared sources, by id."""

    def __init__(self, declarations: dict[str, Declaration], content_digest: str) -> None:
        self._declarations = declarations
        self.digest = content_digest
        self.sources = tuple(sorted(declarations))

    @classmethod
    def from_content(cls, content: ContentSet) -> Connectors:
        """Read every `*.yaml` of the set.

        Raises:
            ContentError: a file does not fit, or its name is not its id; with `file:line`.
        """
        declared = [read_declaration(content, path) for path in sorted(content.files)]
        return cls({d.id: d for d in declared}, content.digest)

    def changed(self, declarations: Iterable[Declaration], content_digest: str) -> Connectors:
        """These with some declarations replaced or added, as the set with that digest."""
        return Connectors({**self._declarations, **{d.id: d for d in declarations}}, content_digest)

    def declaration(self, source: str) -> Declaration:
        """The declaration of a source.

        Raises:
            NotFound: no connector has that id.
        """
        try:
            return self._declarations[source]
        except KeyError:
            raise NotFound(
                "no connector with that id",
                where=source,
                remedy=f"use one of: {', '.join(self.sources)}",
            ) from None


def declared_form(path: str, text: str) -> dict[str, str]:
    """What the digest of one declaration covers: its file's name and text."""
    return {"path": path, "text": text}


def read_declaration(content: ContentSet, path: str) -> Declaration:
    """One file of a set of connectors.

    Raises:
        ContentError: it does not fit, or its name is not its id; with `file:line`.
    """
    document = content.document(path)
    declaration = document.model(Declaration)
    if path != f"{declaration.id}.yaml":
        raise ContentError(
            f"the file declares the source {declaration.id!r}",
            where=document.where(("id",)),
            remedy=f"name the file {declaration.id}.yaml or correct the id",
        )
    text_digest = digest(declared_form(path, content.files[path]))
    return declaration.model_copy(update={"digest": text_digest})

"""All connectors of a content set."""

from __future__ import annotations

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
        found: dict[str, Declaration] = {}
        for path in sorted(content.files):
            document = content.document(path)
            declaration = document.model(Declaration)
            if path != f"{declaration.id}.yaml":
                raise ContentError(
                    f"the file declares the source {declaration.id!r}",
                    where=document.where(("id",)),
                    remedy=f"name the file {declaration.id}.yaml or correct the id",
                )
            text_digest = digest({"path": path, "text": content.files[path]})
            declared = declaration.model_copy(update={"digest": text_digest})
            found[declaration.id] = declared
        return cls(found, content.digest)

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

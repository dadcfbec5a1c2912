"""What a quantity rests on, however deep: followed by name through every formula."""

from __future__ import annotations

from verify.rules import expressions as ex


class Reads:
    """The names that each formula reads."""

    def __init__(self) -> None:
        self._direct: dict[str, set[str]] = {}
        self._closure: dict[str, frozenset[str]] = {}

    def add(self, name: str, *trees: ex.Expression) -> None:
        """Note what the formulas of a quantity read."""
        self._direct.setdefault(name, set()).update(n for tree in trees for n in ex.names(tree))

    def add_name(self, name: str, read: str) -> None:
        """Note one more name that a quantity rests on."""
        self._direct.setdefault(name, set()).add(read)

    def parts(self) -> list[str]:
        """Formulas of tests and doubts, which have no name of their own: `<test>#<part>`."""
        return [name for name in self._direct if "#" in name]

    def leaves(self, name: str) -> frozenset[str]:
        """What a quantity rests on, itself included; who counts is followed separately."""
        if name not in self._closure:
            found = {name}
            for part in self._direct.get(name, set()) - {"counted"}:
                found |= self.leaves(part)
            self._closure[name] = frozenset(found)
        return self._closure[name]

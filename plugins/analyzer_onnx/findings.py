"""What a walk finds that a reader of the numbers should know, put into few words."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Findings"]

_MOST_NAMED = 3

Shape = tuple[int, ...]


class Findings:
    """Collects what happens at single nodes, and tells each sort of it once."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}
        self._contradictions: dict[str, tuple[str, Shape]] = {}
        self._at_most: dict[str, Shape] = {}
        self._filled_up: dict[str, Shape] = {}

    def note(self, text: str) -> None:
        """Keep a text as it is, once."""
        self._notes[text] = None

    def contradiction(self, name: str, told: object, found: Shape) -> None:
        """Keep that a file says another shape than follows from its inputs."""
        self._contradictions.setdefault(name, (str(told), found))

    def at_most(self, what: str, shape: Shape) -> None:
        """Keep that nobody can tell how many elements a node gives."""
        self._at_most.setdefault(what, shape)

    def filled_up(self, what: str, shape: Shape) -> None:
        """Keep that the channels of a kernel fill whole blocks, and may be fewer."""
        self._filled_up.setdefault(what, shape)

    def notes(self) -> Iterator[str]:
        """Tell everything."""
        yield from self._notes
        if self._contradictions:
            each = [
                f"{name!r} is {told} there and {list(found)} by its node"
                for name, (told, found) in self._contradictions.items()
            ]
            yield (
                f"the shapes that the file stores contradict what follows from its inputs, which "
                f"is what counts: {_listed(each)}"
            )
        if self._at_most:
            each = [f"{what} {list(shape)}" for what, shape in self._at_most.items()]
            yield (
                "how many elements some operations give depends on the numbers that flow; what "
                f"follows is counted with as many as there can be: {_listed(each)}"
            )
        if self._filled_up:
            each = [f"{what} {list(shape)}" for what, shape in self._filled_up.items()]
            yield (
                "channels are kept in blocks that zeros fill up, and the file does not tell "
                "everywhere how many are the model's; of these weights all that is stored is "
                f"counted: {_listed(each)}"
            )


def _listed(texts: list[str]) -> str:
    """List a few of many.

    >>> _listed(["a", "b", "c", "d", "e"])
    'a; b; c; and 2 more'
    """
    rest = len(texts) - _MOST_NAMED
    more = [f"and {rest} more"] if rest > 0 else []
    return "; ".join([*texts[:_MOST_NAMED], *more])

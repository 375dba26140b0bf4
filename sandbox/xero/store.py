"""In-memory tables with indexes and rollback: where the sandbox's documents live."""

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar


class Stored(Protocol):
    """Anything with an id; documents are replaced, never changed in place."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Stored)
Index = Callable[[T], str | None]


class Store(Generic[T]):
    """Documents by id, and by named indexes, whose keys need not be unique; empty keys are left out."""

    def __init__(self, **indexes: Index[T]) -> None:
        self._documents: dict[str, T] = {}
        self._key_of = indexes
        self._ids: dict[str, dict[str, dict[str, None]]] = {name: {} for name in indexes}
        self._journal: list[tuple[str, T | None]] | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self._documents.values())

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, id_: object) -> T | None:
        return self._documents.get(str(id_).lower())

    def find(self, index: str, key: str) -> list[T]:
        return [self._documents[id_] for id_ in self._ids[index].get(key, ())]

    def save(self, document: T) -> T:
        before = self._documents.get(document.id)
        if self._journal is not None:
            self._journal.append((document.id, before))
        self._put(document.id, document)
        return document

    def remove(self, id_: str) -> None:
        if self._journal is not None:
            self._journal.append((id_, self._documents.get(id_)))
        self._put(id_, None)

    def begin(self) -> None:
        self._journal = []

    def commit(self) -> None:
        self._journal = None

    def rollback(self) -> None:
        """Undo all since `begin`."""
        journal, self._journal = self._journal or [], None
        for id_, before in reversed(journal):
            self._put(id_, before)

    def _put(self, id_: str, document: T | None) -> None:
        if before := self._documents.get(id_):
            self._unindex(before)
        if document is None:
            self._documents.pop(id_, None)
            return
        self._documents[id_] = document
        for name, key_of in self._key_of.items():
            if key := key_of(document):
                self._ids[name].setdefault(key, {})[id_] = None

    def _unindex(self, document: T) -> None:
        for name, key_of in self._key_of.items():
            if key := key_of(document):
                self._ids[name][key].pop(document.id, None)

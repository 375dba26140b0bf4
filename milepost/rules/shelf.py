"""The published versions of one rule book, which runs bill by: the same on every machine, and never changed.

The ledger keeps their text (`milepost.ledger.books`); what is read of it is kept by this process. Beside the folder of
files (`versions`), which only people work with.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from milepost.errors import ConfigError, UnknownName
from milepost.rules.load import parse_book
from milepost.rules.model import RuleBook

_READ_AT_ONCE = 128
"""How many versions a process keeps read: those in force of many connections, and some before them."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published version: the YAML text as it was, its sha256, and who published it when."""

    book: str
    version: int
    effective_from: date
    sha256: str
    text: str
    published_at: datetime
    published_by: str | None = None

    @property
    def path(self) -> str:
        """The version's file as it is named in the project, wherever that is."""
        return version_path(self.book, self.version)

    def read(self) -> RuleBook:
        """The rule book. Raises RuleBookErrors where this Milepost cannot read what another one published."""
        return _read(self.text, self.path, self.book)


class BookShelf:
    """The published versions of one book. A version is read when it is first asked for, once in a process."""

    def __init__(self, book: str, published: Iterable[Published]) -> None:
        self.book = book
        self.published = tuple(sorted(published, key=lambda version: version.version))

    def __bool__(self) -> bool:
        return bool(self.published)

    @property
    def first_day(self) -> date:
        """The day from which there is a version in force."""
        return min(version.effective_from for version in self._some())

    def published_on(self, on: date) -> Published | None:
        """The version in force on a day: the highest whose `effective_from` has come; None before all of them."""
        return next((version for version in reversed(self.published) if version.effective_from <= on), None)

    def in_force(self, on: date) -> RuleBook:
        """The version that bills a job completed on this day. Raises ConfigError when none is in force, RuleBookErrors."""
        found = self.published_on(on)
        if found is None:
            raise ConfigError(
                f"rule book '{self.book}' has no published version in force on {on}: its first applies from "
                f"{self.first_day}. Publish a version with an earlier 'effective_from', or bill these jobs by hand."
            )
        return found.read()

    def version(self, version: int) -> RuleBook:
        """One version. Raises UnknownName when none of this number was published."""
        found = next((one for one in self.published if one.version == version), None)
        if found is None:
            raise UnknownName(f"rule book '{self.book}' has no published version {version}")
        return found.read()

    @property
    def latest(self) -> RuleBook:
        """The highest version, whether it is in force yet or not."""
        return self._some()[-1].read()

    @property
    def first(self) -> RuleBook:
        """The lowest version."""
        return self._some()[0].read()

    def _some(self) -> tuple[Published, ...]:
        if not self.published:
            raise ConfigError(f"rule book '{self.book}' has no published version: milepost rules publish {self.book}")
        return self.published


def version_path(book: str, version: int) -> str:
    """`mappings/acme/v0003.yaml`."""
    return f"mappings/{book}/v{version:04}.yaml"


@lru_cache(maxsize=_READ_AT_ONCE)
def _read(text: str, path: str, book: str) -> RuleBook:
    return parse_book(text, path, book)

"""The published versions of a book: which is in force, and that each is read once."""

from datetime import UTC, date, datetime
from hashlib import sha256

import pytest

from milepost.errors import ConfigError, UnknownName
from milepost.rules.problems import RuleBookErrors
from milepost.rules.shelf import BookShelf, Published
from tests.unit.rules.books import BOOK

NOW = datetime(2026, 8, 3, 9, 0, tzinfo=UTC)


def published(version: int, begins: str = "2026-07-01", text: str | None = None) -> Published:
    """A published version, as the ledger has it."""
    own = text or BOOK.replace("version: 3", f"version: {version}").replace("2026-07-01", begins)
    digest = sha256(own.encode()).hexdigest()
    return Published("acme", version, date.fromisoformat(begins), digest, own, NOW, "ann")


SHELF = BookShelf("acme", [published(3), published(1, "2026-01-01"), published(2), published(4, "2027-01-01")])


@pytest.mark.parametrize(
    ("on", "version"),
    [("2026-01-01", 1), ("2026-06-30", 1), ("2026-07-01", 3), ("2026-12-31", 3), ("2027-01-01", 4), ("2030-01-01", 4)],
)
def test_the_highest_version_that_has_begun_is_in_force(on: str, version: int) -> None:
    assert SHELF.in_force(date.fromisoformat(on)).version == version


def test_a_higher_version_from_an_earlier_day_takes_the_place_of_those_after_it() -> None:
    shelf = BookShelf("acme", [published(1, "2026-07-01"), published(2, "2026-01-01")])
    assert [shelf.in_force(date(2026, month, 1)).version for month in (1, 7, 12)] == [2, 2, 2]


def test_before_the_first_version_nothing_is_in_force() -> None:
    assert SHELF.published_on(date(2025, 12, 31)) is None
    with pytest.raises(ConfigError, match=r"'acme' has no published version in force on 2025-12-31.*from 2026-01-01"):
        SHELF.in_force(date(2025, 12, 31))


def test_versions_are_found_by_number_and_at_both_ends() -> None:
    assert (SHELF.first.version, SHELF.version(2).version, SHELF.latest.version) == (1, 2, 4)
    with pytest.raises(UnknownName, match="no published version 9"):
        SHELF.version(9)


def test_a_book_without_published_versions_says_how_to_publish_one() -> None:
    shelf = BookShelf("acme", ())
    assert not shelf
    with pytest.raises(ConfigError, match="milepost rules publish acme"):
        shelf.in_force(date(2026, 8, 1))
    for end in ("latest", "first"):
        with pytest.raises(ConfigError, match="milepost rules publish acme"):
            getattr(shelf, end)


def test_a_version_is_read_once_in_a_process_and_knows_its_file_and_its_hash() -> None:
    book = SHELF.version(3)
    assert BookShelf("acme", [published(3)]).version(3) is book
    assert book.origin.path == "mappings/acme/v0003.yaml"
    assert book.origin.sha256 == published(3).sha256


def test_only_the_version_that_is_asked_for_is_read() -> None:
    shelf = BookShelf("acme", [published(1, text="version: [broken"), published(3)])
    assert shelf.in_force(date(2026, 8, 1)).version == 3
    with pytest.raises(RuleBookErrors, match="v0001"):
        shelf.version(1)

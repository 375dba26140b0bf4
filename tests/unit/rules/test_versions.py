"""The folder of rule books: which version bills a job of a day."""

import os
from datetime import date
from pathlib import Path

import pytest

from milepost.errors import ConfigError, UnknownName
from milepost.rules.problems import RuleBookErrors
from milepost.rules.versions import BookFolder
from tests.unit.rules.books import BOOK


@pytest.fixture
def folder(tmp_path: Path) -> BookFolder:
    """Two books; acme has versions from January, July and, corrected afterwards, from July again."""
    for number, begins in ((1, "2026-01-01"), (2, "2026-07-01"), (3, "2026-07-01")):
        _write(tmp_path, "acme", number, begins)
    _write(tmp_path, "zenith", 1, "2026-01-01")
    (tmp_path / "no-book").mkdir()
    (tmp_path / "rule-book.schema.json").write_text("{}")
    (tmp_path / "acme" / "tests").mkdir()
    (tmp_path / "acme" / "notes.txt").write_text("not a version")
    return BookFolder(tmp_path)


def _write(root: Path, name: str, number: int, begins: str, text: str = BOOK) -> Path:
    path = root / name / f"v{number:04}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("version: 3", f"version: {number}").replace("2026-07-01", begins))
    return path


def test_books_are_the_folders_that_hold_a_version(folder: BookFolder) -> None:
    assert folder.books() == ["acme", "zenith"]


def test_a_folder_that_is_not_there_holds_no_books(tmp_path: Path) -> None:
    assert BookFolder(tmp_path / "missing").books() == []


def test_versions_come_oldest_first(folder: BookFolder) -> None:
    assert [(v.version, v.effective_from) for v in folder.versions("acme")] == [
        (1, date(2026, 1, 1)),
        (2, date(2026, 7, 1)),
        (3, date(2026, 7, 1)),
    ]


@pytest.mark.parametrize(
    ("on", "version"),
    [(date(2026, 1, 1), 1), (date(2026, 6, 30), 1), (date(2026, 7, 1), 3), (date(2030, 1, 1), 3)],
)
def test_the_highest_version_that_has_begun_is_in_force(folder: BookFolder, on: date, version: int) -> None:
    assert folder.in_force("acme", on).version == version


def test_before_the_first_version_nothing_is_in_force(folder: BookFolder) -> None:
    with pytest.raises(
        ConfigError, match=r"no version in force on 2025-12-31: its first, .*v0001.yaml, applies from 2026-01-01"
    ):
        folder.in_force("acme", date(2025, 12, 31))


def test_the_latest_version_need_not_have_begun(folder: BookFolder) -> None:
    _write(folder.root, "acme", 4, "2999-01-01")
    assert folder.latest("acme").version == 4
    assert folder.in_force("acme", date(2026, 8, 1)).version == 3


def test_a_version_is_found_by_its_number(folder: BookFolder) -> None:
    assert folder.version("acme", 2).origin.path.endswith("acme/v0002.yaml")
    with pytest.raises(UnknownName, match="has no version 9"):
        folder.version("acme", 9)


def test_a_book_that_is_not_there_is_named_with_the_nearest(folder: BookFolder) -> None:
    with pytest.raises(UnknownName, match=r"no rule book 'acne' in .*; did you mean 'acme'\? \(there are acme, zenith\)"):
        folder.versions("acne")


@pytest.mark.parametrize("name", ["..", ".", "", "acme/../zenith", "/etc", "no-book"])
def test_a_name_leads_nowhere_but_to_a_book_of_the_folder(folder: BookFolder, name: str) -> None:
    with pytest.raises(UnknownName):
        folder.latest(name)


def test_a_broken_older_version_does_not_stop_billing_by_a_newer_one(folder: BookFolder) -> None:
    _write(folder.root, "acme", 1, "2026-01-01", BOOK.replace("DRAFT", "NONSENSE"))
    assert folder.in_force("acme", date(2026, 8, 1)).version == 3
    with pytest.raises(RuleBookErrors, match="NONSENSE"):
        folder.in_force("acme", date(2026, 2, 1))


def test_a_version_whose_date_cannot_be_read_is_never_passed_over(folder: BookFolder) -> None:
    _write(folder.root, "acme", 4, "soon")
    with pytest.raises(RuleBookErrors, match="effective_from: is not a date"):
        folder.in_force("acme", date(2026, 8, 1))


def test_a_file_must_bear_its_versions_number(folder: BookFolder) -> None:
    _write(folder.root, "acme", 7, "2026-01-01").rename(folder.root / "acme" / "v0004.yaml")
    with pytest.raises(
        RuleBookErrors, match=r"v0004.yaml:2:10: version: is 7, but the file's name says v0004; make them the same"
    ):
        folder.versions("acme")


@pytest.mark.parametrize("name", ["v4.yaml", "v0004.yml", "V0004.yaml", "v0004.YAML"])
def test_a_name_that_is_nearly_a_versions_is_an_error(folder: BookFolder, name: str) -> None:
    (folder.root / "acme" / name).write_text(BOOK)
    with pytest.raises(ConfigError, match=r"is not a version's name; rename it to v0004\.yaml"):
        folder.versions("acme")


def test_a_file_is_read_again_when_it_has_changed_and_only_then(folder: BookFolder) -> None:
    first = folder.latest("zenith")
    assert folder.latest("zenith") is first
    path = _write(folder.root, "zenith", 1, "2026-01-01", BOOK.replace("Acme", "Zenith"))
    os.utime(path, ns=(1, 1))
    assert folder.latest("zenith").organisation == "Zenith Plumbing"


def test_a_books_name_is_its_folders(folder: BookFolder) -> None:
    assert folder.latest("zenith").origin.book == "zenith"

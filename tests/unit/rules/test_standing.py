"""A book's files held against its published versions."""

from pathlib import Path

import pytest

from milepost.errors import ConfigError, UnknownName
from milepost.rules.shelf import BookShelf
from milepost.rules.standing import FileState, remarks, standings
from milepost.rules.versions import BookFolder
from tests.unit.rules.books import BOOK
from tests.unit.rules.test_shelf import published

SHELF = BookShelf("acme", [published(1), published(2), published(3)])


def folder(root: Path, files: dict[int, str | bytes]) -> BookFolder:
    """The book's versions as files."""
    (root / "acme").mkdir()
    for version, text in files.items():
        path = root / "acme" / f"v{version:04}.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return BookFolder(root)


def states(files: BookFolder, shelf: BookShelf = SHELF) -> dict[int, FileState]:
    return {standing.version: standing.state for standing in standings(files, shelf)}


def test_every_version_that_has_a_file_or_was_published_stands_somehow(tmp_path: Path) -> None:
    files = folder(tmp_path, {1: published(1).text, 2: BOOK, 4: BOOK})
    assert states(files) == {
        1: FileState.SAME,
        2: FileState.CHANGED,
        3: FileState.MISSING,
        4: FileState.UNPUBLISHED,
    }


@pytest.mark.parametrize("text", [published(3).text.replace("\n", "\r\n"), "\ufeff" + published(3).text])
def test_ends_of_lines_and_a_byte_order_mark_are_no_change(tmp_path: Path, text: str) -> None:
    assert states(folder(tmp_path, {3: text}))[3] is FileState.SAME


def test_a_published_file_that_is_no_text_any_more_was_changed(tmp_path: Path) -> None:
    assert states(folder(tmp_path, {3: b"\xff\xfe"}))[3] is FileState.CHANGED


def test_a_version_below_a_published_one_comes_too_late(tmp_path: Path) -> None:
    shelf = BookShelf("acme", [published(3)])
    files = folder(tmp_path, {2: BOOK, 3: published(3).text, 4: BOOK})
    assert states(files, shelf)[2] is FileState.OUT_OF_ORDER
    (late, new) = remarks(files, shelf)
    assert "version 3 is already published" in late
    assert "v0004.yaml or higher" in late
    assert new.endswith("not published, so nothing is billed by it: milepost rules publish acme")


def test_what_is_as_it_was_published_is_not_worth_a_remark(tmp_path: Path) -> None:
    assert remarks(folder(tmp_path, {n: published(n).text for n in (1, 2, 3)}), SHELF) == []


def test_a_changed_file_is_remarked_upon_with_the_way_back(tmp_path: Path) -> None:
    (remark,) = remarks(folder(tmp_path, {3: BOOK + "# later\n"}), SHELF)
    assert remark.startswith("Billed by the published text: ")
    assert f"milepost rules history acme --text 3 > {tmp_path}/acme/v0003.yaml" in remark


def test_where_the_files_are_not_the_published_versions_bill_without_a_remark(tmp_path: Path) -> None:
    elsewhere = BookFolder(tmp_path / "nowhere")
    assert remarks(elsewhere, SHELF) == []
    assert set(states(elsewhere).values()) == {FileState.MISSING}


def test_a_book_that_is_neither_here_nor_published_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        standings(BookFolder(tmp_path), BookShelf("acme", ()))
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "V4.yml").write_text(BOOK)
    with pytest.raises(ConfigError, match="rename it to v0004"):
        standings(BookFolder(tmp_path), SHELF)
    (remark,) = remarks(BookFolder(tmp_path), SHELF)
    assert "rename it to v0004.yaml" in remark

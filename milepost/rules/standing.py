"""The files of a book held against its published versions: the same, changed, missing, not published yet, or too late.

For `milepost rules publish`, `check` and `history`, and for the runs, which bill by what is published and say so.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from milepost.errors import ConfigError, UnknownName
from milepost.rules.problems import RuleBookErrors
from milepost.rules.shelf import BookShelf, Published, version_path
from milepost.rules.versions import BookFolder


class FileState(StrEnum):
    """How a version's file stands to what was published. out_of_order: a higher version is published already."""

    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"
    UNPUBLISHED = "unpublished"
    OUT_OF_ORDER = "out of order"


@dataclass(frozen=True, slots=True)
class Standing:
    """One version of a book: its number, its file where there is one, and what was published where it was."""

    version: int
    state: FileState
    path: Path | None
    published: Published | None


def standings(folder: BookFolder, shelf: BookShelf) -> list[Standing]:
    """Every version that has a file or was published, oldest first; what is in the files is only compared.

    Raises UnknownName where the book has neither, ConfigError for a file's name that is nearly right.
    """
    published = {version.version: version for version in shelf.published}
    files = {number_of(path): path for path in _files(folder, shelf)}
    return [_standing(folder, n, files.get(n), published.get(n), shelf) for n in sorted({*published, *files})]


def changed_why(standing: Standing) -> str:
    """Why a changed file cannot stay so, and what to do."""
    path, published = standing.path, standing.published
    assert published is not None
    return (
        f"{path}: version {standing.version} of rule book '{published.book}' was changed after it was published on "
        f"{published.published_at:%Y-%m-%d}, and a published version never changes. Save your changes as a new version, and "
        f"put this file back as it was: milepost rules history {published.book} --text {standing.version} > {path}"
    )


def out_of_order_why(standing: Standing, shelf: BookShelf) -> str:
    """Why a version that comes after a higher one is not published, and what to do."""
    last = shelf.published[-1].version
    free = Path(version_path(shelf.book, last + 1)).name
    return (
        f"{standing.path}: version {standing.version} of rule book '{shelf.book}' comes too late: version {last} is already "
        f"published. Rename the file to {free} or higher, and its 'version' likewise."
    )


def remarks(folder: BookFolder, shelf: BookShelf) -> list[str]:
    """What people should know of a book's files while it is billed by its published versions. Nothing without files."""
    try:
        found = standings(folder, shelf)
    except UnknownName:
        return []
    except ConfigError as error:
        return [str(error)]
    return [remark for standing in found if (remark := _remark(standing, shelf))]


def number_of(path: Path) -> int:
    """The version that a file's name says."""
    return int(path.stem[1:])


def _remark(standing: Standing, shelf: BookShelf) -> str:
    match standing.state:
        case FileState.CHANGED:
            return f"Billed by the published text: {changed_why(standing)}"
        case FileState.UNPUBLISHED:
            return (
                f"{standing.path}: version {standing.version} of rule book '{shelf.book}' is not published, so nothing is "
                f"billed by it: milepost rules publish {shelf.book}"
            )
        case FileState.OUT_OF_ORDER:
            return out_of_order_why(standing, shelf)
        case _:
            return ""


def _files(folder: BookFolder, shelf: BookShelf) -> list[Path]:
    if shelf and shelf.book not in folder.books():
        return []
    return folder.files(shelf.book)


def _standing(
    folder: BookFolder, version: int, path: Path | None, published: Published | None, shelf: BookShelf
) -> Standing:
    if path is None:
        state = FileState.MISSING
    elif published is not None:
        state = FileState.SAME if _is_same(folder, path, published) else FileState.CHANGED
    elif shelf and version < shelf.published[-1].version:
        state = FileState.OUT_OF_ORDER
    else:
        state = FileState.UNPUBLISHED
    return Standing(version, state, path, published)


def _is_same(folder: BookFolder, path: Path, published: Published) -> bool:
    """Ends of lines do not count: git may change them from one machine to the next."""
    try:
        text = folder.text(path)
    except RuleBookErrors:
        return False
    return text.splitlines() == published.text.splitlines()

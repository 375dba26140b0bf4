"""The folder of rule books, for the people who write them. The rules read the disk only here; runs bill by the `shelf`.

`mappings/<book>/v0001.yaml`, `v0002.yaml`, ...: the version in force is the highest whose `effective_from` has come.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from milepost.errors import ConfigError, UnknownName
from milepost.rules.load import parse_book, read_header, read_text, version_mark
from milepost.rules.model import RuleBook
from milepost.rules.problems import Located, RuleBookErrors, did_you_mean

_VERSION_FILE = re.compile(r"v\d{4,}\.yaml")
_NEARLY = re.compile(r"v\d+\.ya?ml", re.IGNORECASE)
_KNOWN = re.compile(r"(readme|changelog|notes)(\..+)?|tests|\..*|.*[~#]|.*\.(md|txt)", re.IGNORECASE)
"""What may lie beside the versions: words, tests, and what editors and systems leave behind."""

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class BookVersion:
    """One version of a book as its file says; the rest of the file may still be broken."""

    version: int
    effective_from: date
    path: Path


class BookFolder:
    """The rule books under a folder. A file is read again only when it has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._versions: _Kept[BookVersion] = _Kept(_read_version)
        self._books: _Kept[RuleBook] = _Kept(_read_book)
        self._texts: _Kept[str] = _Kept(read_text)

    def books(self) -> list[str]:
        """The names of the books, in order: every folder that holds a version."""
        if not self.root.is_dir():
            return []
        return sorted(folder.name for folder in self.root.iterdir() if folder.is_dir() and _version_files(folder))

    def versions(self, book: str) -> list[BookVersion]:
        """The versions of a book, oldest first. Raises UnknownName; RuleBookErrors when a version cannot be placed."""
        return sorted(map(self._versions.read, self.files(book)), key=lambda version: version.version)

    def in_force(self, book: str, on: date) -> RuleBook:
        """The version that bills a job completed on this day. Raises UnknownName, RuleBookErrors, or ConfigError."""
        versions = self.versions(book)
        begun = [version for version in versions if version.effective_from <= on]
        if not begun:
            first = min(versions, key=lambda version: version.effective_from)
            raise ConfigError(
                f"rule book '{book}' has no version in force on {on}: its first, {first.path}, applies from "
                f"{first.effective_from}. Give a version an earlier 'effective_from', or bill these jobs by hand."
            )
        return self.load(begun[-1].path)

    def latest(self, book: str) -> RuleBook:
        """The highest version, whether it is in force yet or not."""
        return self.load(self.versions(book)[-1].path)

    def version(self, book: str, version: int) -> RuleBook:
        """One version of a book. Raises UnknownName when there is none of this number."""
        found = next((v for v in self.versions(book) if v.version == version), None)
        if found is None:
            raise UnknownName(f"rule book '{book}' in {self.root} has no version {version}")
        return self.load(found.path)

    def load(self, path: Path) -> RuleBook:
        """The book in this file, which must have the version that its name says. Raises RuleBookErrors."""
        return self._books.read(path)

    def first_day_of(self, path: Path) -> date | None:
        """The day from which a version's file says it applies; None when that cannot be read."""
        try:
            return self._versions.read(path).effective_from
        except RuleBookErrors:
            return None

    def text(self, path: Path) -> str:
        """The text of a version's file. Raises RuleBookErrors when it is none."""
        return self._texts.read(path)

    def files(self, book: str) -> list[Path]:
        """The files of a book's versions. A name that is nearly right is an error: such a version would never be used."""
        folder = self.root / book
        files = _version_files(folder) if folder.parent == self.root and folder.is_dir() else []
        if not files:
            known = self.books()
            there_are = f"there are {', '.join(known)}" if known else "there are none"
            raise UnknownName(f"no rule book '{book}' in {self.root}{did_you_mean(book, known)} ({there_are})")
        for path in files:
            if not _VERSION_FILE.fullmatch(path.name):
                number = int("".join(filter(str.isdigit, path.name)))
                raise ConfigError(f"{path} is not a version's name; rename it to v{number:04}.yaml")
        return files

    def strangers(self, book: str) -> list[Path]:
        """What lies in the book's folder and is read by nobody, though somebody may believe that it is."""
        folder = self.root / book
        known = {*_version_files(folder), *(path for path in folder.iterdir() if _KNOWN.fullmatch(path.name))}
        return sorted(path for path in folder.iterdir() if path not in known)


class _Kept(dict[Path, tuple[tuple[int, int, int], Read]]):
    """What was read of each file, as long as the file stays the same."""

    def __init__(self, reader: Callable[[Path], Read]) -> None:
        super().__init__()
        self._reader = reader

    def read(self, path: Path) -> Read:
        state = path.stat()
        stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
        kept = self.get(path)
        if kept is None or kept[0] != stamp:
            kept = self[path] = (stamp, self._reader(path))
        return kept[1]


def _read_version(path: Path) -> BookVersion:
    text = read_text(path)
    header = read_header(text, str(path))
    _check_name(path, text, header.version)
    return BookVersion(header.version, header.effective_from, path)


def _read_book(path: Path) -> RuleBook:
    text = read_text(path)
    book = parse_book(text, str(path), path.parent.name)
    _check_name(path, text, book.version)
    # Decisions keep their rules' places: as they are named in the project, the same on every machine.
    return book.from_origin(
        book.origin.model_copy(update={"path": path.absolute().relative_to(path.absolute().parents[2]).as_posix()})
    )


def _version_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _NEARLY.fullmatch(path.name) and path.is_file())


def _check_name(path: Path, text: str, version: int) -> None:
    """A file bears the number of its version, so that two files cannot be the same one."""
    if path.name != f"v{version:04}.yaml":
        message = f"is {version}, but the file's name says {path.stem}; make them the same"
        raise RuleBookErrors([Located(str(path), *version_mark(text), "", ("version",), message)])

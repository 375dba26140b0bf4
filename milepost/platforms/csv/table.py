"""A CSV file as rows that know their line, and cells that know their column."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from milepost.errors import RemoteError
from milepost.exact_json import clean_text
from milepost.platforms.csv.columns import Column, ColumnTrouble, find_columns
from milepost.platforms.csv.settings import CsvSettings

SYSTEM = "CSV"
LARGEST_FILE = 100_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line of the file where it begins, and its cells as text."""

    line: int
    cells: tuple[str, ...]

    def text(self, column: Column | None) -> str:
        """The cell of a column; empty where there is no such column or the row is too short."""
        if column is None or column.position > len(self.cells):
            return ""
        return self.cells[column.position - 1].strip()


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read."""

    name: str
    columns: Mapping[str, Column]
    own_columns: Mapping[str, Column]
    width: int
    rows: tuple[Row, ...]

    def where(self, row: Row, column: Column | None = None) -> str:
        """`jobs.csv:14:6`: the line in the file and the position of the column."""
        return f"{self.name}:{row.line}:{column.position if column else 1}"


def read_table(
    path: Path,
    settings: CsvSettings,
    known: Mapping[str, Sequence[str]],
    own: Mapping[str, str],
    custom: Mapping[str, str],
) -> Table:
    """Read a file. Raises RemoteError where it is not there, is no CSV, or lacks a column that was named."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            why = f"it is larger than {LARGEST_FILE // 1_000_000} MB"
            raise _trouble(path, why, "Export fewer jobs: those that changed lately.")
        text = clean_text(path.read_text(encoding=settings.encoding))
        records = _records(text, settings.delimiter)
        header = records[0].cells if records else ()
        columns = find_columns(header, known, own)
        own_columns = find_columns(header, {}, custom)
    except FileNotFoundError as error:
        raise _trouble(path, "there is no such file", "Export it, or correct its path in the connection.") from error
    except OSError as error:
        raise _trouble(path, f"it cannot be opened ({error.strerror})", "Check the file's permissions.") from error
    except (UnicodeError, LookupError) as error:
        raise _trouble(path, f"it is not {settings.encoding} text", "Set 'encoding', such as cp1252.") from error
    except csv.Error as error:
        raise _trouble(path, f"it is no CSV: {error}", "Export it again, or set 'delimiter'.") from error
    except ColumnTrouble as error:
        raise _trouble(path, str(error), "Correct 'columns' in the connection.") from error
    return Table(path.name, columns, own_columns, _width(header, records[1:]), tuple(records[1:]))


def require(table: Table, path: Path, fields: Sequence[str], known: Mapping[str, Sequence[str]]) -> None:
    """Raises RemoteError where the file has no column for a field that is needed."""
    for field in fields:
        if field not in table.columns:
            usual = ", ".join(f"'{name}'" for name in known[field][:3])
            raise _trouble(
                path,
                f"it has no column for '{field}', such as {usual}",
                f"Name the header under columns, or check the delimiter: it has {table.width} columns.",
            )


def _width(header: Sequence[str], rows: Sequence[Row]) -> int:
    """The cells a row may have: those of the header, or more where every row ends in empty ones."""
    shortest = min((len(row.cells) for row in rows), default=0)
    ends_empty = all(not any(map(str.strip, row.cells[len(header) :])) for row in rows)
    return max(len(header), shortest) if ends_empty else len(header)


def _records(text: str, delimiter: str) -> list[Row]:
    """The rows that are not blank, each with the line where it begins.

    A quote that is not closed would swallow the rows after it, so broken quoting refuses the file.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    before = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(before + 1, tuple(cells)))
            before = reader.line_num
    except csv.Error as error:
        raise csv.Error(f"the row that begins in line {before + 1} is broken ({error})") from error
    return rows


def _trouble(path: Path, why: str, fix: str) -> RemoteError:
    return RemoteError(SYSTEM, f"reading {path.name}", why, permanent=True, fix=fix)

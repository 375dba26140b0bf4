"""What is told after an invoice was made, where there is no system to tell: a file beside the jobs, for people."""

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path

from milepost.errors import RemoteError
from milepost.platforms.csv.table import SYSTEM
from milepost.platforms.protocol import WriteBack

FILE_NAME = "milepost-invoices.csv"
HEADER = ("Key", "Job Number", "Invoice Number", "Invoice URL", "Processed", "Note", "Told At")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def append_invoice(folder: Path, job_id: str, told: WriteBack) -> None:
    """Add a row for the invoice unless one with its key is there. Raises RemoteError where that cannot be written."""
    path = folder / FILE_NAME
    now = datetime.now(UTC).isoformat(timespec="seconds")
    processed = "yes" if told.processed else "no"
    row = (told.key, job_id, told.invoice_number or "", told.invoice_url or "", processed, told.note, now)
    try:
        _begin(path)
        if told.key not in _keys(path):
            _append(path, row)
    except (OSError, csv.Error, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no CSV file any more"
        raise RemoteError(
            SYSTEM,
            f"writing {FILE_NAME} for job {job_id}",
            why or "it cannot be written",
            permanent=not isinstance(error, OSError),
            fix="Check the file and its folder.",
        ) from error


def _begin(path: Path) -> None:
    """The header, written by whoever makes the file."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(b"\xef\xbb\xbf" + _line(HEADER))


def _keys(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row[0] for row in csv.reader(file) if row}


def _append(path: Path, row: tuple[str, ...]) -> None:
    """In one write, so that rows of several processes never mix."""
    with path.open("ab", buffering=0) as file:
        file.write(_line(tuple(map(_harmless, row))))


def _line(row: tuple[str, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(row)
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    """A text that a spreadsheet would run as a formula is marked as text."""
    return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell

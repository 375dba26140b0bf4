"""Rule books of a test's own: written as files, and published into its ledger without lint and tests of their own."""

from datetime import UTC, datetime
from pathlib import Path

from milepost.ledger.database import open_database
from milepost.rules.versions import BookFolder
from milepost.settings import Installation
from milepost.steps.publish import publish_book


def write_book(folder: Path, name: str, text: str, version: int = 1) -> Path:
    """Put a version of a rule book into `folder`/mappings; the folder of the books."""
    file = folder / "mappings" / name / f"v{version:04d}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return folder / "mappings"


async def publish(installation: Installation, folder: Path, name: str) -> None:
    """Publish every version of a book that is not published yet."""
    async with open_database(installation) as db:
        done = await publish_book(db, BookFolder(folder), name, gates=(), by="a test", now=datetime.now(UTC))
    assert not done.refused, done.refused

"""The installation's settings, from the environment: where the ledger is, which key encrypts, where the console is.

MILEPOST_HOME (default `.milepost/`), MILEPOST_DATABASE_URL (default a SQLite file there), MILEPOST_SECRET_KEY (default
made on first use beside it, mode 0600), MILEPOST_CONSOLE_URL.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from milepost.errors import ConfigError

DEFAULT_CONSOLE_URL = "http://127.0.0.1:4280"


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation of Milepost: a home folder, a ledger, a key. `secret_key` is never shown in a repr."""

    home: Path
    database_url: str
    secret_key: bytes
    console_url: str
    has_console: bool = False

    def __repr__(self) -> str:
        return f"Installation(home={str(self.home)!r})"


def installation() -> Installation:
    """The installation that the environment describes; makes its home and key on first use. Raises ConfigError."""
    home = Path(os.environ.get("MILEPOST_HOME") or ".milepost").expanduser().absolute()
    with _readable("MILEPOST_HOME", home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Installation(
        home=home,
        database_url=os.environ.get("MILEPOST_DATABASE_URL") or f"sqlite+aiosqlite:///{home / 'ledger.db'}",
        secret_key=_secret_key(home),
        has_console=bool(os.environ.get("MILEPOST_CONSOLE_URL")),
        console_url=(os.environ.get("MILEPOST_CONSOLE_URL") or DEFAULT_CONSOLE_URL).rstrip("/"),
    )


def _secret_key(home: Path) -> bytes:
    given = os.environ.get("MILEPOST_SECRET_KEY")
    file = home / "secret.key"
    with _readable("The key", file):
        key = given.encode() if given else _kept_key(file)
    try:
        Fernet(key)
    except ValueError as error:
        source = "MILEPOST_SECRET_KEY" if given else str(file)
        raise ConfigError(
            f"{source} is not a Fernet key (32 bytes, url-safe base64). "
            f"{'Correct it' if given else 'Restore it from your backup'}: with another key, the tokens kept in the ledger "
            "cannot be read. Make a first one with: "
            "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        ) from error
    return key


def _kept_key(path: Path) -> bytes:
    """The key kept at `path`. Whoever puts one there first decides it for all processes, and puts it there whole."""
    if not path.exists():
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(Fernet.generate_key())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(made, path)
        finally:
            Path(made).unlink()
    return path.read_bytes().strip()


@contextmanager
def _readable(what: str, path: Path) -> Iterator[None]:
    """Trouble with a file becomes a ConfigError that names it."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{what} at {path} cannot be used: {error.strerror}. Check its permissions, or set MILEPOST_HOME to a folder "
            "that this user may write."
        ) from error

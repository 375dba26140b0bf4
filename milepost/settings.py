"""The installation's settings, from the environment: where the ledger is, which key encrypts, where the console is.

MILEPOST_HOME (default `.milepost/`), MILEPOST_DATABASE_URL (default a SQLite file there), MILEPOST_SECRET_KEY (default
made on first use beside it, mode 0600), MILEPOST_CONSOLE_URL.
"""

import os
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

    def __repr__(self) -> str:
        return f"Installation(home={str(self.home)!r})"


def installation() -> Installation:
    """The installation that the environment describes; makes its home and key on first use."""
    home = Path(os.environ.get("MILEPOST_HOME", ".milepost")).absolute()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Installation(
        home=home,
        database_url=os.environ.get("MILEPOST_DATABASE_URL", f"sqlite+aiosqlite:///{home / 'ledger.db'}"),
        secret_key=_secret_key(home),
        console_url=os.environ.get("MILEPOST_CONSOLE_URL", DEFAULT_CONSOLE_URL).rstrip("/"),
    )


def _secret_key(home: Path) -> bytes:
    given = os.environ.get("MILEPOST_SECRET_KEY")
    key = given.encode() if given else _kept_key(home / "secret.key")
    try:
        Fernet(key)
    except ValueError as error:
        source = "MILEPOST_SECRET_KEY" if given else str(home / "secret.key")
        raise ConfigError(
            f"{source} is not a Fernet key (32 bytes, url-safe base64). Make one with: "
            "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        ) from error
    return key


def _kept_key(path: Path) -> bytes:
    """The key kept at `path`; whoever creates the file first decides it for all processes."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(handle, "wb") as file:
        key = Fernet.generate_key()
        file.write(key)
    return key

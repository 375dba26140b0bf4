"""Secrets at rest: JSON values sealed with the installation's key before they reach the ledger."""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from milepost.errors import ConfigError


class Sealer:
    """Seals and opens JSON values with one Fernet key (AES-128-CBC and HMAC-SHA256, with a random IV each time)."""

    def __init__(self, secret_key: bytes) -> None:
        self._fernet = Fernet(secret_key)

    def __repr__(self) -> str:
        return "Sealer()"

    def seal(self, value: Any) -> bytes:
        """A JSON value, encrypted and signed."""
        return self._fernet.encrypt(json.dumps(value, separators=(",", ":")).encode())

    def open(self, sealed: bytes) -> Any:
        """The JSON value that was sealed. Raises ConfigError when it was sealed with another key, or altered."""
        try:
            return json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise ConfigError(
                "The tokens in the ledger cannot be read: they were sealed with another secret key. Set "
                "MILEPOST_SECRET_KEY (or put back the secret.key beside the ledger) to the key that was in use "
                "when the connection was made, or connect again with: milepost connection connect NAME"
            ) from None

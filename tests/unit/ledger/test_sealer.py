"""Secrets at rest."""

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from milepost.errors import ConfigError
from milepost.ledger.sealer import Sealer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)
SEALER = Sealer(Fernet.generate_key())


@given(JSON)
def test_what_is_sealed_opens_to_the_same(value: object) -> None:
    assert SEALER.open(SEALER.seal(value)) == value


def test_a_seal_shows_nothing_of_the_secret() -> None:
    assert b"rotated-refresh-token" not in SEALER.seal({"refresh_token": "rotated-refresh-token"})


def test_another_key_is_refused_with_the_fix() -> None:
    with pytest.raises(ConfigError, match="MILEPOST_SECRET_KEY") as caught:
        Sealer(Fernet.generate_key()).open(SEALER.seal("secret"))
    assert "milepost connection connect" in str(caught.value)


def test_an_altered_seal_is_refused() -> None:
    sealed = bytearray(SEALER.seal("secret"))
    sealed[-5] ^= 1
    with pytest.raises(ConfigError):
        SEALER.open(bytes(sealed))

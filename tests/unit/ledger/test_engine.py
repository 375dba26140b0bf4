"""Which database a URL means."""

import pytest

from milepost.errors import ConfigError
from milepost.ledger.engine import create_engines, ledger_url


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:////var/lib/milepost/ledger.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///ledger.db", "sqlite+aiosqlite"),
        ("postgres://user:word@db/milepost", "postgresql+psycopg"),
        ("postgresql://db/milepost", "postgresql+psycopg"),
        ("postgresql+psycopg://db/milepost?sslmode=require", "postgresql+psycopg"),
    ],
)
def test_the_urls_people_write_are_understood(text: str, driver: str) -> None:
    assert ledger_url(text).drivername == driver


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ledger.db", "not a database URL"),
        ("", "not a database URL"),
        ("mysql://user:hunter2@db/x", "names 'mysql'"),
        ("postgresql+asyncpg://user:hunter2@db/x", "names 'postgresql\\+asyncpg'"),
        ("sqlite://", "in memory"),
        ("sqlite+aiosqlite:///:memory:", "in memory"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_its_password(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        ledger_url(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["sqlite:////tmp/ledger.db", "postgresql://db/milepost"])
def test_what_is_kept_never_reaches_the_text_of_an_error(text: str) -> None:
    engines = create_engines(ledger_url(text))
    assert engines.writer.sync_engine.hide_parameters
    assert engines.reader.sync_engine.hide_parameters

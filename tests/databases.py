"""Which database a test's ledger is in. MILEPOST_TEST_DATABASE says it: `sqlite` (a file, the default) or `postgresql`.

PostgreSQL is the server of MILEPOST_TEST_POSTGRES_URL; each ledger is a database of its own there, dropped after its test.
The ledger's own tests run on both whatever is said (`tests.ledger_fixtures`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

POSTGRES_URL = os.environ.get("MILEPOST_TEST_POSTGRES_URL") or None
KINDS = ("sqlite", "postgresql")
_TEMPLATE = "template0"
"""Nobody is ever connected to it, so that any number of databases may be made of it at once."""


@cache
def is_on_postgresql() -> bool:
    """Whether the tests' ledgers are on PostgreSQL. Fails where that is asked for and no server is named."""
    kind = os.environ.get("MILEPOST_TEST_DATABASE") or KINDS[0]
    assert kind in KINDS, f"MILEPOST_TEST_DATABASE is {kind!r}; use one of {', '.join(KINDS)}"
    assert kind == "sqlite" or POSTGRES_URL, "MILEPOST_TEST_DATABASE=postgresql needs a server in MILEPOST_TEST_POSTGRES_URL"
    return kind == "postgresql"


@contextmanager
def ledger_in(home: Path) -> Iterator[str]:
    """The URL of an empty ledger of the kind that the tests run on: a file in this folder, or a database."""
    if not is_on_postgresql():
        yield f"sqlite:///{home / 'ledger.db'}"
        return
    with postgres_database() as url:
        yield url


@contextmanager
def installation_in(home: Path) -> Iterator[dict[str, str]]:
    """The environment of an installation in this folder with a ledger of its own. A file at its usual place needs no URL."""
    with ledger_in(home) as url:
        named = {"MILEPOST_DATABASE_URL": url} if is_on_postgresql() else {}
        yield {"MILEPOST_HOME": str(home), **named}


@contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of a database of its own on the test server, dropped in the end whoever is still connected."""
    name = f"milepost_test_{uuid4().hex}"
    _make(name, _TEMPLATE)
    try:
        assert POSTGRES_URL is not None
        server = make_url(POSTGRES_URL).set(drivername="postgresql", database=name)
        yield server.render_as_string(hide_password=False)
    finally:
        _drop(name)


@contextmanager
def backup_of(url: str) -> Iterator[str]:
    """The URL of a copy of a PostgreSQL database that nobody is connected to, as it is at this moment."""
    with postgres_database() as copy:
        copy_database(url, copy)
        yield copy


def copy_database(source: str, target: str) -> None:
    """Put a copy of one PostgreSQL database in the place of another; nobody is connected to the source."""
    _drop(_name(target))
    _make(_name(target), _name(source))


def _make(name: str, template: str) -> None:
    _on_server(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))


def _drop(name: str) -> None:
    _on_server(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _name(url: str) -> str:
    return make_url(url).database or ""


def _on_server(statement: sql.Composed) -> None:
    assert POSTGRES_URL is not None
    server = make_url(POSTGRES_URL).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)

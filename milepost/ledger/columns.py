"""What the ledger's columns are made of: the metadata with its names, and types that both databases keep alike.

Money is kept as text and read as Decimal, moments as UTC and read aware, on SQLite and PostgreSQL alike.
"""

# ruff: noqa: ARG002  SQLAlchemy gives every converter the dialect

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Dialect, MetaData, String, TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Money(TypeDecorator[Decimal]):
    """A Decimal, exact, as text."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """From text."""
        return None if value is None else Decimal(value)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC without its offset."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To naive UTC; a naive value is a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("moments must be aware")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From naive UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text that comes from outside, cut to the column's length and without NUL, which PostgreSQL refuses.

    So that one job's odd number or name cannot sink the batch that it is saved in.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To what every database keeps; compared values are cut alike."""
        if value is None:
            return None
        text = value.replace("\0", "")
        return text if self.length is None else text[: self.length]

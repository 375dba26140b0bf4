"""The accounts of the simulated ServiceM8: tables of records, and what follows from changing one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from sandbox.servicem8.records import EMPTY_STAMP, READ_ONLY, SCOPES, STATUSES, Row, blank, stable_uuid
from sandbox.servicem8.settings import ServiceM8Settings
from sandbox.servicem8.totals import invoice_total

_INDEXED = ("job_uuid", "company_uuid", "related_object_uuid", "status", "generated_job_id", "name")
_STAMPED = {"invoice_sent", "quote_sent", "payment_processed", "payment_received"}
_STATUS_DATES = {
    "Quote": "quote_date",
    "Work Order": "work_order_date",
    "Completed": "completion_date",
    "Unsuccessful": "unsuccessful_date",
}


class Table:
    """Records by uuid, with an index on the fields that requests select by."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._index: dict[str, dict[str, dict[str, None]]] = {field: {} for field in _INDEXED}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def get(self, uuid: str) -> Row | None:
        return self._rows.get(uuid)

    def put(self, row: Row) -> None:
        self.remove(row["uuid"])
        self._rows[row["uuid"]] = row
        for field, values in self._index.items():
            if field in row:
                values.setdefault(str(row[field]), {})[row["uuid"]] = None

    def remove(self, uuid: str) -> None:
        row = self._rows.pop(uuid, None)
        for field, values in self._index.items():
            if row is not None and field in row:
                values.get(str(row[field]), {}).pop(uuid, None)

    def where(self, field: str, value: str) -> list[Row]:
        if field in self._index:
            return [self._rows[uuid] for uuid in self._index[field].get(value, {})]
        return [row for row in self if str(row.get(field, "")) == value]

    def is_indexed(self, field: str) -> bool:
        return field in self._index


@dataclass(frozen=True)
class Change:
    """What happened to a record, for the webhooks: `events` are ServiceM8's event names."""

    account: "Account"
    kind: str
    uuid: str
    fields: tuple[str, ...]
    events: tuple[str, ...]


class InvalidRecordError(ValueError):
    """A record that ServiceM8 refuses with 400."""


class Account:
    """One ServiceM8 account. Its stamps are in its own time zone, as the real ones are."""

    def __init__(
        self,
        name: str,
        settings: ServiceM8Settings,
        clock: Callable[[], datetime],
        changed: Callable[[Change], None],
        *,
        timezone: str = "Pacific/Auckland",
        currency: str = "NZD",
    ) -> None:
        self.name = name
        self.api_key = f"servicem8-key-{name}"
        self.settings = settings
        self.tables = {kind: Table() for kind in SCOPES}
        self.zone = ZoneInfo(timezone)
        self._clock = clock
        self._changed = changed
        self._next_number = 1001
        vendor = {"name": name.title(), "currency": currency, "timezone_name": timezone}
        self.tables["vendor"].put({**blank("vendor"), **vendor, "uuid": stable_uuid(name, "vendor")})

    @property
    def vendor(self) -> Row:
        return next(iter(self.tables["vendor"]))

    def now(self) -> datetime:
        return self._clock()

    def local_now(self) -> str:
        return self.local(self.now())

    def local(self, moment: datetime) -> str:
        """An aware moment as this account writes it."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def children(self, kind: str, job_uuid: str) -> list[Row]:
        return self.tables[kind].where("job_uuid", job_uuid)

    def load(self, kind: str, fields: Row) -> Row:
        """Add or replace a record without telling anyone, edited now unless it says when.

        Raises InvalidRecordError.
        """
        row = {**blank(kind), "edit_date": self.local_now(), **fields}
        row["uuid"] = row["uuid"] or str(uuid4())
        if kind == "job":
            self._number(row)
            self._date_status(row)
        if kind == "note" and row["create_date"] == EMPTY_STAMP:
            row["create_date"] = row["edit_date"]
        self._check(kind, row)
        self.tables[kind].put(row)
        return row

    def create(self, kind: str, fields: Row) -> Row:
        """Add a record as a client of the API would; raises InvalidRecordError."""
        row = self.load(kind, fields)
        self.tell(kind, row, tuple(fields), ("created",))
        return row

    def change(self, kind: str, uuid: str, fields: Row) -> Row:
        """Set fields of a record that exists; raises InvalidRecordError, and KeyError when it does not."""
        before = self.tables[kind].get(uuid)
        if before is None:
            raise KeyError(uuid)
        changed = {key: value for key, value in fields.items() if before.get(key) != value}
        row = {**before, **changed, "edit_date": self.local_now()}
        if kind == "job":
            self._stamp_flags(row, changed)
            if "status" in changed:
                self._date_status(row)
        self._check(kind, row)
        self.tables[kind].put(row)
        self.tell(kind, row, tuple(changed), _events(changed, row))
        return row

    def tell(self, kind: str, row: Row, fields: tuple[str, ...], events: tuple[str, ...]) -> None:
        """What follows from a change: webhooks, and a new total on the job."""
        self._changed(Change(self, kind, row["uuid"], fields, events))
        if kind == "jobmaterial":
            self.retotal(row["job_uuid"])
        if kind == "note" and row["related_object"] == "job":
            self._changed(Change(self, "job", row["related_object_uuid"], ("note",), ("note_added",)))

    def retotal(self, job_uuid: str) -> None:
        job = self.tables["job"].get(job_uuid)
        if job is None:
            return
        total = invoice_total(self, job_uuid, with_tax=self.settings.total_is_tax_inclusive)
        touched = {"edit_date": self.local_now()} if self.settings.lines_touch_job else {}
        self.tables["job"].put({**job, **touched, "total_invoice_amount": total})

    def writable(self, kind: str, fields: Row) -> Row:
        """What of `fields` an API client may set: unknown and read-only fields are ignored."""
        known, fixed = blank(kind), READ_ONLY.get(kind, frozenset({"edit_date"}))
        return {
            key: value
            for key, value in fields.items()
            if (key in known and key not in fixed) or key.startswith("customfield_")
        }

    def _check(self, kind: str, row: Row) -> None:
        if kind == "job" and row["status"] not in STATUSES:
            raise InvalidRecordError(f"{row['status']} is not a valid value for status")

    def _number(self, row: Row) -> None:
        if not row["generated_job_id"]:
            row["generated_job_id"] = str(self._next_number)
            self._next_number += 1

    def _date_status(self, row: Row) -> None:
        field = _STATUS_DATES.get(row["status"])
        if field and row[field] == EMPTY_STAMP:
            row[field] = self.local_now()

    def _stamp_flags(self, row: Row, changed: Row) -> None:
        for flag in _STAMPED & set(changed):
            row[f"{flag}_stamp"] = self.local_now() if str(changed[flag]) == "1" else EMPTY_STAMP


def _events(changed: Row, row: Row) -> tuple[str, ...]:
    events = ["updated"]
    if "status" in changed:
        events.append("status_changed")
        events += ["completed"] if row["status"] == "Completed" else []
    if str(changed.get("invoice_sent", "0")) == "1":
        events.append("invoice_sent")
    return tuple(events)

"""What a sandbox Xero is started with: apps, rate limits, and a switch for each unproven behaviour."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

READ_SUFFIX = ".read"
WRITE_SCOPES = (
    "accounting.invoices",
    "accounting.payments",
    "accounting.banktransactions",
    "accounting.contacts",
    "accounting.settings",
    "accounting.attachments",
)
IDENTITY_SCOPES = ("openid", "profile", "email", "offline_access")
ALL_SCOPES = frozenset((*IDENTITY_SCOPES, *WRITE_SCOPES, *(scope + READ_SUFFIX for scope in WRITE_SCOPES)))


def utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class App:
    """One registered app. `custom_connection` is an organisation's key ("nz") for a client_credentials app.

    An app without a secret is a native app and must use PKCE.
    """

    client_id: str
    client_secret: str | None = None
    name: str = "Sandbox app"
    grants: frozenset[str] = frozenset({"authorization_code", "refresh_token"})
    redirect_uris: tuple[str, ...] = ()
    custom_connection: str | None = None
    scopes: frozenset[str] = ALL_SCOPES


@dataclass(frozen=True)
class RateLimits:
    """Xero's published limits, each per app and organisation except `app_minute`, which is per app.

    `minute_seconds` shortens the minute, for tests that cannot wait for one.
    """

    enabled: bool = True
    minute: int = 60
    day: int = 5000
    concurrent: int = 5
    app_minute: int = 10_000
    minute_seconds: float = 60.0

    @classmethod
    def starter(cls) -> "RateLimits":
        """The limits of an app on the Starter tier."""
        return cls(day=1000)


@dataclass(frozen=True)
class Switches:
    """Behaviours of Xero that are documented in two ways or not at all; a client must stand every setting.

    summarize_errors_default    what an omitted summarizeErrors means (the docs say true, the OpenAPI false)
    partial_save_when_summarized  whether the good elements of a refused batch are saved all the same
    paid_invoice_edits          "header": Reference, DueDate, InvoiceNumber, BrandingThemeID, Contact and Url
                                may change once money is applied; "none": nothing may
    longest_query               bytes of query string; about 52 GUIDs in `IDs` have been reported to be too many
    largest_body                bytes; an old page says 3.5 MB, the limits page 10 MB
    contact_name_spaces         leading, trailing and double spaces in a contact's name: refused, or trimmed
    unarchive_by_api            POST ContactStatus ACTIVE restores an archived contact, or is refused
    second_refresh_in_grace     what a rotated refresh token gives inside its 30 minutes
    too_many_requests_body      the body of a 429, whatever its content type
    concurrent_retry_after      Retry-After seconds on a 429 for concurrency; None leaves the header out
    reuse_dead_invoice_numbers  whether numbers of deleted and voided invoices are free again
    deleted_payments_listed     whether If-Modified-Since shows deleted payments
    tax_rounding                ties in tax: away from zero, or to the even cent
    archived_name_on_invoice    a name-only invoice whose name only an archived contact has
    idempotency_error           the envelope of the 400 for a reused key
    not_modified_304            nothing newer than If-Modified-Since: 304, or 200 with an empty list
    day_window                  the day's allowance is fixed (midnight UTC) or rolls over 24 hours
    """

    summarize_errors_default: bool = True
    partial_save_when_summarized: bool = False
    paid_invoice_edits: Literal["header", "none"] = "header"
    unarchive_by_api: bool = True
    second_refresh_in_grace: Literal["new", "same", "invalid"] = "new"
    too_many_requests_body: str = ""
    concurrent_retry_after: int | None = None
    reuse_dead_invoice_numbers: bool = False
    deleted_payments_listed: bool = True
    tax_rounding: Literal["half_up", "half_even"] = "half_up"
    archived_name_on_invoice: Literal["error", "create"] = "error"
    idempotency_error: Literal["problem", "api_exception"] = "problem"
    not_modified_304: bool = False
    day_window: Literal["fixed", "rolling"] = "fixed"
    longest_query: int = 2048
    largest_body: int = 3_500_000
    contact_name_spaces: Literal["refuse", "trim"] = "refuse"


@dataclass
class XeroSettings:
    """Everything a sandbox Xero is started with.

    `consent` names the organisations (keys) a user connects when the authorize page is passed; real consent
    is one organisation at a time unless an app has bulk connections. `latency`: seconds added to every call.
    """

    apps: tuple[App, ...] = field(default_factory=lambda: (demo_app(), demo_custom_app()))
    limits: RateLimits = field(default_factory=RateLimits)
    switches: Switches = field(default_factory=Switches)
    consent: tuple[str, ...] = ("nz",)
    latency: float = 0.0


def demo_app(client_id: str = "sandbox-web-app", client_secret: str = "sandbox-web-secret") -> App:  # noqa: S107
    """A server-side app as the demo uses it; the redirect URI must match exactly."""
    return App(client_id, client_secret, redirect_uris=("http://localhost:8765/oauth/callback",))


def demo_custom_app(organisation: str = "nz") -> App:
    """A custom connection (machine to machine) to one organisation."""
    grants = frozenset({"client_credentials"})
    return App("sandbox-custom", "sandbox-custom-secret", grants=grants, custom_connection=organisation)

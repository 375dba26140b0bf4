"""The description of a job system, as its YAML file has it: where things are, and what they are called."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from milepost.jobs import TaxMode
from milepost.platforms.declared import targets
from milepost.platforms.declared.expressions import Expression, PathTemplate, path_expressions
from milepost.platforms.declared.fields import Section, filling
from milepost.platforms.declared.parts import SecretText, Strict, Zone, secret_names
from milepost.platforms.declared.requests import Auth, Jobs, Limits, One, Rows
from milepost.platforms.declared.told import check_template_tree
from milepost.platforms.protocol import Capabilities, RatePolicy


@filling(targets.JOB)
class JobSection(Section):
    """How a job's record fills the normalised Job."""


class _Single(Section):
    """One record of a job: inside the job's own record, or from an endpoint."""

    from_: Expression | None = Field(None, alias="from", description="where it stands in the job's record")
    get: One | None = Field(None, description="the endpoint that answers it")


class _Several(Section):
    """Several records of a job: inside the job's own record, or from an endpoint."""

    from_: Expression | None = Field(None, alias="from", description="where they stand in the job's record")
    get: Rows | None = Field(None, description="the endpoint that answers them")

    @model_validator(mode="after")
    def _one_source(self) -> "_Several":
        if (self.from_ is None) == (self.get is None):
            raise ValueError("give either 'from' (a place in the job's record) or 'get' (an endpoint)")
        return self


@filling(targets.CUSTOMER)
class CustomerSection(_Single):
    """Who pays. Without `from` and `get` its fields are read from the job's own record."""


@filling(targets.SITE)
class SiteSection(_Single):
    """Where the work was done. Without `from` and `get` its fields are read from the job's own record."""


@filling(targets.CONTACT)
class ContactSection(_Several):
    """People to reach."""


@filling(targets.LINE)
class LineSection(_Several):
    """Lines of a job. Several such sections add up: labour from one place, materials from another."""


@filling(targets.PAYMENT)
class PaymentSection(_Several):
    """Payments received."""


class AccountSection(Strict):
    """What the API says about the account, for the test of a connection."""

    get: One
    id: Expression = "id"
    name: Expression = "name"
    time_zone: Expression | None = None
    currency: Expression | None = None


class Webhook(Strict):
    """The webhooks that the system sends when a job changes. The job itself is always read afresh."""

    scheme: Literal["hmac_sha256", "header", "query"] = Field(
        description="hmac_sha256: a signature of the body in a header; header: the secret itself in a header; query: "
        "the secret in the address"
    )
    secret: SecretText = Field(description="such as ${webhook}")
    name: str = Field(description="the header's or the parameter's name", min_length=1)
    encoding: Literal["hex", "base64"] = Field("hex", description="of the signature")
    prefix: str = Field("", description="before the signature, such as sha256=")
    ids: Expression = Field(description="where the body holds the ids of the jobs: one or a list")
    marker: Expression | None = Field(None, description="where the body holds the version or moment of the change")


def _only_id(path: str) -> str:
    if unknown := set(path_expressions(path)) - {"id"}:
        raise ValueError(f"only {{id}} is known when writing, not {{{min(unknown)}}}")
    return path


class Write(Strict):
    """One request that writes. Texts in `body` and `headers` are templates over `told`."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    path: Annotated[PathTemplate, BeforeValidator(lambda path: _only_id(str(path)))]
    headers: dict[str, Annotated[str, BeforeValidator(check_template_tree)]] = Field(default_factory=dict)
    body: Annotated[Any, BeforeValidator(check_template_tree), WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict,
        description="the JSON to send; {{ told.note }}, told.invoice_number, told.invoice_url, told.job_id, told.key. "
        "The words true, false, null and whole numbers are sent as such",
    )


class NoteCheck(Rows):
    """Where the notes of a job can be read, so that none is written twice."""

    text: Expression = Field("text", description="where a row holds the note's text")


class NoteWrite(Write):
    """The request that leaves a note on the job."""

    check: NoteCheck | None = Field(None, description="reads the job's notes; a note with our key is not repeated")


class WriteBackSection(Strict):
    """What is told to the system after an invoice was made."""

    note: NoteWrite | None = None
    processed: Write | None = Field(None, description="marks the job; it must do no harm when it is repeated")


def _as_list(data: Any) -> Any:
    return [data] if isinstance(data, dict) else data


class Description(Strict):
    """A job system with a REST/JSON API. A text is a JMESPath expression wherever a field is filled."""

    name: str = Field(description="the system's name, as people read it", min_length=1, max_length=40)
    base_url: SecretText = Field(description="where paths begin, such as https://api.example.com/v2")
    headers: dict[str, SecretText] = Field(default_factory=dict, description="sent with every call")
    auth: Auth
    limits: Limits = Limits()
    time_zone: Zone = Field("UTC", description="the account's; moments without an offset are in it")
    currency: str | None = Field(None, description="of jobs that do not say one", pattern=r"^[A-Z]{3}$")
    tax_mode: TaxMode = Field(TaxMode.EXCLUSIVE, description="of jobs that do not say it")
    jobs: Jobs
    job: JobSection
    customer: CustomerSection | None = None
    site: SiteSection | None = None
    contacts: Annotated[tuple[ContactSection, ...], BeforeValidator(_as_list)] = ()
    lines: Annotated[tuple[LineSection, ...], BeforeValidator(_as_list)] = ()
    payments: Annotated[tuple[PaymentSection, ...], BeforeValidator(_as_list)] = ()
    account: AccountSection | None = None
    webhook: Webhook | None = None
    write_back: WriteBackSection = WriteBackSection()

    one_or_more: ClassVar[tuple[str, ...]] = ("contacts", "lines", "payments")
    """Keys under which one section stands for a list of one."""

    def sections(self) -> Iterator[tuple[tuple[str | int, ...], Section]]:
        """Every section that is filled, with its place in the file."""
        yield ("job",), self.job
        for name in ("customer", "site"):
            if (section := getattr(self, name)) is not None:
                yield (name,), section
        for name in self.one_or_more:
            for number, section in enumerate(getattr(self, name)):
                yield (name, number), section

    def unfilled(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Required fields that nothing fills, each with the place of its section."""
        return [(place, name) for place, section in self.sections() for name in section.missing()]

    def secrets(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The names of the secrets it asks for, each with its place."""
        for name, text in self.headers.items():
            yield from ((("headers", name), secret) for secret in secret_names(text))
        for name, text in self.auth.model_dump().items():
            yield from ((("auth", name), secret) for secret in secret_names(str(text)))
        yield from ((("base_url",), secret) for secret in secret_names(self.base_url))
        if self.webhook:
            yield from ((("webhook", "secret"), secret) for secret in secret_names(self.webhook.secret))

    def capabilities(self) -> Capabilities:
        """What the platform can do, from what is described."""
        line_fields = {name for section in self.lines for name, _, _ in section.maps()}
        return Capabilities(
            changed_since=self.jobs.list.changes.by != "everything",
            webhooks=self.webhook is not None,
            webhook_signed=self.webhook is not None and self.webhook.scheme == "hmac_sha256",
            write_note=self.write_back.note is not None,
            write_processed=self.write_back.processed is not None,
            has_tax=bool(line_fields & {"tax_name", "tax_rate", "tax_amount"}),
            has_rates=bool(line_fields & {"unit_price", "unit_price_ex", "unit_price_inc"}),
            has_payments=bool(self.payments),
        )

    def rate_policy(self) -> RatePolicy:
        """The limits as the HTTP client takes them."""
        return RatePolicy(**self.limits.model_dump())

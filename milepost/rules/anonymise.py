"""A real job with its people taken out, so that it can be kept as a test: pure, and the same each time.

Kept are kinds, codes, quantities, prices, taxes, categories and regions. Names, addresses, numbers to reach somebody and
free texts give way to neutral words; where the book asks for such a text, the words stand for what the book saw in it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from milepost.jobs import Address, Customer, Job, Line, Quote, Site
from milepost.rules.asked import CUSTOM, conditions_of
from milepost.rules.conditions import DateRange, JobWhen, Range
from milepost.rules.globs import matches
from milepost.rules.model import Progress, RuleBook
from milepost.rules.patterns import is_pattern

LEFT_OUT = "(left out)"
_REACH = re.compile(r"[^\s@]+@[^\s@]+|\+?\d[\d ()/-]{5,}\d")
"""An e-mail address, or a number to call."""
_FIELD = re.compile(r"""custom_fields(?:\[\s*\\?['"]([^'"\\]+)|\.(\w+))""")
"""A custom field in a template, where the book is JSON."""
_LEAST_NAME = 3
"""Letters of a word of a name that is looked for in other texts."""


@dataclass(frozen=True, slots=True)
class Anonymised:
    """The job without its people, and what a person should look at: texts that were kept, or whose meaning was lost."""

    job: Job
    notes: tuple[str, ...]


def anonymised(job: Job, book: RuleBook) -> Anonymised:
    """The job with everything personal replaced; the book is asked which texts its rules look at."""
    veil = _Veil(tuple(_personal(job)), tuple(_names(job)), _texts_asked(book), frozenset(_fields_named(book)))
    lines = tuple(veil.line(line, place) for place, line in enumerate(job.lines, 1))
    neutral = job.model_copy(
        update={
            "id": f"job-{job.number}",
            "web_url": None,
            "title": "A job" if job.title else "",
            "description": veil.words(job.description),
            "work_summary": veil.words(job.work_summary),
            "reference": "REF-1" if job.reference else None,
            "tags": veil.tags(job.tags, "job_tag"),
            "customer": veil.customer(job.customer) if job.customer else None,
            "contacts": (),
            "site": _site(job.site) if job.site else None,
            "lines": lines,
            "quote": Quote(accepted_at=job.quote.accepted_at, totals=job.quote.totals) if job.quote else None,
            "payments": tuple(
                payment.model_copy(update={"id": f"payment-{place}", "reference": None})
                for place, payment in enumerate(job.payments, 1)
            ),
            "custom_fields": veil.custom_fields(job.custom_fields),
            "warnings": (),
        }
    )
    veil.look_at_what_is_kept(neutral)
    return Anonymised(neutral, tuple(dict.fromkeys(veil.notes)))


@dataclass
class _Veil:
    """What is known of a job's people and of the texts a book asks for; stand-ins are the same for the same text."""

    personal: tuple[str, ...]
    names: tuple[str, ...]
    asked: dict[str, tuple[str, ...]]
    fields: frozenset[str]
    notes: list[str] = field(default_factory=list)
    stand_ins: dict[tuple[str, str], str] = field(default_factory=dict)

    def line(self, line: Line, place: int) -> Line:
        """A line under neutral words."""
        words = f"{line.kind.value.capitalize()} {place}"
        told = f"the text of line {place}"
        return line.model_copy(
            update={
                "id": str(place),
                "description": self.text("description", line.description, words, told) if line.description else "",
                "section": self._named("section", line.section, "Section"),
                "staff": self._named("staff", line.staff, "Worker"),
                "account_hint": self._masked(line.account_hint) if line.account_hint else None,
                "tracking_hints": {name: self._masked(hint) for name, hint in line.tracking_hints.items()},
            }
        )

    def look_at_what_is_kept(self, job: Job) -> None:
        """Note the texts that stay as they are, because books work with them, and that hold a word of somebody's name."""
        for told, value in _kept(job):
            if value and any(_holds(value, name) for name in self.names):
                self.notes.append(f"{told} was kept, and holds a word of somebody's name: check that it names nobody")

    def customer(self, customer: Customer) -> Customer:
        """Whoever pays, as nobody in particular."""
        return Customer(
            id="customer-1",
            name=self.text("customer", customer.name, "A. Customer", "the customer's name"),
            number="C-1" if customer.number else None,
            is_company=customer.is_company,
            email="customer@example.com" if customer.email else None,
            billing_address=_address(customer.billing_address),
            currency=customer.currency,
            tags=self.tags(customer.tags, "customer_tag"),
        )

    def tags(self, tags: Iterable[str], condition: str) -> tuple[str, ...]:
        """Only the tags that some condition of the book asks for."""
        wanted = self.asked.get(condition, ())
        return tuple(tag for tag in tags if any(matches(text, tag) for text in wanted))

    def custom_fields(self, fields: dict[str, str]) -> dict[str, str]:
        """Only the fields that the book names, with what their text means to the book."""
        return {
            name: self.text(f"{CUSTOM}{name.casefold()}", value, LEFT_OUT, f"the custom field '{name}'")
            if not _is_number(value)
            else value
            for name, value in fields.items()
            if name.casefold() in self.fields
        }

    def words(self, text: str) -> str:
        """A free text that no condition looks at."""
        return "Words" if text else ""

    def text(self, condition: str, value: str, neutral: str, told: str) -> str:
        """Neutral words that mean the same to the book; where there are none, the text without what is known of people."""
        wanted = self.asked.get(condition, ())
        if found := _stand_in(value, wanted, neutral):
            return found
        masked = self._masked(value)
        if _meaning(masked, wanted) != _meaning(value, wanted):
            self.notes.append(f"{told} was replaced, and means something else to the book now: write one that fits")
            return neutral
        self.notes.append(f"{told} was kept, since the book asks for it: check that it names nobody")
        return masked

    def _named(self, condition: str, value: str | None, noun: str) -> str | None:
        """The same stand-in for the same name, throughout the job."""
        if not value:
            return value
        key = (condition, value)
        if key not in self.stand_ins:
            count = 1 + sum(1 for known, _ in self.stand_ins if known == condition)
            self.stand_ins[key] = self.text(condition, value, f"{noun} {count}", f"{noun.lower()} {count}")
        return self.stand_ins[key]

    def _masked(self, text: str) -> str:
        for word in sorted(self.personal, key=len, reverse=True):
            text = _as_word(word).sub(LEFT_OUT, text)
        return _REACH.sub(LEFT_OUT, text)


def _stand_in(value: str, wanted: Sequence[str], neutral: str) -> str | None:
    """Words made of what the book asks for alone, that fit the same of its texts as the value does."""
    meant = _meaning(value, wanted)
    literals = [way for text, fits in zip(wanted, meant, strict=True) if fits for way in _literals(text)]
    return next((words for words in (neutral, *literals) if _meaning(words, wanted) == meant), None)


def _meaning(value: str, wanted: Sequence[str]) -> list[bool]:
    return [matches(text, value) for text in wanted]


def _literals(text: str) -> Iterator[str]:
    """Texts that a glob fits; none is made up for a regular expression."""
    if not is_pattern(text):
        plain = re.sub(r"\[([^!\]])[^\]]*\]", r"\1", text).replace("?", "x")
        yield from (plain.replace("*", ""), plain.replace("*", "x"))


def _as_word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)


def _holds(text: str, word: str) -> bool:
    return _as_word(word).search(text) is not None


def _personal(job: Job) -> Iterator[str]:
    """Every text of the job that leads to somebody, and the words of their names."""
    yield from _names(job)
    yield from filter(None, _people(job)[1])


def _names(job: Job) -> Iterator[str]:
    """Everybody's name, and its words."""
    for name in filter(None, _people(job)[0]):
        yield name
        yield from (word for word in re.findall(r"\w+", name) if len(word) >= _LEAST_NAME)


def _kept(job: Job) -> Iterator[tuple[str, str | None]]:
    """What is kept of a job as it is, and how it is called."""
    yield from (("the job's category", job.category), ("the job's type", job.job_type))
    yield "the business unit", job.business_unit
    yield "the site's region", job.site.region if job.site else None
    yield from (("a way of paying", payment.method) for payment in job.payments)
    for place, line in enumerate(job.lines, 1):
        yield from ((f"the {name} of line {place}", getattr(line, name)) for name in ("code", "category", "unit"))


def _people(job: Job) -> tuple[list[str | None], list[str | None]]:
    customer, site = job.customer, job.site
    names: list[str | None] = [*(person.name for person in job.contacts), *(line.staff for line in job.lines)]
    reach: list[str | None] = [text for person in job.contacts for text in (person.email, person.phone)]
    if customer:
        names += [customer.name, customer.first_name, customer.last_name]
        reach += [customer.email, *customer.phones, customer.tax_number, customer.company_number, customer.number]
        reach += _lines_of(customer.billing_address)
    if site:
        reach += [site.name, *_lines_of(site.address)]
    return names, reach


def _lines_of(address: Address | None) -> list[str | None]:
    return [address.line1, address.line2, address.postcode, address.city] if address else []


def _address(address: Address | None) -> Address | None:
    return Address(line1="1 Example Street", city="Exampletown", region=address.region) if address else None


def _site(site: Site) -> Site:
    return Site(name="The site" if site.name else "", region=site.region, address=_address(site.address))


def _is_number(value: str) -> bool:
    """A figure, too short for a number to call."""
    return re.fullmatch(r"\s*-?\d{1,6}([.,]\d{1,4})?\s*%?\s*", value) is not None


def _fields_named(book: RuleBook) -> Iterator[str]:
    """The custom fields that conditions, progress claims and templates of the book look at."""
    yield from (name.removeprefix(CUSTOM) for name in _texts_asked(book) if name.startswith(CUSTOM))
    yield from (m.amount.progress.casefold() for m in book.milestones if isinstance(m.amount, Progress))
    for bracketed, dotted in _FIELD.findall(book.model_dump_json()):
        yield (bracketed or dotted).casefold()


def _texts_asked(book: RuleBook) -> dict[str, tuple[str, ...]]:
    """By condition, every glob and regular expression that the book holds against it, wherever it is nested."""
    found: dict[str, list[str]] = {}
    tops: list[JobWhen] = [rule.when for rule in book.lines]
    tops += [rate.when for rate in book.rates]
    tops += [milestone.when for milestone in book.milestones]
    for when in (inner for top in tops for inner in _with_nested(top)):
        for name, wanted in conditions_of(when).items():
            if not isinstance(wanted, Range | DateRange):
                key = name.casefold() if name.startswith(CUSTOM) else name
                found.setdefault(key, []).extend(wanted)
    return {name: tuple(dict.fromkeys(texts)) for name, texts in found.items()}


def _with_nested(when: JobWhen) -> Iterator[JobWhen]:
    yield when
    nested = (*(when.any_ or ()), *(when.all_ or ()), *([when.not_] if when.not_ else ()))
    for inner in nested:
        yield from _with_nested(inner)

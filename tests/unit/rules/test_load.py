"""Loading a rule book: what a good one becomes, and every way a bad one is refused."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from milepost.rules.load import RuleBookErrors, load_book, parse_book, read_header
from milepost.rules.model import Flat, InvoiceStatus, Percent, Treat
from tests.unit.rules.books import BOOK, PATH, book, changed, errors_of


def test_a_good_book_says_what_was_written() -> None:
    loaded = book()
    assert (loaded.version, loaded.effective_from, loaded.organisation) == (3, date(2026, 7, 1), "Acme Plumbing")
    assert [rule.id for rule in loaded.lines] == ["after-hours", "labour", "subcontractors", "discounts"]
    assert loaded.lines[0].then.account == "0200", "an account is text, not the octal number 128"
    assert loaded.taxes == {"GST on Income": "OUTPUT", "NO": "EXEMPTOUTPUT"}, "NO is a tax's name, not False"
    assert loaded.lines[2].then.treat is Treat.ON_BILL
    assert [m.amount for m in loaded.milestones] == [Percent(percent=Decimal(30)), Flat(flat=Decimal("500.00")), "remaining"]
    assert loaded.milestones[0].on_status == ("Quote Accepted",)
    assert loaded.milestones[0].invoice.status is InvoiceStatus.AUTHORISED
    assert loaded.milestones[0].invoice.email is True


def test_a_book_knows_where_each_of_its_entries_stands() -> None:
    loaded = book()
    assert (loaded.origin.book, loaded.origin.path) == ("acme", PATH)
    assert len(loaded.origin.sha256) == 64
    for entry in ("lines.after-hours", "milestones.DEP", "invoice", "contacts", "fallback", "taxes.NO", "payments"):
        number = loaded.origin.lines[entry]
        assert entry.rsplit(".", 1)[-1] in BOOK.splitlines()[number - 1]
        assert loaded.where(entry) == f"{PATH}:{number}"


def test_the_hash_is_of_the_text_so_that_a_changed_comment_is_another_book() -> None:
    assert book(BOOK + "# later\n").origin.sha256 != book().origin.sha256 == book().origin.sha256


def test_an_error_leads_to_its_place_in_one_line() -> None:
    text = changed("when: {kind: labour}", "when: {kind: labour, categry: roof}")
    with pytest.raises(RuleBookErrors) as caught:
        parse_book(text, PATH, "acme")
    (error,) = caught.value.errors
    number = next(n for n, row in enumerate(text.splitlines(), 1) if "categry" in row)
    assert str(error) == f"{PATH}:{number}:39: rule 'labour' > when > categry: unknown key; did you mean 'category'?"
    assert (error.entry, error.keys) == ("rule 'labour'", ("when", "categry"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 3", "version: three", "version: 'three' is not a whole number"),
        ("version: 3", "version: 0", "version: '0' must be greater than or equal to 1"),
        ("version: 3", "version: 3\nvershun: 4", "vershun: unknown key; did you mean 'version'?"),
        ("version: 3", "version: 3\nstatus: DRAFT", "status: unknown key; it belongs under 'invoice'"),
        (
            "effective_from: 2026-07-01",
            "effective_from: 01/07/2026",
            "effective_from: is not a date; write it like 2026-07-01",
        ),
        ("effective_from: 2026-07-01", "effective_from: 0", "effective_from: is not a date; write it like 2026-07-01"),
        (
            "effective_from: 2026-07-01",
            "effective_from: 2026-02-30",
            "effective_from: is not a day of the calendar",
        ),
        ("organisation: Acme Plumbing\n", "", "organisation: is missing"),
        ("organisation: Acme Plumbing", "organisation:", "organisation: is empty; fill it in, or remove the key"),
        (
            "status: DRAFT",
            "status: DRAF",
            "invoice > status: 'DRAF' is not one of DRAFT, SUBMITTED, AUTHORISED; did you mean 'DRAFT'?",
        ),
        ("status: DRAFT", "status: [DRAFT]", "invoice > status: a list is not one of DRAFT, SUBMITTED, AUTHORISED"),
        ("number: xero", "number: {a: b}", "invoice > number: a section is not a text"),
        (
            "terms: {days: 14}",
            "terms: {days: 1, day_of_following_month: 20}",
            "give either 'days' or 'day_of_following_month'",
        ),
        ("terms: {days: 14}", "terms: 14", "invoice > terms: '14' is not a section of keys"),
        ("terms: {days: 14}", "terms: {days: 14}\n  currency: nzd", "give 'job' or an ISO code such as NZD"),
        ("terms: {days: 14}", "terms: {days: 14}\n  email: perhaps", "invoice > email: 'perhaps' is not true or false"),
        (
            "terms: {days: 14}",
            "terms: {days: 14}\n  status: DRAFT",
            "invoice > status: this key is given twice; first in line 6",
        ),
        ("terms: {days: 14}", "terms: {dais: 14}", "invoice > terms > dais: unknown key; did you mean 'days'?"),
        ("[link, email, name]", "[link, e-mail, name]", "contacts > match > item 2: 'e-mail' is not one of link,"),
        ("on_archived: restore", "on_archived: ignore", "'ignore' is not one of restore, hold"),
        ("job.site.region", "job.site.reigon", "tracking > Region: unknown name 'reigon'; did you mean 'region'?"),
        ('"{{ job.number }}"', '"{{ line.code }}"', "unknown name 'line'; known here: 'job' and 'milestone'"),
        ('"{{ job.number }}"', '"{{ job.number }"', "invoice > reference: template syntax: unexpected '}'"),
        ('"{{ job.number }}"', "{{ job.number }}", 'a key is a plain word; a template is in quotes: "{{ job.number }}"'),
        ("kind: labour}", "kind: labor}", "'labor' is not one of labour, material,"),
        ('code: "AH*"', "code: *AH", 'a text that begins with * is quoted: "*AH"'),
        ('code: "AH*"', "code:", "rule 'after-hours' > when > code: is empty; fill it in, or remove the condition"),
        ('code: "AH*"', "code: []", "rule 'after-hours' > when > code: is empty; fill it in, or remove the condition"),
        ("id: labour", "id: after-hours", "rule 'after-hours' > id: 'after-hours' is used twice; first in line 16"),
        ("id: labour", "id: Labour Rate", "an id has small letters, digits, - and _, and begins with a letter or digit"),
        ("id: labour, ", "", "rule 2 > id: is missing"),
        ("account: 0200", "account: 12345678901", "'12345678901' must have at most 10 characters"),
        ("account: 0200, ", "", "rule 'after-hours': 'then' needs an 'account' unless it drops, spreads or holds the line"),
        ("treat: spread", "treat: spred", "did you mean 'spread'?"),
        (
            "id: discounts, ",
            "id: discounts, account: 200, ",
            "rule 'discounts' > account: unknown key; it belongs under 'then'",
        ),
        ("code: DEP", "code: FIN", "milestone 'FIN' > code: 'FIN' is used twice;"),
        ("code: DEP", "code: deposit", "a code has 1 to 8 capital letters and digits"),
        ("[Quote Accepted]", "[]", "milestone 'DEP' > on_status: is empty; at least one is needed"),
        ("{percent: 30}", "{percent: 30%}", "milestone 'DEP' > amount > percent: '30%' is not a number"),
        ("{percent: 30}", "{percent: 130}", "'130' must be less than or equal to 100"),
        ("{percent: 30}", "{percnt: 30}", "amount: give 'remaining', {percent: 30}, {flat: 500.00}, {progress: platform}"),
        ("{percent: 30}", "thirty", "amount: give 'remaining', {percent: 30}, {flat: 500.00}, {progress: platform}"),
        ("{percent: 30}", "{percent: 30, flat: 1}", "amount > flat: does not go together with the other keys here"),
        ('{flat: "500.00"}', "{flat: 500.005}", "amount > flat: '500.005' must have no more than 2 decimal places"),
        ("amount: remaining,", "amount: {percent: 5},", "milestone 'FIN': 'itemised_less_earlier' goes with 'remaining'"),
        ('fees: "404"', "fees: {}", "payments > fees: a section is not a text"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(old: str, new: str, message: str) -> None:
    problems = errors_of(changed(old, new))
    assert len(problems) == 1, problems
    assert message in problems[0]


def test_every_problem_is_named_at_once_in_the_order_of_the_file() -> None:
    text = (
        BOOK.replace("version: 3", "version: x")
        .replace("status: DRAFT", "staus: DRAFT")
        .replace("treat: spread", "treat: sprad")
        .replace("{percent: 30}", "{percent: -1}")
    )
    found = errors_of(text)
    assert [" > ".join(p.split(": ")[1].split(" > ")) for p in found] == [
        "version",
        "invoice > staus",
        "rule 'discounts' > then > treat",
        "milestone 'DEP' > amount > percent",
    ]
    assert [int(p.split(":")[0]) for p in found] == sorted(int(p.split(":")[0]) for p in found)


def test_several_documents_are_refused() -> None:
    assert errors_of(BOOK + "---\nversion: 4\n") == ["31:1: a rule book is one YAML document; remove what follows '---'"]


@pytest.mark.parametrize("text", ["- a\n", "just words\n", "[]"])
def test_a_file_that_is_no_section_of_keys_is_refused(text: str) -> None:
    (problem,) = errors_of(text)
    assert problem.startswith("1:1: ")
    assert problem.endswith("is not a section of keys")


def test_a_tag_constructs_nothing(tmp_path: Path) -> None:
    proof = tmp_path / "made"
    text = changed(
        "version: 3", f"version: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{proof}']]"
    )
    assert [p for p in errors_of(text) if "tags (a word that begins with !) are not used" in p]
    assert not proof.exists()


def test_a_file_that_is_not_utf8_is_refused_at_the_first_wrong_byte(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "v0003.yaml"
    path.parent.mkdir()
    path.write_bytes(b"version: 3\norganisation: Caf\xe9\n")
    with pytest.raises(RuleBookErrors) as caught:
        load_book(path)
    assert str(caught.value) == f"{path}:2:18: the file is not UTF-8 text; save it as UTF-8"


def test_a_file_gives_the_book_its_folder_as_name(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "v0003.yaml"
    path.parent.mkdir()
    path.write_text("\ufeff" + BOOK, encoding="utf-8")
    loaded = load_book(path)
    assert (loaded.origin.book, loaded.origin.path) == ("acme", str(path))


def test_the_header_is_read_though_the_rest_is_broken() -> None:
    header = read_header(changed("status: DRAFT", "status: NONSENSE"), "b")
    assert (header.version, header.effective_from) == (3, date(2026, 7, 1))


def test_a_broken_header_is_located() -> None:
    with pytest.raises(RuleBookErrors, match=r"b:2:10: version: 'x' is not a whole number"):
        read_header(changed("version: 3", "version: x"), "b")


@pytest.mark.parametrize("key", ["price: 1.00001", "price: 1, round_up_to: 0.00001", "price: 1, minimum: 1.00001"])
def test_a_rate_has_no_more_decimals_than_an_invoice_line_can_show(key: str) -> None:
    rates = f"rates:\n  - {{id: hours, {key}}}\n"
    assert "must have no more than 4 decimal places" in str(errors_of(f"{BOOK}\n{rates}"))

"""The pages of the rule book say what is so: their books load, their examples and templates come out, no key is left out."""

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
import typer
import yaml
from _pytest.mark.structures import ParameterSet
from pydantic import BaseModel
from typer.core import TyperGroup

from cli.rules import app
from milepost.rules import model
from milepost.rules.fields import Section
from milepost.rules.load import parse_book
from milepost.rules.model import Milestone, RuleBook
from milepost.rules.templates import render
from milepost.rules.trials.load import parse_trials
from milepost.rules.trials.run import run_trials
from milepost.rules.trials.trial import TrialFile
from tests.unit.rules.books import job, line

PROJECT = Path(__file__).parents[3]
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted((PROJECT / "docs").glob("rule-book*.md"))
}  # fmt: skip
MAIN, STAGES, TESTS, CHANGES = (
    PAGES[f"rule-book{name}.md"] for name in ("", "-stages", "-tests", "-changes")
)  # fmt: skip
BLOCKS = [block for page in (MAIN, STAGES) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
BASE = yaml.safe_load(BLOCKS[0])


def _book(fragment: str) -> RuleBook:
    """The page's first book, with these sections in place of its own."""
    sections = BASE | yaml.load(fragment, Loader=yaml.BaseLoader)
    text = yaml.safe_dump({key: str(value) if key == "effective_from" else value for key, value in sections.items()})
    return parse_book(text, "docs", "acme")


def test_the_first_book_of_the_page_loads_as_it_stands() -> None:
    assert parse_book(BLOCKS[0], "docs", "acme").organisation == "Acme Plumbing"


@pytest.mark.parametrize("fragment", BLOCKS, ids=lambda text: text.split(":")[0])
def test_every_section_of_the_pages_loads(fragment: str) -> None:
    assert _book(fragment).milestones


def test_the_first_test_of_the_tests_page_passes_on_the_first_book() -> None:
    block = re.search(r"```yaml\n(.*?)```", TESTS, re.DOTALL)
    assert block is not None
    results = run_trials(parse_book(BLOCKS[0], "docs", "acme"), parse_trials(block[1], "tests/first.yaml"))
    assert [result.differences for result in results] == [()]


EXAMPLE_FENCE = re.compile(r"^ *```yaml example\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
AMOUNT = re.compile(r"(?<![\d.,])[\d,]+\.\d\d(?![\d])")
UNTESTED = {"The keys of a stage": {"500.00"}, "Rounding": {"11.45"}}
"""Amounts that no example can show: how a key is written, and what is not billed."""


def _sections(page: str) -> Iterator[ParameterSet]:
    for section in page.split("\n## ")[1:]:
        title = section.split("\n")[0]
        yield pytest.param(title, section, id=title)


@pytest.mark.parametrize(("title", "section"), list(_sections(STAGES)))
def test_every_amount_that_is_told_of_stages_is_also_in_an_example_of_them(title: str, section: str) -> None:
    shown = " ".join(found[1] for found in EXAMPLE_FENCE.finditer(section))
    told = AMOUNT.findall(re.sub(r"```.*?```", "", section, flags=re.DOTALL))
    missing = {amount for amount in told if not re.search(rf"(?<!\d){re.escape(amount.replace(',', ''))}(?!\d)", shown)}
    assert missing == UNTESTED.get(title, set())


def _models(root: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all that its fields are made of."""
    found: set[type[BaseModel]] = set()
    waiting: list[object] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            if one not in found:
                found.add(one)
                waiting += [field.annotation for field in one.model_fields.values()]
        else:
            waiting += get_args(one)
    return found


def _keys(root: type[BaseModel]) -> list[str]:
    """Every key that may stand in the file, as it is written there."""
    return sorted({field.alias or name for one in _models(root) for name, field in one.model_fields.items()})


def _is_told(key: str, pages: str) -> bool:
    return re.search(rf"`[^`\n]*(?<![\w-]){re.escape(key)}(?![\w-])[^`\n]*`", pages) is not None


@pytest.mark.parametrize("key", _keys(RuleBook))
def test_every_key_of_a_book_is_on_its_pages(key: str) -> None:
    assert _is_told(key, MAIN + STAGES)


@pytest.mark.parametrize("key", _keys(TrialFile))
def test_every_key_of_a_test_file_is_on_the_tests_page(key: str) -> None:
    assert _is_told(key, TESTS)


def test_the_keys_that_are_looked_for_are_those_of_the_whole_book() -> None:
    named = {one for one in vars(model).values() if isinstance(one, type) and issubclass(one, Section)}
    assert named - {Section, model.Origin} <= _models(RuleBook)


def _issue_codes() -> set[str]:
    """The codes that lint gives to its issues, as its modules name them."""
    lint = PROJECT / "milepost" / "rules"
    calls = (
        node
        for path in (*lint.glob("lint/*.py"), lint / "chart_lint.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("issue", "_issue_of")
    )
    names = {str(one.value) for call in calls for one in call.args[2:4] if isinstance(one, ast.Constant)}
    return {name for name in names if re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name)} | {"rule_unreached", "rate_unreached"}


def _trouble_codes() -> set[str]:
    """The codes of what billing finds wrong with a chart; lint holds a book against it with the very same checks."""
    text = (PROJECT / "milepost" / "billing" / "checks.py").read_text(encoding="utf-8")
    return {code for code in re.findall(r'Trouble\(\s*"(\w+)"', text) if not code.endswith("_elsewhere")}


def test_every_finding_of_lint_is_in_the_table_and_nothing_else() -> None:
    tables = CHANGES.split("## Lint")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in tables.splitlines() if row.startswith("| `")]
    assert {code for cell in rows for code in re.findall(r"`(\w+)`", cell)} == _issue_codes() | _trouble_codes()


def test_every_command_for_rule_books_is_in_the_table() -> None:
    rules = typer.main.get_command(app)
    assert isinstance(rules, TyperGroup)
    table = MAIN.split("## The commands")[1].split("\n## ")[0]
    assert set(re.findall(r"milepost rules ([a-z]+)", table)) == set(rules.commands)


def test_the_walk_through_counts_its_steps_without_a_gap() -> None:
    walk = CHANGES.split("## Change a rule safely")[1].split("\n## ")[0]
    numbers = [int(number) for number in re.findall(r"^\*\*(\d+)\. ", walk, re.MULTILINE)]
    assert numbers[0] == 1
    assert all(after == before + 1 for before, after in pairwise(numbers))


def _templates() -> list[tuple[str, str]]:
    table = MAIN.split("| template | gives |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", table, re.MULTILINE)
    return [(template.replace(r"\|", "|"), gives) for template, gives in rows]


EXAMPLE = job(
    line(description="Fit tap", quantity=Decimal("2.50"), unit_price_ex=Decimal("1234.5"), code="AH1"),
    custom_fields={"cost centre": "Plumbing"},
).model_copy(update={"tags": ("trade", "vip")})
IN_WORDS = {
    "the order number, else 1482": "1482",
    "the first two characters": "AH",
    "the code, where there is one": "AH1: Fit tap",
}


@pytest.mark.parametrize(("template", "gives"), _templates())
def test_a_template_gives_what_the_page_says(template: str, gives: str) -> None:
    finish = Milestone(code="FIN", name="completion", on_status=("Completed",))
    text = render(template, {"job": EXAMPLE, "line": EXAMPLE.lines[0], "milestone": finish})
    assert text == IN_WORDS.get(gives, gives)

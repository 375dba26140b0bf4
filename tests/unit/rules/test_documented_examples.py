"""Every worked example of the pages docs/rule-book*.md is run: a page cannot say a number that does not come out.

An example is a fenced block that begins with ```yaml example (GitHub shows it as YAML). It holds what a test file holds
(`tests`, `organisation`; see milepost.rules.trials.trial), and `book`, whose sections stand in place of those of the main
page's first book:

    ```yaml example
    book:
      milestones:
        - {code: DEP, name: deposit, on_status: [Accepted], amount: {percent: 30}, account: "235"}
        - {code: FIN, name: completion, on_status: [Completed], amount: remaining}
    tests:
      - name: a deposit of 30 %, and the rest when the job is done
        job: {lines: [{kind: labour, description: Bathroom, total: 1000.00}]}
        steps:
          - {job: {status: Accepted}, expect: {net: 300.00, accounts: {"235": 300.00}}}
          - {job: {status: Completed}, expect: {net: 700.00}}
        together: {net: 1000.00, accounts: {"200": 1000.00}}
    ```

Left out, `book` is the first book of the main page as it stands, and `organisation` is one with OUTPUT2 of 15 %.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from _pytest.mark.structures import ParameterSet

from milepost.rules.load import parse_book
from milepost.rules.model import RuleBook
from milepost.rules.trials.load import LoadedTrials, parse_trials
from milepost.rules.trials.run import run_trials

DOCS = Path(__file__).parents[3] / "docs"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("rule-book*.md"))}
FENCE = re.compile(r"^ *```yaml example\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
FIRST = re.search(r"```yaml\n(.*?)```", PAGES["rule-book.md"], re.DOTALL)
ORGANISATION = {"taxes": {"OUTPUT2": "15"}}


def _read(text: str) -> dict[str, object]:
    """The sections of a text, in which every scalar stays the text it is."""
    sections = yaml.load(text, Loader=yaml.BaseLoader)
    assert isinstance(sections, dict)
    return sections


def _written(sections: object) -> str:
    return yaml.safe_dump(sections, sort_keys=False, allow_unicode=True)


def _book(sections: object) -> RuleBook:
    assert FIRST is not None
    assert isinstance(sections, dict)
    return parse_book(_written(_read(FIRST[1]) | sections), "the example's book", "example")


def _example(text: str) -> tuple[RuleBook, LoadedTrials]:
    """An example's book and its tests."""
    sections = {"organisation": ORGANISATION} | _read(text)
    book = _book(sections.pop("book", {}))
    return book, parse_trials(_written(sections), "the example")


def _examples() -> Iterator[ParameterSet]:
    for name, page in PAGES.items():
        for found in FENCE.finditer(page):
            line = page[: found.start()].count("\n") + 1
            yield pytest.param(found[1], id=f"docs/{name}:{line}")


@pytest.mark.parametrize("name", ["rule-book.md", "rule-book-stages.md", "rule-book-tests.md"])
def test_the_page_has_examples(name: str) -> None:
    assert FENCE.search(PAGES[name])


@pytest.mark.parametrize("text", list(_examples()))
def test_an_example_of_the_page_comes_out_as_it_says(text: str) -> None:
    book, file = _example(text)
    assert file.trials, "an example has tests"
    found = [f"{result.name}: {difference}" for result in run_trials(book, file) for difference in result.differences]
    assert found == []


def test_the_example_of_this_docstring_comes_out_too() -> None:
    assert __doc__ is not None
    text = re.search(r"```yaml example\n(    book:.*?)\n    ```", __doc__, re.DOTALL)
    assert text is not None
    book, file = _example(text[1])
    assert [result.differences for result in run_trials(book, file)] == [()]


def test_an_example_whose_number_is_wrong_is_found() -> None:
    book, file = _example("tests: [{name: wrong, job: {lines: [{kind: labour, total: 100.00}]}, expect: {net: 99.00}}]")
    (result,) = run_trials(book, file)
    assert [str(one) for one in result.differences] == ["net: expected 99.00, got 100.00"]

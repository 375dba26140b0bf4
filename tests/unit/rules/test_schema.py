"""The JSON schema of rule books, and the books that come with Milepost."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from milepost.rules.load import load_book
from milepost.rules.schema import rule_book_schema, schema_text
from milepost.rules.versions import BookFolder
from tests.unit.rules.books import BOOK, changed, errors_of

MAPPINGS = Path(__file__).parents[3] / "mappings"
BOOKS = sorted(MAPPINGS.glob("*/v*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(rule_book_schema())


class _EditorYaml(yaml.SafeLoader):
    """YAML as editors read it, by version 1.2: numbers and true are typed, dates and yes are texts."""


_EditorYaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[-1] in ("int", "float", "null")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _as_editors_read(text: str) -> Any:
    return yaml.load(text, Loader=_EditorYaml)


def test_the_published_schema_is_the_models() -> None:
    published = (MAPPINGS / "rule-book.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), "run: milepost rules schema --write mappings/rule-book.schema.json"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


def test_three_books_come_with_milepost() -> None:
    assert BookFolder(MAPPINGS).books() == ["albion-fitout", "kauri-plumbing", "southern-electrical"]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_a_book_of_ours_loads_and_fits_its_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert load_book(path).origin.book == path.parent.name
    assert list(VALIDATOR.iter_errors(_as_editors_read(text))) == []
    assert text.startswith("# yaml-language-server: $schema=../rule-book.schema.json\n")


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_a_book_of_ours_can_bill_a_completed_job(path: Path) -> None:
    book = load_book(path)
    assert book.milestones[-1].amount == "remaining"
    assert book.fallback is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("account: 0200", "account: 200"),
        ('code: "AH*"', "code: 100"),
        ('code: "AH*"', "code: [100, AH*]"),
        ("version: 3", 'version: "3"'),
        ("{percent: 30}", '{percent: "30"}'),
        ('{flat: "500.00"}', "{flat: 500}"),
        ("email: yes", "email: true"),
        ("number: xero", "number: 12"),
        ("on_status: [Completed]", "on_status: Completed"),
        ('fees: "404"', "fees: null"),
    ],
)
def test_what_the_loader_takes_the_schema_takes(old: str, new: str) -> None:
    text = changed(old, new)
    assert errors_of(text) == []
    assert list(VALIDATOR.iter_errors(_as_editors_read(text))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status: DRAFT", "status: DRAF"),
        ("status: DRAFT", "staus: DRAFT"),
        ("kind: labour}", "kind: labor}"),
        ("organisation: Acme Plumbing\n", ""),
        ("id: labour, ", "id: Labour Rate, "),
        ("{percent: 30}", "{percent: 130}"),
        ("terms: {days: 14}", "terms: 14"),
        ("[Quote Accepted]", "[]"),
    ],
)
def test_what_the_schema_refuses_the_loader_refuses(old: str, new: str) -> None:
    text = changed(old, new)
    assert errors_of(text)
    assert list(VALIDATOR.iter_errors(_as_editors_read(text)))


def test_every_key_has_a_word_of_help() -> None:
    definitions = rule_book_schema()["$defs"] | {"RuleBook": rule_book_schema()}
    silent = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, described in definition.get("properties", {}).items()
        if "description" not in described
    ]
    assert silent == []
    assert "description" in definitions["When"]


def test_the_valid_book_of_these_tests_is_valid() -> None:
    assert errors_of(BOOK) == []

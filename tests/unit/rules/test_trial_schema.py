"""The JSON schema of test files: what the loader takes, an editor does not underline."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from milepost.rules.schema import as_text
from milepost.rules.trials.load import parse_trials
from milepost.rules.trials.schema import SCHEMA_FILE, trial_schema

PROJECT = Path(__file__).parents[3]
FILES = sorted((PROJECT / "mappings").glob("*/tests/*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(trial_schema())


class _EditorYaml(yaml.SafeLoader):
    """YAML as editors read it, by version 1.2: numbers and true are typed, dates and yes are texts."""


_EditorYaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[-1] in ("int", "float", "null", "bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def underlined(text: str) -> list[str]:
    """What an editor complains of."""
    value: Any = yaml.load(text, Loader=_EditorYaml)
    return [error.message for error in VALIDATOR.iter_errors(value)]


def test_the_published_schema_is_the_models() -> None:
    published = (PROJECT / SCHEMA_FILE).read_text(encoding="utf-8")
    assert published == as_text(trial_schema()), "run: python -m milepost.rules.trials.schema"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(trial_schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parents[1].name}/{path.name}")
def test_a_test_file_of_ours_fits_the_schema_and_names_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert underlined(text) == []
    assert text.startswith("# yaml-language-server: $schema=../../rule-book-test.schema.json\n")


@pytest.mark.parametrize(
    "test",
    [
        "{name: t, billed: DEP, expect: {hold: no_rule}}",
        "{name: t, billed: [DEP, PRG], expect: {skip: {code: x}}}",
        "{name: t, billed: {DEP: {title: Then}, PRG: null}, expect: {total: 1}}",
        "{name: t, job: {customer: Ngaio Cafe, quoted: 12.00, job_total: {net: 3}}, expect: {lines: [{account: 200}]}}",
        "{name: t, job: {customer: {name: N, tags: [a]}, lines: [{kind: fee, tax: GST}]}, expect: {not_due: true}}",
        "{name: t, job: {customer: null, lines: [{kind: fee, tax: {rate: 15}, billable: no}]}, expect: {sums: a}}",
        "{name: t, steps: [{job: {status: a}, expect: {sums: [a, b]}}], together: {accounts: {200: 1.00}}}",
    ],
)
def test_what_the_loader_takes_the_schema_takes(test: str) -> None:
    text = f"tests: [{test}]\n"
    assert parse_trials(text, "t.yaml").trials
    assert underlined(text) == []


@pytest.mark.parametrize("test", ["{name: t, exepct: {}}", "{name: t, job: {lines: [{kind: labor}]}}"])
def test_what_the_loader_refuses_an_editor_underlines(test: str) -> None:
    assert underlined(f"tests: [{test}]\n")

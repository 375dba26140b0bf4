"""Descriptions are read strictly: every problem at once, each with its place and the nearest right word."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from milepost.errors import ConfigError
from milepost.platforms.declared import targets
from milepost.platforms.declared.load import DescriptionErrors, load_description, parse_description
from milepost.platforms.declared.platform import DeclaredPlatform
from milepost.platforms.declared.schema import SCHEMA_FILE, description_schema, schema_text
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.rules.problems import Located
from tests.unit.platforms.described import EXAMPLE, SMALL, described

EXAMPLE_TEXT = EXAMPLE.read_text()


def test_the_example_loads() -> None:
    about = load_description(EXAMPLE).description
    assert about.name == "Fieldbook"
    assert about.capabilities().webhook_signed
    assert about.rate_policy().per_minute == 120


def errors_of(text: str) -> list[str]:
    with pytest.raises(DescriptionErrors) as caught:
        parse_description(text, "jobs.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("change", "to", "error"),
    [
        ("name: Yard", "nam: Yard", "jobs.yaml:1:1: nam: unknown key; did you mean 'name'?"),
        ("auth: {kind: none}", "auth: {kind: heder}",
         "client_credentials, none, got the text 'heder'; did you mean 'header'?"),
        ("auth: {kind: none}", "auth: {kynd: none}", "jobs.yaml:3:7: auth: say which with 'kind'; is 'kynd' meant"),
        ("auth: {kind: none}", "auth: {kind: header, name: X}",
         "jobs.yaml:3:7: auth: 'value' is missing: such as ${token}, or Bearer ${token}"),
        ("auth: {kind: none}", "auth: {kind: header, name: X, value: '${a b}'}",
         "jobs.yaml:3:38: auth > value: a secret is written ${name}"),
        ("complete: true", "complete: maybe", "jobs > list > complete: expected true or false, got the text 'maybe'"),
        ("complete: true", "complete: false", "jobs.yaml:5:3: jobs: say how a job is read whole"),
        ("rows: jobs", "rows: 'jobs['", "jobs > list > rows: 'jobs[' is no JMESPath expression"),
        ("path: /jobs", "path: '/jobs/{id'", "jobs > list > path: the braces of the path do not match"),
        ("complete: true", "complete: true, changes: {by: newest_first}",
         "jobs > list: newest_first needs 'modified'"),
        ("complete: true", "complete: true, changes: {by: since, param: x, overlap: ten}",
         "jobs > list > changes > overlap: a duration is a number and s, m, h or d"),
        ("complete: true", "complete: true, paging: {style: cursor}",
         "jobs > list > paging: 'next' is missing: where the answer holds the next cursor"),
        ("  status: state\n", "", "jobs.yaml:6:1: job: 'status' is missing: the system's own word"),
        ("status: state", "status: {value: x, path: y}", "jobs.yaml:7:11: job > status: give either a 'path' or"),
        ("status: state", "status: {}", "job > status: give either a 'path' or a constant 'value'"),
        ("status: state", "status: state\n  completed: {path: x, time_zone: Pacific/Aukland}",
         "jobs.yaml:8:35: job > completed > time_zone: 'Pacific/Aukland' is no time zone; did you mean 'Pacific"),
        ("status: state", "status: state\n  total: {path: x, type: html}",
         "job > total: type 'html' is for a text field, this one is decimal"),
        ("status: state", "status: state\n  total: {path: x, format: epoch}",
         "job > total: 'format' is for dates and moments"),
        ("done: completed", "done: complete",
         "completed, invoiced, cancelled; did you mean 'completed'?"),
        ("stage: {path: state", "stage: {path: {a: b}", "job > stage > path: expected a text, got a record of 1 fields"),
    ],
)  # fmt: skip
def test_an_error_leads_there(change: str, to: str, error: str) -> None:
    assert change in SMALL
    assert any(error in line for line in errors_of(SMALL.replace(change, to)))


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ("lines: {from: x, quantty: y}", "jobs.yaml:9:18: lines > quantty: unknown key; did you mean 'quantity'?"),
        ("lines: [{from: x}, {from: y, kynd: z}]", "lines > item 2 > kynd: unknown key; did you mean 'kind'?"),
        ("lines: {quantity: y}", "jobs.yaml:9:8: lines: give either 'from' (a place in the job's record) or 'get'"),
        ("lines: {from: x, get: /y, quantity: y}", "lines: give either 'from'"),
        ("lines: nothing", "lines: expected a list, got the text 'nothing'"),
        ("customer: {get: '/c/{', id: a, name: b}", "jobs.yaml:9:17: customer > get: the braces of the path do not match"),
        ("customer: {from: c, name: b}", "jobs.yaml:9:1: customer: 'id' is missing: the customer's key"),
        ("limits: {per_minute: many}", "limits > per_minute: expected a whole number, got the text 'many'"),
        ("currency: pounds", "currency: string should match pattern"),
        ("webhook: {scheme: md5, secret: x, name: y, ids: z}", "webhook > scheme: expected one of hmac_sha256, header"),
        ("write_back: {note: {path: '/jobs/{ref}/notes'}}", "only {id} is known when writing, not {ref}"),
        ("write_back: {note: {path: /n, body: {t: '{{ told.not }}'}}}", "unknown name 'not'; did you mean 'note'?"),
        ("write_back: {note: {path: /n, body: {t: '{% for a in b %}'}}}", "write_back > note > body"),
        ("name: Again", "jobs.yaml:9:1: name: this key is given twice; first in line 1"),
        ("time_zone: &z UTC", "anchors (&z) are not used in descriptions; write the entry out"),
        ("currency: !!python/object:os.system GBP", "tags (a word that begins with !) are not used in descriptions"),
        ("\tname: x", "a tab cannot indent YAML; use spaces"),
        ("---\nname: x", "a description is one YAML document"),
    ],
)
def test_an_error_in_another_section_leads_there(more: str, error: str) -> None:
    assert any(error in line for line in errors_of(SMALL + more + "\n"))


def test_all_errors_come_at_once_in_the_order_of_the_file() -> None:
    text = SMALL.replace("rows: jobs", "rws: jobs").replace("kind: none", "kind: x") + "tym: 1\n"
    assert [line.split(":")[1] for line in errors_of(text)] == ["3", "5", "9"]


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "null"])
def test_what_is_no_section_is_no_description(text: str) -> None:
    assert errors_of(text)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_told_with_a_place_or_does_no_harm(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(EXAMPLE_TEXT)))
    end = data.draw(st.integers(start, min(len(EXAMPLE_TEXT), start + 60)))
    put = data.draw(st.text(alphabet=st.sampled_from(" \n\t:{}[]'\"-#&*!|>%@`aä0,"), max_size=20))
    found: tuple[Located, ...] = ()
    try:
        parse_description(EXAMPLE_TEXT[:start] + put + EXAMPLE_TEXT[end:], "jobs.yaml")
    except DescriptionErrors as errors:
        found = errors.errors
        assert found, "an error without a problem"
    assert all(error.line >= 1 and error.column >= 1 and error.message for error in found)


@pytest.mark.parametrize(("content", "why"), [(None, "there is no such file"), (b"name: \xff", "it is not UTF-8 text")])
def test_a_file_that_cannot_be_read_is_a_config_error(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "jobs.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=why):
        load_description(path)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "fieldbook.yaml").write_text(SMALL)
    with pytest.raises(ConfigError, match=r"did you mean 'fieldbook\.yaml'"):
        load_description(tmp_path / "fieldbok.yaml")


def test_a_draft_may_leave_required_fields_unfilled() -> None:
    text = SMALL.replace("  status: state\n", "")
    assert parse_description(text, "jobs.yaml", draft=True).description.unfilled() == [(("job",), "status")]


def test_every_missing_secret_is_told_where_it_is_named() -> None:
    with pytest.raises(DescriptionErrors) as caught:
        DeclaredPlatform(DeclaredSettings(file=EXAMPLE, secrets={"token": SecretStr("")}))
    lines = str(caught.value).splitlines()
    assert [line.split("the secret '")[1].split("'")[0] for line in lines] == ["token", "webhook"]
    assert "fieldbook.yaml:7:" in lines[0]
    assert "auth > value: the secret 'token' is not given; add it to the connection" in lines[0]


@pytest.mark.parametrize("address", ["yard.example", "ftp://yard.example", "", "http://"])
def test_an_address_that_is_none_is_a_config_error(address: str) -> None:
    secrets = {"token": SecretStr("x"), "webhook": SecretStr("y")}
    with pytest.raises(ConfigError, match="a whole address is needed"):
        DeclaredPlatform(DeclaredSettings(file=EXAMPLE, secrets=secrets, base_url=address or " "))


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "run: python -m milepost.platforms.declared.schema"


@pytest.mark.parametrize("text", [EXAMPLE_TEXT, SMALL], ids=["example", "small"])
def test_what_loads_fits_the_schema(text: str) -> None:
    validator = jsonschema.Draft202012Validator(description_schema())
    validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("change", "to"),
    [("kind: none", "kind: x"), ("rows: jobs", "rws: jobs"), ("status: state", "status: {paht: x}"), ("name: Yard\n", "")],
)
def test_what_does_not_load_does_not_fit_the_schema(change: str, to: str) -> None:
    validator = jsonschema.Draft202012Validator(description_schema())
    assert not validator.is_valid(yaml.safe_load(SMALL.replace(change, to)))


def test_every_field_is_explained_in_the_schema() -> None:
    schema = json.loads(schema_text())
    line = schema["$defs"]["LineSection"]["properties"]
    assert all(about.get("description") for name, about in line.items())


def test_a_place_is_found_for_any_field() -> None:
    loaded = described("lines: {from: items, quantity: qty}\n")
    assert loaded.where("lines", 0, "quantity") == "jobs.yaml:9:22"
    assert loaded.where("lines", 0, "unit") == "jobs.yaml:9:1"


GUIDE = (EXAMPLE.parents[1] / "declared-platforms.md").read_text()


def test_the_first_file_of_the_guide_loads() -> None:
    first = GUIDE.split("```yaml\n")[1].split("```")[0]
    assert parse_description(first, "guide.yaml").description.jobs.detail


@pytest.mark.parametrize("line", re.findall(r"^(auth: .*|changes: .*|webhook: .*)$", GUIDE, re.MULTILINE))
def test_every_line_of_the_guide_loads(line: str) -> None:
    key, _, value = line.partition(": ")
    if key == "auth":
        text = SMALL.replace("auth: {kind: none}", line)
    elif key == "changes":
        text = SMALL.replace("complete: true", f"complete: true, modified: at, changes: {value.partition('#')[0]}")
    else:
        text = SMALL + line + "\n"
    assert parse_description(text, "guide.yaml").description.name == "Yard"


def test_the_guide_names_every_field() -> None:
    for table in (targets.JOB, targets.CUSTOMER, targets.SITE, targets.CONTACT, targets.LINE, targets.PAYMENT):
        suffixed = re.compile(r"_(ex|inc)$|^address_")
        assert [name for name in table if not suffixed.search(name) and name not in GUIDE] == []

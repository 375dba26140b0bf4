import json
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import BaseModel, SecretStr

from blocks.connection import PLATFORM_BLOCKS, Connection
from blocks.csv_files import CsvFiles
from blocks.declared import DeclaredPlatform
from blocks.email import EmailAlerts
from blocks.servicem8 import ServiceM8Account
from blocks.slack import SlackAlerts
from blocks.xero import XeroApp
from milepost import connection as settings
from milepost.errors import ConfigError
from milepost.platforms.csv.settings import CsvSettings
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.registry import PLATFORMS
from milepost.platforms.servicem8.settings import ServiceM8Settings

PAIRS: list[tuple[type[Any], type[BaseModel]]] = [
    (ServiceM8Account, ServiceM8Settings),
    (DeclaredPlatform, DeclaredSettings),
    (CsvFiles, CsvSettings),
    (XeroApp, settings.XeroSettings),
    (SlackAlerts, settings.SlackSettings),
    (EmailAlerts, settings.EmailSettings),
]
EVERY = [block for block, _ in PAIRS] + [Connection]

EXAMPLES: list[BaseModel] = [
    ServiceM8Settings(api_key=SecretStr("s3cret-key")),
    ServiceM8Settings.model_validate(
        {
            "client_id": "1",
            "client_secret": "s3cret-secret",
            "refresh_token": "s3cret-token",
            "statuses": ["Completed"],
            "total_includes_tax": False,
            "labour": [],
            "webhook_secret": "s3cret-webhook-secret",
        }
    ),
    DeclaredSettings(file=Path("/srv/fieldbook.yaml"), secrets={"token": SecretStr("s3cret-token")}, currency="NZD"),
    CsvSettings.model_validate({"jobs": "/srv/jobs.csv"}),
    CsvSettings.model_validate(
        {
            "jobs": "/srv/jobs.csv",
            "lines": "/srv/lines.csv",
            "columns": {"job": {"number": "Ref"}, "custom_fields": {"team": "Team"}},
            "time_zone": "Pacific/Auckland",
            "tax_mode": "inclusive",
            "delimiter": ";",
            "decimal_comma": True,
            "dates": "month_first",
            "stages": {"To bill": "completed"},
            "kinds": {"Plant hire": "expense"},
        }
    ),
    settings.XeroSettings(
        client_id="1", client_secret=SecretStr("s3cret"), webhook_key=SecretStr("s3cret-key"), day_limit=1
    ),
    settings.SlackSettings(token=SecretStr("xoxb-s3cret"), channel="#billing"),
    settings.SlackSettings(webhook_url=SecretStr("https://hooks.example.com/s3cret")),
    settings.EmailSettings(host="localhost", sender="a@example.com", to=("b@example.com",), password=SecretStr("s3cret")),
]
BLOCK_OF = {form: block for block, form in PAIRS}


def block_of(example: BaseModel) -> Any:
    """The block of the example's kind that holds it."""
    return BLOCK_OF[type(example)].from_settings(example)


@pytest.mark.parametrize(("block", "form"), PAIRS)
def test_a_block_has_every_field_of_its_settings_and_no_other(block: type[Block], form: type[BaseModel]) -> None:
    assert set(block.model_fields) == set(form.model_fields)


@pytest.mark.parametrize("block", EVERY)
def test_every_field_says_what_it_is_unless_its_name_does(block: type[Block]) -> None:
    spoken = {"kind", "api_url", "identity_url", "login_url", "username", "password", "base_url"}
    silent = {name for name, field in block.model_fields.items() if not field.description}
    assert silent <= spoken


@pytest.mark.parametrize(("block", "form"), PAIRS)
def test_every_secret_of_the_settings_is_a_secret_of_the_block(block: type[Block], form: type[BaseModel]) -> None:
    wanted = {name for name, field in form.model_fields.items() if "SecretStr" in str(field.annotation)}
    found = {name.split(".")[0] for name in block.model_json_schema()["secret_fields"]}
    assert found == wanted


@pytest.mark.parametrize("example", EXAMPLES)
def test_settings_come_back_as_they_went(example: BaseModel) -> None:
    assert block_of(example).to_settings() == example


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_block_shows_a_secret(example: BaseModel) -> None:
    block = block_of(example)
    assert "s3cret" not in f"{block} {block!r} {json.dumps(block.model_dump(mode='json'))}"


@pytest.mark.parametrize("block", EVERY)
def test_a_block_is_described_as_prefect_shows_it(block: type[Block]) -> None:
    assert block.get_block_type_slug().startswith("milepost-")
    assert block.get_block_type_name().startswith("Milepost ")
    assert block.get_description()
    example = block.get_code_example()
    assert example is not None
    assert "```python" in example


@pytest.mark.parametrize("block", EVERY)
def test_the_example_of_a_block_is_python_that_imports(block: type[Block]) -> None:
    example = str(block.get_code_example()).split("```python\n")[1].split("```")[0]
    lines = example.splitlines()
    imports = "\n".join(line for line in lines if line.startswith("from "))
    exec(imports, {})
    compile("async def run():\n" + "\n".join(f"    {line}" for line in lines), "example", "exec")


def test_every_platform_has_a_block() -> None:
    assert set(PLATFORM_BLOCKS) == set(PLATFORMS)


def test_what_is_left_blank_in_a_form_takes_the_default() -> None:
    block = ServiceM8Account(api_key=SecretStr("k"), client_id="", client_secret=SecretStr(""), job_url="")
    assert block.to_settings() == ServiceM8Settings(api_key=SecretStr("k"))


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            SlackAlerts(token=SecretStr("xoxb-s3cret")),
            (
                "Block milepost-slack-alerts cannot be used: its values together: 'token' needs a 'channel' to post to. "
                "Edit it in Prefect, or add the connection again."
            ),
        ),
        (
            ServiceM8Account(api_key=SecretStr("k"), statuses=["Completed", "Complete"]),
            (
                "Block milepost-servicem8-account cannot be used: statuses > 1: Input should be 'Quote', 'Work Order', "
                "'Unsuccessful' or 'Completed'. Edit it in Prefect, or add the connection again."
            ),
        ),
        (
            DeclaredPlatform(file="f.yaml", secrets=SecretDict({"a": {"deep": "s3cret"}})),
            (
                "Block milepost-declared-platform cannot be used: secrets > a: Input should be a valid string. "
                "Edit it in Prefect, or add the connection again."
            ),
        ),
    ],
)
def test_a_block_that_cannot_be_used_says_why_without_its_secrets(block: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        block.to_settings()
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["Acme", "a" * 41])
def test_a_connection_needs_a_name_that_files_and_tables_take(name: str) -> None:
    block = Connection(
        platform=CsvFiles(jobs="jobs.csv"),
        xero=XeroApp(client_id="1", client_secret=SecretStr("s")),
        rule_book="acme",
    )
    with pytest.raises(ConfigError, match="name: String should match pattern"):
        block.to_settings(name)
    with pytest.raises(ConfigError, match="has no name yet"):
        block.to_settings()

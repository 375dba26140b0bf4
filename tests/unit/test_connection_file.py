from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.connection import Connection
from milepost.connection_file import ConnectionFileErrors, read_connection
from milepost.errors import ConfigError
from milepost.platforms.declared.settings import DeclaredSettings

ENVIRONMENT = {"SM8_KEY": "sm8-s3cret", "XERO_SECRET": "xero-s3cret", "SLACK_TOKEN": "xoxb-s3cret", "EMPTY": ""}

GOOD = """\
name: acme
platform: {kind: servicem8, api_key: "${SM8_KEY}"}
xero:
  grant: authorization_code
  client_id: 0123
  client_secret: ${XERO_SECRET}
  tenant: Acme Plumbing
rule_book: acme
rule_books_dir: ../books
alerts:
  slack: {token: "${SLACK_TOKEN}", channel: "#billing"}
  email:
    host: mail.example.com
    port: 2525
    sender: milepost@example.com
    to: [billing@example.com]
    starttls: no
"""


def read(folder: Path, text: str, **environment: str) -> Connection:
    """The connection of a file with this text."""
    file = folder / "acme.yaml"
    file.write_text(text, encoding="utf-8")
    return read_connection(file, environment or ENVIRONMENT)


def errors(folder: Path, text: str, **environment: str) -> list[str]:
    """What is wrong with it, each line without the folder."""
    with pytest.raises(ConnectionFileErrors) as caught:
        read(folder, text, **environment)
    assert "s3cret" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_connection_is_read_with_its_secrets_from_the_environment(tmp_path: Path) -> None:
    connection = read(tmp_path, GOOD)
    assert connection.model_dump(mode="json", include={"name", "rule_book"}) == {"name": "acme", "rule_book": "acme"}
    assert connection.xero.client_id == "0123"
    assert connection.xero.client_secret.get_secret_value() == "xero-s3cret"
    assert connection.platform.kind == "servicem8"
    assert connection.alerts.slack is not None
    assert connection.alerts.slack.token is not None
    assert connection.alerts.slack.token.get_secret_value() == "xoxb-s3cret"
    assert connection.alerts.email is not None
    assert (connection.alerts.email.port, connection.alerts.email.starttls) == (2525, False)


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace('{kind: servicem8, api_key: "${SM8_KEY}"}', "{kind: declared, file: systems/fieldbook.yaml}")
    connection = read(tmp_path, text)
    assert isinstance(connection.platform, DeclaredSettings)
    assert connection.platform.file == tmp_path / "systems/fieldbook.yaml"
    assert connection.rule_books_dir == tmp_path / "../books"


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD.replace("../books", "/srv/books")).rule_books_dir == Path("/srv/books")


def test_a_variable_may_stand_inside_a_text(tmp_path: Path) -> None:
    text = GOOD.replace("tenant: Acme Plumbing", "tenant: ${FIRST} & ${LAST} $${FIRST}")
    connection = read(tmp_path, text, **ENVIRONMENT, FIRST="Acme", LAST="Sons")
    assert connection.xero.tenant == "Acme & Sons ${FIRST}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("client_id: 0123\n", "client_idd: 0123\n"),
            [
                "acme.yaml:3:1: xero > client_id: is missing",
                "acme.yaml:5:3: xero > client_idd: unknown key; did you mean 'client_id'?",
            ],
        ),
        (
            ("servicem8", "servicem9"),
            ["acme.yaml:2:11: platform: kind 'servicem9' is not one of servicem8, declared, csv; did you mean 'servicem8'?"],
        ),
        (("kind: servicem8, ", ""), ["acme.yaml:2:1: platform: 'kind' is missing: one of servicem8, declared, csv"]),
        (
            ("api_key:", "apikey:"),
            [
                "acme.yaml:2:29: platform > apikey: unknown key; did you mean 'api_key'?",
            ],
        ),
        (
            ("authorization_code", "autorization_code"),
            [
                (
                    "acme.yaml:4:10: xero > grant: 'autorization_code' is not one of authorization_code, client_credentials"
                    "; did you mean 'authorization_code'?"
                )
            ],
        ),
        (
            ("port: 2525", "port: post"),
            ["acme.yaml:14:11: alerts > email > port: must be a valid integer, unable to parse string as an integer"],
        ),
        (
            ("channel: ", "room: "),
            [
                "acme.yaml:11:36: alerts > slack > room: unknown key; there are token, channel, webhook_url, api_url",
            ],
        ),
        ((', channel: "#billing"', ""), ["acme.yaml:11:10: alerts > slack: 'token' needs a 'channel' to post to"]),
        (
            ("client_secret: ${XERO_SECRET}", "client_secret:"),
            ["acme.yaml:6:17: xero > client_secret: is empty; fill it in, or remove the key"],
        ),
        (
            ("${XERO_SECRET}", "${NO_SUCH_NAME}"),
            ["acme.yaml:6:18: xero > client_secret: the environment variable NO_SUCH_NAME is not set; set it first"],
        ),
        (
            ("${XERO_SECRET}", "${EMPTY}"),
            ["acme.yaml:6:18: xero > client_secret: the environment variable EMPTY is empty; set it first"],
        ),
        (
            ("${XERO_SECRET}", "${XERO-SECRET}"),
            [
                (
                    "acme.yaml:6:18: xero > client_secret: write ${NAME}, with a NAME of letters, digits and _, "
                    "or $${ for these two characters"
                )
            ],
        ),
        (
            ("name: acme\n", "name: Acme!\n"),
            [
                (
                    "acme.yaml:1:7: name: a name has small letters, digits and -, begins with a letter or digit and has "
                    "at most 40 of them"
                )
            ],
        ),
        (
            ("tenant: Acme Plumbing", "client_id: again"),
            ["acme.yaml:7:3: xero > client_id: this key is given twice; first in line 5"],
        ),
        (
            ("tenant: Acme Plumbing", "tenant: *acme"),
            [
                (
                    "acme.yaml:7:11: xero > tenant: aliases are not used in connection files; a text that begins with * is "
                    'quoted: "*acme"'
                )
            ],
        ),
        (("name: acme\n", "name: acme\n\tx: y\n"), ["acme.yaml:2:1: a tab cannot indent YAML; use spaces"]),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, change: tuple[str, str], expected: list[str]) -> None:
    assert change[0] in GOOD
    assert errors(tmp_path, GOOD.replace(*change)) == expected


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("${SM8_KEY}", "${A}").replace("${XERO_SECRET}", "${B}").replace("rule_book: acme\n", "")
    assert errors(tmp_path, text) == [
        "acme.yaml:1:1: rule_book: is missing",
        "acme.yaml:2:38: platform > api_key: the environment variable A is not set; set it first",
        "acme.yaml:6:18: xero > client_secret: the environment variable B is not set; set it first",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "the file is empty"), ("- a\n", "is not a section of keys"), ("acme", "is not a section of keys")],
)
def test_a_file_that_is_no_connection_says_so(tmp_path: Path, text: str, expected: str) -> None:
    assert errors(tmp_path, text) == [f"acme.yaml:1:1: {expected}"]


def test_the_guide_shows_a_file_and_errors_that_are_real(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs/blocks.md").read_text(encoding="utf-8")
    text = guide.split("```yaml\n")[1].split("```")[0]
    assert read(tmp_path, text).name == "acme"
    shown = guide.split("with its place:\n\n```\n")[1].split("\n```")[0].splitlines()
    given = {"SM8_KEY": "key", "SLACK_TOKEN": "xoxb-s3cret"}
    assert errors(tmp_path, text.replace("channel:", "room:"), **given) == shown


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.yaml cannot be read: No such file or directory"):
        read_connection(tmp_path / "no.yaml", {})


def test_a_file_in_another_encoding_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_bytes("name: Māori".encode("utf-16"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_connection(tmp_path / "acme.yaml", {})


@given(start=st.integers(0, len(GOOD)), length=st.integers(0, 30), put=st.text(max_size=20))
def test_damage_gives_located_errors_or_a_connection_and_never_a_secret(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, put: str
) -> None:
    damaged = GOOD[:start] + put + GOOD[start + length :]
    file = tmp_path_factory.getbasetemp() / "damaged.yaml"
    file.write_text(damaged, encoding="utf-8", errors="surrogatepass")
    try:
        found: Any = read_connection(file, ENVIRONMENT)
    except ConfigError as error:
        found = error
    assert "s3cret" not in f"{found} {found!r}"

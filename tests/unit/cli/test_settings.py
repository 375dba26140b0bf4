"""The installation as the environment describes it, and its key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from milepost.errors import ConfigError
from milepost.settings import installation

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("MILEPOST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MILEPOST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_key_is_made_once_for_its_owner_alone(home: Path) -> None:
    first, second = installation(), installation()
    assert first.secret_key == second.secret_key
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o077 == 0
    assert [path.name for path in home.iterdir()] == ["secret.key"]


def test_processes_that_start_together_have_one_key_and_none_sees_half_of_it(home: Path) -> None:
    code = "from milepost.settings import installation; print(installation().secret_key.decode())"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    said = [process.communicate(timeout=60) for process in started]
    assert {errors for _, errors in said} == {""}
    assert {keys.strip() for keys, _ in said} == {(home / "secret.key").read_text()}


def test_a_given_key_is_used_and_never_shown(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    key = Fernet.generate_key()
    monkeypatch.setenv("MILEPOST_SECRET_KEY", key.decode())
    assert installation().secret_key == key
    assert key.decode() not in repr(installation())
    assert not (home / "secret.key").exists()


def test_a_key_that_is_none_is_said_so_without_repeating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILEPOST_SECRET_KEY", "hunter2")
    with pytest.raises(ConfigError, match="MILEPOST_SECRET_KEY is not a Fernet key") as caught:
        installation()
    assert "hunter2" not in str(caught.value)


def test_an_empty_key_file_is_named(home: Path) -> None:
    home.mkdir()
    (home / "secret.key").touch()
    with pytest.raises(ConfigError, match=r"secret\.key is not a Fernet key.*Restore it from your backup"):
        installation()


def test_a_key_file_that_is_a_folder_is_named(home: Path) -> None:
    (home / "secret.key").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"secret\.key cannot be used: Is a directory"):
        installation()


def test_a_home_that_is_a_file_is_named(home: Path) -> None:
    home.write_text("in the way")
    with pytest.raises(ConfigError, match=r"MILEPOST_HOME at .* cannot be used"):
        installation()


def test_empty_variables_are_as_good_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MILEPOST_HOME", "MILEPOST_DATABASE_URL", "MILEPOST_CONSOLE_URL"):
        monkeypatch.setenv(name, "")
    found = installation()
    assert found.home == tmp_path / ".milepost"
    assert found.database_url == f"sqlite+aiosqlite:///{found.home / 'ledger.db'}"
    assert found.console_url == "http://127.0.0.1:4280"

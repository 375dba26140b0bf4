"""The command as a whole: its help, its completion, how it ends, what it leaves behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.failures import report
from cli.names import connection_names
from cli.prefect_api import ADDRESS_FILE, running_server
from cli.until import until_told
from milepost import __version__

PROJECT = Path(__file__).parents[3]
RUN = (sys.executable, "-c", "from cli.main import run; run()")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILEPOST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "home"


def test_help_groups_the_commands_by_when_they_are_needed() -> None:
    said = CliRunner().invoke(app, ["--help"])
    assert said.exit_code == 0
    places = [said.output.index(word) for word in ("See it work", "Every day", "Set up and run")]
    assert places == sorted(places)
    assert "Exit codes: 0 fine, 1 a person is needed, 2 wrong usage, 3 a bug" in " ".join(said.output.split())


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["connection", "-h"], ["rules", "-h"], ["platform", "-h"], ["plan", "-h"]]
)
def test_help_is_there_for_every_group_and_makes_no_installation(words: list[str], home: Path) -> None:
    assert CliRunner().invoke(app, words).exit_code == 0
    assert not home.exists()


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"milepost {__version__}\n"


@pytest.mark.parametrize(
    "words", [["pln"], ["plan"], ["status", "--jsn"], ["up", "--port", "0"], ["log", "x", "--system", "y"]]
)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


def test_lists_are_empty_documents_in_a_new_installation() -> None:
    for words in (["status", "--json"], ["connection", "list", "--json"]):
        said = CliRunner().invoke(app, words)
        assert (said.exit_code, json.loads(said.stdout)) == (0, [])


def test_the_shell_completes_commands() -> None:
    environment = {**os.environ, "_MILEPOST_COMPLETE": "complete_bash", "COMP_WORDS": "milepost ver", "COMP_CWORD": "1"}
    said = subprocess.run(RUN, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert said.stdout.split() == ["verify"]


def test_completing_a_name_makes_no_installation(home: Path) -> None:
    assert connection_names("a") == []
    assert not home.exists()


def test_an_interrupt_while_the_command_is_still_loading_is_quiet(tmp_path: Path) -> None:
    # A test run in the background of a shell inherits that interrupts are ignored; a command at a terminal does not.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    begin = (sys.executable, "-c", f"{heeding}; from cli.main import run; print('begun', flush=True); run()", "demo")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(
        begin, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")


async def test_work_that_is_told_to_stop_closes_what_it_opened_even_when_told_twice() -> None:
    closed: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            closed.append("all")

    assert await until_told(work()) is True
    assert closed == ["all"]


async def test_work_that_is_done_was_not_told_to_stop() -> None:
    assert await until_told(asyncio.sleep(0)) is False


def test_a_report_names_places_and_causes_and_repeats_no_message(home: Path) -> None:
    secret = "Mrs Ngata owes 12.50"

    def inner() -> None:
        raise KeyError(secret)

    try:
        try:
            inner()
        except KeyError as error:
            raise RuntimeError(secret) from error
    except RuntimeError as error:
        path = report(error)
    text = path.read_text()
    assert path.parent == home
    assert "builtins.RuntimeError" in text
    assert "builtins.KeyError" in text
    assert "in inner" in text
    assert secret not in text


def test_a_report_goes_elsewhere_where_the_home_cannot_be_used(home: Path) -> None:
    home.write_text("in the way")
    path = report(ValueError())
    assert path.exists()
    path.unlink()


@pytest.mark.parametrize(
    "kept",
    ["", "{", "[]", '{"address": "http://127.0.0.1:1"}', '{"address": "http://127.0.0.1:1", "pid": %d}', '{"pid": "x"}'],
    ids=["empty", "cut off", "a list", "no process", "nobody listens", "no address"],
)
def test_a_stale_address_file_names_no_server(home: Path, kept: str) -> None:
    home.mkdir()
    (home / ADDRESS_FILE).write_text(kept.replace("%d", str(os.getpid())))
    assert running_server(home) is None


def test_an_address_of_a_process_that_is_gone_is_not_asked(home: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    home.mkdir()
    (home / ADDRESS_FILE).write_text(json.dumps({"address": "http://127.0.0.1:9", "pid": gone.pid}))
    assert running_server(home) is None


def test_a_guarded_process_ends_when_the_one_that_started_it_is_killed(tmp_path: Path) -> None:
    """As the Prefect server does when `milepost up` is killed."""
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(60)\n")
    starter = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'cli.guarded', 'sleeper'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{tmp_path}"}
    parent = subprocess.Popen([sys.executable, "-c", starter], env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(child)


def _is_running(pid: int) -> bool:
    """Whether the process lives; one that has ended and that nobody waits for does not."""
    try:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        pytest.skip("needs ps")
    return bool(state.strip()) and not state.strip().startswith("Z")

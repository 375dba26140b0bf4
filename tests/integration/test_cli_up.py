"""`milepost up` and `milepost demo` as processes: they come up, say so, and end cleanly when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.server import free_port
from flows.deployments import DEPLOYMENTS

PROJECT = Path(__file__).parents[2]
SECONDS = 90


class Process:
    """A command in a folder of its own, with an installation of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.log = folder / f"{arguments[0]}.log"
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MILEPOST_"))}
        own |= {"PYTHONPATH": str(PROJECT), "MILEPOST_HOME": str(folder / "home"), "COLUMNS": "80"}
        own["MILEPOST_CONSOLE_URL"] = f"http://127.0.0.1:{free_port()}"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from cli.main import run; run()", *arguments],
                cwd=folder,
                env=own,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        """Until the command says so."""
        deadline = time.monotonic() + SECONDS
        while words not in self.said:
            assert self._process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def end(self, number: signal.Signals | None = None) -> int:
        """Its exit code, after it was sent a signal."""
        if number:
            self._process.send_signal(number)
        return self._process.wait(SECONDS)

    def kill(self) -> None:
        """Whatever became of it, it is gone after this."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    """Commands that end with the test."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()


def test_up_serves_tells_the_other_commands_where_and_ends_cleanly(tmp_path: Path, started: list[Process]) -> None:
    port = free_port()
    up = Process(tmp_path, "up", "--port", str(port))
    started.append(up)
    up.wait_for("Milepost is up")
    assert f"http://127.0.0.1:{port}" in up.said
    answer = httpx.post(f"http://127.0.0.1:{port}/api/deployments/filter", json={}, trust_env=False)
    assert {found["name"] for found in answer.json()} == {deployed.name for deployed in DEPLOYMENTS}

    second = Process(tmp_path, "up", "--port", str(free_port()))
    assert second.end() == 2
    assert f"already, at http://127.0.0.1:{port}" in second.said
    up.log = tmp_path / "up.log"

    listed = Process(tmp_path, "connection", "show", "nobody")
    assert listed.end() == 2
    assert "There is no connection 'nobody'" in listed.said

    assert up.end(signal.SIGTERM) == 0
    assert not (tmp_path / "home" / "prefect.json").exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False)


def test_up_says_when_its_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = Process(tmp_path, "up", "--port", str(port))
        assert up.end() == 2
    assert f"Port {port} of 127.0.0.1 is taken" in up.said
    assert "Traceback" not in up.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_ends_cleanly_while_it_starts(tmp_path: Path, started: list[Process], number: signal.Signals) -> None:
    demo = Process(tmp_path, "demo")
    started.append(demo)
    demo.wait_for("Preparing Prefect")
    assert demo.end(number) == 130
    assert "The demo is down." in demo.said
    assert "Traceback" not in demo.said


def test_two_demos_do_not_play_in_one_folder(tmp_path: Path, started: list[Process]) -> None:
    first = Process(tmp_path, "demo")
    started.append(first)
    first.wait_for("Preparing Prefect")
    first.log = first.log.rename(tmp_path / "first.log")
    second = Process(tmp_path, "demo", "--json")
    assert second.end() == 2
    assert "Another demo plays in" in second.said
    first.end(signal.SIGTERM)


def test_up_with_a_server_elsewhere_that_is_away_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = f"http://127.0.0.1:{free_port()}/api"
    environment = {
        **os.environ,
        "PREFECT_API_URL": away,
        "MILEPOST_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(PROJECT),
    }
    for words in (["connection", "show", "acme"], ["plan", "acme"], ["up"]):
        said = subprocess.run(
            [sys.executable, "-c", "from cli.main import run; run()", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert said.returncode == 1, (words, said.stderr)
        assert "was not reached" in said.stderr
        assert "PREFECT_API_URL" in said.stderr
        assert "bug" not in said.stderr


def test_a_document_is_all_that_is_printed(tmp_path: Path) -> None:
    status = Process(tmp_path, "status", "--json")
    assert status.end() == 0
    assert json.loads(status.said) == []

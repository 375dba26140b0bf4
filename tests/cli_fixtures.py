"""The command in a test: `milepost("plan", name)` runs it in this process, beside the sandbox; nothing of it is replaced.

A test module that needs it says `pytest_plugins = ["tests.cli_fixtures"]` and takes `milepost`.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app

pytest_plugins = ["tests.flow_fixtures"]

VOLATILE = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
    (re.compile(r"\b20\d\d-\d\d-\d\d(T[\d:.+]+Z?| \d\d:\d\d)?"), "<date>"),
    (re.compile(r"\b(kauri|albion|southern)-\d+"), r"\1-N"),
    (re.compile(r" +$", re.MULTILINE), ""),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, which is one JSON document and nothing else."""
        return json.loads(self.out)

    @property
    def steady(self) -> str:
        """Its standard output with what differs from run to run left out."""
        text = self.out
        for pattern, stands in VOLATILE:
            text = pattern.sub(stands, text)
        return text


Command = Callable[..., Awaitable[Said]]


@pytest.fixture
def milepost(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `milepost` with these arguments, on a terminal of 80 columns; `typed` is typed at it."""
    monkeypatch.setenv("COLUMNS", "80")

    async def run(*arguments: object, typed: str | None = None) -> Said:
        words = [str(argument) for argument in arguments]
        result = await asyncio.to_thread(CliRunner().invoke, app, words, input=typed)
        return Said(result.exit_code, result.stdout, result.stderr)

    return run

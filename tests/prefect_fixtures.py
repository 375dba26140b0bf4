"""Prefect as a pytest fixture: one server for the whole session, on a free loopback port, that tells nobody."""

from collections.abc import Iterator

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

RECORDER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}
"""As our own server has it. Else each finished task is a write of its own, a subflow begun at that moment is refused with
503 (SQLite's BUSY_SNAPSHOT), and Prefect's client waits two seconds before it asks again."""


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Prefect server with an empty database; its API's address. Starting it takes some seconds, once."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DO_NOT_TRACK", "1")
        environment.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        environment.setenv("PREFECT_HOME", str(home))
        for name, value in RECORDER.items():
            environment.setenv(name, value)
        own = {
            PREFECT_HOME: home,
            PREFECT_SERVER_ANALYTICS_ENABLED: False,
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        with temporary_settings(updates=own), prefect_test_harness(server_startup_timeout=60):
            yield str(PREFECT_API_URL.value())

"""What our steps log is seen in the run's log in Prefect, wherever flows run: in a command, `milepost up` or a worker."""

import logging

import prefect.main  # noqa: F401  importing it sets up Prefect's logging, which must not come after ours
from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler


def show_in_run_log(*names: str) -> None:
    """Send what these loggers say from INFO on to Prefect.

    PREFECT_LOGGING_EXTRA_LOGGERS alone does not do: it leaves loggers at the root's level, WARNING, and complains of
    whatever is said outside a run. Its handlers are replaced, so that nothing is shown twice.
    """
    handler = APILogHandler()
    handler.addFilter(_in_a_run)
    for name in names:
        logger = logging.getLogger(name)
        logger.setLevel(logger.level or logging.INFO)
        logger.handlers = [kept for kept in logger.handlers if not isinstance(kept, APILogHandler)]
        logger.addHandler(handler)


def _in_a_run(record: logging.LogRecord) -> bool:
    del record  # whatever it says
    return FlowRunContext.get() is not None or TaskRunContext.get() is not None

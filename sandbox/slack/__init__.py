"""A local Slack over real HTTP: it takes messages, checks their blocks as Slack does, and keeps them."""

from collections.abc import Callable
from datetime import datetime

from sandbox.clock import SandboxClock
from sandbox.faults import FaultMiddleware, Faults, RequestLog
from sandbox.slack.app import Endpoints
from sandbox.slack.settings import SlackSettings
from sandbox.slack.state import SlackMessage, SlackState

__all__ = ["SlackMessage", "SlackSandbox", "SlackSettings", "SlackState", "create_slack"]


class SlackSandbox:
    """`app` is what to serve; `state.messages` is what arrived."""

    def __init__(self, settings: SlackSettings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.state = SlackState(clock)
        self.faults = Faults()
        self.log = RequestLog(prefix="/api")
        self.app = FaultMiddleware(Endpoints(self).app(), self.faults, self.log)

    @property
    def messages(self) -> list[SlackMessage]:
        return self.state.messages


def create_slack(settings: SlackSettings | None = None, clock: Callable[[], datetime] | None = None) -> SlackSandbox:
    return SlackSandbox(settings or SlackSettings(), clock or SandboxClock())

"""A local Xero over real HTTP: identity, connections and the Accounting API that billing touches."""

from sandbox.xero.app import XeroSandbox, create_xero
from sandbox.xero.settings import App, RateLimits, Switches, XeroSettings, demo_app, demo_custom_app
from sandbox.xero.state import InternalError, XeroState
from sandbox.xero.tenant import Organisation, stable_id

__all__ = [
    "App",
    "InternalError",
    "Organisation",
    "RateLimits",
    "Switches",
    "XeroSandbox",
    "XeroSettings",
    "XeroState",
    "create_xero",
    "demo_app",
    "demo_custom_app",
    "stable_id",
]

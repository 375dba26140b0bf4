"""Webhooks in: proved, kept in the ledger, answered, and then worked by `flows.events`. The trigger of a run.

    POST /hooks/platform/{connection}/{secret}     a job system: the secret in the address, and its signature where it signs
    POST /hooks/xero                               Xero: its signature, by the key of any connection

A stranger learns nothing: an unknown connection and a wrong secret are answered alike and after the same work.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from console.limits import Limits, TooLarge, TooSlow, read_body
from console.xero_events import is_signed, read_events
from flows.events import EventWorker
from flows.warm import Warm
from milepost.errors import MilepostError
from milepost.ledger import connections, events, hook_secrets
from milepost.ledger.database import Database
from milepost.ledger.events import NewEvent, Waiting
from milepost.platforms.protocol import Challenge, JobRef, WebhookRequest
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.steps.workspace import Clock, Workspace

_log = logging.getLogger(__name__)

routes = APIRouter()
NOT_FOUND, UNPROVED, TOO_LARGE, TOO_SLOW, TOO_MANY, LATER = 404, 401, 413, 408, 429, 503
_NAME_LENGTH = 40
_SECRET_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the routes work with; lives as long as the application."""

    db: Database
    warm: Warm
    worker: EventWorker
    clock: Clock
    limits: Limits


@routes.post("/hooks/platform/{connection}/{secret}")
async def platform_hook(connection: str, secret: str, request: Request) -> Response:
    """A job system rings. Nothing is read of the body before the address is proved."""
    hooks, source = _hooks(request), _source(request)
    if wait := hooks.limits.sources.wait(source) or hooks.limits.strangers.wait(source):
        return _too_many(wait)
    hooks.limits.sources.spend(source)
    if not await _knows_the_secret(hooks, connection, secret):
        hooks.limits.strangers.spend(source)
        return Response(status_code=NOT_FOUND)
    if wait := hooks.limits.connections.wait(connection):
        return _too_many(wait)
    hooks.limits.connections.spend(connection)
    try:
        return await _ring(hooks, connection, WebhookRequest(await read_body(request), _headers(request), _query(request)))
    except TooLarge:
        return Response(status_code=TOO_LARGE)
    except TooSlow:
        return Response(status_code=TOO_SLOW)
    except MilepostError as error:  # the vendor delivers it again
        _log.warning("connection %s: a webhook could not be checked (%s)", connection, type(error).__name__)
        return Response(status_code=LATER)


@routes.post("/hooks/xero")
async def xero_hook(request: Request) -> Response:
    """Xero rings: 200 where the signature is right, 401 where not, without a body or a cookie, as it asks.

    Reference: Xero developer docs, webhooks, "Configuring your server" (intent to receive).
    """
    hooks, source = _hooks(request), _source(request)
    if wait := hooks.limits.sources.wait(source) or hooks.limits.strangers.wait(source):
        return _too_many(wait)
    hooks.limits.sources.spend(source)
    try:
        body = await read_body(request)
    except TooLarge:
        return Response(status_code=TOO_LARGE)
    except TooSlow:
        return Response(status_code=TOO_SLOW)
    if not is_signed(body, request.headers.get("x-xero-signature", ""), await hooks.warm.webhook_keys()):
        return Response(status_code=UNPROVED)
    await _keep_xero(hooks, read_events(body))
    return Response(status_code=200)


async def _knows_the_secret(hooks: Hooks, connection: str, secret: str) -> bool:
    async with hooks.db.read() as c:
        return await hook_secrets.is_secret_of(c, hooks.db.sealer, connection[:_NAME_LENGTH], secret[:_SECRET_LENGTH])


async def _ring(hooks: Hooks, connection: str, arrived: WebhookRequest) -> Response:
    """Check the signature, keep the events, answer. The work begins when it is committed."""
    workspace = await hooks.warm.at_hand(connection)
    if not _is_proved(workspace, arrived):
        return Response(status_code=UNPROVED)
    spoken = workspace.platform.parse_webhook(arrived)
    if isinstance(spoken, Challenge):
        return Response(spoken.answer, media_type="text/plain")
    if spoken:
        is_unique = workspace.platform.capabilities.webhook_unique
        async with hooks.db.write() as c:
            kept = [_event(connection, ref, arrived.body if is_unique else None) for ref in spoken]
            received = await events.receive(c, kept, hooks.clock())
        _log.info(
            "connection %s: %d events, %d known already", connection, received.new, received.joined + received.repeated
        )
        hooks.worker.ring(Waiting("platform", connection, ""))
    return Response(status_code=200)


def _is_proved(workspace: Workspace, arrived: WebhookRequest) -> bool:
    """By the vendor's own proof; the address alone where the vendor signs nothing and no secret of its own is set."""
    platform = workspace.connection.platform
    if not workspace.platform.capabilities.webhooks:
        return False
    if isinstance(platform, ServiceM8Settings) and platform.webhook_secret is None:
        return True
    return workspace.platform.verify_webhook(arrived)


def _event(connection: str, ref: JobRef, body: bytes | None) -> NewEvent:
    """Marked by the job's own version, or by the body where no two of this vendor's are alike."""
    named = ref.marker or body
    mark = events.mark_of("platform", connection, ref.id, named) if named else ""
    return NewEvent("platform", "job", ref.id, connection=connection, mark=mark)


async def _keep_xero(hooks: Hooks, arrived: list[NewEvent]) -> None:
    """Events of organisations that no connection bills into are not ours to keep."""
    if not arrived:
        return
    async with hooks.db.write() as c:
        ours = {row.tenant_id for row in await connections.list_connections(c)}
        kept = [event for event in arrived if event.tenant_id in ours]
        await events.receive(c, kept, hooks.clock())
    for tenant_id in {event.tenant_id for event in kept}:
        hooks.worker.ring(Waiting("xero", "", tenant_id))


def _hooks(request: Request) -> Hooks:
    hooks: Hooks = request.app.state.hooks
    return hooks


def _source(request: Request) -> str:
    return request.client.host if request.client else ""


def _headers(request: Request) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _query(request: Request) -> Mapping[str, str]:
    return dict(request.query_params)


def _too_many(wait: int) -> Response:
    return Response(status_code=TOO_MANY, headers={"Retry-After": str(wait)})

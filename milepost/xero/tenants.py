"""The organisations that a sign-in is connected to: listed, chosen, disconnected (Xero's `/connections`)."""

from collections.abc import Sequence
from typing import Any

import httpx

from milepost.bodies import TOKEN_BYTES, send_bounded
from milepost.connection import XeroSettings
from milepost.errors import ConfigError, RemoteError
from milepost.jobs import Record
from milepost.xero import wire
from milepost.xero.grants import TIMEOUT
from milepost.xero.refusals import SYSTEM, readable, refusal


class Tenant(Record):
    """An organisation connected to the app. `id` is the connection's (for `delete_connection`), not the tenant's."""

    id: str
    tenant_id: str
    name: str
    type: str = "ORGANISATION"


async def list_tenants(
    settings: XeroSettings, http: httpx.AsyncClient, access_token: str, auth_event_id: str | None = None
) -> list[Tenant]:
    """The organisations; practices are left out. `auth_event_id` narrows it to one consent.

    A reconnected organisation keeps its first event id, so on a reconnect look through the list without it.
    """
    params = {"authEventId": auth_event_id} if auth_event_id else {}
    response = await _call(settings, http, "GET", "/connections", access_token, params)
    rows = readable(response)
    if not isinstance(rows, list):
        raise RemoteError(SYSTEM, "listing the organisations", "its answer is not a list", permanent=False)
    return [tenant for row in rows if (tenant := _tenant(row)).type == "ORGANISATION"]


async def delete_connection(settings: XeroSettings, http: httpx.AsyncClient, access_token: str, connection_id: str) -> None:
    """Disconnect one organisation, by its connection's id. One that is gone already is no error."""
    await _call(settings, http, "DELETE", f"/connections/{connection_id}", access_token, {}, gone_is_fine=True)


def choose_tenant(tenants: Sequence[Tenant], wanted: str | None) -> Tenant:
    """The organisation of this name (caseless) or tenant id, or the only one. Raises ConfigError naming those there are."""
    fits = [t for t in tenants if wanted is None or wanted.casefold() in (t.name.casefold(), t.tenant_id.casefold())]
    if len(fits) == 1:
        return fits[0]
    names = ", ".join(f"'{tenant.name}' ({tenant.tenant_id})" for tenant in tenants) or "none"
    asked = f"'{wanted}' is {len(fits) or 'none'} of them" if wanted else "the connection does not say which one is meant"
    raise ConfigError(
        f"Xero organisations of this sign-in: {names}; {asked}. Set xero.tenant in the connection file to the name or "
        "id of one of them, or connect the missing one: `milepost connection connect NAME`."
    )


def _tenant(row: Any) -> Tenant:
    body = wire.lower_keys(row)
    return Tenant(
        id=wire.text(body.get("id")) or "",
        tenant_id=wire.text(body.get("tenantid")) or "",
        name=wire.text(body.get("tenantname")) or "",
        type=wire.text(body.get("tenanttype")) or "",
    )


async def _call(
    settings: XeroSettings,
    http: httpx.AsyncClient,
    method: str,
    path: str,
    access_token: str,
    params: dict[str, str],
    *,
    gone_is_fine: bool = False,
) -> httpx.Response:
    what = f"{method} {path.split('/')[1]}"
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
    url = settings.api_url.rstrip("/") + path
    try:
        request = http.build_request(method, url, params=params, headers=headers, timeout=TIMEOUT)
        response, _ = await send_bounded(http, request, TOKEN_BYTES)
    except httpx.RequestError as error:
        trouble = f"no answer from {settings.api_url} ({type(error).__name__})"
    else:
        if response.is_success or (gone_is_fine and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise refusal(response, what, "connections")
    raise RemoteError(SYSTEM, what, trouble, permanent=False, fix="Try again.")

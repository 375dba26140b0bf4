"""ServiceM8's webhooks: a doorbell only. Bodies come as JSON, as a form or wrapped in a JWT; the job is always read again.

Reference: developer.servicem8.com/docs/webhooks-overview. No signature of plain API webhooks is documented, so an
unguessable secret in the callback URL proves them; a handshake posts `mode=subscribe&challenge=...`.
"""

import base64
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from pydantic import SecretStr

from milepost.exact_json import read_json
from milepost.platforms.protocol import Challenge, JobRef, WebhookRequest
from milepost.platforms.servicem8.client import is_uuid

SECRET_PARAMETER = "secret"  # noqa: S105 - the name of a query parameter
_JOB_URL = re.compile(r"/job/([0-9a-fA-F-]{36})\.json")
_JWT = re.compile(r"[\w-]+\.([\w-]+)\.[\w-]*")
_WRAPPERS = ("eventArgs", "data")
_SUBJECT = ("object", "event_type")
_LARGEST = 1_000_000


def is_genuine(request: WebhookRequest, secret: SecretStr | None) -> bool:
    """Whether the callback URL carried the secret; compared in constant time."""
    if secret is None:
        return False
    given = request.query.get(SECRET_PARAMETER, "")
    return hmac.compare_digest(given.encode(), secret.get_secret_value().encode())


def read_webhook(request: WebhookRequest) -> Challenge | tuple[JobRef, ...]:
    """The handshake to answer, or the jobs spoken of; nothing for a body that speaks of no job."""
    if len(request.body) > _LARGEST:
        return ()
    text = request.body.decode(errors="replace").strip()
    form = parse_qs(text, keep_blank_values=True)
    challenge = _first(form, "challenge") or request.query.get("challenge", "")
    mode = _first(form, "mode") or request.query.get("mode", "")
    if mode == "subscribe" and challenge:
        return Challenge(challenge)
    uuids = (uuid for payload in _payloads(text, form) for uuid in _job_uuids(payload))
    return tuple(JobRef(uuid) for uuid in dict.fromkeys(uuids))


def _first(form: Mapping[str, list[str]], name: str) -> str:
    return form.get(name, [""])[0]


def _payloads(text: str, form: Mapping[str, list[str]]) -> Iterator[Mapping[str, Any]]:
    """The payload in each shape that it may have: the body itself, a JWT in it, or the form's fields."""
    candidates = [_parsed(text), *(_parsed(name) for name in form)]
    objects = [found for found in candidates if isinstance(found, Mapping)]
    if not objects:
        objects = [{name: _field(values[0]) for name, values in form.items()}]
    for found in objects:
        yield found
        said = {name: found[name] for name in _SUBJECT if name in found}
        yield from (said | dict(i) for name in _WRAPPERS if isinstance(i := _field(found.get(name)), Mapping))


def _parsed(text: str) -> object:
    """A text that is JSON, or a JWT whose claims are."""
    token = _JWT.fullmatch(text)
    try:
        return read_json(_decoded(token[1]) if token else text)
    except ValueError:  # binascii's errors are some, too
        return None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _field(value: object) -> object:
    """A form's value, which may be JSON itself."""
    if not isinstance(value, str):
        return value
    found = _parsed(value)
    return found if isinstance(found, Mapping | list) else value


def _job_uuids(payload: Mapping[str, Any]) -> Iterator[str]:
    """Job uuids named in `entry`, `uuid` or `resource_url`; other objects are left to polling."""
    about = str(next((payload[name] for name in _SUBJECT if payload.get(name)), "job")).lower()
    if about.partition(".")[0] == "job":
        entries = payload.get("entry")
        rows = entries if isinstance(entries, list) else [entries]
        named = [row.get("uuid") for row in (*rows, payload) if isinstance(row, Mapping)]
        yield from (uuid.lower() for uuid in named if isinstance(uuid, str) and is_uuid(uuid))
    yield from (uuid.lower() for uuid in _JOB_URL.findall(str(payload.get("resource_url", ""))) if is_uuid(uuid))

"""ServiceM8's answers: plain arrays and objects, and its error texts (its OpenAPI description)."""

import json
from typing import Any

from starlette.responses import PlainTextResponse, Response

OK = {"errorCode": "0", "message": "OK"}


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return Response(body, status, headers, media_type="application/json")


def done(uuid: str = "") -> Response:
    return answer(OK, headers={"x-record-uuid": uuid} if uuid else None)


def bad_request(message: str) -> Response:
    return answer({"errorCode": "1000", "message": message}, 400)


def unauthorised() -> Response:
    text = "Authentication failed. Please check your API key or OAuth token."
    return answer({"errorCode": "401", "message": text}, 401)


def forbidden() -> Response:
    text = "Access forbidden. You don't have permission to access this resource."
    return answer({"errorCode": "403", "message": text}, 403)


def not_found() -> Response:
    text = "Resource not found. The requested record does not exist or has been deleted."
    return answer({"errorCode": "404", "message": text}, 404)


def too_many(period: str) -> Response:
    """The body is text, not JSON, whatever the description says (ServiceM8 docs: rate limits)."""
    return PlainTextResponse(f"Number of allowed API requests per {period} exceeded", 429)

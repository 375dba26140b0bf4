"""URL-encoded forms, as OAuth 2 and older APIs send them."""

from urllib.parse import parse_qsl

from starlette.requests import Request


async def form_fields(request: Request) -> dict[str, str]:
    """The body as `application/x-www-form-urlencoded`; the last value wins where a name comes twice."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))

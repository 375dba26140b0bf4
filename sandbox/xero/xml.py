"""The Accounting API's default representation when a client does not ask for JSON."""

from typing import Any
from xml.sax.saxutils import escape

_PLURALS = {"Addresses": "Address", "Currencies": "Currency", "TrackingCategories": "TrackingCategory"}


def to_xml(payload: dict[str, Any]) -> bytes:
    """The JSON envelope as XML; numbers keep their text."""
    return ('<?xml version="1.0" encoding="utf-8"?>' + _element("Response", payload)).encode()


def _element(name: str, value: Any) -> str:
    match value:
        case dict():
            inner = "".join(_element(key, item) for key, item in value.items())
        case list():
            inner = "".join(_element(_singular(name), item) for item in value)
        case bool():
            inner = str(value).lower()
        case None:
            inner = ""
        case _:
            inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def _singular(name: str) -> str:
    return _PLURALS.get(name, name.removesuffix("s"))

"""Checks of Block Kit as Slack makes them before it takes a message (Slack docs: "Block Kit reference").

Each problem is a text with the JSON pointer of the place, as in Slack's `response_metadata.messages`.
"""

from collections.abc import Callable, Iterator
from typing import Any

MOST_BLOCKS = 50
Check = Callable[[dict[str, Any], str], Iterator[str]]
_ELEMENT_TYPES = frozenset(
    (
        "button",
        "checkboxes",
        "channels_select",
        "conversations_select",
        "datepicker",
        "datetimepicker",
        "external_select",
        "image",
        "multi_static_select",
        "overflow",
        "radio_buttons",
        "static_select",
        "timepicker",
        "users_select",
        "workflow_button",
    )
)


def problems(blocks: Any) -> list[str]:
    """What Slack would refuse in these blocks; empty when they are good."""
    if not isinstance(blocks, list):
        return [_at("must be an array", "/blocks")]
    found = [] if len(blocks) <= MOST_BLOCKS else [_at(f"no more than {MOST_BLOCKS} items allowed", "/blocks")]
    for number, block in enumerate(blocks):
        found += _block(block, f"/blocks/{number}")
    found += _duplicates(blocks)
    return found


def _block(block: Any, place: str) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    check = _BLOCKS.get(kind) if isinstance(kind, str) else None
    if check is None:
        yield _at(f"unsupported type: {kind}", f"{place}/type")
        return
    yield from _length(block.get("block_id", ""), 255, f"{place}/block_id", least=0)
    yield from check(block, place)


def _section(block: dict[str, Any], place: str) -> Iterator[str]:
    text, fields = block.get("text"), block.get("fields")
    if text is None and not fields:
        yield _at("missing required field: text or fields", place)
    if text is not None:
        yield from _text(text, 3000, f"{place}/text")
    if fields is not None:
        yield from _items(fields, 10, f"{place}/fields", lambda item, where: _text(item, 2000, where))
    if (accessory := block.get("accessory")) is not None:
        yield from _element(accessory, f"{place}/accessory")


def _header(block: dict[str, Any], place: str) -> Iterator[str]:
    yield from _text(block.get("text"), 150, f"{place}/text", plain=True)


def _divider(_block: dict[str, Any], _place: str) -> Iterator[str]:
    return iter(())


def _context(block: dict[str, Any], place: str) -> Iterator[str]:
    yield from _items(block.get("elements"), 10, f"{place}/elements", _context_element)


def _context_element(element: Any, place: str) -> Iterator[str]:
    if isinstance(element, dict) and element.get("type") == "image":
        return _image(element, place)
    return _text(element, 3000, place)


def _actions(block: dict[str, Any], place: str) -> Iterator[str]:
    yield from _items(block.get("elements"), 25, f"{place}/elements", _element)


def _image(block: dict[str, Any], place: str) -> Iterator[str]:
    if "slack_file" not in block:
        yield from _length(block.get("image_url"), 3000, f"{place}/image_url")
    yield from _length(block.get("alt_text"), 2000, f"{place}/alt_text")


def _markdown(block: dict[str, Any], place: str) -> Iterator[str]:
    yield from _length(block.get("text"), 12_000, f"{place}/text")


def _rich_text(block: dict[str, Any], place: str) -> Iterator[str]:
    if not isinstance(block.get("elements"), list):
        yield _at("missing required field: elements", place)


def _element(element: Any, place: str) -> Iterator[str]:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in _ELEMENT_TYPES:
        yield _at(f"unsupported type: {kind}", f"{place}/type")
        return
    yield from _length(element.get("action_id", ""), 255, f"{place}/action_id", least=0)
    if kind == "button":
        yield from _button(element, place)
    elif kind == "image":
        yield from _image(element, place)


def _button(button: dict[str, Any], place: str) -> Iterator[str]:
    yield from _text(button.get("text"), 75, f"{place}/text", plain=True)
    if "url" in button:
        yield from _length(button["url"], 3000, f"{place}/url")
        if not str(button["url"]).startswith(("http://", "https://", "slack://", "mailto:")):
            yield _at("must be a valid URL", f"{place}/url")
    if "value" in button:
        yield from _length(button["value"], 2000, f"{place}/value")
    if button.get("style", "primary") not in ("primary", "danger"):
        yield _at("must be one of: primary, danger", f"{place}/style")


def _text(text: Any, most: int, place: str, *, plain: bool = False) -> Iterator[str]:
    """A text object: plain_text, or mrkdwn where it is allowed."""
    if not isinstance(text, dict):
        yield _at("must provide an object", place)
        return
    allowed = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if text.get("type") not in allowed:
        yield _at(f"unsupported type: {text.get('type')}", f"{place}/type")
    yield from _length(text.get("text"), most, f"{place}/text")


def _items(items: Any, most: int, place: str, check: Check | Callable[[Any, str], Iterator[str]]) -> Iterator[str]:
    if not isinstance(items, list) or not items:
        yield _at("no fewer than 1 items allowed", place)
        return
    if len(items) > most:
        yield _at(f"no more than {most} items allowed", place)
    for number, item in enumerate(items):
        yield from check(item, f"{place}/{number}")


def _length(text: Any, most: int, place: str, *, least: int = 1) -> Iterator[str]:
    if not isinstance(text, str):
        yield _at("must provide a string", place)
    elif len(text) > most:
        yield _at(f"must be less than {most + 1} characters", place)
    elif len(text) < least:
        yield _at(f"must be more than {least - 1} characters", place)


def _duplicates(blocks: list[Any]) -> Iterator[str]:
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        name = block.get("block_id") if isinstance(block, dict) else None
        if isinstance(name, str) and name in seen:
            yield _at(f"block_id {name} already exists", f"/blocks/{number}/block_id")
        elif isinstance(name, str):
            seen.add(name)


def _at(problem: str, place: str) -> str:
    return f"{problem} [json-pointer:{place}]"


_BLOCKS: dict[str, Check] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
}

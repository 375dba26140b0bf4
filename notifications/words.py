"""Text made safe for a message: one line, no control characters, escaped for Slack, cut at a word.

Everything that people or other systems wrote passes here before it stands in an alert.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from decimal import Decimal

ELLIPSIS = "…"

# Directional overrides can show a text in another order than it was written in; lone surrogates cannot be encoded.
_DROPPED = re.compile("[\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SLACK_CONTROL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def one_line(text: object) -> str:
    """The text on one line, without control characters, directional overrides and lone surrogates."""
    return " ".join(_CONTROL.sub(" ", _DROPPED.sub("", str(text))).split())


def utf16_length(text: str) -> int:
    """Length in UTF-16 units, the longest way in which Slack may count characters."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, limit: int, length: Callable[[str], int] = utf16_length) -> str:
    """The text, or as many whole words of it as fit into `limit` with an ellipsis."""
    if length(text) <= limit:
        return text
    fitting = bisect_right(range(len(text)), limit - 1, key=lambda end: length(text[:end])) - 1
    kept = text[:fitting]
    boundary = kept.rfind(" ")
    if boundary > fitting // 2:
        kept = kept[:boundary]
    return kept.rstrip() + ELLIPSIS


def plain(text: object, limit: int) -> str:
    """For plain text: one line, at most `limit` long."""
    return cut(one_line(text), limit)


def slack(text: object, limit: int) -> str:
    """For Slack's mrkdwn: one line, `&`, `<` and `>` escaped, at most `limit` long once escaped.

    Slack docs, "Formatting text for app surfaces": these three are its control characters; escaping them leaves no
    way to write a mention (`<!channel>`, `<@U1>`) or a hidden link.
    """
    return _escape(cut(one_line(text), limit, lambda part: utf16_length(_escape(part))))


def money(amount: Decimal, currency: str | None) -> str:
    """`NZD 1,234.50`."""
    return one_line(f"{currency or ''} {amount:,.2f}")


def _escape(text: str) -> str:
    return text.translate(_SLACK_CONTROL)

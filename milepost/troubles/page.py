"""docs/troubleshooting.md, written from the error map: `milepost troubles --write docs/troubleshooting.md`."""

import re
from collections.abc import Iterable

from milepost.troubles.calls import PLATFORM_CALLS, UNKNOWN, XERO_CALLS
from milepost.troubles.documents import DOCUMENTS
from milepost.troubles.kinds import MEANING, Does, Known
from milepost.troubles.own import OWN

_HEAD = """# Troubleshooting

Every alert, `milepost queue`, `milepost explain` and the console name a trouble by its code. Look it up here, or with
`milepost troubles CODE`. This page is written from the program's own table:
`milepost troubles --write docs/troubleshooting.md`.

"""


def page() -> str:
    """The whole page."""
    own = sorted(OWN, key=lambda known: known.code)
    parts = [
        _HEAD,
        _table(("class", "what Milepost does"), ([does.value, MEANING[does]] for does in Does)),
        "\n## What Milepost finds before Xero is asked\n\n",
        _table(("code", "class", "why", "what to do"), ([_code(k), k.does.value, k.why, k.fix] for k in own)),
        "\n## What Xero says against a document\n\nWord for word; what stands in the place of `…`, the alert names.\n\n",
        _with_words((*DOCUMENTS, UNKNOWN)),
        "\n## What Xero says to a call\n\n",
        _with_words(XERO_CALLS),
    ]
    for system, known in PLATFORM_CALLS.items():
        parts += [f"\n## {system}\n\n", _with_words(known)]
    return "".join(parts)


def about(code: str) -> list[Known]:
    """What the map says of a code; a code may have several causes."""
    every = (*OWN, *DOCUMENTS, UNKNOWN, *XERO_CALLS, *(known for some in PLATFORM_CALLS.values() for known in some))
    return [known for known in every if known.code == code]


def codes() -> list[str]:
    """Every code of the map."""
    every = (*OWN, *DOCUMENTS, UNKNOWN, *XERO_CALLS, *(known for some in PLATFORM_CALLS.values() for known in some))
    return sorted({known.code for known in every})


def plain_fix(known: Known) -> str:
    """The fix, with `…` for what an alert would name."""
    return re.sub(r"\{\w+\}", "…", known.fix)


def _with_words(some: Iterable[Known]) -> str:
    columns = ("code", "class", "Xero's or the system's words", "why", "what to do")
    return _table(columns, ([_code(k), k.does.value, _says(k), k.why, plain_fix(k)] for k in some))


def _code(known: Known) -> str:
    return f"`{known.code}`"


def _says(known: Known) -> str:
    return "; ".join(f"“{said}”" for said in known.says)


def _table(columns: tuple[str, ...], rows: Iterable[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)

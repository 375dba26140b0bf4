"""One authorised request as the endpoints see it, and how its elements are answered one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.xero import wire
from sandbox.xero.settings import App, Switches
from sandbox.xero.tenant import Organisation
from sandbox.xero.wire import Reply

Element = dict[str, Any]


class Refusal(Exception):
    """One element is not accepted; `errors` are its validation messages."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class _BatchRefusedError(Exception):
    pass


@dataclass
class Call:
    """A request that has passed the gateway. `ids` are the variable parts of its path, in order."""

    org: Organisation
    app: App
    method: str
    ids: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    switches: Switches
    _json: Any = field(default=None, repr=False)

    @property
    def unit_places(self) -> int:
        return 4 if self.query.get("unitdp") == "4" else 2

    @property
    def summarize_errors(self) -> bool:
        given = self.query.get("summarizeerrors", "").lower()
        return self.switches.summarize_errors_default if given == "" else given == "true"

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() == "true"

    def json(self) -> Any:
        if self._json is None:
            self._json = wire.loads(self.body)
        return self._json

    def elements(self, name: str) -> list[Element]:
        """The elements of `{"Invoices": [...]}`, or one bare element."""
        body = self.json()
        if not isinstance(body, dict):
            raise wire.post_data_invalid("JSON request body could not be read, Error an object was expected")
        found = body.get(name, [body])
        if not isinstance(found, list) or not all(isinstance(element, dict) for element in found):
            raise wire.post_data_invalid("JSON request body could not be read, Error an array was expected")
        return found

    def reply(self, name: str, rows: Sequence[Any], **more: Any) -> Reply:
        content = wire.envelope(self.now, self.app.name, {**more, name: list(rows)})
        return Reply(body=wire.dumps(content))


@dataclass(frozen=True)
class Batch:
    """How one kind of element is saved and answered; `flag` is its error flag, `id_key` its GUID's name."""

    name: str
    id_key: str
    flag: str
    save: Callable[[Call, Element], Element]

    def run(self, call: Call, elements: Sequence[Element] | None = None) -> Reply:
        """Save each element; answer by summarizeErrors: element-wise 200, or 400 with the failures only."""
        elements = call.elements(self.name) if elements is None else elements
        if not call.summarize_errors:
            return call.reply(self.name, self._each(call, elements)[0])
        try:
            with call.org.transaction():
                rows, failed = self._each(call, elements)
                if failed and not call.switches.partial_save_when_summarized:
                    raise _BatchRefusedError
        except _BatchRefusedError:
            raise wire.validation_exception(failed) from None
        if failed:
            raise wire.validation_exception(failed)
        return call.reply(self.name, rows)

    def _each(self, call: Call, elements: Sequence[Element]) -> tuple[list[Element], list[Element]]:
        rows, failed = [], []
        for element in elements:
            try:
                row = self.save(call, element)
                rows.append({**row, "StatusAttributeString": "OK"})
            except Refusal as refusal:
                failed.append(self._refused(element, refusal))
                rows.append({**failed[-1], "StatusAttributeString": "ERROR"})
        return rows, failed

    def _refused(self, element: Element, refusal: Refusal) -> Element:
        return {
            self.id_key: wire.ZERO_GUID,
            **_echo(element),
            self.flag: True,
            "ValidationErrors": wire.messages(refusal.errors),
        }


def _echo(element: Element) -> Element:
    """The element as sent, with its dates in Xero's form."""
    echoed = dict(element)
    for key in ("Date", "DueDate"):
        if (day := wire.read_date(element.get(key))) is not None:
            echoed[key] = wire.document_date(day)
    return echoed

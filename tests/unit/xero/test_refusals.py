"""What Xero's refusals become: its own words, no secrets, and the right kind of error."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.errors import AuthError
from milepost.xero import refusals

JSON = "application/json; charset=utf-8"


def response(status: int, body: Any, content_type: str = JSON) -> httpx.Response:
    text = body if isinstance(body, str) else json.dumps(body)
    return httpx.Response(status, text=text, headers={"Content-Type": content_type, "Xero-Correlation-Id": "corr-9"})


def problem(status: int, detail: str) -> httpx.Response:
    return response(status, {"Type": None, "Title": "Title", "Status": status, "Detail": detail, "Extensions": {}})


AWAY = "<html><style>b{}</style><b>API is currently</b> unavailable</html>"
INVALID = {"Type": "ValidationException", "Message": "no", "Elements": [{"ValidationErrors": [{"Message": "Bad date"}]}]}
REUSED = "Idempotency Key: k is used with a different request."


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(404, "The resource you're looking for cannot be found", "text/html"), "cannot be found"),
        (response(503, AWAY, "text/html"), ": API is currently unavailable. "),
        (response(400, {"ErrorNumber": 14, "Message": "JSON could not be read"}), "JSON could not be read"),
        (response(400, {"message": "lower case"}), "lower case"),
        (response(400, INVALID), "Bad date"),
        (problem(400, REUSED), REUSED),
        (response(500, ""), "it gave no reason"),
        (response(500, "{broken"), "{broken"),
        (response(418, {}), "{}"),
    ],
)
def test_a_refusal_says_what_xero_said(answer: httpx.Response, said: str) -> None:
    error = refusals.refusal(answer, "GET Invoices", "Invoices")
    assert said in str(error)
    assert "[correlation id corr-9]" in str(error)
    assert "GET Invoices" in str(error)


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (404, True), (408, False), (412, True), (500, False), (501, True), (503, False)]
)
def test_only_what_may_get_better_is_passing(status: int, permanent: bool) -> None:
    assert refusals.refusal(response(status, "no"), "GET Invoices", "Invoices").permanent is permanent


@pytest.mark.parametrize(
    ("answer", "resource", "state", "named"),
    [
        (problem(401, "TokenExpired: token expired at 02/20/2025 08:32:50"), "Invoices", "token_expired", "TokenExpired"),
        (problem(401, "AuthenticationUnsuccessful"), "Invoices", "token_expired", "connection connect"),
        (problem(401, "AuthorizationUnsuccessful"), "Payments", "error", "accounting.payments"),
        (problem(401, "AuthorizationUnsuccessful"), "Accounts", "error", "accounting.settings.read"),
        (problem(403, "AuthenticationUnsuccessful"), "Invoices", "disconnected", "connection connect"),
        (problem(403, "You do not have this role"), "Invoices", "error", "role"),
        (response(403, "Forbidden", "text/plain"), "Invoices", "error", "Forbidden"),
    ],
)
def test_what_a_person_must_mend_names_the_state_and_the_fix(
    answer: httpx.Response, resource: str, state: str, named: str
) -> None:
    error = refusals.refusal(answer, "GET x", resource)
    assert isinstance(error, AuthError)
    assert error.state == state
    assert named in str(error)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail ann.b+c@example.co.nz, please", "mail (e-mail address), please"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: (hidden)"),
        ("token=" + "Ab1_" * 20, "(hidden)"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2ln", "(hidden)"),
        ("id 1a5e0000-0000-4000-8000-000000000002 unknown", "id 1a5e0000-0000-4000-8000-000000000002 unknown"),
        ("  two\n lines ", "two lines"),
    ],
)
def test_an_excerpt_hides_addresses_and_tokens_but_no_ids(text: str, shown: str) -> None:
    assert refusals.excerpt(text) == shown


@given(st.text(max_size=2000))
def test_an_excerpt_is_short_and_on_one_line(text: str) -> None:
    shown = refusals.excerpt(text)
    assert len(shown) <= 300
    assert shown == " ".join(shown.split())


@pytest.mark.parametrize("content_type", ["text/html", "", "text/plain"])
def test_only_what_calls_itself_json_is_parsed(content_type: str) -> None:
    assert refusals.readable(response(200, '{"a":1}', content_type)) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"Type": "ValidationException", "Elements": [{"ValidationErrors": []}]}, True),
        ({"type": "ValidationException", "elements": [{}]}, True),
        ({"Type": "ValidationException", "Elements": []}, False),
        ({"Type": "PostDataInvalidException"}, False),
        (None, False),
        ([], False),
    ],
)
def test_a_validation_exception_is_known_by_its_type_and_elements(data: Any, expected: bool) -> None:
    assert refusals.is_validation(data) is expected

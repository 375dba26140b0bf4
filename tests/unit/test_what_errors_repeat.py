"""A traceback may be logged or shown by Prefect: pydantic's errors in it repeat no secret and nothing of a customer's."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from milepost.connection import EmailSettings, SlackSettings, XeroSettings
from milepost.jobs import Customer
from milepost.ledger.billing_rows import decision_from_json
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.oauth import TokenGrant
from milepost.platforms.servicem8.oauth import TokenAnswer
from milepost.platforms.servicem8.records import CompanyRecord
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.xero.grants import TokenSet
from notifications.troubles import Trouble

QUIET = "Ann-Smith-or-a-token"


@pytest.mark.parametrize(
    ("reads", "given"),
    [
        (Customer.model_validate, {"name": QUIET}),
        (TokenSet.model_validate, {"access_token": QUIET}),
        (XeroSettings.model_validate, {"client_id": "id", "secret": QUIET}),
        (SlackSettings.model_validate, {"token": QUIET}),
        (EmailSettings.model_validate, {"password": QUIET}),
        (ServiceM8Settings.model_validate, {"api_key": QUIET, "client_id": "id"}),
        (DeclaredSettings.model_validate, {"secrets": {"token": QUIET}}),
        (TokenGrant.model_validate, {"refresh_token": QUIET}),
        (TokenAnswer.model_validate, {"refresh_token": QUIET}),
        (CompanyRecord.model_validate, {"name": [QUIET]}),
        (Trouble.model_validate, {"why": QUIET}),
        (decision_from_json, f'{{"kind": "{QUIET}"}}'),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_the_error_does_not_repeat_what_was_given(reads: Callable[[Any], object], given: object) -> None:
    with pytest.raises(ValidationError) as caught:
        reads(given)
    assert QUIET not in str(caught.value)

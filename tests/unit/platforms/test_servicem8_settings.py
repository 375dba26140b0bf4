"""A ServiceM8 connection is checked before anything is called."""

from typing import Any

import pytest
from pydantic import ValidationError

from milepost.platforms.servicem8.settings import ServiceM8Settings

OAUTH = {"client_id": "app", "client_secret": "s3cret", "refresh_token": "r3fresh"}


@pytest.mark.parametrize("given", [{"api_key": "k3y"}, OAUTH, {"api_key": "k3y", "statuses": ["Completed"]}])
def test_a_key_or_an_app_opens_an_account(given: dict[str, Any]) -> None:
    assert ServiceM8Settings.model_validate(given).kind == "servicem8"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give 'api_key'"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "k3y", **OAUTH}, "not both"),
        ({**OAUTH, "refresh_token": None}, "give 'api_key', or all of"),
        ({"api_key": "k3y", "statuses": []}, "statuses"),
        ({"api_key": "k3y", "statuses": ["Done"]}, "'Completed'"),
        ({"api_key": "k3y", "api_url": "api.servicem8.com"}, "api_url"),
        ({"api_key": "k3y", "webhook_secret": "short"}, "webhook_secret"),
        ({"api_key": "k3y", "apikey": "k3y"}, "apikey"),
    ],
)
def test_what_cannot_work_is_refused_with_the_keys_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ServiceM8Settings.model_validate(given)


def test_secrets_are_not_shown() -> None:
    shown = repr(ServiceM8Settings.model_validate(OAUTH))
    assert "s3cret" not in shown
    assert "r3fresh" not in shown

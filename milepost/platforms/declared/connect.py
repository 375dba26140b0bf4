"""The HTTP client of a declared system: its address, credentials and limits, with the connection's secrets filled in."""

from collections.abc import Mapping

import httpx
from pydantic import SecretStr

from milepost.errors import ConfigError
from milepost.platforms.declared.load import DescriptionErrors, Loaded
from milepost.platforms.declared.parts import with_secrets
from milepost.platforms.declared.requests import BasicAuth, ClientCredentialsAuth, HeaderAuth, QueryAuth
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.http import ClientCredentials, OnCall, PlatformHttp

Secrets = Mapping[str, SecretStr]


def check_secrets(loaded: Loaded, secrets: Secrets, *, reading_only: bool = False) -> None:
    """Every secret that the description names is there and not empty. Raises ConfigError with all that are not.

    `reading_only` asks for those alone that reading needs, not for the webhook's.
    """
    missing = [
        loaded.problem(
            place,
            f"the secret '{name}' is not given; add it to the connection's platform > secrets, or as --secret when trying",
        )
        for place, name in loaded.description.secrets()
        if not (name in secrets and secrets[name].get_secret_value()) and not (reading_only and place[0] == "webhook")
    ]
    if missing:
        raise DescriptionErrors(missing)


def connect(loaded: Loaded, settings: DeclaredSettings, on_call: OnCall | None) -> PlatformHttp:
    """The client, not yet opened. Raises ConfigError for an address that is none."""
    about, secrets = loaded.description, settings.secrets
    base_url = _address(loaded, settings)
    headers = {name: with_secrets(text, secrets) for name, text in about.headers.items()}
    params: dict[str, str] = {}
    auth: httpx.Auth | None = None
    match about.auth:
        case HeaderAuth(name=name, value=value):
            headers[name] = with_secrets(value, secrets)
        case QueryAuth(name=name, value=value):
            params[name] = with_secrets(value, secrets)
        case BasicAuth(username=username, password=password):
            auth = httpx.BasicAuth(with_secrets(username, secrets), with_secrets(password, secrets))
        case ClientCredentialsAuth():
            auth = _client_credentials(about.name, about.auth, base_url, secrets)
    return PlatformHttp(
        about.name,
        base_url,
        about.rate_policy(),
        auth=auth,
        headers=headers,
        params=params,
        secrets=[secret.get_secret_value() for secret in secrets.values()],
        on_call=on_call,
    )


def _address(loaded: Loaded, settings: DeclaredSettings) -> str:
    text = settings.base_url or with_secrets(loaded.description.base_url, settings.secrets)
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            f"{loaded.where('base_url')}: base_url: a whole address is needed, such as https://api.example.com"
        )
    return text


def _client_credentials(system: str, auth: ClientCredentialsAuth, base_url: str, secrets: Secrets) -> ClientCredentials:
    return ClientCredentials(
        system,
        str(httpx.URL(base_url).join(with_secrets(auth.token_url, secrets))),
        with_secrets(auth.client_id, secrets),
        SecretStr(with_secrets(auth.client_secret, secrets)),
        auth.scope,
        basic=auth.send == "basic",
    )

"""Settings: both spellings, files as well as variables, and no start with something unsafe."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices

from app.crypto import generate_key
from app.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[1]
KEY = generate_key()
SECRET = "a-secret-of-more-than-thirty-two-characters"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch, tmp_path):
    """No variable of the developer's own reaches a test; what is needed stands in the environment."""
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        for spelling in alias.choices if isinstance(alias, AliasChoices) else [name]:
            monkeypatch.delenv(str(spelling).upper(), raising=False)
    monkeypatch.setenv("ENCRYPTION_KEYS", f"k1:{KEY}")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)


def refusal(**overrides: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(**overrides)
    return str(caught.value)


def test_the_defaults_are_the_vendors_and_the_careful_ones():
    settings = load_settings()
    assert settings.environment == "production"
    assert settings.database_url is None
    assert settings.quickbooks_api_url == "https://sandbox-quickbooks.api.intuit.com"
    assert settings.xero_api_url == "https://api.xero.com"
    assert settings.quickbooks_redirect_uri == "http://localhost:8000/api/auth/qbo/callback"
    assert settings.xero_redirect_uri == "http://localhost:8000/api/auth/xero/callback"
    assert "offline_access" in settings.xero_scopes.split()


def test_redirects_follow_the_public_url_unless_given():
    settings = load_settings(public_url="https://books.example.com/", xero_redirect_uri="https://x.example.com/cb/")
    assert settings.public_url == "https://books.example.com"
    assert settings.quickbooks_redirect_uri == "https://books.example.com/api/auth/qbo/callback"
    assert settings.xero_redirect_uri == "https://x.example.com/cb/", "compared exactly by the vendor, so never altered"


def test_the_environment_picks_the_quickbooks_address(monkeypatch):
    monkeypatch.setenv("QBO_ENVIRONMENT", "production")
    monkeypatch.setenv("PUBLIC_URL", "https://books.example.com")
    assert load_settings().quickbooks_api_url == "https://quickbooks.api.intuit.com"


QUICKBOOKS = sorted(
    name.removeprefix("quickbooks_") for name in Settings.model_fields if name.startswith("quickbooks_")
)


@pytest.mark.parametrize("name", QUICKBOOKS)
@pytest.mark.parametrize("prefix", ["QUICKBOOKS", "QBO"])
def test_every_quickbooks_setting_has_both_spellings(monkeypatch, prefix, name):
    value = {"environment": "production"}.get(name, f"https://localhost/{name}")
    monkeypatch.setenv("PUBLIC_URL", "https://books.example.com")
    monkeypatch.setenv(f"{prefix}_{name.upper()}", value)
    overrides: dict[str, dict[str, Any]] = {
        "client_id": {"quickbooks_client_secret": "s"},
        "client_secret": {"quickbooks_client_id": "i"},
    }
    found = getattr(load_settings(**overrides.get(name, {})), f"quickbooks_{name}")
    assert (found if isinstance(found, str) else found.get_secret_value()) == value


def test_two_spellings_with_one_value_are_fine(monkeypatch):
    for spelling in ("QUICKBOOKS_CLIENT_ID", "QBO_CLIENT_ID"):
        monkeypatch.setenv(spelling, "same")
    monkeypatch.setenv("QBO_CLIENT_SECRET", "s")
    assert load_settings().quickbooks_client_id == "same"


def test_two_spellings_with_two_values_are_refused_wherever_they_stand(monkeypatch, tmp_path):
    monkeypatch.setenv("QUICKBOOKS_CLIENT_SECRET", "canary-one")
    (tmp_path / ".env").write_text("qbo_client_secret=canary-two\n")
    message = refusal()
    assert "QUICKBOOKS_CLIENT_SECRET" in message
    assert "QBO_CLIENT_SECRET" in message
    assert "canary" not in message

    (tmp_path / ".env").unlink()
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "QBO_CLIENT_SECRET").write_text("canary-two")
    assert "QBO_CLIENT_SECRET" in refusal(secrets_dir=tmp_path / "files")


def test_files_are_read_and_the_environment_wins(monkeypatch, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "SECRET_KEY").write_text("from-a-file-with-more-than-thirty-two-characters\n")
    (tmp_path / "run" / "xero_client_id").write_text("from a file")
    (tmp_path / "run" / "xero_client_secret").write_text("from a file\n")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "run"))
    settings = load_settings()
    assert settings.xero_client_id == "from a file"
    assert settings.secret_key.get_secret_value() == SECRET
    monkeypatch.delenv("SECRET_KEY")
    assert load_settings().secret_key.get_secret_value().startswith("from-a-file")


def test_overrides_win_over_both_spellings(monkeypatch):
    monkeypatch.setenv("QBO_CLIENT_ID", "from outside")
    monkeypatch.setenv("QBO_CLIENT_SECRET", "s")
    assert load_settings(quickbooks_client_id="mine").quickbooks_client_id == "mine"


def test_settings_do_not_change_and_do_not_show_secrets():
    settings = load_settings(database_url="postgresql://tieout:canary@db/tieout", xero_webhook_keys="canary")
    with pytest.raises(Exception, match="frozen"):
        settings.log_level = "DEBUG"  # type: ignore[misc]
    assert "canary" not in repr(settings)
    assert KEY not in repr(settings)
    assert SECRET not in str(settings.model_dump())


def test_webhook_keys_may_be_several():
    settings = load_settings(quickbooks_webhook_verifier_tokens="new, old,", xero_webhook_keys="")
    assert settings.webhook_keys("quickbooks") == (b"new", b"old")
    assert settings.webhook_keys("xero") == ()


def test_everything_wrong_is_said_at_once_and_nothing_is_shown(monkeypatch):
    monkeypatch.setenv("ENCRYPTION_KEYS", "k1:canary")
    message = refusal(secret_key="canary", cors_origins="*", xero_client_id="canary")
    for name in ("ENCRYPTION_KEYS", "SECRET_KEY", "CORS_ORIGINS", "XERO_CLIENT_SECRET"):
        assert name in message
    assert "canary" not in message


@pytest.mark.parametrize("name", ["ENCRYPTION_KEYS", "SECRET_KEY"])
@pytest.mark.parametrize("value", [None, ""])
def test_there_is_no_default_for_a_secret(monkeypatch, name, value):
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    assert f"{name}: not set. See .env.example." in refusal()


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"public_url": "http://books.example.com"}, "PUBLIC_URL: http is only for this machine"),
        ({"public_url": "books.example.com"}, "PUBLIC_URL: not a full web address"),
        ({"public_url": "http://127.0.0.1:8000"}, "Xero refuses 127.0.0.1"),
        ({"xero_token_url": "http://identity.xero.com/connect/token"}, "XERO_TOKEN_URL: http"),
        ({"quickbooks_revoke_url": "ftp://x/y"}, "QUICKBOOKS_REVOKE_URL: not a full"),
        ({"quickbooks_sandbox_url": "https://user:canary@evil.example"}, "QUICKBOOKS_SANDBOX_URL: not a full"),
        ({"quickbooks_environment": "production"}, "Intuit's production keys need https"),
        ({"quickbooks_environment": "staging"}, "QUICKBOOKS_ENVIRONMENT: Input should be 'sandbox' or 'production'"),
        ({"quickbooks_client_id": "x"}, "QUICKBOOKS_CLIENT_ID and QUICKBOOKS_CLIENT_SECRET belong together"),
        ({"xero_client_secret": "canary"}, "XERO_CLIENT_ID and XERO_CLIENT_SECRET belong together"),
        ({"cors_origins": "https://app.example.com,*"}, "CORS_ORIGINS: a wildcard"),
        ({"cors_origins": "http://app.example.com"}, "CORS_ORIGINS: http"),
        ({"return_url_allowlist": "https://*.example.com/"}, "RETURN_URL_ALLOWLIST: a wildcard"),
        ({"database_url": "mysql://root:canary@db/x"}, "DATABASE_URL: not a PostgreSQL address"),
        ({"jwt_shared_key": "canary"}, "JWT_SHARED_KEY: shorter"),
        ({"jwt_jwks_url": "https://login.example.com/keys"}, "JWT_ISSUER and JWT_AUDIENCE: set both"),
        ({"jwt_jwks_url": "https://a/b", "jwt_shared_key": SECRET, "jwt_issuer": "i", "jwt_audience": "a"}, "exclude"),
        ({"key_environment": "Live_1"}, "KEY_ENVIRONMENT"),
        ({"lease_seconds": 0}, "LEASE_SECONDS"),
        ({"log_level": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_what_is_unsafe_or_half_set_is_refused(overrides, complaint):
    message = refusal(**overrides)
    assert complaint in message
    assert "canary" not in message


def test_simulators_on_this_machine_may_speak_http():
    base = "http://127.0.0.1:8100"
    settings = load_settings(
        environment="development",
        quickbooks_sandbox_url=f"{base}/intuit",
        quickbooks_authorize_url=f"{base}/intuit/connect/oauth2",
        xero_sandbox_url=f"{base}/xero/",
        xero_token_url=f"{base}/xero/connect/token",
    )
    assert settings.quickbooks_api_url == f"{base}/intuit"
    assert settings.xero_api_url == f"{base}/xero"


def example() -> dict[str, tuple[str, bool]]:
    """Name -> (value, whether it is commented out) of every setting in .env.example."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = (re.fullmatch(r"(# )?([A-Z_]+)=(.*)", line) for line in lines)
    return {match[2]: (match[3], bool(match[1])) for match in found if match}


def test_the_example_names_every_setting_and_no_other():
    for_compose_alone = {"OWNER_PASSWORD", "LOGIN_PASSWORD"}
    assert set(example()) - for_compose_alone == {name.upper() for name in Settings.model_fields}


def test_the_example_shows_the_true_defaults():
    settings = load_settings()
    illustrations = {"RETURN_URL_ALLOWLIST", "CORS_ORIGINS"}
    for name, (value, commented) in example().items():
        default = getattr(settings, name.lower(), None)
        if commented and name not in illustrations and default is not None:
            assert value == str(default), f"{name} in .env.example is not the default"


def test_the_example_starts_once_the_needed_lines_are_filled_in(monkeypatch, tmp_path):
    monkeypatch.delenv("ENCRYPTION_KEYS")
    monkeypatch.delenv("SECRET_KEY")
    text = (ROOT / ".env.example").read_text()
    text = text.replace("\nENCRYPTION_KEYS=\n", f"\nENCRYPTION_KEYS=k1:{KEY}\n").replace(
        "\nSECRET_KEY=\n", f"\nSECRET_KEY={SECRET}\n"
    )
    (tmp_path / ".env").write_text(text)
    assert load_settings().secret_key.get_secret_value() == SECRET

"""All settings in one frozen object, read from the environment, `.env`, or files of the same name.

It refuses to start unsafe or half configured: every problem is listed at once, with its cure and without any value.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, AliasGenerator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from app.settings.safety import items, unsafe

XERO_SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.invoices accounting.payments.read"
    " accounting.manualjournals accounting.banktransactions.read accounting.settings.read"
)


class SettingsError(ValueError):
    """The configuration is unusable; the message lists every problem and its cure, and no value."""


def _trim(text: str) -> str:
    return text.strip().rstrip("/")


Base = Annotated[str, AfterValidator(_trim)]  # paths are appended to it


def _spellings(field: str) -> str | AliasChoices:
    """Both names of the brief, QUICKBOOKS_X and QBO_X; the other settings have one."""
    vendor, _, name = field.partition("_")
    return AliasChoices(field, f"qbo_{name}") if vendor == "quickbooks" else field


class Settings(BaseSettings):
    """One process's configuration. Secrets have no usable default and do not show in `repr`."""

    model_config = SettingsConfigDict(
        frozen=True,
        str_strip_whitespace=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        alias_generator=AliasGenerator(validation_alias=_spellings),
    )

    environment: Literal["development", "production"] = "production"
    public_url: Base = "http://localhost:8000"
    data_dir: Path = Path(".data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    key_environment: str = Field(default="live", pattern=r"^[a-z0-9]{1,12}$")

    database_url: SecretStr | None = None
    migration_database_url: SecretStr | None = None
    db_pool_size: int = Field(default=10, ge=1, le=200)

    encryption_keys: SecretStr
    secret_key: SecretStr
    operator_secret: SecretStr | None = None

    quickbooks_environment: Literal["sandbox", "production"] = "sandbox"
    quickbooks_client_id: str | None = None
    quickbooks_client_secret: SecretStr | None = None
    quickbooks_redirect_uri: str = Field(default_factory=lambda given: f"{given['public_url']}/api/auth/qbo/callback")
    quickbooks_sandbox_url: Base = "https://sandbox-quickbooks.api.intuit.com"
    quickbooks_production_url: Base = "https://quickbooks.api.intuit.com"
    quickbooks_authorize_url: str = "https://appcenter.intuit.com/connect/oauth2"
    quickbooks_token_url: str = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
    quickbooks_revoke_url: str = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"
    quickbooks_webhook_verifier_tokens: SecretStr = SecretStr("")

    xero_client_id: str | None = None
    xero_client_secret: SecretStr | None = None
    xero_redirect_uri: str = Field(default_factory=lambda given: f"{given['public_url']}/api/auth/xero/callback")
    xero_sandbox_url: Base = "https://api.xero.com"
    xero_production_url: Base = "https://api.xero.com"
    xero_authorize_url: str = "https://login.xero.com/identity/connect/authorize"
    xero_token_url: str = "https://identity.xero.com/connect/token"
    xero_revoke_url: str = "https://identity.xero.com/connect/revocation"
    xero_webhook_keys: SecretStr = SecretStr("")
    xero_scopes: str = XERO_SCOPES

    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_jwks_url: str | None = None
    jwt_shared_key: SecretStr | None = None
    jwt_firm_claim: str = "firm"
    jwt_roles_claim: str = "roles"

    oidc_issuer_url: Base | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None

    return_url_allowlist: str = ""
    cors_origins: str = ""

    rate_limit: str = Field(default="1200/minute", pattern=r"^[1-9][0-9]{0,6}\s*/\s*(second|minute|hour)$")
    rate_limit_storage: str = Field(default="async+memory://", pattern=r"^async\+[a-z]+://")

    otel_exporter_otlp_endpoint: Base | None = None

    retention_webhooks_days: int = Field(default=90, ge=7, le=3650)
    retention_runs_days: int = Field(default=400, ge=30, le=3650)
    retention_calls_days: int = Field(default=400, ge=60, le=3650)

    sync_slice_seconds: float = Field(default=5.0, gt=0, le=60)
    lease_seconds: float = Field(default=10.0, ge=1, le=300)
    worker_concurrency: int = Field(default=10, ge=1, le=200)

    @property
    def quickbooks_api_url(self) -> str:
        """The API base that QUICKBOOKS_ENVIRONMENT picks, without a trailing slash."""
        live = self.quickbooks_environment == "production"
        return self.quickbooks_production_url if live else self.quickbooks_sandbox_url

    @property
    def xero_api_url(self) -> str:
        """The API base. Xero has no sandbox host: its demo companies live beside the real ones."""
        return self.xero_production_url if self.environment == "production" else self.xero_sandbox_url

    @property
    def return_urls(self) -> tuple[str, ...]:
        """Addresses the OAuth journey may end at, besides PUBLIC_URL itself."""
        return items(self.return_url_allowlist)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Origins of browser applications that may call the API."""
        return tuple(map(_trim, items(self.cors_origins)))

    @property
    def migrations_url(self) -> SecretStr | None:
        """Where Alembic connects: the owner's URL, else the service's own."""
        return self.migration_database_url or self.database_url

    def webhook_keys(self, provider: str) -> tuple[bytes, ...]:
        """The HMAC keys of one provider (`quickbooks` or `xero`), several during a rotation. Raises KeyError else."""
        keys = {"quickbooks": self.quickbooks_webhook_verifier_tokens, "xero": self.xero_webhook_keys}[provider]
        return tuple(key.encode() for key in items(keys.get_secret_value()))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, `.env`, and files; the two spellings of one setting must agree."""
        return (
            init_settings,
            _Spellings(settings_cls, (file_secret_settings, dotenv_settings, env_settings)),
            env_settings,
            dotenv_settings,
            file_secret_settings,
        )

    @model_validator(mode="after")
    def _refuse_what_is_unsafe(self) -> "Settings":
        problems = list(unsafe(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_settings(
    *, env_file: Path | None = Path(".env"), secrets_dir: Path | None = None, **overrides: object
) -> Settings:
    """Read the settings; `overrides` win over everything. Raises SettingsError with one line per problem.

    Files named like a setting are read from `secrets_dir`, else from SECRETS_DIR, else from /run/secrets.
    """
    folder = secrets_dir or Path(os.environ.get("SECRETS_DIR", "/run/secrets"))
    try:
        return Settings(
            _env_file=env_file,
            _env_file_encoding="utf-8",
            _secrets_dir=folder if folder.is_dir() else None,
            **overrides,  # type: ignore[arg-type]  # pydantic checks them
        )
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


class _Spellings(PydanticBaseSettingsSource):
    """Supplies nothing: compares QUICKBOOKS_X with QBO_X over all sources and refuses two different values."""

    def __init__(self, settings_cls: type[BaseSettings], sources: tuple[PydanticBaseSettingsSource, ...]) -> None:
        super().__init__(settings_cls)
        self._sources = sources

    def get_field_value(self, field: object, field_name: str) -> tuple[object, str, bool]:  # noqa: ARG002 - an override
        """Has no value of its own, for any field."""
        return None, field_name, False

    def __call__(self) -> dict[str, object]:
        names: dict[str, str] = {}
        for source in self._sources:
            names.update(_raw_values(source))
        problems = []
        for field in self.settings_cls.model_fields.values():
            if isinstance(field.validation_alias, AliasChoices):
                ours, theirs = (str(choice) for choice in field.validation_alias.choices)
                if names.get(ours) and names.get(theirs) and names[ours] != names[theirs]:
                    problems.append(f"{ours.upper()} and {theirs.upper()} are both set and differ: remove one of them.")
        if problems:
            raise SettingsError(_listing(problems))
        return {}


def _raw_values(source: PydanticBaseSettingsSource) -> Mapping[str, str]:
    """What a source holds by lower-case name, whether or not a field asks for it."""
    if isinstance(source, EnvSettingsSource):
        return {name.lower(): value for name, value in source.env_vars.items() if value is not None}
    folder = getattr(source, "secrets_dir", None)
    if folder is None:
        return {}
    files = (path for path in Path(folder).iterdir() if path.is_file())
    return {path.name.lower(): path.read_text().strip() for path in files}


def _explain(error: ValidationError) -> str:
    """Pydantic's findings in our words, one line each: the name as it is set, what is wrong, never the value."""
    lines: list[str] = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        if found["type"] == "default_factory_not_called":
            continue  # it only follows from another problem in this list
        message = found["msg"].removeprefix("Value error, ")
        name = str(found["loc"][0]).upper() if found["loc"] else ""
        if found["type"] == "missing":
            message = "not set. See .env.example."
        lines += [f"{name}: {message}"] if name else message.splitlines()
    return _listing(lines)


def _listing(problems: list[str]) -> str:
    return "The settings are not usable:\n" + "\n".join(f"  - {line}" for line in problems)

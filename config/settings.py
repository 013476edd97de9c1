"""Settings of all processes: environment variables ``CHORUS_…`` and a ``.env`` file, read once at the start."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.label_text import why_no_label
from config.redis_address import parse_address

PREFIX = "CHORUS_"

_PYDANTIC = "Value error, "
"""What pydantic puts before our own sentences."""
_ENDPOINT = re.compile(r"https?://[^/?#\s@]+(/[^?#\s]*)?")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}|arn:[!-~]+")
"""What the library takes (``botocore.handlers.validate_bucket_name``), plainly or as an ARN of an access point."""
_COLD_FROM_DAYS = 30
"""Least for STANDARD_IA (Amazon S3 user guide, constraints of lifecycle transitions)."""
_LABEL_FIELD = re.compile(r"""(?:(?!["'\\])[!-~])+""")

_WEIGHT = re.compile(r"[^:=]+:chat:.+=(?=.*[1-9])\d{1,3}(\.\d{1,3})?")

Entries = Annotated[tuple[str, ...], NoDecode]
"""A list written with commas: ``telegram:chat:-100123,wecom:user:li``."""


class SettingsRefused(Exception):
    """A setting is wrong; the message says which and why, and is meant for the operator."""


class Settings(BaseSettings):
    """Everything an operator may decide. Units are in the names; secrets never print."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        frozen=True,
        extra="ignore",  # a .env may serve other programs too; load_settings refuses unknown names of ours
        use_attribute_docstrings=True,
    )

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("chorus"))
    """Where the embedded Redis, the local store, caches and logs live."""
    redis_url: SecretStr | None = None
    """None starts the embedded one. ``redis://``, ``rediss://`` (TLS), ``unix://``, or ``redis+sentinel://HOST:PORT,HOST:PORT/MASTER`` (``rediss+sentinel://``); may hold user and password."""
    redis_ca_file: Path | None = None
    """TLS: certificates (PEM) that sign the server's, in addition to the system's."""
    redis_cert_file: Path | None = None
    """TLS: our own certificate, where the server asks for one; with REDIS_KEY_FILE."""
    redis_key_file: Path | None = None
    """The private key to it."""
    redis_sentinel_password: SecretStr | None = None
    """What the Sentinels ask for; the one in REDIS_URL is the servers'."""
    secret_key: SecretStr | None = Field(default=None, min_length=16)
    """Signs tokens; 16 characters at least. Made and kept in DATA_DIR if absent; required when several front ends run."""

    store: Literal["local", "s3"] = "local"
    """Where Takes, Clips and Archives are kept."""
    s3_endpoint: str | None = None
    """URL of an S3-compatible service; None is AWS."""
    s3_bucket: str | None = None
    """Required with STORE=s3."""
    s3_region: str | None = None
    """None: as boto3 finds it."""
    s3_addressing: Literal["auto", "path", "virtual"] = "auto"
    """How the bucket is named in URLs."""
    s3_uploads: int = Field(default=3, ge=1, le=16)
    """Parts uploaded at once."""
    cloud_delivery: bool = True
    """False: links lead through the web door even where a cloud store is configured."""
    cdn_url: str | None = Field(default=None, pattern=r"^https?://[^/?#\s]+/?$")
    """S3: scheme and host of links, where a CDN stands before the bucket; it passes path and query on and asks the bucket by its own name."""
    cdn_key_id: str | None = None
    """The CDN is CloudFront and checks links itself: id of the public key; with CDN_KEY_FILE."""
    cdn_key_file: Path | None = None
    """The private key to it, RSA as PEM."""
    s3_cold_days: int = Field(default=30)
    """S3: to infrequent access after so many days, 30 at least, once ``chorus store init`` has told the bucket."""
    s3_retention_days: int = Field(default=60, ge=2)
    """S3: deleted after so many days, by the bucket (``chorus store init``) or else by a running worker."""
    retention_days: int = Field(default=7, ge=1)
    """Local store: Takes, Clips, Archives and sent pictures are kept so many days; a running worker removes them."""
    store_quota_gb: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Local store: most it may hold, in GB; beyond that a running worker removes the oldest. None: as much as fits."""

    cache_gb: float = Field(default=20, gt=0, allow_inf_nan=False)
    """Most that the workers of a machine keep in ``DATA_DIR/work/cache`` of what videos are made of, in GB, the longest unused leaving first; beyond it stays only what is in use."""

    public_url: str | None = None
    """How the web door is reached from outside, for links; None: the address it listens on."""
    http_host: str = "127.0.0.1"
    """Where the web door listens."""
    http_port: int = Field(default=8080, ge=0, le=65535)
    """0 takes any free port; if the default is taken a free one is used."""
    accel_prefix: str | None = None
    """Hand downloads over to nginx (X-Accel-Redirect) under this internal prefix."""
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    """Who sends it as a bearer token may read ``/metrics``, 16 characters at least; None: this machine alone may, and with PUBLIC_URL nobody."""

    admins: Entries = ()
    """Persons who may administer: ``telegram:user:42``."""
    allow: Entries = ()
    """Chats and persons admitted, ``telegram:chat:-100123``, ``wecom:user:li``. Closed by default; the console is always admitted."""

    engine: str = "viseme"
    """``viseme`` (embedded, no weights); ``musetalk``, ``latentsync-1.5`` or ``latentsync-1.6`` (weights, ``chorus models pull``; a GPU)."""
    models_dir: Path | None = None
    """Weights (``chorus models``); None: the folder ``models`` in DATA_DIR. Whisper's (``faster-whisper/``) sharpen the lips."""
    hub_endpoint: str | None = None
    """A mirror of the Hugging Face hub to pull weights from; None: as HF_ENDPOINT says, or the hub itself. HF_TOKEN opens what is gated."""
    unverified_weights: Path | None = None
    """A folder of weights in the official layout that ENGINE loads unchecked, as ``--unverified`` does: only what you trust."""
    speedup: Literal["none", "graphs", "compile"] = "none"
    """How a GPU repeats its work: as PyTorch runs it, as CUDA graphs, or compiled; what fails is told, and done without."""
    latentsync_steps: int = Field(default=20, ge=1, le=100)
    """Steps of LatentSync's diffusion: more look finer and take longer; 20 to 50 are advised."""
    latentsync_guidance: float = Field(default=1.5, ge=1, le=10)
    """How much more than by itself LatentSync's mouth follows the sound, 1 to 3; above 1 every step is made twice."""
    latentsync_interval: int = Field(default=3, ge=1, le=100)
    """Every so many steps the whole network is asked, between them its last layer; 1: always the whole one, which takes twice as long."""
    packers: int = Field(default=2, ge=1, le=16)
    """ZIPs that one worker packs at once; the others wait, and people see their place."""
    max_take_s: int = Field(default=600, ge=1, le=7200)
    """Longest recording."""
    max_clips_per_batch: int = Field(default=50, ge=1, le=500)
    """Most templates picked at once."""
    max_clips_per_chat_batch: int | None = Field(default=None, ge=1, le=500)
    """The same in a group, if fewer; None: as many."""
    max_batches_per_person: int = Field(default=20, ge=1)
    """Orders of one person that are made at a time; administrators may have more, here and below."""
    max_batches_per_chat: int = Field(default=50, ge=1)
    """Orders of one group that are made at a time."""
    max_minutes_per_person: float = Field(default=1000, gt=0, allow_inf_nan=False)
    """Minutes of finished video that one person may order in a day, by the clock of the front end; what fails or is cancelled does not count."""
    max_minutes_per_chat: float = Field(default=3000, gt=0, allow_inf_nan=False)
    """Minutes of finished video that one group may order in a day."""
    max_waiting_clips: int = Field(default=10_000, ge=1)
    """Videos that may wait in the whole deployment; beyond that new orders are refused politely."""
    chat_weights: Entries = ()
    """How often chats are served against one that is not named: ``telegram:chat:-100123=3`` three times as often, while both wait."""
    slots: int | None = Field(default=None, ge=1, le=64)
    """Clips that one worker renders at a time; None: by the memory of its GPU (an installed Whisper has its room first), or by its cores."""
    drain_s: float = Field(default=30.0, ge=0, le=3600)
    """How long a worker that is told to stop goes on with the Clips in work before it hands them back; told again it stops at once."""
    link_lifetime_s: int = Field(default=86_400, ge=60, le=604_800)
    """How long a link works; S3 allows 7 days at most."""
    label_producer: str = Field(default="Chorus", max_length=100)
    """Who the AI label inside every file names as producer: printable ASCII without spaces, quotes and backslashes."""
    label_text: str | None = None
    """The visible AI label's text; None: by language, ``数字人 · AI生成`` or ``AI-generated digital human``."""
    label_seconds: float | None = Field(default=None, ge=2.0, allow_inf_nan=False)
    """How long the visible label is shown, from the first frame; None: the whole length."""
    label_waiver: Entries = ()
    """Chats and persons, as in ALLOW, who may order without the visible label once they accepted the duty to label; the console too only when named."""

    telegram_token: SecretStr | None = None
    """Set: Telegram is on."""
    telegram_mode: Literal["polling", "webhook"] = "polling"
    """How updates come."""
    telegram_api_base: str | None = None
    """A Bot API server of your own; started with ``--local`` it needs its folder shared with us, under the same path."""
    telegram_webhook_secret: SecretStr | None = None
    """The secret token header of the webhook."""

    wecom_corp_id: str | None = None
    """The corporation."""
    wecom_app_agent_id: str | None = None
    """The self-built app; with its secret it is on."""
    wecom_app_secret: SecretStr | None = None
    """The app's secret."""
    wecom_app_token: SecretStr | None = None
    """The app's callback token."""
    wecom_app_aes_key: SecretStr | None = None
    """The app's callback key, 43 characters."""
    wecom_bot_id: str | None = None
    """The AI bot; with its secret, or token and key, it is on."""
    wecom_bot_secret: SecretStr | None = None
    """The AI bot's secret: it talks over the long connection."""
    wecom_bot_token: SecretStr | None = None
    """Instead of the secret, for an AI bot by callback URL: its token."""
    wecom_bot_aes_key: SecretStr | None = None
    """And its EncodingAESKey, 43 characters."""
    wecom_bot_name: str = ""
    """The AI bot's name as people mention it in groups, needed only if it holds spaces."""
    wecom_bot_ws_url: str | None = None
    """Long connection of private deployments."""
    wecom_group_robots: Entries = ()
    """Group robots that results may go to: ``NAME=KEY``, or keys alone, separated by commas."""
    wecom_api_base: str | None = None
    """API of private deployments."""

    dingtalk_mode: Literal["stream", "http"] = "stream"
    """How messages come: over a connection of ours, or posted to ``PUBLIC_URL/hooks/dingtalk``."""
    dingtalk_client_id: str | None = None
    """With its secret DingTalk is on."""
    dingtalk_client_secret: SecretStr | None = None
    """The app's secret."""
    dingtalk_robot_code: str | None = None
    """The robot; None: the client id."""
    dingtalk_card_template_id: str | None = None
    """Interactive card for choices and progress, imported from ``config/dingtalk-card.json``; None: choices are typed."""
    dingtalk_group_robots: Entries = ()
    """Group robots that results may go to: ``NAME=TOKEN/SECRET``, separated by commas; a token may be a whole address."""
    dingtalk_api_base: str | None = None
    """API of private deployments."""
    dingtalk_oapi_base: str | None = None
    """Old API of private deployments."""

    @field_validator(
        "admins",
        "allow",
        "chat_weights",
        "label_waiver",
        "wecom_group_robots",
        "dingtalk_group_robots",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(entry.strip() for entry in value.split(",") if entry.strip())
        return value

    @field_validator("admins", "allow", "label_waiver")
    @classmethod
    def _entries(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            platform, _, rest = entry.partition(":")
            kind, _, id_ = rest.partition(":")
            if not (platform and kind in {"chat", "user"} and id_):
                message = f"{entry!r} is not of the form platform:chat:ID or platform:user:ID"
                raise ValueError(message)
        return entries

    @field_validator("chat_weights")
    @classmethod
    def _weights(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            if not _WEIGHT.fullmatch(entry):
                message = (
                    f"{entry!r} is not of the form platform:chat:ID=WEIGHT with a weight above 0"
                )
                raise ValueError(message)
        return entries

    @field_validator("redis_url")
    @classmethod
    def _address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_address(url.get_secret_value())
        return url

    @field_validator("redis_ca_file", "redis_cert_file", "redis_key_file")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is not None and not os.access(path, os.R_OK):
            message = f"there is no file {path} that this user may read"
            raise ValueError(message)
        return path

    @field_validator("s3_endpoint", "hub_endpoint")
    @classmethod
    def _url(cls, endpoint: str | None) -> str | None:
        if endpoint and not _ENDPOINT.fullmatch(endpoint):
            message = "it is no URL such as https://example.com:9000, without user and password"
            raise ValueError(message)
        return endpoint or None

    @field_validator("s3_bucket")
    @classmethod
    def _bucket(cls, name: str | None) -> str | None:
        if name and not _BUCKET.fullmatch(name):
            message = (
                f"{name!r} is no name of a bucket: letters, digits, dots and hyphens, no spaces"
            )
            raise ValueError(message)
        return name

    @field_validator("s3_cold_days")
    @classmethod
    def _cold(cls, days: int) -> int:
        if days < _COLD_FROM_DAYS:
            message = (
                f"infrequent access takes objects that are {_COLD_FROM_DAYS} days old or older "
                "(Amazon S3 refuses less); as many as S3_RETENTION_DAYS keep them where they are"
            )
            raise ValueError(message)
        return days

    @field_validator("label_producer")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not _LABEL_FIELD.fullmatch(name):
            message = (
                f"{name!r} is not printable ASCII without spaces, quotes and backslashes, "
                "which is all that the label's fields may hold (GB 45438-2025)"
            )
            raise ValueError(message)
        return name

    @field_validator("label_text")
    @classmethod
    def _legible(cls, text: str | None) -> str | None:
        if text is not None and (refused := why_no_label(text)):
            raise ValueError(refused)
        return text

    @property
    def platforms(self) -> tuple[str, ...]:
        """The chat platforms whose credentials are set."""
        on = {
            "telegram": self.telegram_token,
            "wecom": self.wecom_app_secret or self.wecom_bot_secret or self.wecom_bot_token,
            "dingtalk": self.dingtalk_client_secret,
        }
        return tuple(name for name, credential in on.items() if credential)


def load_settings() -> Settings:
    """Read the settings; raises SettingsRefused naming every wrong or unknown one."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    given = {*os.environ, *dotenv_values(".env")}
    unknown = sorted(
        name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        listed = ", ".join(unknown)
        raise SettingsRefused(f"Unknown setting {listed}. The README lists those there are.")
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsRefused(_explain(error)) from None
    if settings.store == "s3" and not settings.s3_bucket:
        raise SettingsRefused(f"{PREFIX}STORE is s3, but {PREFIX}S3_BUCKET is not set.")
    if bool(settings.redis_cert_file) != bool(settings.redis_key_file):
        raise SettingsRefused(
            f"{PREFIX}REDIS_CERT_FILE and {PREFIX}REDIS_KEY_FILE belong together."
        )
    together = (settings.cdn_key_id, settings.cdn_key_file)
    if any(together) and not (all(together) and settings.cdn_url):
        raise SettingsRefused(
            f"{PREFIX}CDN_KEY_ID and {PREFIX}CDN_KEY_FILE belong together, and to a {PREFIX}CDN_URL."
        )
    return settings


def _explain(error: ValidationError) -> str:
    return "\n".join(
        f"{PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix(_PYDANTIC)}."
        for problem in error.errors(include_url=False, include_input=False)
    )

"""What no log and no record may hold: passwords, tokens, signatures and links, wherever in a line they stand."""

import os
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from config.settings import Settings

HIDDEN: Final = "…"
_SHORTEST: Final = 6
"""What is shorter would hide words that are no secret; the patterns still find it where it stands as one."""
_ENVIRONMENT: Final = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_NAMES: Final = (
    r"access_token|suite_access_token|corpsecret|appsecret|secret|password|passwd|token|session_?webhook|"
    r"x-amz-signature|x-amz-credential|x-amz-security-token|signature|msg_signature|sign|key-pair-id|policy|"
    r"client_?secret|app_?key|aes_?key|encodingaeskey|echostr"
)
_LONG: Final = re.compile(r"[0-9A-Za-z]{16,}")
_PATTERNS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), put)
    for pattern, put in (
        (r"(/d/|/u/|/b/)[A-Za-z0-9_\-.~%]{16,}", rf"\1{HIDDEN}"),  # our own links
        (r"\b(bot)?\d{6,}:[A-Za-z0-9_-]{30,}", HIDDEN),  # Telegram's tokens
        (r"(?<=://)[^/\s:@'\"]*:[^/\s@'\"]+@", f"{HIDDEN}@"),  # user and password of a URL
        (rf"([?&](?:{_NAMES}|key|ticket|session)=)[^&\s'\"<>]+", rf"\1{HIDDEN}"),
        (rf"(['\"](?:{_NAMES})['\"]\s*:\s*['\"])[^'\"]+", rf"\1{HIDDEN}"),
        (
            r"(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer |basic |aws4-hmac-sha256 )?)[^\s'\"]+",
            rf"\1{HIDDEN}",
        ),
        (r"\b(bearer )[A-Za-z0-9._~+/=-]{8,}", rf"\1{HIDDEN}"),
    )
)


class Redactor:
    """Hides secrets in what is about to be written."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """``secrets``: values that are hidden wherever they stand, also percent-encoded."""
        written = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
        long = sorted((each for each in written if len(each) >= _SHORTEST), key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, long))) if long else None

    def text(self, text: str) -> str:
        """A text without them."""
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        for pattern, put in _PATTERNS:
            text = pattern.sub(put, text)
        return text

    def value(self, value: Any) -> Any:
        """Whatever may stand in a line, without them."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(name): self.value(each) for name, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(each) for each in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(str(value))


def secrets_of(settings: Settings) -> list[str]:
    """Every secret among the settings, and those AWS has in the environment."""
    found = [os.environ.get(name, "") for name in _ENVIRONMENT]
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and name != "redis_url":  # where Redis is may be read
            found.append(value.get_secret_value())
    robots = [entry.rpartition("=")[2] for entry in settings.wecom_group_robots]
    found += robots
    for entry in settings.dingtalk_group_robots:  # token and secret, wherever they stand
        found += _LONG.findall(entry)
    if settings.redis_url is not None:
        found.append(_password_in(settings.redis_url.get_secret_value()))
    return [each for each in found if each]


def _password_in(url: str) -> str:
    return unquote(urlsplit(url).password or "")

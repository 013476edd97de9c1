"""What the doctor looks at in Redis, and at what watches over a deployment: who sees figures, where traces go."""

import contextlib
import os
from typing import Any, Final

from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError, ResponseError

from config.cli.findings import Finding, bad, good, unused
from config.redis_address import parse_address
from config.redis_client import connect, connections_of
from config.settings import PREFIX, Settings
from config.tracing import is_wanted

_LEAST_VERSION: Final = (6, 2)
_CERTIFICATE: Final = (
    (
        "Hostname mismatch",
        f"The certificate is of another host than {PREFIX}REDIS_URL names: write the name that stands in it.",
    ),
    (
        "IP address mismatch",
        f"The certificate does not hold the address that {PREFIX}REDIS_URL (or a Sentinel) names.",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        f"Name the authority that signed it in {PREFIX}REDIS_CA_FILE.",
    ),
    (
        "certificate required",
        f"The server asks for our certificate: {PREFIX}REDIS_CERT_FILE and {PREFIX}REDIS_KEY_FILE.",
    ),
    ("WRONG_VERSION_NUMBER", "It does not speak TLS there: redis:// instead of rediss://?"),
    *(
        (
            words,
            "It hung up: does it speak TLS (rediss://), or ask for our certificate "
            f"({PREFIX}REDIS_CERT_FILE)?",
        )
        for words in ("Connection closed by server", "reset by peer")
    ),
)


async def examine_redis(url: str, settings: Settings) -> Finding:
    """Whether Redis answers, keeps what it is told, and what to do if not."""
    try:
        async with contextlib.aclosing(connect(url, connections_of(settings))) as client:
            facts: dict[str, Any] = await client.info()
            await client.eval("return 1", 0)  # type: ignore[misc]  # annotated for both clients
    except MasterNotFoundError as error:  # its text lists Python objects
        service = parse_address(url).service
        return bad("redis", f"No Sentinel names a master “{service}”.", redis_advice(error))
    except RedisError as error:
        return bad("redis", f"{error}.", redis_advice(error))
    return _judged(facts, url, settings)


def redis_advice(error: RedisError) -> str:
    """What an operator can do about it."""
    if isinstance(error, MasterNotFoundError):
        return (
            f"Check hosts and master's name in {PREFIX}REDIS_URL, whether the Sentinels run, "
            f"and {PREFIX}REDIS_SENTINEL_PASSWORD."
        )
    if isinstance(error, AuthenticationError | AuthorizationError) or "NOAUTH" in str(error):
        return (
            f"Check user and password in {PREFIX}REDIS_URL; odd signs have to be percent-encoded."
        )
    if isinstance(error, ResponseError):
        return "The user needs all commands, EVAL among them, on keys that begin with chorus: and arq:."
    advice = [sentence for words, sentence in _CERTIFICATE if words in str(error)]
    return advice[0] if advice else f"Check {PREFIX}REDIS_URL and the server."


def _judged(facts: dict[str, Any], url: str, settings: Settings) -> Finding:
    version = str(facts["redis_version"])
    said = f"{_kind(url, settings)}, version {version}."
    if tuple(int(part) for part in version.split(".")[:2]) < _LEAST_VERSION:
        return bad("redis", said, "Chorus needs 6.2 or newer.")
    limit, policy = facts.get("maxmemory", 0), facts.get("maxmemory_policy", "noeviction")
    if limit and policy != "noeviction":
        advice = "Set maxmemory-policy noeviction: else Redis throws orders away when it is full."
        return bad("redis", f"{said} Its policy is {policy}.", advice)
    if limit and facts["used_memory"] > 0.9 * limit:
        full = f"{said} {facts['used_memory'] / limit:.0%} of its memory is used."
        return bad("redis", full, "Raise maxmemory; when it is full nothing can be ordered.")
    if not facts.get("aof_enabled"):
        advice = "Set appendonly yes: else a crash forgets the orders of the last minutes."
        return unused("redis", f"{said} It keeps no append-only file.", advice)
    return good("redis", said)


def _kind(url: str, settings: Settings) -> str:
    if settings.redis_url is None:
        return "embedded"
    address = parse_address(url)
    how = " over TLS" if address.tls else ""
    if address.sentinels:
        return f"the master of {address.service}, named by {len(address.sentinels)} Sentinels{how}"
    return f"configured{how}"


def examine_watching(settings: Settings) -> list[Finding]:
    """Who sees figures, and where traces go."""
    seen = "whoever has the token" if settings.metrics_token else "this machine alone"
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get(
        "OTEL_EXPORTER_OTLP_ENDPOINT", ""
    )
    return [
        good("metrics", f"/metrics at the web door is for {seen}."),
        good("traces", f"To {endpoint.split('?')[0]}.")
        if is_wanted()
        else unused("traces", "No collector is configured (OTEL_EXPORTER_OTLP_ENDPOINT)."),
    ]

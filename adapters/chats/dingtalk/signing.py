"""DingTalk's signatures: of robot callbacks to us, and of what we post to group robots."""

import base64
import hashlib
import hmac


def sign(timestamp: str, secret: str) -> str:
    """HMAC-SHA256 of time and secret under the secret, as base64. It covers no content: only HTTPS does."""
    return digest(f"{timestamp}\n{secret}", secret)


def digest(text: str, secret: str) -> str:
    """HMAC-SHA256 as base64."""
    found = hmac.new(secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha256)
    return base64.b64encode(found.digest()).decode()

"""JSON as platforms write it: with raw control characters, and with halves of letters, which nothing can store, show or send."""

import json
from typing import Any


def read_json(text: str) -> Any:
    """What it says, each half of a letter replaced. Raises ValueError, also where it is nested without end."""
    try:
        found = json.loads(text, strict=False)
        whole = _whole(json.dumps(found, ensure_ascii=False))
        return json.loads(whole)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

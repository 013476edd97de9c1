"""Logging of every process: one line an event on stderr, with the process's name; never texts, links or tokens."""

import logging
import sys

_NOISY = (
    "arq",
    "httpx",  # its INFO holds whole URLs, and Telegram puts the token there
    "aiohttp.access",
    "botocore",
    "boto3",
    "urllib3",
    "s3transfer",
    "absl",
    "faster_whisper",
)


def configure_logging(process: str, level: int = logging.INFO) -> None:
    """Send the log to stderr; libraries speak from WARNING on."""
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format=f"%(asctime)s {process} %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)

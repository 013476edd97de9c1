"""What Telegram checks of a request before it does anything; each breach is an error for the bot and a mark for the test.

Sources: core.telegram.org/bots/api, and the constants compiled into python-telegram-bot 22.8.
"""

import io
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

from PIL import Image, UnidentifiedImageError
from typing_extensions import override

TEXT: Final = 4096
CAPTION: Final = 1024
CALLBACK_BYTES: Final = 64
ENTITIES: Final = 100
BUTTONS: Final = 100
BUTTONS_IN_A_ROW: Final = 8
ALERT: Final = 200
UPLOAD_BYTES: Final = 50_000_000
LOCAL_UPLOAD_BYTES: Final = 2_000_000_000
"""Of a server of our own that was started with ``--local``."""
DOWNLOAD_BYTES: Final = 20_000_000
PHOTO_BYTES: Final = 10_000_000
PHOTO_SIDES: Final = 10_000
"""Width and height together."""
PHOTO_RATIO: Final = 20
_WITHIN: Final = frozenset({"internal", "intranet", "lan", "local"})
"""Names that mean something inside a house only."""
COMMANDS: Final = 100
HOOK_PORTS: Final = {443, 80, 88, 8443}
SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
SCOPES: Final = {
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
    "chat",
    "chat_administrators",
    "chat_member",
}
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_ENTITY: Final = re.compile(r"&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)[a-zA-Z#]")
_TAGS: Final = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
    "a": "text_link",
}

Image.preinit()  # at the first picture it would hold up every other answer


class Refused(Exception):
    """What the bot is answered instead of a result."""

    def __init__(
        self,
        description: str,
        code: int = 400,
        *,
        breach: bool = False,
        parameters: Mapping[str, int] | None = None,
    ) -> None:
        """Name the refusal.

        Args:
            description: As Telegram words it.
            code: The HTTP status.
            breach: The bot should have known better: it fails the test.
            parameters: ``retry_after`` or ``migrate_to_chat_id``.
        """
        super().__init__(description)
        self.description = description
        self.code = code
        self.breach = breach
        self.parameters = dict(parameters or {})


def breach(description: str) -> Refused:
    """A refusal that fails the test."""
    return Refused(f"Bad Request: {description}", breach=True)


class _Reader(HTMLParser):
    """Telegram's HTML: few tags, closed in order, four named entities."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.plain = ""
        self.entities: list[dict[str, Any]] = []
        self._open: list[tuple[str, int, str | None]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise breach(f'can\'t parse entities: Unsupported start tag "{tag}"')
        self._open.append((tag, units(self.plain), dict(attrs).get("href")))

    @override
    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            raise breach(f'can\'t parse entities: Unexpected end tag "{tag}"')
        _, start, url = self._open.pop()
        entity = {"type": _TAGS[tag], "offset": start, "length": units(self.plain) - start}
        if url and not _opens(url):
            return  # no error: the words stay, and nothing can be pressed
        self.entities.append(entity | ({"url": url} if url else {}))

    @override
    def handle_data(self, data: str) -> None:
        self.plain += data

    @override
    def handle_comment(self, data: str) -> None:
        raise breach('can\'t parse entities: Unsupported start tag "!--"')

    def end(self) -> None:
        self.close()
        if self._open:
            raise breach(f"can't parse entities: Can't find end tag for \"{self._open[-1][0]}\"")


def units(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts entities."""
    return len(text.encode("utf-16-le")) // 2


def read_text(text: str, parse_mode: str | None, longest: int) -> tuple[str, list[dict[str, Any]]]:
    """Plain text and entities; refuses what does not parse, is empty or too long."""
    text = text.rstrip()  # what Telegram cuts off makes no message a changed one
    if parse_mode is None:
        return _fitting(text, longest), []
    if parse_mode.upper() == "HTML":
        plain, entities = _read_html(text)
        return _fitting(plain, longest), entities[:ENTITIES]  # the rest is plain text
    raise breach(f"this fake reads HTML only, not {parse_mode}")


def _fitting(plain: str, longest: int) -> str:
    if units(plain) > longest:
        raise breach("message caption is too long" if longest == CAPTION else "message is too long")
    return plain


def _read_html(text: str) -> tuple[str, list[dict[str, Any]]]:
    if found := _ENTITY.search(text):
        raise breach(f"can't parse entities: bare ampersand at {found.start()}")
    for place in re.finditer("<", text):
        if not re.match(r"</?[a-z][^<>]*>", text[place.start() :]):
            raise breach(f"can't parse entities: bare < at {place.start()}")
    reader = _Reader()
    reader.feed(text)
    reader.end()
    return reader.plain, reader.entities


def check_photo(content: bytes) -> None:
    """Refuses what is no picture, or one of a shape that Telegram does not show."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
    except UnidentifiedImageError:
        raise breach("IMAGE_PROCESS_FAILED") from None
    if width + height > PHOTO_SIDES or max(width, height) > PHOTO_RATIO * min(width, height):
        raise breach("PHOTO_INVALID_DIMENSIONS")


def check_markup(markup: Any) -> list[list[dict[str, Any]]]:
    """The rows of an inline keyboard; refuses what Telegram does not take."""
    if not markup:
        return []
    rows: list[list[dict[str, Any]]] = markup.get("inline_keyboard", [])
    if sum(len(row) for row in rows) > BUTTONS:
        raise breach("reply markup is too long")
    for row in rows:
        if len(row) > BUTTONS_IN_A_ROW:
            raise breach("too many buttons in a row")
        for button in row:
            _check_button(button)
    return rows


def _check_button(button: Mapping[str, Any]) -> None:
    if not button.get("text"):
        raise breach("Text buttons are unallowed in the inline keyboard")
    if "url" in button:
        url = button["url"]
        if "." not in _host(url):
            raise Refused(
                f"Bad Request: inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"
            )
        if not _opens(url):  # the Bot API server sees nothing wrong, and Telegram behind it does
            raise Refused("Bad Request: BUTTON_URL_INVALID")
    elif not 1 <= len(button.get("callback_data", "").encode()) <= CALLBACK_BYTES:
        raise breach("BUTTON_DATA_INVALID")


def _opens(url: str) -> bool:
    """Whether Telegram makes a link of it."""
    host = _host(url)
    return "." in host and host.rpartition(".")[2] not in _WITHIN


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def check_commands(commands: Sequence[Mapping[str, str]], scope: Mapping[str, Any]) -> None:
    """Refuses commands of the wrong form."""
    if len(commands) > COMMANDS:
        raise breach("too many commands")
    if scope.get("type", "default") not in SCOPES:
        raise breach("unknown scope")
    for command in commands:
        if not _COMMAND.fullmatch(command["command"]):
            raise breach("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise breach("BOT_COMMAND_DESCRIPTION_INVALID")

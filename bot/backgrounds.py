"""A picture comes in: it stands behind the presenters from now on, where something can stand behind them."""

from typing import Final

from bot import offering, preferences, words
from bot.desk import Turn
from bot.disposal import bringing
from bot.incoming import PICTURE_BYTES, Fetched
from bot.options import BACKGROUND, Change, changed
from bot.wishes import keep_wishes, load_wishes
from worker.contract import keys
from worker.contract.records import SentPicture

HEAD_BYTES: Final = 12
"""So many first bytes tell it."""
_BEGINNINGS: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_OTHERS: Final = (b"GIF8", b"BM", b"II*\0", b"MM\0*", b"8BPS")
"""GIF, BMP, TIFF, Photoshop."""
_STILL_BRANDS: Final = {b"heic", b"heix", b"mif1", b"avif"}
"""Still pictures in the container of MP4 (ISO/IEC 23008-12): what phones of Apple write."""


def is_usable(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a JPEG, PNG or WebP picture."""
    return head.startswith(_BEGINNINGS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def is_picture(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a picture of any kind: one we cannot use is told as a picture, too."""
    still = head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS
    drawing = head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") and b"<svg" in head.lower()
    return is_usable(head) or head.startswith(_OTHERS) or still or drawing


async def receive_picture(turn: Turn, file: Fetched) -> None:
    """Keep a picture as the background, and say where it will be seen; a wrong one is refused with a sentence."""
    name = words.shown_name(file.media.name)
    if not is_usable(file.head):
        await turn.answer(turn.say("picture-unusable", name=name))
        return
    if file.size_bytes > PICTURE_BYTES:
        limit = words.size(PICTURE_BYTES)
        await turn.answer(
            turn.say("picture-too-large", name=name, size=words.size(file.size_bytes), limit=limit)
        )
        return
    key = keys.picture(file.sha256)
    picture = SentPicture(sha256=file.sha256, name=file.media.name)
    async with bringing(turn.desk, key, turn.receipt):
        if not await turn.desk.has(key):
            await turn.desk.store.put_file(key, file.path)
        wishes = await load_wishes(turn)
        options = changed(wishes.options, Change(BACKGROUND, "picture"), picture)
        await keep_wishes(turn, wishes.model_copy(update={"options": options, "picture": picture}))
    await offering.refresh_offer(turn)
    reach = await preferences.background_reach(turn)
    await turn.answer(turn.say("picture-taken", name=name), reach)

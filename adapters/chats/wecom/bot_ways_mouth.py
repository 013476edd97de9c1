"""How the AI bot says something where it is called back: in a stream that is open, or to an address that takes one message."""

import hashlib
from typing import Any, Final

from adapters.chats.alone import Alone
from adapters.chats.wecom.api import Api
from adapters.chats.wecom.bot_ways import Way, Ways
from adapters.chats.wecom.writing import MARKDOWN_BYTES, shortened, to_markdown
from bot.ports import ChatError, ChatUnreachable, MediaGone, PlatformDown, Throttled

_LATER_S: Final = 10.0
"""So long whoever has something to say waits before looking for a way again."""
_STREAM: Final = "stream:"
_RESULT: Final = "outcome:"
"""How the keys of results begin."""


class WaysMouth:
    """Says things in the ways there are; what finds none is tried again by whoever has to say it."""

    def __init__(self, ways: Ways, alone: Alone, api: Api) -> None:
        """Prepare.

        Args:
            ways: What may still be said where.
            alone: Holds the lock of a chat.
            api: Posts to addresses.
        """
        self._ways = ways
        self._alone = alone
        self._api = api

    async def say(self, said: dict[str, Any]) -> str:
        """Say something in a way that is open. Raises Throttled while there is none."""
        match said["op"]:
            case "text":
                return await self._speak(said, to_markdown(said["text"]), None)
            case "card":
                return await self._speak(said, "", said["card"])
            case "answer":
                return await self._answer(said)
            case "grow":
                return await self._grow(said)
            case "media" if said["kind"] == "image":
                return await self._show(said)
        raise ChatUnreachable(f"by its callback address the AI bot sends no {said['op']}")

    async def _answer(self, said: dict[str, Any]) -> str:
        """Text and card in the stream of the message that is answered; empty if that is not open, or has a card."""
        own = way_id(_answered(said["key"]))
        async with self._alone.with_(said["chat"]):
            way = await self._ways.load(own)
            if way is None or not self._ways.grows(way) or way.card is not None:
                return ""
            way.say(said["key"], said["text"], self._ways.clock())
            await self._ways.save(way.model_copy(update={"card": said["card"]}))
        return _message(way, said["key"])

    async def _show(self, said: dict[str, Any]) -> str:
        """A picture, at the end of the newest stream that is open. Raises MediaGone if there is none."""
        async with self._alone.with_(said["chat"]):
            ways = await self._ways.of_chat(said["chat"])
            growing = [way for way in ways if self._ways.grows(way) and way.card is None]
            if not growing:
                raise MediaGone("there is no answer that a picture could stand in")
            way = growing[-1]
            way.picture, way.grown_s = said["media_id"], self._ways.clock()
            await self._ways.save(way)
        return _message(way, said["key"])

    async def _speak(self, said: dict[str, Any], markdown: str, card: dict[str, Any] | None) -> str:
        own = await self._ways.load(way_id(_answered(said["key"])))
        while True:
            async with self._alone.with_(said["chat"]):
                kind, way = await self._chosen(said, own, with_card=card is not None)
                if kind == "stream":
                    if card is None:
                        way.say(said["key"], said["text"], self._ways.clock())
                    else:
                        way.card, way.grown_s = card, self._ways.clock()
                    await self._ways.save(way)
                    return _message(way, said["key"])
                # Taken before it is used, outside of the lock: nobody else's callback waits for WeCom.
                await self._ways.save(way.model_copy(update={"url": ""}))
            if await self._post(way, markdown, card):
                return f"url:{way.id}"

    async def _chosen(
        self, said: dict[str, Any], own: Way | None, *, with_card: bool
    ) -> tuple[str, Way]:
        """The best way there is now. Raises Throttled if there is none."""
        ways = await self._ways.of_chat(said["chat"])
        if own is not None and not said["private"]:  # in a group others' answers are theirs
            ways = [way for way in ways if way.person == own.person]
        result = said["key"].startswith(_RESULT)
        for kind, way in self._ways.choose(ways, own, result=result):
            if kind == "url" or not with_card or way.card is None:
                return kind, way
        raise Throttled(_LATER_S)

    async def _post(self, way: Way, markdown: str, card: dict[str, Any] | None) -> bool:
        """Post to an address, which takes one message; False if it takes none any more."""
        if card is None:
            content = shortened(markdown, MARKDOWN_BYTES)
            body: dict[str, Any] = {"msgtype": "markdown", "markdown": {"content": content}}
        else:
            body = {"msgtype": "template_card", "template_card": card}
        try:
            await self._api.post(way.url, {}, body)
        except (PlatformDown, Throttled):
            await self._give_back(way)
            raise
        except ChatError:
            return False
        return True

    async def _give_back(self, way: Way) -> None:
        """It could not be used."""
        async with self._alone.with_(way.chat):
            now = await self._ways.load(way.id) or way
            await self._ways.save(now.model_copy(update={"url": way.url}))

    async def _grow(self, said: dict[str, Any]) -> str:
        """A message within a stream that is still open says something else now."""
        id_, _, key = said["message"].removeprefix(_STREAM).partition("|")
        first = await self._ways.load(id_)
        if first is None:
            raise ChatUnreachable("this answer is finished")
        async with self._alone.with_(first.chat):
            way = await self._ways.load(id_) or first
            if not self._ways.grows(way):
                raise ChatUnreachable("this answer is finished")
            way.say(key, said["text"], self._ways.clock(), more=said["more"])
            await self._ways.save(way)
        return str(said["message"])


def way_id(key: str) -> str:
    """The way that a message opened; the same for a copy of it."""
    return f"s{hashlib.sha256(key.encode()).hexdigest()[:30]}"


def _message(way: Way, key: str) -> str:
    return f"{_STREAM}{way.id}|{key}"


def _answered(key: str) -> str:
    """The key of the message that something answers."""
    return key.partition("#")[0].rpartition(":")[0]

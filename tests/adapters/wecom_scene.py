"""Chorus on WeCom, whole: the fake server, and everything around it."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.chats.wecom.app import AppChat
from adapters.chats.wecom.bot_door import BotChat
from bot.bot import Bot
from bot.ports import ChatAdapter
from tests.adapters.chat_scene import ChatScene, open_parts
from tests.adapters.wecom_things import make_app, make_bot, make_hooked_bot
from tests.fakes.wecom.server import FakeWeCom
from tests.fakes.wecom.world import Message
from worker.contract.records import BatchRecord, Chat

_ARCHIVE = re.compile(r"打包下载.*?(https://chorus\.example/d/[\w.-]+)", re.DOTALL)


@dataclass(kw_only=True)
class Scene(ChatScene):
    """Everything around the conversations."""

    wecom: FakeWeCom

    def app(self, **options: object) -> AppChat:
        return make_app(self.wecom, self.memory(), **options)

    def ai_bot(self, **options: object) -> BotChat:
        return make_bot(self.wecom, self.memory(), self.folder, **options)

    def hooked_bot(self, **options: object) -> BotChat:
        return make_hooked_bot(self.wecom, self.memory(), self.folder, **options)

    @contextlib.asynccontextmanager
    async def bot(self, *adapters: ChatAdapter) -> AsyncIterator[Bot]:
        """A front end at work."""
        async with self.front_end(*adapters) as bot:
            yield bot

    async def batches(self, chat: Chat) -> Sequence[BatchRecord]:
        """All that was ordered in a chat, the newest first."""
        return await self.ordered(chat)

    async def result(self, chat: str, limit_s: float = 120) -> Message:
        """The newest message that tells of a ZIP."""
        return await self.wecom.world.wait_for_text(chat, "打包下载", limit_s)

    async def unzip(self, message: Message) -> dict[str, bytes]:
        """Download the Archive that a message links to, and open it."""
        found = _ARCHIVE.search(message.text)
        assert found is not None, message.text
        return await self.download(found[1])


@contextlib.asynccontextmanager
async def open_scene(wecom: FakeWeCom, url: str, folder: Path) -> AsyncIterator[Scene]:
    async with open_parts(url, folder, ("wecom:user:li", "wecom:chat:g1")) as parts:
        scene = Scene(*parts, wecom=wecom)
        try:
            yield scene
        finally:
            for memory in scene.memories:
                await memory.close()

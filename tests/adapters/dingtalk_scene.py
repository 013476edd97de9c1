"""Chorus on DingTalk, whole: the fake server, and everything around it."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.chats.dingtalk.door import DingTalkChat
from tests.adapters.chat_scene import ChatScene, open_parts
from tests.adapters.dingtalk_things import make_chat
from tests.fakes.dingtalk.server import FakeDingTalk
from tests.fakes.dingtalk.world import Message

_ARCHIVE = re.compile(r"\[打包下载[^\]]*\]\((https://chorus\.example/d/[\w.%-]+)\)")


@dataclass(kw_only=True)
class Scene(ChatScene):
    """Everything around the conversations."""

    dingtalk: FakeDingTalk

    def chat(self, **options: Any) -> DingTalkChat:
        """The adapter of one more front end."""
        return make_chat(self.dingtalk, self.memory(), self.folder, **options)

    @contextlib.asynccontextmanager
    async def at_work(self, *chats: DingTalkChat) -> AsyncIterator[None]:
        """Front ends that are connected."""
        async with contextlib.AsyncExitStack() as stack:
            for chat in chats:
                await stack.enter_async_context(self.front_end(chat))
                await chat.stream.opened.wait()
            yield

    async def result(self, chat: str, limit_s: float = 120) -> Message:
        """The newest message that tells of a ZIP."""
        return await self.dingtalk.world.wait_for_text(chat, "打包下载", limit_s)

    async def unzip(self, message: Message) -> dict[str, bytes]:
        """Download the Archive that a message links to, and open it."""
        found = _ARCHIVE.search(message.text)
        assert found is not None, message.text
        return await self.download(found[1])


@contextlib.asynccontextmanager
async def open_scene(dingtalk: FakeDingTalk, url: str, folder: Path) -> AsyncIterator[Scene]:
    async with open_parts(url, folder, ("dingtalk:user:li", "dingtalk:chat:cid1==")) as parts:
        scene = Scene(*parts, dingtalk=dingtalk)
        try:
            yield scene
        finally:
            for memory in scene.memories:
                await memory.close()

"""The callback address of the self-built app: kept first, then answered, always within WeCom's five seconds.

WeCom sends a callback again up to three times when it was not answered; the message's key makes the copies harmless.
"""

import asyncio
import json
from typing import Final

from aiohttp import web

from adapters.chats.callback_crypto import CallbackCipher
from adapters.chats.callbacks import Refused, body_of
from adapters.chats.wecom.account import AppAccount, Timing
from adapters.chats.wecom.callback_gate import CallbackGate, sealed_in
from adapters.chats.wecom.callback_xml import NoCallback, Tree, read_xml, word
from bot.ports import Memory, MemoryUnavailable

HOOK: Final = "/hooks/wecom"
_EVENT_KEY: Final = ("FromUserName", "CreateTime", "Event", "EventKey", "TaskId", "ResponseCode")
"""Events have no id; fewer of these, and two presses in one second would look like one (WxJava 1745)."""


class AppHook:
    """Answers WeCom's callbacks and puts them into the inbox."""

    def __init__(self, memory: Memory, account: AppAccount, mailbox: str, timing: Timing) -> None:
        """Prepare. Raises KeyUnusable if the account's key is none.

        Args:
            memory: Where the inbox is.
            account: Whose callbacks; those of others are refused.
            mailbox: Where they go.
            timing: What is too old, and how long an answer may take.
        """
        self._memory = memory
        self._account = account
        self._mailbox = mailbox
        self._timing = timing
        cipher = CallbackCipher(account.token, account.aes_key, account.corp_id)
        self.gate = CallbackGate(memory, mailbox, cipher, timing)

    def routes(self) -> list[web.RouteDef]:
        """For the web door."""
        return [
            web.get(HOOK, self.gate.check_address, allow_head=False),
            web.post(HOOK, self.take),
        ]

    async def take(self, request: web.Request) -> web.Response:
        """A message or an event: 200 once it is kept, 4xx for what is not WeCom's, 503 to get it again."""
        try:
            async with asyncio.timeout(self._timing.hook_s):
                await self._keep(request)
        except Refused as refused:
            return self.gate.no(refused)
        except (MemoryUnavailable, TimeoutError):
            return web.Response(status=503)
        return web.Response()

    async def _keep(self, request: web.Request) -> None:
        sealed = sealed_in(request, word(_tree(await body_of(request)), "Encrypt"))
        message = self.gate.open_new(sealed)
        tree = _tree(message)
        if word(tree, "AgentID") not in {self._account.agent_id, ""}:
            raise Refused(403, "for another app")
        await self.gate.refuse_replays(sealed)
        raw = json.dumps({"xml": message}, ensure_ascii=False)
        await self._memory.receive(self._mailbox, self._key(tree), raw, word(tree, "FromUserName"))
        await self.gate.note(sealed)

    def _key(self, tree: Tree) -> str:
        event = "|".join(word(tree, name) for name in _EVENT_KEY)
        return f"{self._mailbox}:{word(tree, 'MsgId') or event}"


def _tree(text: str) -> Tree:
    try:
        return read_xml(text)
    except NoCallback as error:
        raise Refused(400, str(error)) from None

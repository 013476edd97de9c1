"""The AI bot by callback address: each callback is kept, then answered at once with what there is to say so far.

WeCom asks for the rest of an answer again and again, of whichever front end its request reaches; so what there is to say
stands in the Memory. Nothing can be said of our own accord: what finds no way waits until the person writes again.
"""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from aiohttp import web

from adapters.chats.alone import Alone
from adapters.chats.callback_crypto import CallbackCipher
from adapters.chats.callbacks import Refused, body_of
from adapters.chats.parsing import read_json
from adapters.chats.says import Says
from adapters.chats.spool import Spool
from adapters.chats.wecom.account import BotAccount, Timing
from adapters.chats.wecom.api import Api
from adapters.chats.wecom.bot_decoding import (
    Entered,
    Evicted,
    Meaning,
    Pressed,
    Said,
    mentioned,
    read_body,
    sender_of,
)
from adapters.chats.wecom.bot_ways import Way, Ways
from adapters.chats.wecom.bot_ways_mouth import WaysMouth, way_id
from adapters.chats.wecom.callback_gate import CallbackGate, sealed_in
from adapters.chats.wecom.cards import Card, closed
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.writing import STREAM_BYTES, shortened, to_markdown
from bot.ports import (
    Chat,
    ChatUnreachable,
    Memory,
    MemoryUnavailable,
)

HOOK: Final = "/hooks/wecom-bot"
_THINKING: Final = "<think></think>"
"""Shown as an animation."""
_GROWN: Final = 3


class HookLine:
    """The callback address of one bot; all front ends are alike."""

    sends_files = False
    speaks_first = False

    def __init__(
        self,
        memory: Memory,
        account: BotAccount,
        mailbox: str,
        notes: Notes,
        spool: Spool,
        say: Says,
        timing: Timing,
        welcome: Callable[[Literal["en", "zh"]], Card],
    ) -> None:
        """Prepare. Raises KeyUnusable if the account's key is none.

        Args:
            memory: The inbox, and what there is to say.
            account: Which bot.
            mailbox: Its inbox.
            notes: What cards mean.
            spool: Takes files in, while WeCom has them.
            say: What cards and answers that end early say.
            timing: How long things may take.
            welcome: The card for who opens the chat.
        """
        self.here = asyncio.Event()
        self.here.set()
        self._memory = memory
        self._account = account
        self._mailbox = mailbox
        self._notes = notes
        self._spool = spool
        self._say = say
        self._timing = timing
        self._welcome = welcome
        self._cipher = CallbackCipher(account.token, account.aes_key, "")
        self.gate = CallbackGate(memory, mailbox, self._cipher, timing)
        self.ways = Ways(memory, mailbox, timing.stream_s)
        self._alone = Alone(memory, mailbox)
        self._api = Api("", timing.answer_s)
        self._mouth = WaysMouth(self.ways, self._alone, self._api)

    def routes(self) -> list[web.RouteDef]:
        """For the web door."""
        return [
            web.get(HOOK, self.gate.check_address, allow_head=False),
            web.post(HOOK, self.take),
        ]

    async def run(self) -> None:
        """Until cancelled; callbacks come to the web door."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._api.close()

    async def take(self, request: web.Request) -> web.Response:
        """A message, an event, or the wish for the rest of an answer; 4xx for what is not WeCom's, 503 to get it again."""
        try:
            async with asyncio.timeout(self._timing.hook_s):
                answer = await self._take(request)
        except Refused as refused:
            return self.gate.no(refused)
        except (MemoryUnavailable, TimeoutError):
            return web.Response(status=503)
        return web.Response() if answer is None else self._sealed(answer)

    async def _take(self, request: web.Request) -> dict[str, Any] | None:
        encrypted = _json(await body_of(request)).get("encrypt")
        sealed = sealed_in(request, encrypted if isinstance(encrypted, str) else "")
        body = mentioned(_json(self.gate.open_new(sealed)), self._account.name)
        if body.get("msgtype") == "stream":
            return await self._rest(body)
        meant = read_body(body)
        if meant is None or isinstance(meant, Evicted):
            return None
        await self.gate.refuse_replays(sealed)
        answer = await self._keep(body, meant)
        await self.gate.note(sealed)
        return answer

    async def _keep(self, body: dict[str, Any], meant: Meaning) -> dict[str, Any] | None:
        """Into the inbox, with the way in which it may be answered."""
        assert not isinstance(meant, Evicted)  # noqa: S101 - nobody is evicted here
        if isinstance(meant, Entered):
            return await self._greet(meant)
        key = f"{self._mailbox}:{body.get('msgid') or _digest(body)}"
        person = meant.press.person if isinstance(meant, Pressed) else meant.person
        url = body.get("response_url")
        way = Way(
            id=way_id(key),
            chat=meant.place.chat,
            person=person,
            at_s=self.ways.clock(),
            stream=not isinstance(meant, Pressed),
            url=url if isinstance(url, str) else "",
            grown_s=self.ways.clock(),
        )
        async with self._alone.with_(way.chat):
            known = await self.ways.load(way.id)
            if known is None:
                await self.ways.add(way)
        if isinstance(meant, Said) and meant.source is not None:
            self._spool.begin(meant.source.ref())
        raw = json.dumps({"body": body}, ensure_ascii=False)
        await self._memory.receive(self._mailbox, key, raw, sender_of(body))
        if isinstance(meant, Pressed):
            return await self._closed(meant)
        return self._as_stream(known or way, None)

    async def _greet(self, entered: Entered) -> dict[str, Any]:
        card = self._welcome(await self._notes.language(entered.person))
        chat = Chat(platform="wecom", account=self._account.id, id=entered.place.chat)
        await self._notes.note_card(chat, card.task_id, card.meant)
        return {"msgtype": "template_card", "template_card": card.body}

    async def _closed(self, pressed: Pressed) -> dict[str, Any] | None:
        """The card as it looks once it was pressed; there is no later chance to change it."""
        press = pressed.press
        meant = await self._notes.card(press.task_id)
        if meant is None or meant.person not in {None, press.person}:
            return None
        done = self._say(await self._notes.language(press.person), "wecom-pressed")
        card = closed(meant, press, done)
        return {"response_type": "update_template_card", "template_card": card}

    async def _rest(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """WeCom asks how an answer goes on."""
        stream = body.get("stream")
        id_ = stream.get("id") if isinstance(stream, dict) else None
        first = await self.ways.load(id_) if isinstance(id_, str) else None
        if first is None:
            return None
        async with self._alone.with_(first.chat):
            way = await self.ways.load(first.id) or first
            finish = not self.ways.grows(way) or way.complete or self._idle(way)
            answer = self._as_stream(way, await self._later(way) if finish else None)
            if finish and way.picture:
                answer["stream"] |= await self._pictured(way.picture)
            if way.card is not None and not way.card_told:
                answer |= {"msgtype": "stream_with_template_card", "template_card": way.card}
            changed = {"finished": finish, "card_told": way.card is not None}
            if changed != {"finished": way.finished, "card_told": way.card_told}:
                await self.ways.save(way.model_copy(update=changed))
        return answer

    async def _pictured(self, name: str) -> dict[str, Any]:
        content = await self.ways.picture(name)
        if content is None:
            return {}
        digest = hashlib.md5(base64.b64decode(content), usedforsecurity=False).hexdigest()
        image = {"base64": content, "md5": digest}
        return {"msg_item": [{"msgtype": "image", "image": image}]}

    def _idle(self, way: Way) -> bool:
        """Whether nothing was added for so long that nothing more is waited for."""
        idle_s = self._timing.idle_s * (_GROWN if way.grew else 1)
        return self.ways.clock() - way.grown_s > idle_s

    async def _later(self, way: Way) -> str:
        """What an answer ends with that is finished before what it tells of is; empty if all was said."""
        if way.parts and not any(part.more for part in way.parts):
            return ""
        return self._say(await self._notes.language(way.person), "wecom-stream-later")

    def _as_stream(self, way: Way, end: str | None) -> dict[str, Any]:
        """What there is to say so far; with its end it is finished."""
        texts = [*(to_markdown(part.text) for part in way.parts), *([end] if end else [])]
        content = shortened("\n\n".join(texts), STREAM_BYTES) or _THINKING
        return {
            "msgtype": "stream",
            "stream": {"id": way.id, "finish": end is not None, "content": content},
        }

    async def say(self, said: dict[str, Any]) -> str:
        """Say something in a way that is open. Raises Throttled while there is none."""
        return await self._mouth.say(said)

    async def upload(self, kind: str, file: Path, name: str) -> str:
        """Keep a picture until it is shown; there is nothing else to hand over, as the limits say."""
        if kind != "image":
            raise ChatUnreachable(f"by its callback address the AI bot sends no {kind}: {name}")
        return await self.ways.keep_picture(await asyncio.to_thread(file.read_bytes))

    def _sealed(self, answer: dict[str, Any]) -> web.Response:
        timestamp, nonce = str(int(self.gate.clock())), secrets.token_hex(8)
        sealed = self._cipher.seal(json.dumps(answer, ensure_ascii=False), timestamp, nonce)
        return web.json_response(
            {
                "encrypt": sealed.encrypted,
                "msgsignature": sealed.signature,
                "timestamp": int(timestamp),
                "nonce": nonce,
            }
        )


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:32]


def _json(text: str) -> dict[str, Any]:
    try:
        found = read_json(text)
    except ValueError:
        raise Refused(400, "no JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "another JSON than documented")
    return found

"""A corporation's WeCom: the API, the callbacks, the AI bot's long connection, and the hands of the people in it.

Use it as a context: ``async with FakeWeCom() as wecom``. Leaving it fails the test if a limit was broken.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from aiohttp import web

from adapters.chats.callback_crypto import CallbackCipher
from adapters.chats.wecom.account import AppAccount, BotAccount
from tests.fakes.log import Log
from tests.fakes.wecom.api import FakeApi
from tests.fakes.wecom.bot import BOT_ID, FakeBot
from tests.fakes.wecom.callbacks import Callbacks, Posted
from tests.fakes.wecom.hooked import HOOK_KEY, HOOK_TOKEN, HookedBot
from tests.fakes.wecom.world import Message, World

CORP_ID: Final = "ww1436e0e65a779aee"
AGENT_ID: Final = "1000002"
_SECRET: Final = "an app secret of tests that opens nothing"  # noqa: S105
_TOKEN: Final = "callbacktoken"  # noqa: S105
_AES_KEY: Final = "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt"


class FakeWeCom:
    """One corporation."""

    def __init__(self, *, times: float = 20.0) -> None:
        """Prepare; ``times`` is how much faster time runs for rates."""
        self.world = World()
        self.api = FakeApi(self.world, CORP_ID, AGENT_ID, _SECRET, times)
        cipher = CallbackCipher(_TOKEN, _AES_KEY, CORP_ID)
        self.callbacks = Callbacks(self.world, cipher, CORP_ID, AGENT_ID)
        self.bot = FakeBot(self.world, times)
        self.hooked = HookedBot(self.world)
        self.bot_name = "数字人"
        self.api.respond = self.hooked.respond
        self._runner: web.AppRunner | None = None
        self._log = Log()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20)
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.bot.base = self.hooked.base = self.url
        self._log.begin()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._log.end()
        await self.callbacks.close()
        await self.hooked.close()
        await self.bot.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if kind is None:
            breaches = [*self.world.breaches, *self._leaks()]
            assert not breaches, "\n".join(breaches)

    def _leaks(self) -> list[str]:
        """Secrets that stand in the log."""
        known = {_SECRET, _TOKEN, _AES_KEY, self.bot.secret, HOOK_TOKEN, HOOK_KEY}
        known |= set(self.hooked.codes)
        known |= {*self.api.robots, *self.api.tokens} - {""}
        return [
            f"a secret is in the log: {line}"
            for line in self._log.lines
            for each in known
            if each in line
        ]

    def _routes(self) -> list[web.RouteDef]:
        return [*self.api.routes(), *self.bot.routes()]

    @property
    def url(self) -> str:
        """For WECOM_API_BASE."""
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    @property
    def app(self) -> AppAccount:
        """What an operator would set."""
        return AppAccount(CORP_ID, AGENT_ID, _SECRET, _TOKEN, _AES_KEY, self.url)

    @property
    def ai_bot(self) -> BotAccount:
        """Likewise."""
        url = f"{self.url.replace('http', 'ws', 1)}/ws"
        return BotAccount(BOT_ID, self.bot.secret, url, name=self.bot_name)

    @property
    def hooked_bot(self) -> BotAccount:
        """Likewise, where the bot is called back."""
        return BotAccount(BOT_ID, token=HOOK_TOKEN, aes_key=HOOK_KEY, name=self.bot_name)

    def forgive(self, part: str) -> None:
        """Take breaches of this kind off the list: say why where you call it."""
        self.world.breaches[:] = [b for b in self.world.breaches if part not in b]

    # People in the app

    def member(self, person: str) -> str:
        """Somebody who sees the app."""
        self.api.members.add(person)
        return person

    async def says(self, person: str, text: str, *, copies: int = 1) -> Posted:
        """Type something into the app."""
        self._shows(person, "text", text)
        return await self.callbacks.send(person, "text", copies=copies, Content=text)

    async def sends_voice(self, person: str, content: bytes, *, copies: int = 1) -> Posted:
        """Hold and talk."""
        media_id = self.keep_media("voice.amr", content)
        self._shows(person, "voice", "🎤 语音")
        return await self.callbacks.send(
            person, "voice", copies=copies, MediaId=media_id, Format="amr"
        )

    async def sends_file(self, person: str, name: str, content: bytes) -> Posted:
        """Send a file."""
        media_id = self.keep_media(name, content)
        self._shows(person, "file", f"📎 {name}")
        return await self.callbacks.send(person, "file", MediaId=media_id, FileName=name)

    async def touches_menu(self, person: str, key: str) -> Posted:
        """Touch what stands below the chat."""
        self._shows(person, "event", f"[{key}]")
        return await self.callbacks.send(person, "event", Event="click", EventKey=key)

    async def presses(
        self,
        person: str,
        message: Message,
        button: str,
        *ticks: str,
        spelling: str = "Option",
        copies: int = 1,
        **chosen: str,
    ) -> Posted:
        """Tick options of a card in the app, or choose from its lists by their titles, and press a button."""
        assert message.card is not None
        items = ""
        for answer in message.answers(ticks, chosen):
            ids = "".join(f"<{spelling}Id>{id_}</{spelling}Id>" for id_ in answer["ids"])
            items += f"<SelectedItem><QuestionKey>{answer['key']}</QuestionKey>"
            items += f"<{spelling}Ids>{ids}</{spelling}Ids></SelectedItem>"
        self._shows(person, "event", _pressed(button, ticks, chosen))
        return await self.callbacks.send(
            person,
            "event",
            copies=copies,
            Event="template_card_event",
            EventKey=message.button_key(button),
            TaskId=message.card["task_id"],
            CardType=message.card["card_type"],
            ResponseCode=self.api.code_for(message),
            raw=f"<SelectedItems>{items}</SelectedItems>" if items else "",
        )

    def keep_media(self, name: str, content: bytes) -> str:
        """A file on WeCom's side."""
        media_id = f"media-{secrets.token_hex(8)}"
        self.api.media[media_id] = (name, content)
        return media_id

    def _shows(self, person: str, kind: Any, text: str) -> None:
        self.world.say(Message("app", person, person, kind, text))

    # People and the AI bot

    async def tells_bot(
        self,
        person: str,
        text: str,
        *,
        group: str | None = None,
        quote: dict[str, Any] | None = None,
        copies: int = 1,
    ) -> str:
        """Type something; in a group with a mention, perhaps quoting a message."""
        content = f"@{self.bot_name} {text}" if group else text
        marked = f"「引用 {quote['msgtype']}」{content}" if quote else content
        body = {"msgtype": "text", "text": {"content": content}}
        return await self._to_bot(
            person, marked, body | ({"quote": quote} if quote else {}), group, copies=copies
        )

    async def sends_bot_file(self, person: str, name: str, content: bytes) -> str:
        """Send a file to the bot alone."""
        body = {"msgtype": "file", "file": self.bot_file(name, content)}
        return await self._to_bot(person, f"📎 {name}", body, None)

    def bot_file(self, name: str, content: bytes) -> dict[str, str]:
        """A file as the bot gets to see it, to be sent or quoted."""
        return self.bot.keep_file(name, content, HOOK_KEY if self.hooked.targets else "")

    async def sends_bot_voice(self, person: str, words: str) -> str:
        """A voice note, of which the bot gets the words."""
        body = {"msgtype": "voice", "voice": {"content": words}}
        return await self._to_bot(person, "🎤 语音", body, None)

    async def enters_bot(self, person: str) -> str:
        """Open the chat with the bot."""
        body = {"msgtype": "event", "event": {"eventtype": "enter_chat", "enter_chat": {}}}
        return await self._to_bot(person, "(opens the chat)", body, None, kind="enter_chat")

    async def presses_bot(
        self,
        person: str,
        message: Message,
        button: str,
        *ticks: str,
        group: str | None = None,
        copies: int = 1,
        **chosen: str,
    ) -> str:
        """Tick options of a card of the bot, or choose from its lists by their titles, and press a button."""
        assert message.card is not None
        items = [
            {"question_key": answer["key"], "option_ids": {"option_id": answer["ids"]}}
            for answer in message.answers(ticks, chosen)
        ]
        event = {
            "card_type": message.card["card_type"],
            "event_key": message.button_key(button),
            "task_id": message.card["task_id"],
            "selected_items": {"selected_item": items},
        }
        body = {
            "msgtype": "event",
            "event": {"eventtype": "template_card_event", "template_card_event": event},
        }
        shown = _pressed(button, ticks, chosen)
        return await self._to_bot(
            person, shown, body, group, kind="template_card_event", card=message, copies=copies
        )

    async def _to_bot(
        self,
        person: str,
        shown: str,
        body: dict[str, Any],
        group: str | None,
        *,
        kind: str = "msg",
        copies: int = 1,
        card: Message | None = None,
    ) -> str:
        place = {"chattype": "group", "chatid": group} if group else {"chattype": "single"}
        self.world.say(Message("bot", group or person, person, kind, shown))
        hands = self.hooked.hands if self.hooked.targets else self.bot.hands
        return await hands(
            {**place, "from": {"userid": person}, **body}, kind, copies=copies, card=card
        )


def _pressed(button: str, ticks: Sequence[str], chosen: Mapping[str, str]) -> str:
    made = [f"{title}：{value}" for title, value in chosen.items()]
    return f"[{', '.join([*ticks, *made, button])}]"

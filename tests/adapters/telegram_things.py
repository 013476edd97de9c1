"""The Telegram adapter on a real Redis, talking to the fake server."""

import math
from collections.abc import Sequence
from dataclasses import replace

from adapters.chats.telegram.adapter import Account, TelegramChat
from adapters.chats.telegram.rates import Rates
from adapters.chats.telegram.sources import Timing
from bot.memory import RedisMemory
from tests.adapters.reading import TEXTS
from tests.fakes.telegram.rates import Rates as TheirRates
from tests.fakes.telegram.server import TOKEN, FakeTelegram

QUICK = Timing(
    answer_s=5.0, poll_s=5, lead_s=30.0, renew_s=0.1, look_s=0.1, again_s=0.05, album_s=0.3
)
TIMES = 10
"""How much faster time runs here for rates."""
_LATENCY_S = 0.25
"""What a request may be late on a busy machine; that does not shrink with the windows."""
_SCALED = Rates().faster(TIMES)
FAST = replace(
    _SCALED,
    chat_window_s=_SCALED.chat_window_s + _LATENCY_S,
    group_window_s=_SCALED.group_window_s + _LATENCY_S,
    overall=10,
    patience_s=1.0,
)
THEIR_FAST = TheirRates().faster(TIMES)
SHIPPED_FAST = _SCALED
"""What we allow ourselves, with no more room than people get."""
THEIR_FAST_IF_LATE = replace(
    THEIR_FAST,
    group_window_s=THEIR_FAST.group_window_s - _LATENCY_S,
    chat_burst=THEIR_FAST.chat_burst + math.ceil(_LATENCY_S / THEIR_FAST.chat_every_s),
)
"""For that: of two messages the first may come late and the second at once, and only that is forgiven."""


def make_chat(
    telegram: FakeTelegram,
    memory: RedisMemory,
    rates: Rates = FAST,
    timing: Timing = QUICK,
    hook_url: str | None = None,
    admins: Sequence[str] = (),
) -> TelegramChat:
    account = Account(TOKEN, telegram.url, hook_url, "a-secret_of-tests")
    chat = TelegramChat(memory, account, TEXTS.say, admins=admins, rates=rates, timing=timing)
    telegram.watch.over(chat._bot.request)
    return chat

"""Which doors of a corporation we hold, and how WeCom is reached."""

from dataclasses import dataclass
from typing import Final

API_BASE: Final = "https://qyapi.weixin.qq.com"
WS_URL: Final = "wss://openws.work.weixin.qq.com"


@dataclass(frozen=True)
class AppAccount:
    """A self-built app."""

    corp_id: str
    agent_id: str
    secret: str
    token: str
    """Signs callbacks."""
    aes_key: str
    """Encrypts callbacks: 43 characters."""
    api_base: str = API_BASE

    @property
    def id(self) -> str:
        """One corporation may run several apps."""
        return f"{self.corp_id}-{self.agent_id}"


@dataclass(frozen=True)
class BotAccount:
    """An AI bot: on the long connection with its secret, or else called back."""

    id: str
    secret: str = ""
    ws_url: str = WS_URL
    token: str = ""
    """Signs callbacks."""
    aes_key: str = ""
    """Encrypts callbacks, and the files people send: 43 characters."""
    name: str = ""
    """As people mention it in groups, where that is more than one word."""

    @property
    def hooked(self) -> bool:
        """Whether WeCom calls back; a bot does one or the other."""
        return not self.secret


@dataclass(frozen=True)
class Timing:
    """How long things may take, in seconds."""

    answer_s: float = 20.0
    """One request to WeCom."""
    file_s: float = 120.0
    """A file that does not come for so long is given up, and the bot says so: what is said after it waits."""
    stalled_s: float = 15.0
    """Its host is asked again when no byte came for so long."""
    hook_s: float = 3.0
    """A callback is answered within this; WeCom waits for 5."""
    window_s: float = 600.0
    """So far a callback's time may be from ours."""
    retries_s: float = 60.0
    """So long the same callback is one that WeCom sends again, later it is somebody's replay."""
    again_s: float = 1.0
    """First pause after an outage; the later ones grow."""
    lead_s: float = 6.0
    """Who holds the connection and shows no sign of life for so long is replaced."""
    renew_s: float = 1.0
    ping_s: float = 30.0
    """The connection is dead after two that nobody answers."""
    ack_s: float = 5.0
    """One frame is acknowledged within this."""
    stream_s: float = 270.0
    """An answer that grows is finished after so long: WeCom refuses it after six minutes."""
    idle_s: float = 40.0
    """And when nothing was added for so long, or three times that if it grew before."""
    evicted_s: float = 30.0
    """Whoever took our connection away is left in peace for so long."""
    relay_s: float = 15.0
    """So long a front end waits for the one that holds the connection to say something for it."""

"""Which robot we are, and how DingTalk is reached."""

from dataclasses import dataclass, field
from typing import Final, Literal

API_BASE: Final = "https://api.dingtalk.com"
OAPI_BASE: Final = "https://oapi.dingtalk.com"


@dataclass(frozen=True)
class Account:
    """The robot of an app."""

    client_id: str
    client_secret: str = field(repr=False)
    robot_code: str
    mode: Literal["stream", "http"] = "stream"
    card_template: str = ""
    """Of interactive cards; empty: choices are typed."""
    api_base: str = API_BASE
    oapi_base: str = OAPI_BASE

    @property
    def has_cards(self) -> bool:
        """Presses on cards come over the stream only."""
        return bool(self.card_template) and self.mode == "stream"


@dataclass(frozen=True)
class Timing:
    """How long things may take, in seconds."""

    answer_s: float = 20.0
    """One request to DingTalk."""
    file_s: float = 120.0
    """A file that does not come for so long is given up, and the bot says so: what is said after it waits."""
    stalled_s: float = 15.0
    """Its host is asked again when no byte came for so long."""
    press_s: float = 1.5
    """A press on a card is answered within this; DingTalk waits for about 2."""
    hook_s: float = 3.0
    """A callback is answered within this."""
    window_s: float = 3600.0
    """So far a callback's time may be from ours."""
    siblings_s: float = 10.0
    """So long after the first one another message may come under the same time, to the millisecond."""
    again_s: float = 1.0
    """First pause after an outage; the later ones grow."""
    silence_s: float = 75.0
    """A connection on which nothing comes for so long is dead: DingTalk pings every 20 to 30."""
    drain_s: float = 10.0
    """So long an old connection stays open beside its successor."""
    controlled_s: float = 30.0
    """Whom DingTalk protects from too many messages is written to again after so long."""
    blocked_s: float = 600.0
    """So long DingTalk shuts out who sent too fast."""

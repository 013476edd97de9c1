"""What was typed: a command, one we do not know, or something else."""

import difflib
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

COMMANDS: Final = (
    "new",
    "templates",
    "preset",
    "status",
    "cancel",
    "history",
    "zip",
    "retry",
    "delete",
    "clear",
    "settings",
    "help",
)
_FURTHER: Final = frozenset({"start", "dub", "template", "stats", "allow"})
"""Of some platforms, or for administrators: known, but suggested to nobody."""

SYNONYMS: Final = {
    "新建": "new",
    "模板": "templates",
    "预设": "preset",
    "状态": "status",
    "取消": "cancel",
    "历史": "history",
    "下载": "zip",
    "重试": "retry",
    "删除": "delete",
    "清空": "clear",
    "设置": "settings",
    "帮助": "help",
}
_ALONE: Final = re.compile(rf"({'|'.join(SYNONYMS)})\s*([0-9a-z]{{0,12}})$", re.IGNORECASE)
_FILE: Final = re.compile(r"下载\s*([0-9a-z]{0,12}?)\s*(文件|files?)$", re.IGNORECASE)
"""``下载 K7Q2 文件``: the ZIP itself."""
_SETTING: Final = re.compile(
    r"设置(?:\s+|(?=背景|字幕|播放|修剪|降噪|响度|打包|云端|标识|引擎|语言|换背景|水印|音量))(\S.*)$"
)
"""The usual options may stand right behind it, as Chinese is written."""
_HELP: Final = re.compile(r"帮助\s*(录音|模板|选项|结果|隐私)$")
_PRESET: Final = re.compile(r"预设(?:\s+|(?=保存|存为|删除|移除))(\S.*)$")
_SLASHED: Final = re.compile(r"/(\S*)\s*(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command of ours."""

    name: str
    argument: str = ""


@dataclass(frozen=True)
class UnknownCommand:
    """Something with a slash that we do not know."""

    typed: str
    nearest: str | None = None


def plain(text: str) -> str:
    """Typed text with full-width letters, digits and punctuation as the narrow ones."""
    return unicodedata.normalize("NFKC", text).strip()


def read_command(text: str) -> Command | UnknownCommand | None:
    """Read ``/status K7Q2``, ``/status@bot``, ``状态 K7Q2``; None if it is no command at all."""
    text = plain(text)
    if alone := _ALONE.fullmatch(text):
        return Command(SYNONYMS[alone[1]], alone[2])
    if file := _FILE.fullmatch(text):
        return Command("zip", f"{file[1]} {file[2]}".strip())
    if setting := _SETTING.fullmatch(text):
        return Command("settings", setting[1].strip())
    if topic := _HELP.fullmatch(text):
        return Command("help", topic[1])
    if preset := _PRESET.fullmatch(text):
        return Command("preset", preset[1].strip())
    slashed = _SLASHED.fullmatch(text)
    if slashed is None:
        return None
    typed = slashed[1].split("@")[0].casefold()  # /status@our_bot, as groups need it
    name = SYNONYMS.get(typed, typed)
    if name in COMMANDS or name in _FURTHER:
        return Command(name, slashed[2].strip())
    nearest = difflib.get_close_matches(typed, [*COMMANDS, *SYNONYMS], n=1, cutoff=0.6)
    return UnknownCommand(f"/{typed}"[:40], nearest[0] if nearest else None)

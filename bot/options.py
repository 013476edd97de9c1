"""The options of an order, in one list: what can be typed, and which fields of ``OrderOptions`` it changes.

What each value means is said by the catalogues: ``value-<option>-<value>`` in a list, ``with-<option>-<value>`` where it
differs from the default.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.colours import read_colour
from bot.commands import plain
from bot.texts.catalogue import Language
from worker.contract.records import OrderedBackground, OrderOptions, SentPicture

SET: Final = "set:"
"""The token of a button that changes one goes on with ``option=value``."""
OFFERED: Final = "offered:"
"""The same, on a button of the offer, which tells by itself what came of it."""
COLOUR: Final = "colour"
"""The value of a background that is one of many colours."""


@dataclass(frozen=True)
class Value:
    """One thing an option can be."""

    name: str
    chinese: str
    also: tuple[str, ...] = ()

    def word(self, language: Language) -> str:
        """What is typed for it."""
        return self.chinese if language == "zh" else self.name


@dataclass(frozen=True)
class Option:
    """One thing that can be asked of all Clips of an order."""

    name: str
    chinese: str
    values: tuple[Value, ...]
    """Beginning with the default, in the order in which a button goes through them."""
    also: tuple[str, ...] = ()

    def word(self, language: Language) -> str:
        """What is typed for it."""
        return self.chinese if language == "zh" else self.name

    def value(self, name: str) -> Value:
        """The value of that name."""
        return next(value for value in self.values if value.name == name)


_ON: Final = Value("on", "开", ("yes", "true", "开启", "打开", "启用", "是", "要"))
_OFF: Final = Value("off", "关", ("no", "false", "关闭", "关掉", "停用", "否", "不要", "不用"))

BACKGROUND: Final = Option(
    "background",
    "背景",
    (
        Value("none", "原样", ("off", "original", "default", "无", "关", "关闭", "原背景", "不换", "默认")),
        Value("blur", "模糊", ("blurred", "blurry", "虚化")),
        Value("picture", "图片", ("image", "photo", "照片", "图")),
    ),
    ("backdrop", "换背景"),
)  # fmt: skip
CAPTIONS: Final = Option(
    "captions",
    "字幕",
    (
        Value("files", "文件", ("file", "as files", "srt", "vtt", "字幕文件", "默认")),
        Value("burned", "烧录", ("burn", "burnt", "on", "picture", "in the picture", "visible", "写入", "写进画面", "画面", "压制", "硬字幕", "显示", "开", "开启", "打开")),
        Value("off", "关", ("none", "no", "无", "关闭", "不要", "不用")),
    ),
    ("caption", "subtitles", "subtitle"),
)  # fmt: skip
PLAYING: Final = Option(
    "playing",
    "播放",
    (
        Value("bounce", "往返", ("default", "forward-backward", "来回", "倒放", "默认")),
        Value("loop", "循环", ("repeat", "重复")),
        Value("hold", "停住", ("freeze", "still", "定格", "停留", "静止")),
    ),
    ("play", "播放方式"),
)
TRIM: Final = Option(
    "trim", "修剪", (_OFF, _ON), ("trimming", "去静音", "剪静音", "掐头去尾", "去空白")
)
DENOISE: Final = Option(
    "denoise", "降噪", (_OFF, _ON), ("noise reduction", "noise", "去噪", "除噪", "消噪")
)
LOUDNESS: Final = Option(
    "loudness", "响度", (_ON, _OFF), ("volume", "音量", "音量均衡", "响度均衡")
)
LABEL: Final = Option(
    "label", "标识", (_ON, _OFF), ("ai label", "watermark", "标签", "水印", "ai标识", "ai水印")
)

ZIP: Final = Option(
    "zip",
    "打包",
    (
        Value("parts", "分包", ("part", "several", "split", "分卷", "多个", "默认")),
        Value("one", "不分包", ("1", "一个", "single", "one zip", "whole", "单个", "一个包", "整个")),
        Value("none", "不打包", ("no", "off", "不", "links", "links only", "no zip", "不要", "不用", "关", "只要链接", "链接")),
    ),
    ("archive", "zips", "压缩包"),
)  # fmt: skip

CLOUD: Final = Option(
    "cloud", "云端", (_ON, _OFF), ("cloud links", "cloud delivery", "云链接", "云端链接", "云存储")
)

OPTIONS: Final = (BACKGROUND, CAPTIONS, PLAYING, TRIM, DENOISE, LOUDNESS, ZIP, CLOUD, LABEL)
"""The most wanted first: platforms with few buttons offer only those."""


@dataclass(frozen=True)
class Change:
    """An option is to have a value."""

    option: Option
    value: str
    colour: str | None = None
    """``#rrggbb``, with the value ``colour``."""


@dataclass(frozen=True)
class Unread:
    """What was typed is no change."""

    option: Option | None
    """It is about this one."""
    typed: str
    """What was not understood of it; empty for the bare name of an option."""


_BETWEEN: Final = re.compile(r"^(?:[\s:=,、。]|to\b|is\b|改成|改为|换成|设为|设成|用|为|成)+")
_LEADING: Final = re.compile(r"^(?:(?:please|turn|switch) |请|把|将)+")
_SPACE: Final = re.compile(r"[\s_]+")


def read_change(text: str) -> Change | Unread:
    """Read ``captions burned``, ``字幕烧录`` or ``background: #0af``."""
    typed = _SPACE.sub(" ", plain(text).casefold()).strip(" .。!")
    option, rest = _option_of(typed)
    if option is None:
        return _read_backward(typed)
    rest = _BETWEEN.sub("", rest).strip()
    for value in option.values:
        if rest in {value.name, value.chinese, *value.also}:
            return Change(option, value.name)
    colour = read_colour(rest) if option is BACKGROUND and rest else None
    return Change(option, COLOUR, colour) if colour else Unread(option, rest)


def is_bare(unread: Unread, text: str) -> bool:
    """Whether somebody typed the name of an option and nothing else: they want to know what it is, and can be."""
    option = unread.option
    return option is not None and plain(text).casefold() in {option.name, option.chinese}


def _read_backward(typed: str) -> Change | Unread:
    """Read ``no captions``, ``turn off trim`` and ``关掉降噪``; not of backgrounds, whose names templates might have."""
    for option in OPTIONS:
        for word in (option.name, option.chinese):
            rest = typed.removesuffix(word)
            if option is BACKGROUND or rest == typed:
                continue
            asked = _LEADING.sub("", rest).strip()
            for value in option.values:
                if asked in {value.name, value.chinese, *value.also}:
                    return Change(option, value.name)
    return Unread(None, typed)


def _option_of(typed: str) -> tuple[Option | None, str]:
    """The option whose name stands first, the longest that fits, and what follows it."""
    words = {
        word: option for option in OPTIONS for word in (option.name, option.chinese, *option.also)
    }
    for word in sorted(words, key=len, reverse=True):
        rest = typed.removeprefix(word)
        glued = word.isascii() and rest[:1].isalnum()  # "playground" is not about "play"
        if rest != typed and not glued:
            return words[word], rest
    return None, typed


def value_of(option: Option, options: OrderOptions) -> str:
    """The name of the value that an option has."""
    if option is not BACKGROUND:
        current = getattr(options, option.name)
        return ("on" if current else "off") if isinstance(current, bool) else str(current)
    background = options.background
    if background is None:
        return "none"
    if background.picture is not None:
        return "picture"
    return "blur" if background.blur else COLOUR


def changed(options: OrderOptions, change: Change, picture: SentPicture | None) -> OrderOptions:
    """The options after a change.

    Args:
        options: As they were.
        change: What is asked.
        picture: The one sent last, for a background that is to be a picture; there must be one then.
    """
    if change.option is BACKGROUND:
        background = _background(change, picture)
        return options.model_copy(update={"background": background})
    old = getattr(options, change.option.name)
    new = change.value == "on" if isinstance(old, bool) else change.value
    return options.model_copy(update={change.option.name: new})


def _background(change: Change, picture: SentPicture | None) -> OrderedBackground | None:
    match change.value:
        case "none":
            return None
        case "blur":
            return OrderedBackground(blur=True)
        case "picture":
            if picture is None:
                raise ValueError("no picture was sent")
            return OrderedBackground(picture=picture)
        case _:
            return OrderedBackground(colour=change.colour)


def differing(options: OrderOptions) -> Sequence[Option]:
    """The options that are not as they are for who asks for nothing."""
    return [each for each in OPTIONS if value_of(each, options) != value_of(each, OrderOptions())]

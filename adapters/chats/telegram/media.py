"""Which file a message holds, and what it is for: a recording, a picture, something else."""

from pathlib import PurePath
from typing import Final, Literal

import telegram

from bot.ports import Media

_AUDIO: Final = frozenset(
    {".amr", ".wav", ".flac", ".m4a", ".mp3", ".ogg", ".oga", ".opus", ".aac", ".silk", ".wma"}
)
_VIDEO: Final = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".3gp"})
_PICTURE: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic"})

Kind = Literal["voice", "audio", "video", "document", "picture"]
RECORDINGS: Final = frozenset({"voice", "audio", "video"})


def media_of(source: telegram.Message | telegram.ExternalReplyInfo, number: int) -> Media | None:
    """The file a message holds, or None.

    Args:
        source: A message, or what is told of one in another chat.
        number: Names a file that came without a name.
    """
    if source.photo:
        largest = max(source.photo, key=lambda size: size.width * size.height)
        return Media(largest.file_id, f"photo-{number}.jpg", largest.file_size, "picture")
    if voice := source.voice:
        return Media(voice.file_id, f"voice-{number}.ogg", voice.file_size, "voice")
    if note := source.video_note:
        return Media(note.file_id, f"video-{number}.mp4", note.file_size, "video")
    if audio := source.audio:
        name = audio.file_name or f"audio-{number}.mp3"
        return Media(audio.file_id, name, audio.file_size, "audio")
    if video := source.video:
        name = video.file_name or f"video-{number}.mp4"
        return Media(video.file_id, name, video.file_size, "video")
    if document := source.document:
        name = document.file_name or f"file-{number}"
        kind: Kind = "document" if source.animation else _kind(name, document.mime_type or "")
        return Media(document.file_id, name, document.file_size, kind)
    return None


def _kind(name: str, mime: str) -> Kind:
    """By type, else by ending: some clients send recordings as ``application/octet-stream``."""
    family, suffix = mime.partition("/")[0], PurePath(name).suffix.casefold()
    if family == "audio" or suffix in _AUDIO:
        return "audio"
    if family == "video" or suffix in _VIDEO:
        return "video"
    if family == "image" or suffix in _PICTURE:
        return "picture"
    return "document"

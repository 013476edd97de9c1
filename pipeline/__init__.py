"""Frames in, frames out: media, speech, faces and engines. Knows no chat, no queue and no asyncio."""

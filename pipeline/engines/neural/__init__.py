"""What engines with models share: devices, loading, the picture codec, Whisper's encoder, cutting out and pasting faces. Needs the extra ``neural``."""

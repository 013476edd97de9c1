"""DingTalk: an app robot in stream or HTTP mode, and group robots."""

"""The conversation, free of platforms."""

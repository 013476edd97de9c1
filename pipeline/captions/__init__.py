"""Captions: words with times become lines that can be read while they are heard."""

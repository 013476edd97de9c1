"""Measuring finished videos, anyone's: does the mouth follow the voice, and is the rest as it was."""

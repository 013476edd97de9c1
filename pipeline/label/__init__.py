"""The AI label (GB 45438-2025): the one that people see, and the one inside the file."""

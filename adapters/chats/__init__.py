"""One module or package per chat platform."""

"""The ``chorus`` command."""

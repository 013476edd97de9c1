"""The operator's room: settings, the command, the wiring."""

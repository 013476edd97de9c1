"""Everything the bot says: one Fluent catalogue per language."""

"""Telegram: recordings out of private chats, groups and topics, and the bot's messages back into them."""

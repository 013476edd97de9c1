"""The aiohttp door: downloads, health; webhooks as the platforms come."""

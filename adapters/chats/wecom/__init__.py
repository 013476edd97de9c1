"""WeCom (企业微信): up to three doors of one corporation, each optional: self-built app, AI bot, group robots."""

"""The bot: the process that works on requests in the portal, and how it is started and ended."""

"""Runbooks: their language, guards, actions and controllers. Nothing here knows the bot that runs them."""

"""The chat side: incidents told in Slack, and people's wishes taken from there. The only door to Slack."""

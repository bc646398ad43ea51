"""A name for a string."""

Subprotocol = str

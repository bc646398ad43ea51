"""Attacks on a private server, and their effect on other users."""

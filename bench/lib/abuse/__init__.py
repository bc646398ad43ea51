"""What one client can do to everybody else: attacks on a private server, and how others fare meanwhile."""

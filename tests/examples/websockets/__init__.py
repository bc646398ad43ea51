"""As much of PyPI's `websockets` as the example of bench/clients uses, for tests without it."""

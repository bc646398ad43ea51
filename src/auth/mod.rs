//! Who you are: passwords, sessions, tokens, rate limits.

//! Settings: a flag, an environment variable, a default. Blank means unset.

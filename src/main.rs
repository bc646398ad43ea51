//! The `impulse` program.

fn main() {}

//! The delivery plane: shards, connections, room logs and the sweep.

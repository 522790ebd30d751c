//! The `stackctl` command.

fn main() {}

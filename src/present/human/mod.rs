//! Domain values as text for people: pure functions, one file per kind of value.
//!
//! The text contains ANSI styles, which the presenter removes if color is off. The signs and words are
//! understandable without them.

mod change;
pub mod chart;
pub mod checkup;
mod code;
pub mod config;
pub mod danger;
pub mod deletion;
pub mod diff;
pub mod drift;
pub mod event;
pub mod garbage;
pub mod history;
pub mod import;
pub mod live;
pub mod log;
pub mod moves;
mod nested;
pub mod orphan;
pub mod package;
pub mod plan;
pub mod recovery;
mod service_check;
pub mod stack;
pub mod stack_set;
pub mod stacks;
pub mod table;
mod value;

use std::time::Duration;

/// Returns a duration as minutes and seconds (`0:42`) or with hours (`1:02:03`).
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Returns a size in bytes as `512 bytes`, `12.3 KiB`, `4.0 MiB`, or `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    const GIB: u64 = 1024 * MIB;
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", tenths(KIB)),
        MIB..GIB => format!("{} MiB", tenths(MIB)),
        _ => format!("{} GiB", tenths(GIB)),
    }
}

/// Returns `1 resource` or `2 resources`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{clock, count, size};

    #[test]
    fn durations_sizes_and_counts_are_readable() {
        assert_eq!(clock(Duration::from_secs(42)), "0:42");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 * 1024 * 1024), "5.0 MiB");
        assert_eq!(size(u64::MAX), "17179869183.9 GiB");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
    }
}

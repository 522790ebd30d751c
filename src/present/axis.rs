//! Times on the axis of a chart.

use std::time::Duration;

use super::human::clock;

/// The distances of two ticks, in milliseconds.
const STEPS: [u64; 23] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
    300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 43_200_000, 86_400_000,
];

/// Operations that took less than this have tenths of seconds.
const SHORT: Duration = Duration::from_mins(1);

/// Returns a duration: with tenths of a second if the whole operation took less than a minute.
pub(super) fn time(duration: Duration, whole: Duration) -> String {
    if whole < SHORT {
        let tenths = (duration.as_millis() + 50) / 100;
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    clock(duration.saturating_add(Duration::from_millis(500)))
}

/// Returns the ticks of an axis: their times in milliseconds, and their labels. The distance of two is the
/// smallest one for which `fits` accepts the distance and the longest label.
pub(super) fn ticks(
    whole: Duration,
    fits: impl Fn(Duration, &str) -> bool,
) -> Vec<(Duration, String)> {
    let end = millis(whole).max(1);
    let is_fitting = |step: &&u64| {
        fits(
            Duration::from_millis(**step),
            &label(end - end % **step, whole),
        )
    };
    let Some(step) = STEPS.iter().find(is_fitting) else {
        return vec![(Duration::ZERO, label(0, whole))];
    };
    let count = end / step;
    let times = (0..=count).map(|number| number * step);
    times
        .map(|time| (Duration::from_millis(time), label(time, whole)))
        .collect()
}

/// Returns the whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 1_000)
}

fn label(milliseconds: u64, whole: Duration) -> String {
    if milliseconds == 0 {
        return "0".to_owned();
    }
    if whole < SHORT {
        let seconds = Duration::from_millis(milliseconds).as_secs_f64();
        return format!("{seconds} s");
    }
    clock(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ticks, time};

    #[test]
    fn short_operations_have_tenths_of_seconds() {
        let cases = [
            (480, 3_000, "0.5 s"),
            (1_600, 60_000, "0:02"),
            (0, 60_000, "0:00"),
            (59_960, 59_999, "60.0 s"),
            (3_600_000, 3_600_000, "1:00:00"),
        ];
        for (duration, whole, expected) in cases {
            let [duration, whole] = [duration, whole].map(Duration::from_millis);
            assert_eq!(time(duration, whole), expected);
        }
    }

    #[test]
    fn ticks_are_round_times_with_room_for_their_labels() {
        let labels = |whole: u64, most: u32| {
            let whole = Duration::from_millis(whole);
            let ticks = ticks(whole, |step, _| {
                whole.div_duration_f64(step) <= f64::from(most)
            });
            ticks
                .into_iter()
                .map(|(_, label)| label)
                .collect::<Vec<_>>()
        };
        assert_eq!(labels(450, 5), ["0", "0.1 s", "0.2 s", "0.3 s", "0.4 s"]);
        assert_eq!(labels(200_000, 5), ["0", "1:00", "2:00", "3:00"]);
        assert_eq!(labels(7_500_000, 3), ["0", "1:00:00", "2:00:00"]);
        assert_eq!(labels(0, 4), ["0"]);
        assert_eq!(labels(u64::MAX / 2_000, 4), ["0"]);
    }
}

//! The exit code of a command over several stacks.

use crate::error::ErrorKind;

/// The order of the exit codes, the most important first. A script learns first that the run is
/// incomplete, then that a stack may be in a state that nobody wanted, then that a deployment was rolled
/// back, then that something was refused and not done, and last that there are differences. Other codes
/// count as a failure.
const ORDER: [u8; 6] = [
    ErrorKind::Interrupted.exit_code(),
    ErrorKind::Service.exit_code(),
    ErrorKind::RolledBack.exit_code(),
    ErrorKind::Refused.exit_code(),
    2,
    0,
];

/// Returns the most important of the exit codes; 0 if there are none.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    let rank = |code: u8| ORDER.iter().position(|known| *known == code).unwrap_or(1);
    codes
        .into_iter()
        .min_by_key(|code| rank(*code))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::worst;

    #[test]
    fn the_most_important_exit_code_wins() {
        let cases: [(&[u8], u8); 8] = [
            (&[], 0),
            (&[0, 0], 0),
            (&[0, 2, 0], 2),
            (&[2, 4], 4),
            (&[4, 3, 2], 3),
            (&[3, 1, 4], 1),
            (&[1, 130, 3], 130),
            (&[2, 77], 77),
        ];
        for (codes, expected) in cases {
            assert_eq!(worst(codes.iter().copied()), expected, "{codes:?}");
        }
    }
}

//! The regions of AWS, for the hint about a region that cannot be reached.
//!
//! A region that is missing here works as well: the list only explains a failure.

use super::partition;
use crate::util::suggest::nearest;

/// The regions (AWS General Reference, "AWS service endpoints", and the pages of the other partitions).
const REGIONS: [&str; 39] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// The regions that every account has. Each other one of the partition `aws` has to be enabled in an account
/// (AWS Account Management Reference Guide, "Enable or disable AWS Regions").
const ENABLED: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Returns whether a region has to be enabled in an account before it can be used.
pub(super) fn needs_opt_in(region: &str) -> bool {
    REGIONS.contains(&region) && partition::of_region(region) == "aws" && !ENABLED.contains(&region)
}

/// Returns the hint for a region that is none of AWS's; `None` if it is one.
pub(super) fn hint(region: &str) -> Option<String> {
    if REGIONS.contains(&region) {
        return None;
    }
    let unknown = format!("AWS has no region `{region}` that this stackctl knows");
    Some(match nearest(region, REGIONS) {
        Some(meant) => format!("{unknown}: did you mean `{meant}`?"),
        None => format!("{unknown}: check `region`, AWS_REGION and the profile"),
    })
}

#[cfg(test)]
mod tests {
    use super::{ENABLED, REGIONS, hint, needs_opt_in};

    #[test]
    fn newer_regions_have_to_be_enabled() {
        assert!(ENABLED.iter().all(|it| REGIONS.contains(it)));
        for region in ["af-south-1", "eu-central-2", "me-south-1"] {
            assert!(needs_opt_in(region), "{region}");
        }
        for region in ["eu-west-1", "cn-north-1", "us-gov-west-1", "xx-new-9"] {
            assert!(!needs_opt_in(region), "{region}");
        }
    }

    #[test]
    fn an_unknown_region_is_named_with_the_nearest() {
        assert_eq!(hint("eu-west-1"), None);
        for (wrong, right) in [("eu-wst-1", "eu-west-1"), ("us-east-11", "us-east-1")] {
            let hint = hint(wrong).unwrap_or_default();
            assert!(hint.contains(&format!("`{wrong}`")), "{hint}");
            assert!(
                hint.ends_with(&format!("did you mean `{right}`?")),
                "{hint}"
            );
        }
    }
}

//! The partitions of AWS: which regions they have, and under which domains their endpoints are.
//!
//! The SDK has this table too, in every crate, but exports none of it. The values are those of its
//! `partitions.json`.

/// A partition.
struct Partition {
    /// The second member of its ARNs.
    id: &'static str,
    /// How the names of its regions start.
    regions: &'static [&'static str],
    /// The domain of its endpoints.
    domain: &'static str,
    /// The domain of its dual-stack endpoints.
    dual_stack: &'static str,
    /// The host of IAM, which has one endpoint in a partition, and the region that its requests are signed
    /// for.
    iam: (&'static str, &'static str),
}

/// The partitions. The first has all regions that no other has.
const PARTITIONS: [Partition; 8] = [
    Partition {
        id: "aws",
        regions: &[],
        domain: "amazonaws.com",
        dual_stack: "api.aws",
        iam: ("iam.amazonaws.com", "us-east-1"),
    },
    Partition {
        id: "aws-cn",
        regions: &["cn-"],
        domain: "amazonaws.com.cn",
        dual_stack: "api.amazonwebservices.com.cn",
        iam: ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    },
    Partition {
        id: "aws-eusc",
        regions: &["eusc-"],
        domain: "amazonaws.eu",
        dual_stack: "api.amazonwebservices.eu",
        iam: ("iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    },
    Partition {
        id: "aws-iso",
        regions: &["us-iso-"],
        domain: "c2s.ic.gov",
        dual_stack: "api.aws.ic.gov",
        iam: ("iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
    },
    Partition {
        id: "aws-iso-b",
        regions: &["us-isob-"],
        domain: "sc2s.sgov.gov",
        dual_stack: "api.aws.scloud",
        iam: ("iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
    },
    Partition {
        id: "aws-iso-e",
        regions: &["eu-isoe-"],
        domain: "cloud.adc-e.uk",
        dual_stack: "api.cloud-aws.adc-e.uk",
        iam: ("iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
    },
    Partition {
        id: "aws-iso-f",
        regions: &["us-isof-", "eu-isof-"],
        domain: "csp.hci.ic.gov",
        dual_stack: "api.aws.hci.ic.gov",
        iam: ("iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
    },
    Partition {
        id: "aws-us-gov",
        regions: &["us-gov-"],
        domain: "amazonaws.com",
        dual_stack: "api.aws",
        iam: ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
    },
];

fn find(region: &str) -> &'static Partition {
    let has_region = |it: &&Partition| it.regions.iter().any(|start| region.starts_with(start));
    PARTITIONS.iter().find(has_region).unwrap_or(&PARTITIONS[0])
}

/// Returns the partition of a region, as ARNs have it.
pub(super) fn of_region(region: &str) -> &'static str {
    find(region).id
}

/// Returns the domain of a region's endpoints.
pub(super) fn domain(region: &str) -> &'static str {
    find(region).domain
}

/// Returns the host of IAM in the partition of a region, and the region that its requests are signed for.
pub(super) fn iam(region: &str) -> (&'static str, &'static str) {
    find(region).iam
}

/// Returns whether a host, in lower case, is under a domain of AWS.
pub(super) fn is_host_of_aws(host: &str) -> bool {
    let mut domains = PARTITIONS.iter().flat_map(|it| [it.domain, it.dual_stack]);
    domains.any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|before| before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::{PARTITIONS, domain, iam, of_region};

    #[test]
    fn every_region_has_its_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("xx-new-9", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eu-isof-south-1", "aws-iso-f"),
        ] {
            assert_eq!(of_region(region), partition, "{region}");
        }
    }

    #[test]
    fn iam_is_signed_for_a_region_of_its_partition() {
        for partition in &PARTITIONS {
            let (host, region) = partition.iam;
            assert_eq!(of_region(region), partition.id);
            assert!(host.ends_with(domain(region)), "{host}");
        }
        assert_eq!(iam("eu-west-1"), ("iam.amazonaws.com", "us-east-1"));
    }
}

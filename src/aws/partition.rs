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
}

/// The partitions. The first has all regions that no other has.
const PARTITIONS: [Partition; 8] = [
    Partition {
        id: "aws",
        regions: &[],
        domain: "amazonaws.com",
        dual_stack: "api.aws",
    },
    Partition {
        id: "aws-cn",
        regions: &["cn-"],
        domain: "amazonaws.com.cn",
        dual_stack: "api.amazonwebservices.com.cn",
    },
    Partition {
        id: "aws-eusc",
        regions: &["eusc-"],
        domain: "amazonaws.eu",
        dual_stack: "api.amazonwebservices.eu",
    },
    Partition {
        id: "aws-iso",
        regions: &["us-iso-"],
        domain: "c2s.ic.gov",
        dual_stack: "api.aws.ic.gov",
    },
    Partition {
        id: "aws-iso-b",
        regions: &["us-isob-"],
        domain: "sc2s.sgov.gov",
        dual_stack: "api.aws.scloud",
    },
    Partition {
        id: "aws-iso-e",
        regions: &["eu-isoe-"],
        domain: "cloud.adc-e.uk",
        dual_stack: "api.cloud-aws.adc-e.uk",
    },
    Partition {
        id: "aws-iso-f",
        regions: &["us-isof-", "eu-isof-"],
        domain: "csp.hci.ic.gov",
        dual_stack: "api.aws.hci.ic.gov",
    },
    Partition {
        id: "aws-us-gov",
        regions: &["us-gov-"],
        domain: "amazonaws.com",
        dual_stack: "api.aws",
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
    use super::of_region;

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
}

//! The known resource type that somebody may have meant.

use std::sync::OnceLock;

use super::nearest;
use crate::template::schema_table::names;

/// Returns the known type that is most similar to an unknown one, if one is similar enough.
pub(super) fn similar_type(kind: &str) -> Option<&'static str> {
    let wanted = plain(kind);
    // Colons and capitals aside, these are the same or almost the same.
    let closest = plain_types()
        .iter()
        .filter(|(known, _)| known.len().abs_diff(wanted.len()) <= 2)
        .map(|(known, kind)| (strsim::osa_distance(known, &wanted), *kind))
        .min();
    let is_ours = kind.to_ascii_lowercase().starts_with("aws:");
    match closest {
        Some((distance, known)) if distance == 0 || distance <= 2 && is_ours => return Some(known),
        Some((1..=2, known)) => {
            // A misspelled `AWS`. Types of other publishers may have similar names.
            let same = known.split_once("::")?.1 == kind.split_once("::")?.1;
            return same.then_some(known);
        }
        _ if !is_ours => return None,
        _ => {}
    }
    let (service, resource) = kind.strip_prefix("AWS::")?.split_once("::")?;
    let service_of = |known: &'static str| known.strip_prefix("AWS::")?.split_once("::");
    let mut all: Vec<_> = names::types().filter_map(service_of).collect();
    all.sort_unstable();
    let services = || all.iter().map(|(service, _)| *service);
    let service = if services().any(|known| known == service) {
        service
    } else {
        nearest(service, services())?
    };
    let siblings = all.iter().filter(|(known, _)| *known == service);
    let resource = nearest(resource, siblings.map(|(_, resource)| *resource))?;
    names::types().find(|known| service_of(known) == Some((service, resource)))
}

/// Returns every known type with its name in small letters, without colons.
fn plain_types() -> &'static [(String, &'static str)] {
    static PLAIN: OnceLock<Vec<(String, &'static str)>> = OnceLock::new();
    PLAIN.get_or_init(|| names::types().map(|kind| (plain(kind), kind)).collect())
}

fn plain(kind: &str) -> String {
    let letters = kind.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::similar_type;

    #[test]
    fn the_most_similar_type_is_found() {
        let cases = [
            ("AWS::S3::Buckt", Some("AWS::S3::Bucket")),
            ("aws::s3::bucket", Some("AWS::S3::Bucket")),
            ("AWS::S3:Bucket", Some("AWS::S3::Bucket")),
            ("AWS:S3::Bucket", Some("AWS::S3::Bucket")),
            ("AWS::S3Bucket", Some("AWS::S3::Bucket")),
            ("AWSS::S3::Bucket", Some("AWS::S3::Bucket")),
            ("AWS::Lambda::Funktion", Some("AWS::Lambda::Function")),
            ("AWS::Lamda::Function", Some("AWS::Lambda::Function")),
            (
                "AWS::ElasticLoadBalancing2::Listener",
                Some("AWS::ElasticLoadBalancingV2::Listener"),
            ),
            ("AWS::Cloudwatch::Alarms", Some("AWS::CloudWatch::Alarm")),
            ("AWS::S3::Zebra", None),
            ("AWS::Zebra::Thing", None),
            ("Other::S3::Bucket", None),
            ("AWSome::S3::Thing", None),
            ("AWS::", None),
            ("::", None),
        ];
        for (kind, expected) in cases {
            assert_eq!(similar_type(kind), expected, "{kind}");
        }
    }
}

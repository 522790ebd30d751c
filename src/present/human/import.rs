//! What could be imported, as the `[import]` table of a manifest.

use crate::cloudformation::import::{Candidate, Obstacle};

/// Returns an `[import]` table with a line for each candidate. A line that is not complete, or that
/// CloudFormation would refuse, is a comment that says why.
pub fn table(candidates: &[Candidate]) -> String {
    let mut text = String::from("[import]\n");
    for candidate in candidates {
        let reason = reason(candidate);
        if let Some(reason) = &reason {
            text += &format!(
                "# {} ({}): {reason}\n",
                candidate.logical_id, candidate.resource_type
            );
        }
        if candidate.identifier.is_empty() {
            continue;
        }
        let sign = if reason.is_some() { "# " } else { "" };
        let members = candidate.identifier.iter().map(|(name, value)| {
            let value = value.as_deref().unwrap_or("…");
            format!("{name} = {}", toml::Value::String(value.to_owned()))
        });
        let members: Vec<String> = members.collect();
        text += &format!(
            "{sign}{} = {{ {} }}\n",
            candidate.logical_id,
            members.join(", ")
        );
    }
    text
}

fn reason(candidate: &Candidate) -> Option<String> {
    Some(match &candidate.obstacle {
        Some(Obstacle::Unsupported) => "CloudFormation cannot import this type".to_owned(),
        Some(Obstacle::Unknown) => {
            "this endpoint does not return how the type is identified".to_owned()
        }
        Some(Obstacle::NoPolicy) => "the resource needs a `DeletionPolicy` first".to_owned(),
        Some(Obstacle::Owned(owner)) => format!(
            "it belongs to the stack `{}`, as `{}`",
            owner.stack, owner.logical_id
        ),
        None if !candidate.is_identified() => {
            let missing = candidate
                .identifier
                .iter()
                .filter(|(_, value)| value.is_none());
            let missing: Vec<String> = missing.map(|(name, _)| format!("`{name}`")).collect();
            format!("the template does not give {}", missing.join(" and "))
        }
        None => return None,
    })
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::table;
    use crate::cloudformation::import::{Candidate, Obstacle, Owner};

    fn candidate(
        id: &str,
        members: &[(&str, Option<&str>)],
        obstacle: Option<Obstacle>,
    ) -> Candidate {
        let members = members.iter();
        let identifier: IndexMap<_, _> = members
            .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
            .collect();
        Candidate {
            logical_id: id.to_owned(),
            resource_type: "T".to_owned(),
            identifier,
            obstacle,
        }
    }

    #[test]
    fn only_complete_candidates_are_lines_that_can_be_pasted() {
        let owner = Owner {
            stack: "other".to_owned(),
            logical_id: "Files".to_owned(),
        };
        let candidates = [
            candidate("A", &[("Name", Some("a \"b\""))], None),
            candidate("B", &[("Api", None), ("Stage", Some("s"))], None),
            candidate("C", &[], Some(Obstacle::Unsupported)),
            candidate("D", &[("Name", Some("d"))], Some(Obstacle::Owned(owner))),
            candidate("E", &[("Name", Some("e"))], Some(Obstacle::NoPolicy)),
        ];
        insta::assert_snapshot!(table(&candidates), @r#"
        [import]
        A = { Name = 'a "b"' }
        # B (T): the template does not give `Api`
        # B = { Api = "…", Stage = "s" }
        # C (T): CloudFormation cannot import this type
        # D (T): it belongs to the stack `other`, as `Files`
        # D = { Name = "d" }
        # E (T): the resource needs a `DeletionPolicy` first
        # E = { Name = "e" }
        "#);
    }
}

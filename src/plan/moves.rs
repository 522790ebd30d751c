//! Resources that get a new logical id in the stack, which the manifest names in `[moved]`.

use indexmap::IndexMap;

use crate::cloudformation::refactor::Move;
use crate::plan::predict::Side;
use crate::template::Template;
use crate::template::evaluate::Evaluator;
use crate::template::rename::Moves;

/// What a deployed template says of the renamed resources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MoveStates {
    /// The resources that still have their old ids.
    pub pending: Vec<Move>,
    /// The old ids of the resources that have their new ids already.
    pub done: Vec<String>,
    /// The old ids of which the template has neither that id nor the new one.
    pub unknown: Vec<String>,
    /// The old ids of which the template has that id and the new one.
    pub taken: Vec<String>,
    /// The old ids of resources that have another type under the new id, with both types.
    pub other_type: Vec<(String, [String; 2])>,
}

/// Returns the states of the renamed resources. A resource whose condition is false does not exist.
pub fn states(moved: &Moves, deployed: Side<'_>, desired: &Template) -> MoveStates {
    let evaluator = Evaluator::new(deployed.template, deployed.parameters);
    let existing = |id: &str| {
        let resource = deployed.template.resource(id)?;
        let exists = (resource.condition())
            .is_none_or(|condition| evaluator.condition(condition) != Some(false));
        exists.then_some(resource)
    };
    let mut states = MoveStates::default();
    for (old, new) in moved {
        let Some(resource) = existing(old) else {
            let list = if deployed.template.resource(new).is_some() {
                &mut states.done
            } else {
                &mut states.unknown
            };
            list.push(old.clone());
            continue;
        };
        if deployed.template.resource(new).is_some() {
            states.taken.push(old.clone());
            continue;
        }
        let kind = resource.kind().unwrap_or_default();
        let new_kind = desired.resource(new).and_then(|it| it.kind());
        if let Some(new_kind) = new_kind.filter(|new_kind| *new_kind != kind) {
            let kinds = [kind, new_kind].map(str::to_owned);
            states.other_type.push((old.clone(), kinds));
            continue;
        }
        states.pending.push(Move {
            from: old.clone(),
            to: new.clone(),
            resource_type: kind.to_owned(),
            physical_id: None,
        });
    }
    states
}

/// Returns the new ids by the old ones.
pub fn ids(moves: &[Move]) -> Moves {
    let pairs = moves.iter().map(|it| (it.from.clone(), it.to.clone()));
    pairs.collect::<IndexMap<_, _>>()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::{MoveStates, ids, states};
    use crate::diagnostic::SourceFile;
    use crate::plan::predict::Side;
    use crate::template::Template;

    #[test]
    fn only_what_exists_under_its_old_id_alone_is_pending() {
        let parse = |text: &str| {
            let parsed = Template::parse(&SourceFile::new("t", text));
            parsed.unwrap_or_else(|found| panic!("{found:?}"))
        };
        let deployed = parse(
            "Conditions: {No: !Equals [a, b]}\nResources: {A: {Type: T}, C: {Type: T}, D: {Type: T}, \
             E: {Type: T}, H: {Type: T}, I: {Type: T, Condition: No}}\n",
        );
        let desired = parse("Resources: {B: {Type: T}, D: {Type: T}, K: {Type: U}}");
        let moved = [
            ("A", "B"),
            ("C", "D"),
            ("X", "E"),
            ("F", "G"),
            ("H", "K"),
            ("I", "J"),
        ];
        let moved = moved.map(|(old, new)| (old.to_owned(), new.to_owned()));
        let none = IndexMap::new();
        let found = states(
            &moved.into_iter().collect(),
            Side::new(&deployed, &none),
            &desired,
        );
        let MoveStates {
            pending,
            done,
            unknown,
            taken,
            other_type,
        } = found;
        assert_eq!(
            ids(&pending),
            IndexMap::from([("A".to_owned(), "B".to_owned())])
        );
        assert_eq!(done, ["X"]);
        assert_eq!(unknown, ["F", "I"]);
        assert_eq!(taken, ["C"]);
        assert_eq!(
            other_type,
            [("H".to_owned(), ["T", "U"].map(str::to_owned))]
        );
    }
}

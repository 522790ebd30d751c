//! The rules of `[moved]` that involve several of its entries.

use crate::config::manifest::node::{Entry, Table, Value, table};
use crate::diagnostic::Diagnostic;

/// Returns what is wrong with the renamed resources of all layers together.
pub(super) fn check(merged: &Table) -> Vec<Diagnostic> {
    let Some(moved) = table(merged, "moved") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, (old, entry)) in moved.iter().enumerate() {
        let Some(new) = new_id(entry) else { continue };
        let here = || entry.node.origin.place("");
        let earlier = moved.iter().take(index);
        let earlier = earlier
            .map(|(_, entry)| entry)
            .find(|it| new_id(it) == Some(new));
        if let Some(earlier) = earlier {
            let message = format!("`moved` gives the id `{new}` to two resources");
            let problem = Diagnostic::error("duplicate-move", message, here());
            let problem = problem.at(earlier.node.origin.place("here too"));
            found.push(problem.help("a logical id belongs to one resource: choose another one"));
        }
        if new == old {
            let message = format!("`moved.{old}` has the same id on both sides");
            let problem = Diagnostic::error("circular-move", message, here());
            found.push(problem.help("remove the line, or write the new id"));
        } else if let Some(next) = moved.get(new) {
            found.push(chained(moved, old, new, entry, next));
        }
        if let Some(import) = table(merged, "import").and_then(|it| it.get(new)) {
            let message = format!("`{new}` is in `[moved]` and in `[import]`");
            let problem = Diagnostic::error("moved-and-imported", message, here());
            let problem = problem.at(import.key.place("the import"));
            found.push(problem.help(
                "a resource is either renamed in the stack or imported from outside: remove one line",
            ));
        }
    }
    found
}

/// Returns the error of a move that leads to the old id of another one.
fn chained(moved: &Table, old: &str, new: &str, entry: &Entry, next: &Entry) -> Diagnostic {
    let mut ids = vec![old, new];
    let mut last = next;
    while let Some(id) = new_id(last) {
        let is_known = ids.contains(&id);
        ids.push(id);
        match moved.get(id) {
            Some(next) if !is_known => last = next,
            _ => break,
        }
    }
    let end = ids.last().copied().unwrap_or(new);
    let place = entry.node.origin.place("");
    let also = next.key.place("and this line moves that id on");
    if end == old {
        let message = format!("`moved` goes in a circle: `{}`", ids.join("` → `"));
        let problem = Diagnostic::error("circular-move", message, place).at(also);
        return problem
            .help("to exchange ids, use an id that is free for one of them, and rename twice");
    }
    let message = format!("`moved.{old}` leads to `{new}`, which is moved too");
    let problem = Diagnostic::error("chained-move", message, place).at(also);
    problem.help(format!(
        "if stacks still have `{old}`: `{old} = \"{end}\"`; if all have `{new}`, remove this line"
    ))
}

fn new_id(entry: &Entry) -> Option<&str> {
    match &entry.node.value {
        Value::String(id) => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ambient::Ambient;
    use crate::config::manifest::parse;
    use crate::config::settings::{Overrides, resolve, show};
    use crate::diagnostic::SourceFile;

    /// Returns the moved resources, or each mistake as `line: rule: message`.
    fn moved(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
        let text = format!("project = \"demo\"\n{text}\n");
        let manifest = parse(&SourceFile::new("manifest.toml", text));
        match resolve(&manifest, &Overrides::default(), &Ambient::default()) {
            Ok(settings) => {
                let rows = show(&settings).unwrap_or_default();
                let moved = rows.into_iter().filter(|it| it.key.starts_with("moved."));
                Ok(moved
                    .map(|it| {
                        (
                            it.key,
                            format!("{} {}", it.value.unwrap_or_default(), it.origin),
                        )
                    })
                    .collect())
            }
            Err(error) => Err(error
                .diagnostics()
                .iter()
                .map(|it| {
                    let place = it.places.first();
                    let line = place.map_or(0, |it| it.source.position(it.span.start).0);
                    format!("{line}: {}: {}", it.rule, it.message)
                })
                .collect()),
        }
    }

    #[test]
    fn an_environment_adds_to_the_moved_resources() {
        let text = "moved = { A = \"B\", C = \"D\" }\n[environments.dev.moved]\nA = \"E\"\n";
        let expected = [
            ("moved.A", "E manifest.toml:4 [environments.dev]"),
            ("moved.C", "D manifest.toml:2"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(moved(text), Ok(expected.to_vec()));
    }

    #[test]
    fn each_mistake_is_found_at_its_line() {
        let cases: [(&str, &[&str]); 11] = [
            (
                "A = \"A\"",
                &["3: circular-move: `moved.A` has the same id on both sides"],
            ),
            (
                "A = \"C\"\nB = \"C\"",
                &["4: duplicate-move: `moved` gives the id `C` to two resources"],
            ),
            (
                "A = \"B\"\nB = \"C\"",
                &["3: chained-move: `moved.A` leads to `B`, which is moved too"],
            ),
            (
                "A = \"B\"\nB = \"A\"",
                &[
                    "3: circular-move: `moved` goes in a circle: `A` → `B` → `A`",
                    "4: circular-move: `moved` goes in a circle: `B` → `A` → `B`",
                ],
            ),
            (
                "A = \"B\"\nB = \"C\"\nC = \"B\"",
                &[
                    "3: chained-move: `moved.A` leads to `B`, which is moved too",
                    "4: circular-move: `moved` goes in a circle: `B` → `C` → `B`",
                    "5: duplicate-move: `moved` gives the id `B` to two resources",
                    "5: circular-move: `moved` goes in a circle: `C` → `B` → `C`",
                ],
            ),
            (
                "A = \"B\"\n[import.B]\nX = \"x\"",
                &["3: moved-and-imported: `B` is in `[moved]` and in `[import]`"],
            ),
            (
                "A-1 = \"B\"\nC = \"D.E\"",
                &[
                    "3: bad-logical-id: `moved.A-1` is not a logical id",
                    "4: bad-logical-id: `moved.C` is not a logical id",
                ],
            ),
            (
                "A = \"\"",
                &["3: bad-logical-id: `moved.A` is not a logical id"],
            ),
            (
                "A = 1",
                &["3: wrong-type: `moved.A` must be a string, not an integer"],
            ),
            (
                "A = [\"B\"]",
                &["3: wrong-type: `moved.A` must be a string, not a list"],
            ),
            (
                "[environments.dev]\nmoved = \"A\"",
                &["4: wrong-type: `environments.dev.moved` must be a table, not a string"],
            ),
        ];
        for (text, expected) in cases {
            let text = format!("[moved]\n{text}");
            assert_eq!(moved(&text).err().unwrap_or_default(), expected, "{text}");
        }
    }
}

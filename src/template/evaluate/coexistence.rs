//! Whether two conditions can hold at the same time, whatever the parameters are.
//!
//! A condition compares subjects, such as a parameter, with literals. A subject has one value at a time: a
//! literal that it is compared with, one of the parameter's `AllowedValues`, or anything else. So a few
//! values per subject stand for all values, and every combination can be tried.

use std::collections::{BTreeMap, BTreeSet};

use crate::template::Template;
use crate::template::node::Node;
use crate::template::shorthand::one_line;

/// The maximum number of functions that are evaluated, over all combinations; with more, the conditions
/// count as independent.
pub const MAX_STEPS: usize = 400_000;

/// The maximum number of functions in a condition, with those of the conditions that it refers to.
const MAX_FUNCTIONS: usize = 4_000;

/// The longest chain of conditions that refer to one another; a deeper condition may have any result.
const MAX_DEPTH: usize = 64;

/// The value of a subject that is none of the literals.
const ANYTHING_ELSE: Option<&str> = None;

/// Returns whether the condition `first` and the condition `second` can hold at the same time. `None`
/// always holds. `left` counts the functions that may still be evaluated over several calls; if it is
/// too small, the conditions count as independent.
pub fn can_both_hold(
    template: &Template,
    first: Option<&str>,
    second: Option<&str>,
    left: &mut usize,
) -> bool {
    let mut subjects = Subjects::new(template);
    let both = [subjects.formula(first), subjects.formula(second)];
    let steps = subjects.steps();
    if steps > *left {
        return true;
    }
    *left -= steps;
    subjects.satisfiable(&Formula::All(both.into()))
}

/// Returns whether every one of these conditions can have its result at the same time.
pub fn can_all_be(template: &Template, results: &[(&str, bool)]) -> bool {
    let mut subjects = Subjects::new(template);
    let all = results.iter().map(|(name, holds)| {
        let formula = subjects.named(name);
        if *holds {
            formula
        } else {
            Formula::Not(Box::new(formula))
        }
    });
    let all = Formula::All(all.collect());
    subjects.satisfiable(&all)
}

/// Returns whether the condition `second` holds whenever the condition `first` holds. `None` always
/// holds.
pub fn implies(template: &Template, first: Option<&str>, second: Option<&str>) -> bool {
    let mut subjects = Subjects::new(template);
    let first = subjects.formula(first);
    let second = Formula::Not(Box::new(subjects.formula(second)));
    subjects.is_complete() && !subjects.satisfiable(&Formula::All(vec![first, second]))
}

/// A condition in terms of subjects.
enum Formula<'a> {
    Constant(bool),
    /// The subject with this key has this value.
    Equals(String, &'a str),
    Not(Box<Formula<'a>>),
    All(Vec<Formula<'a>>),
    Any(Vec<Formula<'a>>),
}

/// The subjects of conditions, with the values that they are compared with.
struct Subjects<'a> {
    template: &'a Template,
    values: BTreeMap<String, BTreeSet<Option<&'a str>>>,
    /// The number of conditions that are being read.
    open: usize,
    /// The number of functions that were read.
    functions: usize,
}

/// The value of a subject whose result is only true or false.
const TRUE: &str = "true";

impl<'a> Subjects<'a> {
    fn new(template: &'a Template) -> Self {
        Self {
            template,
            values: BTreeMap::new(),
            open: 0,
            functions: 0,
        }
    }

    fn formula(&mut self, condition: Option<&str>) -> Formula<'a> {
        condition.map_or(Formula::Constant(true), |name| self.named(name))
    }

    fn named(&mut self, name: &str) -> Formula<'a> {
        let template = self.template;
        let node = template.entry("Conditions", name).map(|entry| entry.node);
        let (Some(node), true) = (node, self.open < MAX_DEPTH) else {
            return self.unknown(format!("Condition {name}"));
        };
        self.open += 1;
        let formula = self.decided(node);
        self.open -= 1;
        formula
    }

    fn decided(&mut self, node: &'a Node) -> Formula<'a> {
        self.functions += 1;
        if self.functions > MAX_FUNCTIONS {
            return self.unknown("too large".to_owned());
        }
        let call = node.as_map().filter(|map| map.len() == 1);
        let Some((function, member)) = call.and_then(|map| map.first()) else {
            return match node.as_str() {
                Some(name) => self.named(name),
                None => self.unknown(one_line(node)),
            };
        };
        let argument = &member.node;
        match (function.as_str(), argument.as_list().unwrap_or_default()) {
            ("Condition", _) if argument.as_str().is_some() => {
                self.named(argument.as_str().unwrap_or_default())
            }
            ("Fn::Equals", [one, other]) => self.equal(one, other),
            ("Fn::Not", [inner]) => Formula::Not(Box::new(self.decided(inner))),
            ("Fn::And", parts) => Formula::All(parts.iter().map(|it| self.decided(it)).collect()),
            ("Fn::Or", parts) => Formula::Any(parts.iter().map(|it| self.decided(it)).collect()),
            _ => self.unknown(one_line(node)),
        }
    }

    fn equal(&mut self, one: &'a Node, other: &'a Node) -> Formula<'a> {
        let (subject, literal) = match (literal(one), literal(other)) {
            (Some(one), Some(other)) => return Formula::Constant(one == other),
            (None, Some(literal)) => (one, literal),
            (Some(literal), None) => (other, literal),
            (None, None) if one == other => return Formula::Constant(true),
            (None, None) => {
                let mut sides = [one_line(one), one_line(other)];
                sides.sort();
                return self.unknown(sides.join(" = "));
            }
        };
        let key = one_line(subject);
        let values = self.values.entry(key.clone()).or_default();
        if values.is_empty() {
            let parameter = subject.get("Ref").and_then(Node::as_str);
            let parameter = parameter.and_then(|name| self.template.parameter(name));
            let allowed = parameter.and_then(|parameter| parameter.allowed_values());
            let allowed = allowed.and_then(texts);
            values.extend(allowed.unwrap_or_else(|| vec![ANYTHING_ELSE]));
        }
        if values.contains(&ANYTHING_ELSE) {
            values.insert(Some(literal));
        }
        Formula::Equals(key, literal)
    }

    /// Returns a formula that may have any result.
    fn unknown(&mut self, key: String) -> Formula<'a> {
        let values = [ANYTHING_ELSE, Some(TRUE)];
        self.values.insert(key.clone(), values.into());
        Formula::Equals(key, TRUE)
    }

    fn combinations(&self) -> usize {
        let counts = self.values.values().map(BTreeSet::len);
        counts.fold(1, usize::saturating_mul)
    }

    /// Returns whether there are few enough combinations to try them all.
    fn is_complete(&self) -> bool {
        self.functions <= MAX_FUNCTIONS && self.steps() <= MAX_STEPS
    }

    /// Returns how many functions are evaluated to try all combinations.
    fn steps(&self) -> usize {
        self.combinations().saturating_mul(self.functions)
    }

    fn satisfiable(&self, formula: &Formula<'a>) -> bool {
        if !self.is_complete() {
            return true;
        }
        (0..self.combinations()).any(|combination| {
            let mut rest = combination;
            let chosen = self.values.iter().map(|(key, values)| {
                let value = values.iter().nth(rest % values.len()).copied().flatten();
                rest /= values.len();
                (key.as_str(), value)
            });
            holds(formula, &chosen.collect())
        })
    }
}

fn holds(formula: &Formula<'_>, chosen: &BTreeMap<&str, Option<&str>>) -> bool {
    match formula {
        Formula::Constant(holds) => *holds,
        Formula::Equals(key, value) => chosen.get(key.as_str()) == Some(&Some(*value)),
        Formula::Not(inner) => !holds(inner, chosen),
        Formula::All(parts) => parts.iter().all(|part| holds(part, chosen)),
        Formula::Any(parts) => parts.iter().any(|part| holds(part, chosen)),
    }
}

/// Returns the texts of scalars; `None` if one is something else.
fn texts(nodes: &[Node]) -> Option<Vec<Option<&str>>> {
    nodes.iter().map(|node| literal(node).map(Some)).collect()
}

/// Returns the text of a scalar as CloudFormation compares it.
fn literal(node: &Node) -> Option<&str> {
    match node.scalar()? {
        std::borrow::Cow::Borrowed(text) => Some(text),
        std::borrow::Cow::Owned(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_STEPS, can_all_be, can_both_hold, implies};
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    const TEMPLATE: &str = "
Parameters:
  Env: {Type: String}
  Size: {Type: String, AllowedValues: [small, large]}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Dev: !Equals [dev, !Ref Env]
  NotProd: !Not [!Condition Prod]
  Small: !Equals [!Ref Size, small]
  Large: !Equals [!Ref Size, large]
  Neither: !Not [!Or [!Condition Small, !Condition Large]]
  ProdSmall: !And [!Condition Prod, !Condition Small]
  Never: !Equals [a, b]
  Here: !Equals [!Ref AWS::Region, !Ref Env]
  There: !Not [!Equals [!Ref Env, !Ref AWS::Region]]
  Loop: !Not [!Condition Loop]
";

    #[test]
    fn conditions_exclude_each_other_whatever_the_parameters_are() {
        let template = Template::parse(&SourceFile::new("t", TEMPLATE)).ok();
        let template = template.as_ref();
        let both = |first, second| {
            template.map(|it| can_both_hold(it, Some(first), Some(second), &mut MAX_STEPS.clone()))
        };
        for (first, second) in [
            ("Prod", "Dev"),
            ("Prod", "NotProd"),
            ("Small", "Large"),
            ("Neither", "Neither"),
            ("NotProd", "ProdSmall"),
            ("Never", "Prod"),
            ("Here", "There"),
        ] {
            assert_eq!(both(first, second), Some(false), "{first} {second}");
        }
        for (first, second) in [
            ("Prod", "Small"),
            ("NotProd", "Dev"),
            ("Prod", "ProdSmall"),
            ("Here", "Prod"),
            ("Missing", "Prod"),
            ("Loop", "Prod"),
        ] {
            assert_eq!(both(first, second), Some(true), "{first} {second}");
        }
        let all = |results: &[(&str, bool)]| template.map(|it| can_all_be(it, results));
        assert_eq!(all(&[("Prod", false), ("Dev", true)]), Some(true));
        assert_eq!(all(&[("Small", false), ("Large", false)]), Some(false));
        assert_eq!(all(&[("Prod", true), ("Prod", false)]), Some(false));
        let implied = |first, second| template.map(|it| implies(it, Some(first), second));
        assert_eq!(implied("ProdSmall", Some("Prod")), Some(true));
        assert_eq!(implied("Prod", Some("ProdSmall")), Some(false));
        assert_eq!(implied("Prod", None), Some(true));
        assert_eq!(implied("Dev", Some("NotProd")), Some(true));
    }
}

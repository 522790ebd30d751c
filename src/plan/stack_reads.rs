//! What a template reads of other stacks without a parameter.

use std::collections::BTreeSet;

use crate::cloudformation::stack::name_of;
use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::node::Node;

/// What a template reads of other stacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StackReads {
    /// The names of the exports that it imports.
    pub exports: BTreeSet<String>,
    /// Whether it also imports something whose name is not known.
    pub has_unknown: bool,
    /// What it reads with `Fn::GetStackOutput`: the name of the stack and that of the output.
    pub outputs: BTreeSet<(String, String)>,
}

impl StackReads {
    /// Returns what the template of an evaluator reads.
    pub fn of<'a>(evaluator: &Evaluator<'a>) -> Self {
        let template = evaluator.template();
        let text = |node: &'a Node| match evaluator.value(node) {
            Evaluated::Scalar(text) => Some(text.into_owned()),
            _ => None,
        };
        let mut reads = Self {
            has_unknown: template.has_transforms(),
            ..Self::default()
        };
        template.root().visit(&mut |node| match node.intrinsic() {
            Some(("Fn::ImportValue", member)) => match text(&member.node) {
                Some(name) => {
                    reads.exports.insert(name);
                }
                None => reads.has_unknown = true,
            },
            Some(("Fn::GetStackOutput", member)) => {
                let member = |key: &str| member.node.get(key).and_then(text);
                if let (Some(stack), Some(output)) = (member("StackName"), member("OutputName")) {
                    let stack = name_of(&stack).to_owned();
                    reads.outputs.insert((stack, output));
                }
            }
            _ => {}
        });
        reads
    }
}

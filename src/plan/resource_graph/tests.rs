#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use indexmap::IndexMap;

use super::{
    Link, LinkKind, Node, ResourceGraph, StackInput, StackPart, add_changes, add_moves, of_stacks,
    of_template,
};
use crate::cloudformation::change_set::{Action, Change, ChangeSet, Replacement};
use crate::cloudformation::refactor::Move;
use crate::diagnostic::SourceFile;
use crate::template::evaluate::NO_ECHO;
use crate::template::{Resource, Template};

fn template(text: &str) -> Template {
    Template::parse(&SourceFile::new("t", text)).unwrap()
}

fn graph_with(text: &str, values: &[(&str, &str)]) -> ResourceGraph {
    let values: IndexMap<String, String> = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    of_template(&template(text), &values, &|_, _| None, &[])
}

/// Returns each edge with its references, one a line.
fn edges(graph: &ResourceGraph) -> String {
    let id = |index: usize| graph.node(index).unwrap().id.as_str();
    let lines = graph.edges().iter().map(|edge| {
        let links = edge.links.iter().map(|link| {
            let attribute = link.attribute.as_deref().map(|it| format!(".{it}"));
            let attribute = attribute.unwrap_or_default();
            format!(" {:?} {}{attribute}", link.kind, link.property)
        });
        format!(
            "{} > {}:{}\n",
            id(edge.from),
            id(edge.to),
            links.collect::<Vec<_>>().join(",")
        )
    });
    lines.collect()
}

fn ids(graph: &ResourceGraph) -> Vec<&str> {
    graph.nodes().iter().map(|node| node.id.as_str()).collect()
}

#[test]
fn each_reference_is_an_edge_that_names_its_property() {
    for (properties, wanted) in [
        ("Properties: {P: !Ref B}", "A > B: Ref P\n"),
        (
            "Properties: {P: {'Fn::GetAtt': [B, Arn]}}",
            "A > B: GetAtt P.Arn\n",
        ),
        (
            "Properties: {P: !GetAtt B.Endpoint.Port}",
            "A > B: GetAtt P.Endpoint.Port\n",
        ),
        (
            "Properties: {P: !Sub 'x${B}-${B.Arn}${!B}'}",
            "A > B: Sub P, Sub P.Arn\n",
        ),
        (
            "Properties: {P: !Sub ['${V}', {V: !Ref B}]}",
            "A > B: Ref P\n",
        ),
        (
            "Properties: {E: {Variables: {T: !Ref B}}, L: [x, {K: !Ref C}]}",
            "A > B: Ref E.Variables.T\nA > C: Ref L[1].K\n",
        ),
        (
            "Properties: {P: !Join ['', [a, !Ref B]], Q: !If [Yes, !Ref C, !Ref 'AWS::NoValue']}",
            "A > B: Ref P\nA > C: Ref Q\n",
        ),
        (
            "DependsOn: [B, C]",
            "A > B: DependsOn DependsOn\nA > C: DependsOn DependsOn\n",
        ),
        (
            "DependsOn: B\n    Properties: {P: !Ref B}",
            "A > B: DependsOn DependsOn, Ref P\n",
        ),
        ("Metadata: {M: !Ref B}", "A > B: Ref Metadata.M\n"),
        ("Properties: {P: !Ref A}", "A > A: Ref P\n"),
        // Neither a condition, a parameter, a pseudo parameter nor a name that nothing has is an edge.
        ("Condition: Yes", ""),
        (
            "Properties: {P: !Ref Size, R: !Ref 'AWS::Region', G: !GetAtt Gone.Arn}",
            "",
        ),
        ("Properties: {P: !FindInMap [B, a, b]}", ""),
        ("Properties: {Ref: B, Other: 1}", ""),
    ] {
        let text = format!(
            "Parameters: {{Size: {{Type: String}}}}\nConditions: {{Yes: !Equals [a, a]}}\n\
             Mappings: {{B: {{a: {{b: c}}}}}}\nOutputs: {{O: {{Value: !Ref C}}}}\nResources:\n  A:\n    \
             Type: T\n    {properties}\n  B: {{Type: T}}\n  C: {{Type: T}}\n"
        );
        assert_eq!(edges(&graph_with(&text, &[])), wanted, "{properties}");
    }
}

#[test]
fn what_certainly_does_not_exist_is_left_out() {
    let text = "Parameters: {Stage: {Type: String, Default: dev}}\n\
                Conditions: {IsProd: !Equals [!Ref Stage, prod]}\n\
                Resources: {A: {Type: T, Condition: IsProd, DependsOn: B}, B: {Type: T}}";
    assert_eq!(ids(&graph_with(text, &[])), ["B"]);
    let prod = graph_with(text, &[("Stage", "prod")]);
    assert_eq!(ids(&prod), ["A", "B"]);
    assert_eq!(prod.nodes()[0].condition.as_deref(), Some("IsProd"));
    // A value that is not known decides nothing.
    assert_eq!(ids(&graph_with(text, &[("Stage", NO_ECHO)])), ["A", "B"]);
}

#[test]
fn a_loop_is_a_node() {
    let graph = graph_with(
        "Transform: AWS::LanguageExtensions\nResources:\n  'Fn::ForEach::Topics':\n    - Name\n    - [A, B]\n    \
         - 'Topic${Name}': {Type: 'AWS::SNS::Topic', Properties: {KmsMasterKeyId: !Ref Key}}\n  \
         Key: {Type: 'AWS::KMS::Key'}\n",
        &[],
    );
    assert_eq!(ids(&graph), ["Fn::ForEach::Topics", "Key"]);
    assert_eq!(
        graph.nodes()[0].resource_type.as_deref(),
        Some("AWS::SNS::Topic")
    );
    assert_eq!(
        graph.nodes()[1].data,
        Some("the key and all data that it encrypts")
    );
    assert!(
        edges(&graph).starts_with("Fn::ForEach::Topics > Key: Ref"),
        "{}",
        edges(&graph)
    );
}

#[test]
fn a_nested_stack_contains_its_resources() {
    let child = template(
        "Parameters: {On: {Type: String, Default: 'no'}}\nConditions: {C: !Equals [!Ref On, 'yes']}\n\
         Resources: {Vpc: {Type: V}, Subnet: {Type: S, Condition: C, Properties: {V: !Ref Vpc}}}",
    );
    let root = template(
        "Resources:\n  One: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: c, Parameters: {On: 'yes'}}}\n  \
         Two: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: c}}\n  \
         Three: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: c, Parameters: {On: !GetAtt Two.Outputs.X}}}\n  \
         App: {Type: T, Properties: {V: !GetAtt One.Outputs.Vpc}}\n",
    );
    let nested = |_: &Template, resource: Resource<'_>| {
        resource
            .properties()
            .and_then(|it| it.get("TemplateURL"))
            .map(|_| &child)
    };
    let graph = of_template(&root, &IndexMap::new(), &nested, &[]);
    assert_eq!(
        ids(&graph),
        [
            "One",
            "Two",
            "Three",
            "App",
            "One/Vpc",
            "One/Subnet",
            "Two/Vpc",
            "Three/Vpc",
            "Three/Subnet"
        ]
    );
    assert_eq!(
        edges(&graph),
        "Three > Two: GetAtt Parameters.On.Outputs.X\nApp > One: GetAtt V.Outputs.Vpc\n\
         One/Subnet > One/Vpc: Ref V\nThree/Subnet > Three/Vpc: Ref V\n"
    );
}

#[test]
fn stacks_that_contain_each_other_very_often_are_not_all_opened() {
    let stack = "{Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: t}}";
    let stacks: Vec<String> = (0..30).map(|it| format!("S{it}: {stack}")).collect();
    let text = format!("Resources: {{{}}}", stacks.join(", "));
    let itself = template(&text);
    let nested = |_: &Template, _: Resource<'_>| Some(&itself);
    let graph = of_template(&itself, &IndexMap::new(), &nested, &[]);
    assert!(graph.nodes().len() < 200_000, "{}", graph.nodes().len());
    assert!(graph.nodes().iter().any(|node| node.hidden.is_some()));
}

fn change(logical_id: &str, action: Action) -> Change {
    Change {
        logical_id: logical_id.to_owned(),
        resource_type: "AWS::SQS::Queue".to_owned(),
        action,
        ..Change::default()
    }
}

#[test]
fn a_plan_marks_its_resources_and_adds_those_that_are_removed() {
    let deployed = template(
        "Resources: {Kept: {Type: T}, Old: {Type: Q, Properties: {A: !Ref Kept, B: !Ref Older}}, \
         Older: {Type: Q}, Changed: {Type: T, Properties: {A: !Ref Old}}}",
    );
    let text = "Resources: {Kept: {Type: T}, New: {Type: T, Properties: {A: !Ref Kept}}, Changed: {Type: T}, \
                Nested: {Type: 'AWS::CloudFormation::Stack'}, Renamed: {Type: T}}";
    let mut graph = graph_with(text, &[]);
    let inner = ChangeSet {
        id: "arn:inner".to_owned(),
        changes: vec![change("Queue", Action::Add)],
        template: Some(
            "Resources: {Queue: {Type: Q, DependsOn: Topic}, Topic: {Type: T}}".to_owned(),
        ),
        ..ChangeSet::default()
    };
    let set = ChangeSet {
        changes: vec![
            change("New", Action::Add),
            change("Old", Action::Remove),
            change("Older", Action::Remove),
            Change {
                replacement: Some(Replacement::Conditional),
                ..change("Changed", Action::Modify)
            },
            Change {
                nested_change_set: Some("arn:inner".to_owned()),
                ..change("Nested", Action::Modify)
            },
        ],
        nested: vec![inner],
        ..ChangeSet::default()
    };
    add_changes(&mut graph, &set, Some(&deployed), &[]);
    let moved = Move {
        from: "Before".to_owned(),
        to: "Renamed".to_owned(),
        resource_type: "T".to_owned(),
        physical_id: None,
    };
    add_moves(&mut graph, &[moved]);
    let shown: Vec<String> = graph
        .nodes()
        .iter()
        .map(|node| {
            let change = node
                .change
                .map(|it| format!(" {:?}{}", it.effect, if it.may_replace { "?" } else { "" }));
            let renamed = node.renamed_from.as_ref().map(|it| format!(" from {it}"));
            format!(
                "{}{}{}",
                node.id,
                change.unwrap_or_default(),
                renamed.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Kept",
            "New Add",
            "Changed Update?",
            "Nested Update",
            "Renamed from Before",
            "Old Remove",
            "Older Remove",
            "Nested/Queue Add",
            "Nested/Topic",
        ]
    );
    assert_eq!(
        edges(&graph),
        "New > Kept: Ref A\nOld > Kept: Ref A\nOld > Older: Ref B\nChanged > Old: Ref A\n\
         Nested/Queue > Nested/Topic: DependsOn DependsOn\n"
    );
    assert!(graph.has_changes());
}

#[test]
fn stacks_are_connected_by_what_they_read_of_each_other() {
    let part = |label: &str, environment: &str| StackPart {
        label: label.to_owned(),
        key: Some(label.rsplit('/').next().unwrap().to_owned()),
        environment: environment.to_owned(),
        stack_name: format!("demo-{label}"),
        graph: graph_with(
            "Resources: {A: {Type: T}, B: {Type: T, Properties: {P: !Ref A}}}",
            &[],
        ),
        ..StackPart::default()
    };
    let input = |parameter: &str, stack: &str| StackInput {
        parameter: parameter.to_owned(),
        stack: stack.to_owned(),
        output: "Id".to_owned(),
    };
    let mut app = StackPart {
        needs: vec![
            "network".to_owned(),
            "base".to_owned(),
            "elsewhere".to_owned(),
        ],
        inputs: vec![input("Vpc", "network"), input("X", "elsewhere")],
        ..part("app", "dev")
    };
    app.reads.exports.insert("data-table".to_owned());
    app.reads.exports.insert("nobody".to_owned());
    app.reads
        .outputs
        .insert(("demo-base".to_owned(), "Role".to_owned()));
    let data = StackPart {
        exports: vec!["data-table".to_owned()],
        ..part("data", "dev")
    };
    let far = StackPart {
        exports: vec!["data-table".to_owned()],
        region: Some("eu-north-1".to_owned()),
        ..part("far", "dev")
    };
    let prod = part("prod/network", "prod");
    let graph = of_stacks(&[
        part("network", "dev"),
        data,
        far,
        part("base", "dev"),
        prod,
        app,
    ]);
    assert_eq!(ids(&graph).len(), 18);
    let all = edges(&graph);
    let of_app: Vec<&str> = all
        .lines()
        .filter(|line| line.starts_with("app >"))
        .collect();
    assert_eq!(
        of_app,
        [
            "app > network: FromStack Vpc.Id",
            "app > data: Import Fn::ImportValue.data-table",
            "app > base: StackOutput Fn::GetStackOutput.Role"
        ]
    );
    assert!(all.contains("prod/network/B > prod/network/A: Ref P\n"));
}

#[test]
fn need_alone_is_an_edge_too() {
    let part = |key: &str, needs: &[&str]| StackPart {
        label: key.to_owned(),
        key: Some(key.to_owned()),
        needs: needs.iter().map(|it| (*it).to_owned()).collect(),
        ..StackPart::default()
    };
    let graph = of_stacks(&[part("a", &[]), part("b", &["a"])]);
    assert_eq!(edges(&graph), "b > a: Needs needs\n");
    assert!(graph.edges()[0].only_orders());
}

#[test]
fn an_edge_never_crosses_the_border_of_a_node() {
    let mut graph = ResourceGraph::default();
    let node = |name: &str, parent| Node {
        name: name.to_owned(),
        parent,
        ..Node::default()
    };
    let outer = graph.push(node("Outer", None));
    let inner = graph.push(node("Inner", Some(outer)));
    let link = || Link {
        kind: LinkKind::Ref,
        property: "P".to_owned(),
        attribute: None,
    };
    graph.connect(outer, inner, link());
    graph.connect(inner, 99, link());
    assert!(graph.edges().is_empty());
    // A parent that does not exist is none, and an id exists once.
    let lost = graph.push(node("Lost", Some(99)));
    assert_eq!(graph.node(lost).unwrap().parent, None);
    assert_eq!(graph.push(node("Outer", None)), outer);
}

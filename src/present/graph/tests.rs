use super::{Usage, dot, mermaid, svg, text};
use crate::cloudformation::change_set::Effect;
use crate::plan::resource_graph::{Link, LinkKind, Node, NodeChange, ResourceGraph};
use crate::present::style::plain;

const HOSTILE: &str =
    "<script>alert('1')</script>\"]; %%{init}%% end & `x` \\N \u{202e}\u{0}\n#quot;";

fn link(kind: LinkKind, property: &str) -> Link {
    Link {
        kind,
        property: property.to_owned(),
        attribute: None,
    }
}

fn resource(name: &str, kind: &str, parent: Option<usize>, effect: Option<Effect>) -> Node {
    Node {
        name: name.to_owned(),
        resource_type: Some(kind.to_owned()),
        parent,
        data: (kind == "AWS::DynamoDB::Table").then_some("its items"),
        change: effect.map(|effect| NodeChange {
            effect,
            reverts_drift: false,
            may_replace: false,
        }),
        ..Node::default()
    }
}

/// A small plan with a nested stack.
fn plan() -> ResourceGraph {
    let mut graph = ResourceGraph::default();
    let handler = graph.push(resource(
        "Handler",
        "AWS::Lambda::Function",
        None,
        Some(Effect::Update),
    ));
    let table = graph.push(resource(
        "Table",
        "AWS::DynamoDB::Table",
        None,
        Some(Effect::Replace),
    ));
    let nested = graph.push(resource("Nested", "AWS::CloudFormation::Stack", None, None));
    let queue = graph.push(resource(
        "Queue",
        "AWS::SQS::Queue",
        Some(nested),
        Some(Effect::Add),
    ));
    let policy = graph.push(resource(
        "Policy",
        "AWS::SQS::QueuePolicy",
        Some(nested),
        None,
    ));
    graph.connect(
        handler,
        table,
        link(LinkKind::Ref, "Environment.Variables.TABLE"),
    );
    graph.connect(handler, nested, link(LinkKind::DependsOn, "DependsOn"));
    graph.connect(policy, queue, link(LinkKind::Ref, "Queues[0]"));
    graph
}

/// A graph with a hostile text in every place.
fn hostile() -> ResourceGraph {
    let mut graph = ResourceGraph::default();
    let node = |name: String, parent| Node {
        condition: Some(HOSTILE.to_owned()),
        renamed_from: Some(HOSTILE.to_owned()),
        hidden: Some(HOSTILE.to_owned()),
        data: Some("its data"),
        ..resource(&name, HOSTILE, parent, Some(Effect::Remove))
    };
    let outer = graph.push(node(HOSTILE.to_owned(), None));
    graph.push(node(HOSTILE.to_owned(), Some(outer)));
    let other = graph.push(node(format!("{HOSTILE}2"), None));
    let stack = |name: &str| Node {
        name: format!("{name}{HOSTILE}"),
        ..Node::default()
    };
    let (one, two) = (graph.push(stack("a")), graph.push(stack("b")));
    let link = Link {
        attribute: Some(HOSTILE.to_owned()),
        ..link(LinkKind::FromStack, HOSTILE)
    };
    graph.connect(outer, other, link.clone());
    graph.connect(one, two, link);
    graph
}

#[test]
fn mermaid_has_nested_stacks_signs_and_a_legend() {
    insta::assert_snapshot!(mermaid(&plan()), @r##"
    flowchart LR
      n0["#126; Handler<br/>Lambda::Function"]
      n1[("#45;/+ Table<br/>DynamoDB::Table · data")]
      subgraph n2["Nested · CloudFormation::Stack"]
        n3["#43; Queue<br/>SQS::Queue"]
        n4["Policy<br/>SQS::QueuePolicy"]
      end
      n0 --> n1
      n0 -.-> n2
      n4 --> n3
      subgraph legend["Legend"]
        legend_add["#43; is created"]
        legend_change["#126; is updated"]
        legend_replace["#45;/+ is replaced"]
        legend_same["does not change"]
      end
      classDef same fill:#f6f8fa,stroke:#aeb9c4,stroke-width:1px,color:#1b2733
      class n2,n4,legend_same same
      classDef add fill:#dcf5e3,stroke:#1a7f3c,stroke-width:2px,color:#1b2733
      class n3,legend_add add
      classDef change fill:#fff3cf,stroke:#946100,stroke-width:2px,color:#1b2733
      class n0,legend_change change
      classDef replace fill:#ffe3cc,stroke:#b3460b,stroke-width:2px,color:#1b2733
      class n1,legend_replace replace
    "##);
}

#[test]
fn dot_has_nested_stacks_signs_and_a_legend() {
    insta::assert_snapshot!(dot(&plan()), @r##"
    digraph resources {
      rankdir=LR; compound=true; nodesep=0.25; ranksep=0.7;
      node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];
      edge [color="#8695a3", fontname="Helvetica", fontsize=10];
      n0 [label="~ Handler\nLambda::Function", tooltip="Handler: AWS::Lambda::Function; is updated", fillcolor="#fff3cf", color="#946100", penwidth=2];
      n1 [label="-/+ Table\nDynamoDB::Table · data", tooltip="Table: AWS::DynamoDB::Table; is replaced; stores data: its items", fillcolor="#ffe3cc", color="#b3460b", penwidth=2, shape=cylinder, style=filled];
      subgraph cluster_2 {
        label="Nested · CloudFormation::Stack"; tooltip="Nested: AWS::CloudFormation::Stack"; labeljust=l; style="rounded"; color="#aeb9c4"; fontname="Helvetica"; fontsize=11;
        n2 [shape=point, style=invis, width=0, label=""];
        n3 [label="+ Queue\nSQS::Queue", tooltip="Nested/Queue: AWS::SQS::Queue; is created", fillcolor="#dcf5e3", color="#1a7f3c", penwidth=2];
        n4 [label="Policy\nSQS::QueuePolicy", tooltip="Nested/Policy: AWS::SQS::QueuePolicy", fillcolor="#f6f8fa", color="#aeb9c4", penwidth=1];
      }
      n0 -> n1 [tooltip="Handler → Table: Environment.Variables.TABLE"];
      n0 -> n2 [tooltip="Handler → Nested: DependsOn", lhead=cluster_2, style=dashed];
      n4 -> n3 [tooltip="Nested/Policy → Nested/Queue: Queues[0]"];
      subgraph cluster_legend {
        label="Legend"; style="rounded"; color="#aeb9c4"; fontname="Helvetica"; fontsize=11;
        legend_add [label="+ is created", fillcolor="#dcf5e3", color="#1a7f3c"];
        legend_change [label="~ is updated", fillcolor="#fff3cf", color="#946100"];
        legend_replace [label="-/+ is replaced", fillcolor="#ffe3cc", color="#b3460b"];
        legend_same [label="does not change", fillcolor="#f6f8fa", color="#aeb9c4"];
      }
    }
    "##);
}

#[test]
fn lines_have_what_each_resource_refers_to() {
    insta::assert_snapshot!(plain(&text(&plan(), 60)), @r##"
    ~ Handler  AWS::Lambda::Function
        → Table: Environment.Variables.TABLE
        → Nested: DependsOn
    -/+ Table  AWS::DynamoDB::Table, stores data
    Nested  AWS::CloudFormation::Stack
      + Queue  AWS::SQS::Queue
      Policy  AWS::SQS::QueuePolicy
          → Queue: Queues[0]
    "##);
}

#[test]
fn svg_has_what_a_page_needs() {
    let link = |node: &Node| node.change.map(|_| format!("#change-{}\"<", node.id));
    let text = svg(&plan(), "demo", Usage::Embedded(&link));
    for wanted in [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" role=\"group\" aria-label=\"demo: 5 nodes, 3 edges\"",
        "<g class=\"node change changed\" data-id=\"Handler\"><title>Handler: AWS::Lambda::Function; is updated</title><a href=\"#change-Handler&quot;&lt;\">",
        "<g class=\"node replace changed data\" data-id=\"Table\"><title>Table: AWS::DynamoDB::Table; is replaced; stores data: its items</title>",
        "<g class=\"node same cluster\" data-id=\"Nested\">",
        ">+ Queue</text><text class=\"kind\"",
        "<g class=\"edge\" data-from=\"Handler\" data-to=\"Table\"><title>Handler → Table: Environment.Variables.TABLE</title><path",
        "<g class=\"edge order\" data-from=\"Handler\" data-to=\"Nested\">",
        ">-/+</text><text class=\"kind\"",
        ">is replaced</text>",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    for forbidden in ["<style", "<script", " id=", "marker"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    let alone = svg(&plan(), "demo", Usage::Standalone);
    assert!(alone.contains("prefers-color-scheme:dark") && alone.contains("role=\"img\""));
    assert_eq!(alone, svg(&plan(), "demo", Usage::Standalone));
}

#[test]
fn a_graph_without_a_plan_has_no_legend_of_signs() {
    let mut graph = ResourceGraph::default();
    graph.push(resource("A", "T", None, None));
    for text in [
        mermaid(&graph),
        dot(&graph),
        svg(&graph, "demo", Usage::Standalone),
    ] {
        assert!(
            !text.contains("does not change") && !text.contains("Legend"),
            "{text}"
        );
    }
    // Nothing at all is a picture too.
    let nothing = ResourceGraph::default();
    assert!(svg(&nothing, "", Usage::Standalone).ends_with("</svg>\n"));
    assert_eq!(mermaid(&nothing), "flowchart LR\n");
    assert_eq!(text(&nothing, 80), "");
}

#[test]
fn hostile_text_yields_no_markup_of_its_own() {
    let graph = hostile();
    let picture = svg(
        &graph,
        HOSTILE,
        Usage::Embedded(&|_| Some(HOSTILE.to_owned())),
    );
    // Each quote and each bracket is one of the writer.
    let tags = picture
        .split('<')
        .skip(1)
        .map(|it| it.split(['>', ' ']).next().unwrap_or_default());
    for tag in tags {
        let known = [
            "svg", "/svg", "title", "/title", "g", "/g", "rect", "text", "/text", "path", "a", "/a",
        ];
        assert!(known.contains(&tag), "{tag}");
    }
    assert!(!picture.contains(['\u{0}', '\u{202e}']) && picture.contains("\\u202e"));
    for line in mermaid(&graph).lines() {
        let label = line.split_once('"').and_then(|(_, it)| it.rsplit_once('"'));
        let Some((label, _)) = label else {
            continue;
        };
        let text = label.replace("<br/>", "");
        assert!(!text.contains(['"', '<', '>', '`', ']', '\\']), "{line}");
        assert!(!text.contains("script>") && !text.contains("%%"), "{line}");
    }
    for line in dot(&graph).lines() {
        // Without escapes, the quotes are in pairs, and nothing of the text is outside of them.
        let plain = line.replace("\\\\", "").replace("\\\"", "");
        let outside: Vec<&str> = plain.split('"').step_by(2).collect();
        assert_eq!(plain.matches('"').count() % 2, 0, "{line}");
        assert!(!outside.concat().contains("script"), "{line}");
    }
}

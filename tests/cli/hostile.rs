//! Projects of a stranger that ask for too much: every command ends soon, with little memory and with an
//! error that says what is wrong.
//!
//! A debug build on a loaded machine needs several times as long as a release build on an idle one, so
//! the time limit here is generous.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{Finished, Sandbox};

/// The longest time of a command.
const TIME: Duration = Duration::from_mins(1);

/// The most memory of a command, in bytes.
const MEMORY: u64 = 256 * 1024 * 1024;

fn project(template: &str, text: impl AsRef<[u8]>) -> Sandbox {
    Sandbox::new()
        .file(
            "manifest.toml",
            format!("project = \"demo\"\ntemplate = \"{template}\"\nregion = \"eu-west-1\"\n"),
        )
        .file(template, text)
}

/// Runs a command within the limits.
fn run(sandbox: &Sandbox, command: &[&str]) -> Finished {
    let mut running = sandbox.spawn(command).within(TIME);
    let mut peak = 0;
    while let Some(bytes) = running.peak_memory() {
        peak = peak.max(bytes);
        assert!(peak < MEMORY, "{command:?} needs {peak} bytes");
        thread::sleep(Duration::from_millis(5));
    }
    running.wait()
}

/// Returns a template that assigns to `ns.l` again and again, and then prints an expression.
fn grown(times: usize, assigned: &str, printed: &str) -> String {
    format!(
        "{{% set ns = namespace(l=[1], s='text') %}}{{% for i in range({times}) %}}\
         {{% set {assigned} %}}{{% endfor %}}\nA: {{{{ {printed} }}}}\n"
    )
}

#[test]
fn rendering_ends_with_an_error() {
    let steps = "the rendering needs too many steps or too much memory";
    let time = "the rendering takes longer than 1.5 seconds";
    let recursion = "recursion limit";
    let deep = "exceeds maximum recursion limits";
    let operators = "the expression has more than 10000 operators";
    let cases = [
        (grown(40, "ns.s = ns.s ~ ns.s", "ns.s"), steps),
        (grown(1, "ns.s = ''", "'x' * 10 ** 10"), steps),
        (grown(1, "ns.s = ''", "'x\\ny' | indent(10 ** 9)"), steps),
        (grown(1, "ns.s = ''", "'%1000000000d' | format(1)"), steps),
        (grown(40, "ns.l = ns.l + ns.l", "1"), time),
        (grown(40, "ns.l = [ns.l, ns.l]", "ns.l | tojson"), time),
        (grown(40, "ns.l = [ns.l, ns.l]", "ns.l == [ns.l]"), ""),
        (
            "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(1) }}".to_owned(),
            recursion,
        ),
        ("{% include 't.yaml.j2' %}".to_owned(), recursion),
        ("{% import 't.yaml.j2' as t %}".to_owned(), recursion),
        (
            "{% extends 't.yaml.j2' %}".to_owned(),
            "cycle in template inheritance",
        ),
        (
            format!(
                "A: {{{{ {}1{} }}}}",
                "(".repeat(100_000),
                ")".repeat(100_000)
            ),
            operators,
        ),
        (
            format!("A: {{{{ {}1{} }}}}", "(".repeat(9_000), ")".repeat(9_000)),
            deep,
        ),
        (format!("A: {{{{ {}1 }}}}", "-".repeat(900_000)), operators),
        (format!("A: {{{{ x{} }}}}", "()".repeat(400_000)), operators),
        (
            "x".repeat(3 * 1024 * 1024),
            "is too large: at most 2097152 bytes are read",
        ),
    ];
    for (template, expected) in cases {
        let sandbox = project("t.yaml.j2", &template);
        let finished = run(&sandbox, &["render"]);
        let start: String = template.chars().take(120).collect();
        assert!(finished.stderr.contains(expected), "{start}: {finished}");
        assert!(expected.is_empty() || finished.stdout.is_empty(), "{start}");
    }
}

#[test]
fn every_command_that_renders_has_the_limits() {
    let endless = grown(40, "ns.l = ns.l + ns.l", "1");
    let nested = (0..20).map(|number| {
        format!(
            "  S{number}:\n    Type: AWS::CloudFormation::Stack\n    Properties: \
             {{TemplateURL: child{number}.yaml.j2}}\n"
        )
    });
    let nested = format!("Resources:\n{}", nested.collect::<Vec<_>>().concat());
    for command in [
        vec!["render"],
        vec!["validate"],
        vec!["graph"],
        vec!["package"],
        vec!["plan", "--offline"],
    ] {
        let sandbox = project("t.yaml.j2", &endless);
        let finished = run(&sandbox, &command).expect_code(1);
        finished.expect_stderr("the rendering takes longer");
        // After the first nested template that takes too long, no other is rendered.
        let mut sandbox = project("t.yaml.j2", &nested);
        for number in 0..20 {
            sandbox = sandbox.file(&format!("child{number}.yaml.j2"), &endless);
        }
        let finished = run(&sandbox, &command).expect_code(1);
        let output = format!("{}{}", finished.stdout, finished.stderr);
        assert_eq!(
            output.matches("the rendering takes longer").count(),
            1,
            "{output}"
        );
    }
}

/// Puts a value into functions, again and again.
fn nested(times: usize, inner: Value, around: impl Fn(Value) -> Value) -> Value {
    (0..times).fold(inner, |inner, _| around(inner))
}

/// Returns a template with a value of a property, and more sections.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every caller makes the sections in place"
)]
fn template(value: &Value, more: Value) -> Value {
    let mut template = json!({"Resources": {
        "B": {"Type": "AWS::S3::Bucket"},
        "T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": value}},
    }});
    for (section, entries) in more.as_object().into_iter().flatten() {
        match &mut template[section] {
            Value::Object(known) => known.extend(entries.as_object().unwrap().clone()),
            missing => *missing = entries.clone(),
        }
    }
    template
}

#[test]
fn functions_are_evaluated_once() {
    let doubled = |inner: Value| json!({"Fn::Sub": ["${a}${a}", {"a": inner}]});
    let encoded = |inner: Value| json!({"Fn::Base64": inner});
    let chosen = |inner: Value| json!({"Fn::If": ["C", inner, "x"]});
    let conditions = |first: Value| -> Value {
        let mut all = serde_json::Map::from_iter([("C".to_owned(), first)]);
        for number in 0..200 {
            let before = match number {
                0 => "C".to_owned(),
                number => format!("C{}", number - 1),
            };
            let both = json!([{"Condition": before}, {"Condition": before}]);
            all.insert(format!("C{number}"), json!({"Fn::And": both}));
        }
        all.into()
    };
    let unknown = conditions(json!({"Fn::Equals": [{"Ref": "AWS::AccountId"}, "1"]}));
    let values: Vec<Value> = (0..400)
        .map(|_| json!({"Fn::Join": [",", {"Fn::FindInMap": ["M", "a", "b"]}]}))
        .collect();
    let mapping = json!({"M": {"a": {"b": vec!["x".repeat(1000); 400]}}});
    let cases = [
        template(
            &nested(40, json!({"Fn::GetAtt": ["B", "Arn"]}), encoded),
            json!({}),
        ),
        template(&nested(40, json!("text"), encoded), json!({})),
        template(&nested(40, json!("text"), doubled), json!({})),
        template(&nested(40, json!({"Ref": "B"}), doubled), json!({})),
        template(
            &nested(40, json!("text"), chosen),
            json!({"Conditions": unknown}),
        ),
        template(
            &json!({"Fn::If": ["C199", "a", "b"]}),
            json!({"Conditions": unknown}),
        ),
        template(
            &json!({"Fn::Sub": ["${a}".repeat(50_000), {"a": "x".repeat(50_000)}]}),
            json!({}),
        ),
        template(
            &json!({"Fn::Join": ["x".repeat(100_000), vec!["a"; 5_000]]}),
            json!({}),
        ),
        template(&json!(values), json!({"Mappings": mapping})),
    ];
    for case in cases {
        let text = serde_json::to_string_pretty(&case).unwrap();
        let other = text
            .replace("\"text\"", "\"other\"")
            .replace("\"x\"", "\"y\"");
        let sandbox = project("t.json", &text).file("other.json", &other);
        run(&sandbox, &["validate"]).expect_code(0);
        run(&sandbox, &["plan", "--offline"]).expect_code(0);
        // The memory of a comparison is not checked: one of these needs 270 MB in a debug build.
        let compare = ["diff", "t.json", "other.json", "--format", "json"];
        sandbox.spawn(&compare).within(TIME).wait().expect_code(0);
    }
}

#[test]
fn loops_and_circles_end() {
    let list: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let inner = json!({"T${I}${J}": {"Type": "AWS::SNS::Topic"}});
    let loops = json!({"Transform": "AWS::LanguageExtensions", "Resources": {
        "Fn::ForEach::A": ["I", list, {"Fn::ForEach::B": ["J", list, inner]}],
    }});
    run(
        &project("t.json", loops.to_string()),
        &["plan", "--offline"],
    )
    .expect_code(0);
    let circle: serde_json::Map<String, Value> = (0..2000)
        .map(|number| {
            let next = format!("R{}", (number + 1) % 2000);
            let topic = json!({"Type": "AWS::SNS::Topic", "DependsOn": next});
            (format!("R{number}"), topic)
        })
        .collect();
    let circle = json!({"Resources": circle});
    run(&project("t.json", circle.to_string()), &["validate"])
        .expect_code(1)
        .expect_stderr("(1980 more)");
    // Templates that contain each other, and ten levels of ten templates.
    let stack = |child: &str| {
        format!("{{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {child}}}}}")
    };
    let both = project("a.yaml", format!("Resources: {{A: {}}}\n", stack("b.yaml")))
        .file("b.yaml", format!("Resources: {{A: {}}}\n", stack("a.yaml")));
    let failed = run(&both, &["validate"]).expect_code(1);
    failed.expect_stderr("these templates contain each other");
    let mut levels = project("t0-0.yaml", "");
    for level in 0..10 {
        for number in 0..10 {
            let children = (0..10).map(|child| {
                let child = format!("t{}-{child}.yaml", level + 1);
                format!("  S{}: {}\n", child.replace(['-', '.'], ""), stack(&child))
            });
            let text = match level {
                9 => "Resources: {T: {Type: AWS::SNS::Topic}}\n".to_owned(),
                _ => format!("Resources:\n{}", children.collect::<String>()),
            };
            levels = levels.file(&format!("t{level}-{number}.yaml"), text);
        }
    }
    run(&levels, &["package"]).expect_code(0);
}

#[test]
fn findings_are_capped_and_drawn_soon() {
    let references: Vec<Value> = (0..12_000)
        .map(|number| json!({"Ref": format!("Missing{number}")}))
        .collect();
    let text = template(&json!(references), json!({}));
    for (text, line) in [
        (text.to_string(), "t.json:1:"),
        (serde_json::to_string_pretty(&text).unwrap(), "t.json:11:"),
    ] {
        let sandbox = project("t.json", text);
        let human = run(&sandbox, &["validate"]).expect_code(1);
        let output = format!("{}{}", human.stdout, human.stderr);
        assert!(
            output.contains("there is no parameter or resource `Missing0`"),
            "{output}"
        );
        assert!(output.contains("findings are not shown"), "{output}");
        assert!(output.contains(line), "{output}");
        for format in ["json", "sarif"] {
            let finished = run(&sandbox, &["validate", "--format", format]).expect_code(1);
            assert!(finished.stdout.len() < 200_000, "{}", finished.stdout.len());
        }
    }
    let keys = (0..10_000).map(|number| format!("wrong{number} = 1\n"));
    let keys = keys.collect::<Vec<_>>().concat();
    let sandbox =
        project("t.yaml", "").file("manifest.toml", format!("project = \"demo\"\n{keys}"));
    run(&sandbox, &["config", "show"])
        .expect_code(1)
        .expect_stderr("findings are not shown");
}

#[test]
fn deep_texts_are_errors() {
    let deep = "[".repeat(100_000);
    let manifest = |text: &str| Sandbox::new().file("manifest.toml", text);
    for text in [
        format!("project = \"demo\"\n[vars]\na = {deep}"),
        format!("project = \"demo\"\n[vars]\na = {}", "{a=".repeat(100_000)),
        format!(
            "project = \"demo\"\n[vars]\n{}a = 1\n",
            "a.".repeat(100_000)
        ),
    ] {
        run(&manifest(&text), &["config", "show"]).expect_code(1);
    }
    for (name, text) in [
        ("t.json", format!("{{\"Resources\": {deep}")),
        ("t.json", "{\"a\":".repeat(100_000)),
        ("t.yaml", format!("Resources: {deep}")),
        ("t.yaml", "- ".repeat(100_000)),
        ("t.yaml", "a: {".repeat(100_000)),
        ("t.yaml", "!Sub ".repeat(100_000)),
        (
            "t.yaml",
            format!("a: [{}]\n", vec!["*a"; 100_000].join(", ")),
        ),
        ("t.yaml", format!("a: \"{}\"\n", "x".repeat(1_000_000))),
    ] {
        run(&project(name, text), &["validate"]).expect_code(1);
    }
}

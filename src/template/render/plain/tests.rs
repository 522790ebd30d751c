#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::path::Path;

use insta::assert_snapshot;

use crate::artifact::package;
use crate::artifact::requirements::Packages;
use crate::config::project::Project;
use crate::config::project::tests::folder;
use crate::error::Result;
use crate::template::render::tests::{project, show};
use crate::template::render::{RenderedTemplate, names, render};

/// Returns the result for a template that is not rendered.
fn plain(text: &str) -> Result<RenderedTemplate> {
    let folder = folder(&[("stack.yaml", text), ("handler/handler.py", "x")]);
    let opened = Project::find(folder.path(), None).unwrap();
    let template = opened.template(Path::new("stack.yaml")).unwrap();
    let (_folder, _, settings) = project("", &[]);
    let artifacts = package::build_all(&opened, &settings, &Packages::default()).unwrap();
    render(&template, &settings, &artifacts)
}

#[test]
fn a_plain_template_is_taken_byte_for_byte() {
    for text in [
        "Resources:\r\n  A: {Type: T}\r\n",
        "\u{feff}Resources: {A: {Type: T}}",
        "A: |\n  n=${#a[@]}\n  rm b\n  echo 1 #}\n\n",
        "A: 'Your code is {####}'\n",
        "A: '{{resolve:ssm:/a}} {{ resolve:x }}'",
        "A: \"{% $states.input.vars.size %}\"\nB: '{% $project %}'\n",
        "A: {schemaVersion: '2.2', parameters: {m: {type: String}}, c: ['echo {{ m }}']}\n",
        "A: {parameters: {environment: {type: String}}, c: ['echo {{ environment }}']}\n",
        "A: '{\"parameters\":{\"project\":{}},\"c\":\"{{project}}\"}'\n",
        "A: \"{\\\"parameters\\\":{\\\"project\\\":{}},\\\"c\\\":\\\"{{project}}\\\"}\"\n",
        "A: 'run ${{ vars.size }} {{{ project }}} ${{ github.sha }}'\n",
        "A: '{{ $labels.instance }} on {{ project }}'\n",
        "A: |\n  {% if user %}Hello {{ user.name }}{% endif %}\n",
        "A: |\n  {% for host in groups['all'] %}\n  {{ host }}\n  {% endfor %}\n",
        "A: '{{ cookiecutter.project }} {{ inputs.parameters.x }} {{ parameters.x }}'\n",
        "A: '{{#each vars.list}}{{/each}} {{> vars}}'\n",
        "A: 1 # {{ vars.days }}\n",
        "{\"A\":{\"B\":{\"C\":\"{{ m }}\"}}}",
        "A: {{ m }}: not yaml\n",
        "A: [",
        "",
    ] {
        let rendered = plain(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(rendered.printed(), text);
        let text = text.trim_start_matches('\u{feff}');
        for start in 0..text.len() {
            let location = rendered.locate(start..start + 1).unwrap();
            assert_eq!(location.span, start..start + 1);
            assert_eq!(location.source.name, "stack.yaml");
        }
    }
}

#[test]
fn a_plain_template_that_was_written_for_the_engine_is_refused() {
    for (text, place) in [
        (
            "A: \"{{ vars.instance_type }}\"\n",
            "1:5 «{{ vars.instance_type }}»",
        ),
        ("A: {{ vars.days }}\n", "1:4 «{{ vars.days }}»"),
        (
            "A: '{{- vars.days | default(1) -}}'\n",
            "1:5 «{{- vars.days | default(1) -}}»",
        ),
        ("A: '{{ m }} {{ vars.days }}'\n", "1:13 «{{ vars.days }}»"),
        ("A: '{{ vars.nothing }}'\n", "1:5 «{{ vars.nothing }}»"),
        ("A: '{{ project }}-queue'\n", "1:5 «{{ project }}»"),
        ("A: {{ environment }}-queue\n", "1:4 «{{ environment }}»"),
        (
            "A: !Sub '{{ artifact_bucket }}'\n",
            "1:10 «{{ artifact_bucket }}»",
        ),
        (
            "A: \"{{ artifacts.handler.key }}\"\n",
            "1:5 «{{ artifacts.handler.key }}»",
        ),
        (
            "A: !Ref '{{ parameters.DbPassword }}'\n",
            "1:10 «{{ parameters.DbPassword }}»",
        ),
        (
            "A: '{{ resolve(\"ssm:/x\") }}'\n",
            "1:5 «{{ resolve(\"ssm:/x\") }}»",
        ),
        (
            "{% if vars.flag %}\nA: 1\n{% endif %}\n",
            "1:1 «{% if vars.flag %}»",
        ),
        ("A: 1\n{% set x = 1 %}\nB: 1\n", "2:1 «{% set x = 1 %}»"),
        (
            "# {% if vars.flag %}\nA: 1\n# {% endif %}\n",
            "1:3 «{% if vars.flag %}»",
        ),
        (
            "A: 1\n{% include 'b.yaml' %}\n",
            "2:1 «{% include 'b.yaml' %}»",
        ),
        (
            "A:\n  {%- for cidr in allowed_ssh_cidrs %}\n  - {{ cidr }}\n  {%- endfor %}\n",
            "2:3 «{%- for cidr in allowed_ssh_cidrs %}»",
        ),
        ("{\"A\": \"{{ vars.days }}\"}", "1:8 «{{ vars.days }}»"),
    ] {
        let error = plain(text).unwrap_err();
        let shown = show(&error.diagnostics()[0]);
        assert_eq!(
            shown.lines().nth(1).unwrap(),
            format!("  stack.yaml:{place}"),
            "{shown}"
        );
    }
    let error = plain("A: '{{ vars.days }}'\n").unwrap_err();
    assert_eq!(error.to_string(), "cannot read `stack.yaml`");
    assert_snapshot!(show(&error.diagnostics()[0]), @r#"
    template-not-rendered: `stack.yaml` is not rendered, but it contains template expressions
      stack.yaml:1:5 «{{ vars.days }}»
      help: rename it to `stack.yaml.j2`, and change its name where it is used: only files that end in `.j2`, `.jinja` or `.jinja2` are rendered
      help: if the braces are the template's own, write `[lint] ignore = ["template-not-rendered"]` in the manifest
    "#);
}

#[test]
fn only_some_names_are_rendered() {
    for (name, expected) in [
        ("a.j2", true),
        ("a.yaml.jinja", true),
        ("t/a.json.jinja2", true),
        ("a.yaml", false),
        ("j2", false),
        ("a.j2.yaml", false),
        ("a.J2", false),
    ] {
        assert_eq!(names::is_rendered(name), expected, "{name}");
    }
}

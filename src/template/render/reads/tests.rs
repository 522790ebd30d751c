#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use insta::assert_snapshot;

use crate::config::origin::Origin;
use crate::config::project::Project;
use crate::config::project::tests::{folder, settings};
use crate::diagnostic::SourceFile;
use crate::template::render::tests::show;
use crate::template::render::{render, unread_variables};

/// Returns the warnings for the variables of a manifest.
fn unread(name: &str, text: &str, vars: &str, others: &[(&str, &str)]) -> String {
    let mut files = vec![(name, text)];
    files.extend_from_slice(others);
    let folder = folder(&files);
    let project = Project::find(folder.path(), None).unwrap();
    let template = project.template(Path::new(name)).unwrap();
    let mut settings = settings();
    settings.vars = toml::from_str(vars).unwrap();
    let manifest = SourceFile::new("manifest.toml", vars);
    for (line, start) in vars
        .lines()
        .zip(std::iter::once(0).chain(vars.match_indices('\n').map(|(at, _)| at + 1)))
    {
        let (key, _) = line.split_once(" = ").unwrap();
        settings.origins.set(
            format!("vars.{key}"),
            Origin::Manifest {
                source: Arc::clone(&manifest),
                span: start + key.len() + 3..start + line.len(),
                environment: None,
                stack: None,
            },
        );
    }
    let rendered = render(&template, &settings, &IndexMap::new()).unwrap();
    unread_variables(&settings, &[&rendered])
        .iter()
        .map(show)
        .collect()
}

#[test]
fn a_variable_that_no_template_reads_is_a_warning() {
    let vars = "instnce_type = \"t3\"\nsize = 1\nother = 2\n";
    let text = "a: {{ vars.size }}\nb: {{ vars.instance_type | default('t2') }}\n";
    assert_snapshot!(unread("a.yaml.j2", text, vars, &[]), @r#"
    unread-variable: no template reads `vars.instnce_type`
      manifest.toml:1:16 «"t3"»
      help: did you mean `vars.instance_type`?
    unread-variable: no template reads `vars.other`
      manifest.toml:3:9 «2»
    "#);
    assert_snapshot!(unread("a.yaml", "a: 1\n", "size = 1\n", &[]), @"
    unread-variable: nothing reads `vars.size`: `a.yaml` is not rendered
      manifest.toml:1:8 «1»
      help: remove it, or rename the template to `a.yaml.j2` to have it rendered
    ");
}

#[test]
fn every_way_to_read_a_variable_counts() {
    let others = [
        ("net.j2", "{{ vars.size }}"),
        ("deep.j2", "{% if false %}{% include 'net.j2' %}{% endif %}"),
        (
            "macros.j2",
            "{% macro m(x=vars.size) %}{{ x }}{% endmacro %}",
        ),
        ("plain.txt", "no {{ m }}"),
    ];
    for text in [
        "{{ vars.size }}",
        "{{ vars . size }}",
        "{{ vars['size'] }}{{ vars[\"si\" ~ \"ze\"] }}",
        "{% if false %}{{ vars.size }}{% endif %}",
        "{% set v = vars %}{{ v.size }}",
        "{% set name = 'size' %}{{ vars[name] }}",
        "{% for name in vars %}{{ name }}{% endfor %}",
        "{{ vars | tojson }}",
        "{% filter indent(vars.size) %}x{% endfilter %}",
        "{% include 'net.j2' %}",
        "{% include ['gone.j2', 'net.j2'] %}",
        "{% include 'deep.j2' %}",
        "{% include 'n' ~ 'et.j2' %}",
        "{% if false %}{% include project %}{% endif %}",
        "{% import 'macros.j2' as macros %}{{ macros.m() }}",
        "{% from 'macros.j2' import m %}{{ m() }}",
    ] {
        assert_eq!(unread("a.j2", text, "size = 1\n", &others), "", "{text}");
    }
    for text in [
        "a",
        "{{ 'vars.size' }}",
        "{% raw %}{{ vars.size }}{% endraw %}",
        "{# {{ vars.size }} #}",
        "{{ {'vars': {'size': 1}}.vars.size }}",
        "{{ vars.sizes | default(1) }}",
        "{% include 'plain.txt' %}",
    ] {
        assert_ne!(unread("a.j2", text, "size = 1\n", &others), "", "{text}");
    }
}

#[test]
fn members_of_nested_tables_count_one_by_one() {
    let vars = "net = { a = 1, b = { c = 2 } }\n";
    let unread = |text| unread("a.j2", text, vars, &[]);
    assert_eq!(unread("{{ vars.net.a }}{{ vars.net.b.c }}"), "");
    assert_eq!(unread("{{ vars.net | tojson }}"), "");
    assert!(
        unread("{{ vars.net.a }}")
            .starts_with("unread-variable: no template reads `vars.net.b.c`\n")
    );
}

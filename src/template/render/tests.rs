#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::path::Path;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;
use crate::artifact::package;
use crate::artifact::requirements::Packages;
use crate::config::project::Project;
use crate::config::project::tests::{folder, settings};
use crate::config::settings::ParameterValue;
use crate::diagnostic::{Place, Severity};

/// Returns a project whose template is `text`, and the settings that the tests share.
pub(super) fn project(text: &str, others: &[(&str, &str)]) -> (TempDir, TemplateFolder, Settings) {
    let mut files = vec![
        ("templates/stack.yaml.j2", text),
        ("handler/handler.py", "x"),
    ];
    files.extend_from_slice(others);
    let folder = folder(&files);
    let template = Project::find(folder.path(), None)
        .unwrap()
        .template(Path::new("templates/stack.yaml.j2"))
        .unwrap();
    let mut settings = settings();
    settings.vars = toml::from_str(
        r#"
        instance_type = "t2.micro"
        flag = true
        days = 30
        ratio = 2.0
        huge = 1e300
        infinite = inf
        day = 2026-01-02
        ports = [22, 443]
        nested = { b = "1", a = "2" }
        html = "<a & 'b'>"
        "#,
    )
    .unwrap();
    settings.parameters.insert(
        "DbPassword".into(),
        ParameterValue::FromEnvironment {
            variable: "DB_PASSWORD".into(),
            value: Some(crate::config::secret::Secret::new("hunter2")),
        },
    );
    (folder, template, settings)
}

pub(super) fn try_render(text: &str, others: &[(&str, &str)]) -> Result<RenderedTemplate> {
    let (folder, template, settings) = project(text, others);
    let project = Project::find(folder.path(), None).unwrap();
    let artifacts = package::build_all(&project, &settings, &Packages::default()).unwrap();
    render(&template, &settings, &artifacts)
}

pub(super) fn text(template: &str) -> String {
    try_render(template, &[]).unwrap().text().to_owned()
}

/// Returns a diagnostic with the text at each place, so that a wrong span is visible.
pub(super) fn show(diagnostic: &Diagnostic) -> String {
    let mut out = format!("{}: {}\n", diagnostic.rule, diagnostic.message);
    for place in &diagnostic.places {
        let (line, column) = place.source.position(place.span.start);
        let text = place.source.text.get(place.span.clone()).unwrap();
        let name = &place.source.name;
        let line = format!("  {name}:{line}:{column} «{text}» {}", place.label);
        writeln!(out, "{}", line.trim_end()).unwrap();
    }
    for help in &diagnostic.help {
        writeln!(out, "  help: {help}").unwrap();
    }
    out
}

pub(super) fn failure_with(template: &str, others: &[(&str, &str)]) -> String {
    let error = try_render(template, others).unwrap_err();
    assert_eq!(error.to_string(), "cannot render `templates/stack.yaml.j2`");
    assert_eq!(error.diagnostics().len(), 1);
    show(&error.diagnostics()[0])
}

pub(super) fn failure(template: &str) -> String {
    failure_with(template, &[])
}

#[test]
fn the_template_can_use_the_settings() {
    let rendered = text(
        "{{ project }} {{ environment }} {{ key_pair }}\n\
         {% for cidr in allowed_ssh_cidrs %}{{ cidr }}{% endfor %}\n\
         {{ vars.instance_type }} {{ vars.nested.b }} {{ vars.day }}\n\
         {{ parameters.DbPassword }}{% for name in parameters %} {{ name }}{% endfor %}\n\
         {{ artifact_bucket }}\n",
    );
    assert_snapshot!(rendered, @"
    file-metadata dev ops
    203.0.113.7/32
    t2.micro 1 2026-01-02
    DbPassword DbPassword
    stackctl-artifacts-${AWS::AccountId}-${AWS::Region}
    ");
    let key = text("{{ artifacts.handler.key }}");
    assert!(key.starts_with("file-metadata/handler/"), "{key}");
    assert_eq!(Path::new(&key).extension().unwrap(), "zip");
}

#[test]
fn values_print_as_yaml_reads_them() {
    let rendered = text(
        "{{ vars.flag }} {{ not vars.flag }} {{ vars.days }} {{ vars.ratio }} {{ 0.1 }} {{ -1.5 }}\n\
         {{ vars.html }} {{ 1e16 }}\n\
         {{ vars.ports | tojson }} {{ vars.nested | tojson }} {{ vars.flag | tojson }}\n",
    );
    assert_snapshot!(rendered, @r#"
    true false 30 2.0 0.1 -1.5
    <a & 'b'> 10000000000000000.0
    [22, 443] {"b": "1", "a": "2"} true
    "#);
    assert_eq!(text("{{ vars.huge }}").len(), 303);
    assert_eq!(text("{{ resolve('ssm:/a/b') }}"), "{{resolve:ssm:/a/b}}");
}

#[test]
fn a_value_that_yaml_cannot_hold_is_an_error() {
    assert_snapshot!(failure("a: {{ allowed_ssh_cidrs }}"), @"
    template-value: `allowed_ssh_cidrs` is a list and cannot be printed
      templates/stack.yaml.j2:1:7 «allowed_ssh_cidrs»
      help: write `{{ (allowed_ssh_cidrs) | tojson }}`, or loop over it with `{% for … %}`
    ");
    assert_snapshot!(failure("{{ vars.nested }}"), @"
    template-value: `vars.nested` is a map and cannot be printed
      templates/stack.yaml.j2:1:4 «vars.nested»
      help: write `{{ (vars.nested) | tojson }}`, or name a member
    ");
    assert_snapshot!(failure("{{ none }}"), @"
    template-value: `none` is none and cannot be printed
      templates/stack.yaml.j2:1:4 «none»
      help: guard it with `{% if … is not none %}`, or give it a value
    ");
    assert_snapshot!(failure("{{ vars.infinite }}"), @"
    template-value: `vars.infinite` is not a finite number and cannot be printed
      templates/stack.yaml.j2:1:4 «vars.infinite»
    ");
    assert_snapshot!(failure("{{ range }}"), @"
    template-value: `range` is not text, a number or a boolean and cannot be printed
      templates/stack.yaml.j2:1:4 «range»
    ");
}

#[test]
fn an_undefined_name_suggests_a_similar_one() {
    assert_snapshot!(failure("a: 1\nb: {{ vars.instance_typ }}"), @"
    template-undefined: `vars.instance_typ` is not defined
      templates/stack.yaml.j2:2:7 «vars.instance_typ»
      help: did you mean `vars.instance_type`?
    ");
    assert_snapshot!(failure("{{ vars.nothing_like_it }}"), @"
    template-undefined: `vars.nothing_like_it` is not defined
      templates/stack.yaml.j2:1:4 «vars.nothing_like_it»
      help: set `nothing_like_it` under `[vars]` in the manifest, or write `{{ vars.nothing_like_it | default(…) }}`
    ");
    assert_snapshot!(failure("{{ vars.missing.deeper }}"), @"
    template-undefined: `vars.missing` is not defined
      templates/stack.yaml.j2:1:4 «vars.missing»
      help: set `missing` under `[vars]` in the manifest, or write `{{ vars.missing | default(…) }}`
    ");
    assert_snapshot!(failure("{{ enviroment }}"), @"
    template-undefined: `enviroment` is not defined
      templates/stack.yaml.j2:1:4 «enviroment»
      help: did you mean `environment`?
    ");
    assert_snapshot!(failure("{{ xyz }}"), @"
    template-undefined: `xyz` is not defined
      templates/stack.yaml.j2:1:4 «xyz»
      help: the available names are `project`, `environment`, `vars`, `parameters`, `artifacts`, `artifact_bucket`, `allowed_ssh_cidrs`, `key_pair`
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("{% if xyz %}{% endif %}"), @"
    template-undefined: `xyz` is not defined
      templates/stack.yaml.j2:1:7 «xyz»
      help: the available names are `project`, `environment`, `vars`, `parameters`, `artifacts`, `artifact_bucket`, `allowed_ssh_cidrs`, `key_pair`
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("{{ 'a' ~ artifacts.handlr.key }}"), @"
    template-undefined: `artifacts.handlr` is not defined
      templates/stack.yaml.j2:1:10 «artifacts.handlr»
      help: did you mean `artifacts.handler`?
    ");
    assert_snapshot!(failure("{{ artifacts.worker.key }}"), @"
    template-undefined: `artifacts.worker` is not defined
      templates/stack.yaml.j2:1:4 «artifacts.worker»
      help: add `[artifacts.worker]` to the manifest
    ");
    assert_snapshot!(failure("{{ parameters.Other }}"), @"
    template-undefined: `parameters.Other` is not defined
      templates/stack.yaml.j2:1:4 «parameters.Other»
      help: set `Other` under `[parameters]` in the manifest
    ");
}

#[test]
fn a_key_that_is_not_set_is_undefined_and_named() {
    let render = |text: &str| {
        let (_folder, template, mut settings) = project(text, &[]);
        settings.key_pair = None;
        settings.allowed_ssh_cidrs = None;
        render(&template, &settings, &IndexMap::new())
    };
    let failure = |text: &str| match render(text) {
        Ok(rendered) => rendered.text().to_owned(),
        Err(error) => show(&error.diagnostics()[0]),
    };
    assert_snapshot!(failure("k: {{ key_pair }}"), @"
    template-undefined: `key_pair` is not defined
      templates/stack.yaml.j2:1:7 «key_pair»
      help: add `key_pair = \"ops\"` to the manifest, above the first `[table]`
      help: or guard it with `{% if key_pair is defined %}`
    ");
    assert_snapshot!(failure("a: 1\n{% for cidr in allowed_ssh_cidrs %}\n{% endfor %}"), @r#"
    template-undefined: `allowed_ssh_cidrs` is not defined
      templates/stack.yaml.j2:2:16 «allowed_ssh_cidrs»
      help: add `allowed_ssh_cidr = "203.0.113.7/32"` to the manifest, above the first `[table]`
      help: or guard it with `{% if allowed_ssh_cidrs is defined %}`
    "#);
    for text in [
        "{{ allowed_ssh_cidrs | join(' ') }}",
        "{{ allowed_ssh_cidrs[0] }}",
        "{{ allowed_ssh_cidrs | tojson }}",
        "{{ allowed_ssh_cidrs|sort }}",
        "{% if allowed_ssh_cidrs %}{% endif %}",
        "{% if not allowed_ssh_cidrs %}{% endif %}",
        "{% if ':' in (allowed_ssh_cidrs | join(' ')) %}{% endif %}",
        "{% set count = allowed_ssh_cidrs | length %}",
        "{{ allowed_ssh_cidrs | first }}",
    ] {
        let failure = failure(text);
        assert!(
            failure.contains("add `allowed_ssh_cidr = "),
            "{text}\n{failure}"
        );
    }
    assert!(failure("{{ allowed_ssh_cidr }}").contains("did you mean `allowed_ssh_cidrs`?"));
    assert!(failure("{{ keypair }}").contains("did you mean `key_pair`?"));
    let guarded = render("{% if key_pair is defined %}k{% else %}none{% endif %}");
    assert_eq!(guarded.unwrap().text(), "none");
}

#[test]
fn an_explicit_bucket_is_named() {
    let (_folder, template, mut settings) = project("{{ artifact_bucket }}", &[]);
    settings.artifact_bucket = Some("mine".into());
    let rendered = render(&template, &settings, &IndexMap::new()).unwrap();
    assert_eq!(rendered.text(), "mine");
}

#[test]
fn errors_point_into_the_template() {
    assert_snapshot!(failure("a: 1\nb: {{ project \n"), @"
    template-syntax: `{{` is not closed
      templates/stack.yaml.j2:2:4 «{{ project»
      help: close it with `}}`
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("{% if project %}\na: 1\n"), @"
    template-syntax: `{% if … %}` is not closed
      templates/stack.yaml.j2:1:1 «{% if project %}»
      help: close it with `{% endif %}`
    ");
    assert_snapshot!(failure("ü: {{ project | uper }}"), @r"
    template-unknown-filter: there is no filter `uper`
      templates/stack.yaml.j2:1:17 «uper»
      help: did you mean `upper`?
    ");
    assert_snapshot!(failure("{% if project is strange %}{% endif %}"), @r"
    template-unknown-test: there is no test `strange`
      templates/stack.yaml.j2:1:18 «strange»
      help: did you mean `string`?
    ");
    assert_snapshot!(failure("{{ nope() }}"), @"
    template-unknown-function: there is no function `nope`
      templates/stack.yaml.j2:1:4 «nope()»
    ");
    assert_snapshot!(failure("{{ resolv('ssm:/x') }}"), @r"
    template-unknown-function: there is no function `resolv`
      templates/stack.yaml.j2:1:4 «resolv('ssm:/x')»
      help: did you mean `resolve`?
    ");
    assert_snapshot!(failure("{{ project.nope() }}"), @"
    template-error: unknown method: string has no method named nope
      templates/stack.yaml.j2:1:11 «.nope()»
    ");
    assert_snapshot!(failure("{{ project + 1 }}"), @"
    template-error: tried to use + operator on unsupported types string and number
      templates/stack.yaml.j2:1:4 «project + 1»
    ");
    assert_snapshot!(failure("a: 1\n{{ raise('pick a region') }}"), @"
    template-error: pick a region
      templates/stack.yaml.j2:2:4 «raise('pick a region')»
    ");
    assert_snapshot!(failure("{{ resolve('s3:x') }}"), @"
    template-error: `s3:x` is not a dynamic reference such as `ssm:/path`, `ssm-secure:/path` or `secretsmanager:name`
      templates/stack.yaml.j2:1:4 «resolve('s3:x')»
    ");
}

#[test]
fn errors_in_included_templates_show_the_includes() {
    let others = [
        ("templates/net.j2", "vpc: 1\nsubnet: {{ vars.subnt }}\n"),
        ("templates/deep.j2", "{% include 'net.j2' %}"),
    ];
    assert_snapshot!(failure_with("a: 1\n{% include 'net.j2' %}", &others), @"
    template-undefined: `vars.subnt` is not defined
      templates/net.j2:2:12 «vars.subnt»
      templates/stack.yaml.j2:2:4 «include 'net.j2'» included from here
      help: set `subnt` under `[vars]` in the manifest, or write `{{ vars.subnt | default(…) }}`
    ");
    assert_snapshot!(failure_with("a: 1\n{% include 'deep.j2' %}", &others), @"
    template-undefined: `vars.subnt` is not defined
      templates/net.j2:2:12 «vars.subnt»
      templates/deep.j2:1:4 «include 'net.j2'» included from here
      templates/stack.yaml.j2:2:4 «include 'deep.j2'» included from here
      help: set `subnt` under `[vars]` in the manifest, or write `{{ vars.subnt | default(…) }}`
    ");
    assert_snapshot!(failure_with("{% import 'net.j2' as net %}", &others), @"
    template-undefined: `vars.subnt` is not defined
      templates/net.j2:2:12 «vars.subnt»
      templates/stack.yaml.j2:1:4 «import 'net.j2' as net» included from here
      help: set `subnt` under `[vars]` in the manifest, or write `{{ vars.subnt | default(…) }}`
    ");
    assert_snapshot!(failure("{% include 'gone.j2' %}"), @"
    template-include: tried to include non-existing template 'gone.j2'
      templates/stack.yaml.j2:1:4 «include 'gone.j2'»
      help: use a path relative to the template's folder, without `..`
    ");
    assert_snapshot!(failure("{% include '../manifest.toml' %}"), @"
    template-include: the included template `templates/../manifest.toml` has a `..` in its path
      templates/stack.yaml.j2:1:4 «include '../manifest.toml'»
      help: use a path relative to the template's folder, without `..`
    ");
    assert_snapshot!(failure("{% include '/etc/hostname' %}"), @"
    template-include: the included template `/etc/hostname` is an absolute path
      templates/stack.yaml.j2:1:4 «include '/etc/hostname'»
      help: use a path relative to the template's folder, without `..`
    ");
    let broken = [("templates/broken.j2", "x: {{ a b }}")];
    assert_snapshot!(failure_with("{% include 'broken.j2' %}", &broken), @"
    template-syntax: syntax error: unexpected identifier, expected end of variable block
      templates/broken.j2:1:9 «b»
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
}

#[test]
fn the_sent_text_is_ascii_and_at_most_a_megabyte() {
    let body = |text: &str| {
        let rendered = try_render(text, &[]).unwrap();
        let parsed = Template::parse(rendered.source()).unwrap();
        rendered.body(&parsed).map(Cow::into_owned)
    };
    let plain = "Resources: {}  # as it stands\n";
    assert_eq!(body(plain).unwrap(), plain);
    assert_snapshot!(body("Description: grüße # ü\n").unwrap(), @r#"Description: "gr\xfc\xdfe""#);

    let error = body("D: {% for i in range(9999) %}{{ 'x' * 110 }}{% endfor %}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rendered template has 1099893 bytes, over CloudFormation's limit of 1048576"
    );
}

const REALISTIC: &str = "\
{#- The stack of one environment. -#}
{% macro tag(name) %}{ Key: Name, Value: {{ name }} }{% endmacro -%}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: {{ environment }}-file-métadata
      Tags: [{{ tag(project) }}]
{%- for cidr in allowed_ssh_cidrs %}
  Rule{{ loop.index }}:
    CidrIp: {{ cidr }}
{%- endfor %}
{%- if vars.flag %}
  Instance:
    InstanceType: {{ vars.instance_type }}
    KeyName: {{ key_pair | upper }}
    Cidrs: {{ allowed_ssh_cidrs | tojson }}
    Code: {{ artifacts.handler.key }}
{% include 'net.j2' %}
{%- endif %}
";

fn realistic() -> RenderedTemplate {
    try_render(
        REALISTIC,
        &[("templates/net.j2", "  Vpc: {{ vars.days }}\n")],
    )
    .unwrap()
}

/// Returns the source of the given text of the rendered template.
pub(super) fn located(rendered: &RenderedTemplate, text: &str) -> String {
    let start = rendered.text().find(text).unwrap();
    let location = rendered.locate(start..start + text.len()).unwrap();
    let (line, column) = location.source.position(location.span.start);
    format!(
        "{}:{line}:{column} «{}» {}",
        location.source.name,
        &location.source.text[location.span],
        location.manifest_key.as_deref().unwrap_or("-")
    )
}

#[test]
fn every_place_is_mapped_to_its_source() {
    let rendered = realistic();
    let key = text("{{ artifacts.handler.key }}");
    assert_snapshot!(rendered.text().replace(&key, "KEY"), @r#"
    Resources:
      Bucket:
        Type: AWS::S3::Bucket
        Properties:
          BucketName: dev-file-métadata
          Tags: [{ Key: Name, Value: file-metadata }]
      Rule1:
        CidrIp: 203.0.113.7/32
      Instance:
        InstanceType: t2.micro
        KeyName: OPS
        Cidrs: ["203.0.113.7/32"]
        Code: KEY
      Vpc: 30
    "#);
    let at = |text| located(&rendered, text);
    assert_snapshot!(at("AWS::S3::Bucket"), @"templates/stack.yaml.j2:5:11 «AWS::S3::Bucket» -");
    assert_snapshot!(at("dev"), @"templates/stack.yaml.j2:7:22 «environment» environment");
    assert_snapshot!(at("-file-métadata"), @"templates/stack.yaml.j2:7:36 «-file-métadata» -");
    assert_snapshot!(at("dev-file-métadata"), @"templates/stack.yaml.j2:7:22 «environment }}-file-métadata» environment");
    assert_snapshot!(at("Key: Name"), @"templates/stack.yaml.j2:8:17 «tag(project)» -");
    assert_snapshot!(at("203.0.113.7/32"), @"templates/stack.yaml.j2:11:16 «cidr» -");
    assert_snapshot!(at("CidrIp"), @"templates/stack.yaml.j2:11:5 «CidrIp» -");
    assert_snapshot!(at("t2.micro"), @"templates/stack.yaml.j2:15:22 «vars.instance_type» vars.instance_type");
    assert_snapshot!(at("InstanceType: t2.micro"), @"templates/stack.yaml.j2:15:5 «InstanceType: {{ vars.instance_type» vars.instance_type");
    assert_snapshot!(at("OPS"), @"templates/stack.yaml.j2:16:17 «key_pair | upper» -");
    assert_snapshot!(at("file-metadata/handler"), @"templates/stack.yaml.j2:18:14 «artifacts.handler.key» artifacts.handler.path");
    assert_snapshot!(at("30"), @"templates/net.j2:1:11 «vars.days» vars.days");
    assert_snapshot!(at("Vpc"), @"templates/net.j2:1:3 «Vpc» -");
}

#[test]
fn a_range_over_several_lines_has_no_manifest_key() {
    let rendered = realistic();
    let start = rendered.text().find("Bucket:").unwrap();
    let end = rendered.text().find("Tags").unwrap();
    let location = rendered.locate(start..end).unwrap();
    assert_eq!(location.manifest_key, None);
    assert!(location.source.text[location.span].starts_with("Bucket:\n    Type"));
}

#[test]
fn every_range_has_a_valid_place() {
    let rendered = realistic();
    let length = rendered.text().len();
    for start in 0..=length + 2 {
        for end in [start, start + 1, start + 40, length + 5] {
            let location = rendered.locate(start..end).unwrap();
            assert!(location.span.end <= location.source.text.len());
            assert!(location.span.start <= location.span.end, "{start}..{end}");
        }
    }
    assert_eq!(try_render("", &[]).unwrap().locate(0..1), None);
}

#[test]
fn findings_move_to_the_template_and_to_the_manifest() {
    let rendered = realistic();
    let manifest = SourceFile::new("manifest.toml", "[vars]\ninstance_type = \"t2.micro\"\n");
    let mut origins = Origins::default();
    origins.set(
        "vars.instance_type",
        Origin::Manifest {
            source: Arc::clone(&manifest),
            span: 23..33,
            environment: None,
            stack: None,
        },
    );
    let find = |text: &str| {
        let start = rendered.text().find(text).unwrap();
        Place {
            source: Arc::clone(rendered.source()),
            span: start..start + text.len(),
            label: "here".into(),
        }
    };
    let finding = Diagnostic::error("a-rule", "is wrong", find("t2.micro")).at(find("Bucket:"));
    let moved = rendered.translate(finding, &origins);
    assert_eq!(moved.severity, Severity::Error);
    assert_snapshot!(show(&moved), @r#"
    a-rule: is wrong
      templates/stack.yaml.j2:15:22 «vars.instance_type» here
      templates/stack.yaml.j2:4:3 «Bucket:» here
      manifest.toml:2:17 «"t2.micro"» `vars.instance_type` is set here
    "#);

    let unrelated = Place {
        source: manifest,
        span: 0..6,
        label: String::new(),
    };
    let finding = Diagnostic::warning("a-rule", "is odd", unrelated);
    assert_eq!(rendered.translate(finding.clone(), &origins), finding);
}

#[test]
fn the_suggested_filters_and_tests_exist() {
    for name in failure::FILTERS {
        assert_eq!(
            text(&format!("{{{{ '{name}' is filter }}}}")),
            "true",
            "{name}"
        );
    }
    for name in failure::TESTS {
        assert_eq!(
            text(&format!("{{{{ '{name}' is test }}}}")),
            "true",
            "{name}"
        );
    }
}

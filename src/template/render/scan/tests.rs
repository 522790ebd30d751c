#![expect(clippy::unwrap_used, reason = "a test may panic")]

use indexmap::IndexMap;
use insta::assert_snapshot;

use crate::template::render::render;
use crate::template::render::tests::{
    failure, failure_with, located, project, show, text, try_render,
};

#[test]
fn dynamic_references_pass_through() {
    for written in [
        "a: '{{resolve:ssm:/a/b}}'\nb: {{resolve:secretsmanager:s:SecretString:k}}\n",
        "{\"a\":{\"b\":\"{{resolve:ssm-secure:/a:1}}\"}}",
        "é: {{resolve:ssm:/é}} {{{resolve:ssm:/b}}}\n",
        "{% raw %}{{resolve:ssm:/a}} {{resolve:ssm:/b{% endraw %}",
    ] {
        let expected = written.replace("{% raw %}", "").replace("{% endraw %}", "");
        assert_eq!(text(written), expected);
    }
    assert_eq!(
        text("{{resolve:ssm:/{{ environment }}/{{ project }}:1}} {{ environment }}"),
        "{{resolve:ssm:/dev/file-metadata:1}} dev"
    );
    assert_eq!(
        text("{% set x %}{{resolve:ssm:/a}}{% endset %}{{ x | tojson }}"),
        "\"{{resolve:ssm:/a}}\""
    );
    assert_eq!(text("{{ '{{resolve:ssm:/a}}' }}"), "{{resolve:ssm:/a}}");
    let rendered = try_render("a: {{resolve:ssm:/a}}\nb: {{ project }}\n", &[]).unwrap();
    assert_eq!(
        located(&rendered, "file-metadata"),
        "templates/stack.yaml.j2:2:7 «project» project"
    );
    assert_eq!(
        located(&rendered, "{{resolve:ssm:/a}}"),
        "templates/stack.yaml.j2:1:4 «{{resolve:ssm:/a}}» -"
    );
    for template in [
        "a: {{resolve:ssm:/a}\nb: 1 }}\n",
        "a: {{resolve:ssm:/{{ project }}\n",
    ] {
        assert!(
            failure(template).contains(":1:4 «{{resolve:ssm:"),
            "{}",
            failure(template)
        );
    }
}

#[test]
fn a_comment_that_was_meant_as_text_is_an_error_where_it_begins() {
    assert_snapshot!(failure("a: |\n  echo \"${#disks[@]} disks\"\nb: {# the worker #} 1\n"), @"
    template-comment: `{#` in `${#disks[@]}` starts a comment of the template engine
      templates/stack.yaml.j2:2:10 «{#»
      help: write `{% raw %}${#disks[@]}{% endraw %}`, or put all of the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("a: 'n=${#a[@]}'\n"), @"
    template-comment: `{#` in `${#a[@]}` starts a comment of the template engine
      templates/stack.yaml.j2:1:8 «{#»
      help: write `{% raw %}${#a[@]}{% endraw %}`, or put all of the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("a: |\n  x {#1\nb: {# the worker #} 1\n"), @"
    template-comment: the comment contains another `{#`, and comments cannot be nested
      templates/stack.yaml.j2:2:5 «{#»
      templates/stack.yaml.j2:3:18 «#}» the comment ends here
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("a: Your code is {####}.\n"), @"
    template-comment: `{####}` is a comment of the template engine
      templates/stack.yaml.j2:1:17 «{#»
      templates/stack.yaml.j2:1:21 «#}» the comment ends here
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    let swallowed = "a: 'x {# y'\nB:\n  C: 1\n  D:\n    - E: 2\n  F: ' #}'\n";
    assert_snapshot!(failure(swallowed), @"
    template-comment: the comment removes 5 lines that look like a part of the template
      templates/stack.yaml.j2:1:7 «{#»
      templates/stack.yaml.j2:6:8 «#}» the comment ends here
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("a: 1\nb: {# x\nc: {{ project }}\n"), @"
    template-syntax: the comment `{#` is not closed
      templates/stack.yaml.j2:2:4 «{# x»
      help: close it with `#}`
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
}

#[test]
fn a_comment_that_is_one_is_dropped() {
    for (template, expected) in [
        ("a: 1 {# why #}\n", "a: 1 \n"),
        ("{##}a: 1", "a: 1"),
        ("{####}\na: 1\n", "\na: 1\n"),
        (
            "{#- The stack.\n  Note: it has\n  a bucket: one\n-#}\na: 1\n",
            "a: 1\n",
        ),
        (
            "{#\n  Old:\n    Type: T\n    Properties:\n      A: 1\n      B: 2\n#}\na: 1\n",
            "\na: 1\n",
        ),
        ("a: {# b: 1\n c: 2\n d: 3\n e: 4 #}1\n", "a: 1\n"),
    ] {
        assert_eq!(text(template), expected);
    }
}

#[test]
fn what_is_not_closed_is_reported_where_it_opens() {
    for (template, place) in [
        ("a: 1\nb: {{ project\nc: 2\n", "2:4 «{{ project»"),
        (
            "a: 1\nb: {{ project\nc: {{ project }}\n",
            "2:4 «{{ project»",
        ),
        ("a: 1\nb: {{ project\n  | upper\nc: d\n", "2:4 «{{ project»"),
        ("a: {{ \"x }}\nb: 1\n", "1:7 «\"x }}»"),
        ("a: {{ 'x }}\nb: it's\nc: {{ project }}\n", "1:7 «'x }}»"),
        ("a: {{ 'x }}\nb: it's\n", "1:7 «'x }}»"),
        ("a: {{ f(project }}\nb: 1\n", "1:8 «(»"),
        (
            "a: 1\n{% if project\nb: 1\n{% endif %}\n",
            "2:1 «{% if project»",
        ),
        ("a: 1\n{% raw %}\nb: {{ x }}\n", "2:1 «{% raw %}»"),
        ("a: 1\n{%- raw -%}\n{% end raw %}\n", "2:1 «{%- raw -%}»"),
        ("a: 1\n{# b\nc: 1\n", "2:1 «{# b»"),
        (
            "a: 1\n{% if project %}\nb: 1\nc: 1\n",
            "2:1 «{% if project %}»",
        ),
        (
            "{% for i in [1] %}\n{% if i %}\nb: 1\n{% endfor %}\n",
            "2:1 «{% if i %}»",
        ),
        (
            "{% if 1 %}\n{% for i in [1] %}\n{% endfor %}\nb: 1\n",
            "1:1 «{% if 1 %}»",
        ),
        ("{% set x %}\nb: 1\n", "1:1 «{% set x %}»"),
        ("{% set x | upper %}\nb: 1\n", "1:1 «{% set x | upper %}»"),
        ("{% macro m(a=1) %}\nb: 1\n", "1:1 «{% macro m(a=1) %}»"),
        ("{% filter upper %}\nb: 1\n", "1:1 «{% filter upper %}»"),
        ("{% with a = 1 %}\nb: 1\n", "1:1 «{% with a = 1 %}»"),
        ("b: 1\n{% endif %}\n", "2:1 «{% endif %}»"),
        ("{% if 1 %}{% endfor %}\n", "1:11 «{% endfor %}»"),
    ] {
        let failure = failure(template);
        let shown = failure.lines().nth(1).unwrap();
        assert_eq!(
            shown.trim(),
            format!("templates/stack.yaml.j2:{place}"),
            "{failure}"
        );
    }
    assert_snapshot!(failure("a: {{ project\nb: 1\n"), @"
    template-syntax: `{{` is not closed
      templates/stack.yaml.j2:1:4 «{{ project»
      help: close it with `}}`
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("{% for i in [1] %}\n{% if i %}\n{% endfor %}\n"), @"
    template-syntax: `{% if … %}` is not closed
      templates/stack.yaml.j2:2:1 «{% if i %}»
      templates/stack.yaml.j2:3:1 «{% endfor %}» `{% endif %}` is missing before this
      help: close it with `{% endif %}`
    ");
}

#[test]
fn the_scan_reads_tags_as_the_engine_does() {
    for (template, expected) in [
        ("{{ {'a': {'b': '}}'}}.a.b }}", "}}"),
        ("{{ '%}' }}{% set a = \"{% if\" %}{{ a }}", "%}{% if"),
        ("{%- set a = 1 == 1 -%} {{- a -}} ", "true"),
        ("{% set a = {'b': 1} %}{{ a['b'] }}", "1"),
        ("{{ 'it\\'s }}' }}", "it's }}"),
        ("{{ 'a\nb' | length }}", "3"),
        (
            "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}",
            "2",
        ),
        ("{\"a\":{\"b\":{{ vars.days }}}}", "{\"a\":{\"b\":30}}"),
        (
            "{% raw %}{% if %}{{ {# {% endraw -%} \n x",
            "{% if %}{{ {# x",
        ),
        ("{% if project %}1{% elif 2 %}2{% else %}3{% endif %}", "1"),
        ("{% for a in [] %}1{% else %}2{% endfor %}", "2"),
        (
            "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}1{% endcall %}",
            "1",
        ),
        ("a}} %} #} b { { c", "a}} %} #} b { { c"),
        ("{{ (1,\n  2)\n  | length }}", "2"),
    ] {
        let rendered = try_render(template, &[])
            .unwrap_or_else(|error| panic!("{template}: {}", show(&error.diagnostics()[0])));
        assert_eq!(rendered.text(), expected, "{template}");
    }
}

#[test]
fn braces_of_another_language_name_the_way_to_write_them() {
    assert_snapshot!(failure("a: 'echo {{ m }}'\n"), @"
    template-undefined: `m` is not defined
      templates/stack.yaml.j2:1:13 «m»
      help: the available names are `project`, `environment`, `vars`, `parameters`, `artifacts`, `artifact_bucket`, `allowed_ssh_cidrs`, `key_pair`
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("a: '{% $states.input %}'\n"), @"
    template-syntax: syntax error: unexpected character
      templates/stack.yaml.j2:1:8 «$»
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
    assert_snapshot!(failure("a: '{{#if x}}'\n"), @"
    template-syntax: syntax error: unexpected character
      templates/stack.yaml.j2:1:7 «#»
      help: if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`
    ");
}

#[test]
fn private_characters_are_refused() {
    assert_snapshot!(failure("a: 1\nb: \u{91}\n").replace('\u{91}', "U+0091"), @"
    template-syntax: a private control character in the template
      templates/stack.yaml.j2:2:4 «U+0091»
      help: remove the character: YAML does not allow it either
    ");
    let (_folder, template, mut settings) = project("{{ vars.a }}", &[]);
    settings.vars.insert("a".into(), vec!["\u{92}"].into());
    let error = render(&template, &settings, &IndexMap::new()).unwrap_err();
    assert_eq!(
        error.diagnostics()[0].message,
        "`vars.a` contains a private control character"
    );
}

#[test]
fn an_included_file_is_rendered_if_its_name_asks_for_that() {
    let script = "#!/bin/bash\necho ${#a[@]} {{ m }} {% if %} {{resolve:ssm:/a}}\n";
    assert_eq!(
        try_render(
            "a: |\n  {% filter indent(2) %}{% include 'run.sh' %}{% endfilter %}",
            &[("templates/run.sh", script)]
        )
        .unwrap()
        .text(),
        "a: |\n  #!/bin/bash\n  echo ${#a[@]} {{ m }} {% if %} {{resolve:ssm:/a}}"
    );
    let rendered = try_render(
        "a: {% include 'b.txt' %}\nc: {% include 'd.jinja' %}",
        &[
            ("templates/b.txt", "é {{ m }} x"),
            ("templates/d.jinja", "{{ project }}"),
        ],
    )
    .unwrap();
    assert_eq!(rendered.text(), "a: é {{ m }} x\nc: file-metadata");
    assert_eq!(
        located(&rendered, "{{ m }} x"),
        "templates/b.txt:1:3 «{{ m }} x» -"
    );
    assert_snapshot!(
        failure_with("a: 1\n{% include 'net.yaml' %}", &[("templates/net.yaml", "b: {{ vars.days }}\n")]),
        @r#"
    template-not-rendered: `net.yaml` is not rendered, but it contains template expressions
      templates/net.yaml:1:4 «{{ vars.days }}»
      templates/stack.yaml.j2:2:4 «include 'net.yaml'» included from here
      help: rename it to `net.yaml.j2`, and change its name where it is used: only files that end in `.j2`, `.jinja` or `.jinja2` are rendered
      help: if the braces are the template's own, write `[lint] ignore = ["template-not-rendered"]` in the manifest
    "#
    );
    assert_snapshot!(
        failure_with("a: 1\n{% include 'net.j2' %}", &[("templates/net.j2", "b: 1\nc: ${#x}\n")]),
        @"
    template-comment: `{#` in `${#x}` starts a comment of the template engine
      templates/net.j2:2:5 «{#»
      templates/stack.yaml.j2:2:4 «include 'net.j2'» included from here
      help: write `{% raw %}${#x}{% endraw %}`, or put all of the text between `{% raw %}` and `{% endraw %}`
    "
    );
}

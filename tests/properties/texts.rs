//! Manifests and templates of random pieces.

use proptest::prelude::*;

use crate::targets;

/// Pieces of manifests: keys with values of every type, valid and invalid, and incomplete syntax.
const MANIFEST: [&str; 28] = [
    "project = \"demo\"\n",
    "project = 1\n",
    "environment = \"dev\"\n",
    "environment = \"Dev!\"\n",
    "region = \"eu-west-1\"\n",
    "required_version = \">=0.1\"\n",
    "required_version = \"9\"\n",
    "allowed_ssh_cidr = \"203.0.113.7/32\"\n",
    "allowed_ssh_cidr = [\"2001:db8::/32\", \"10.0.0.1/8\"]\n",
    "allow_world_ssh = true\n",
    "key_pair = \"ops\"\n",
    "keypair = \"ops\"\n",
    "tags = { owner = \"é\" }\n",
    "[artifacts.handler]\n",
    "path = \"handler\"\n",
    "path = \"../x\"\n",
    "exclude = [\"*.md\", 1]\n",
    "[parameters]\n",
    "A = { from_env = \"A\" }\n",
    "[vars]\n",
    "test_instance = false\n",
    "[environments.prod]\n",
    "[environments.prod.vars]\n",
    "timeout = \"60s\"\n",
    "[verify]\n",
    "= ",
    "\"",
    "[[",
];

/// Pieces of templates: plain YAML, expressions and statements, valid and invalid.
const TEMPLATE: [&str; 24] = [
    "Resources:\n",
    "  Bucket:\n",
    "    Type: AWS::S3::Bucket\n",
    "    Properties: {}\n",
    "{{ project }}",
    "{{ vars.flag }}",
    "{{ vars.nested.a }}\n",
    "{{ vars.ports | tojson }}",
    "{{ missing }}",
    "{% if vars.flag %}",
    "{% else %}",
    "{% endif %}\n",
    "{% for port in vars.ports %}",
    "{{ port }}",
    "{% endfor %}",
    "{%- set x = 'é' -%}",
    "{{ x }}",
    "{# a note\nof two lines #}",
    "\n",
    "  ",
    "🦀: ",
    "- ",
    "{{ \"a\nb\" }}",
    "{% raw %}{{ y }}{% endraw %}",
];

fn of(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn manifest_diagnostics_point_into_the_manifest(text in of(&MANIFEST)) {
        targets::manifest(text.as_bytes());
    }

    #[test]
    fn line_map_points_into_the_template(text in of(&TEMPLATE)) {
        targets::template(text.as_bytes());
    }
}

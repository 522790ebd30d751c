//! What a user reads about a wrong manifest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::too_many_lines, reason = "a snapshot shows the whole text")]

use super::parse;
use crate::config::ambient::Ambient;
use crate::config::settings::{Overrides, resolve};
use crate::diagnostic::SourceFile;
use crate::present::diagnostic::render;

/// Returns what a user reads about this manifest.
fn errors(text: &str) -> String {
    let manifest = parse(&SourceFile::new("manifest.toml", text));
    let error = resolve(&manifest, &Overrides::default(), &Ambient::default()).unwrap_err();
    render(error.diagnostics(), 80, false)
}

#[test]
fn every_mistake_is_reported_in_one_run() {
    insta::assert_snapshot!(errors(r#"
project = "file metadata"
enviroment = "dev"
region = "eu-west-1a"
account = 123456789012
allowed_ssh_cidr = ["203.0.113.7/24", "203.0.113.7/33", "203.0.113.7"]
allow_endpoint = "true"
tags = { "aws:owner" = "media" }

[stack]
timeout_minutes = -5

[verify]
timeout = "soon"
upload = { bucket = "BucketName" }

[environments.Prod]
key_pairs = "ops"
"#), @r#"
    error[bad-project]: `project` may not contain ` `
     --> manifest.toml:2:11
      |
    2 | project = "file metadata"
      |           ^^^^^^^^^^^^^^^
      |
      = help: a project is letters, digits and hyphens, starting with a letter,
              at most 128 characters

    error[unknown-key]: unknown key `enviroment`
     --> manifest.toml:3:1
      |
    3 | enviroment = "dev"
      | ^^^^^^^^^^
      |
      = help: did you mean `environment`?
      = help: values of your own for the template go into `[vars]`

    error[bad-region]: `region` is not an AWS region's name
     --> manifest.toml:4:10
      |
    4 | region = "eu-west-1a"
      |          ^^^^^^^^^^^^
      |
      = help: that is an availability zone; its region is `eu-west-1`

    error[wrong-type]: `account` must be a string, not an integer
     --> manifest.toml:5:11
      |
    5 | account = 123456789012
      |           ^^^^^^^^^^^^
      |
      = help: write it in quotes: `"123456789012"`

    error[bad-cidr]: `allowed_ssh_cidr` has host bits set behind its prefix of 24
     --> manifest.toml:6:21
      |
    6 | allowed_ssh_cidr = ["203.0.113.7/24", "203.0.113.7/33", "203.0.113.7"]
      |                     ^^^^^^^^^^^^^^^^
      |
      = help: the network is `203.0.113.0/24`; for the one address write
              `203.0.113.7/32`

    error[bad-cidr]: `allowed_ssh_cidr` has the prefix length `33`
     --> manifest.toml:6:39
      |
    6 | allowed_ssh_cidr = ["203.0.113.7/24", "203.0.113.7/33", "203.0.113.7"]
      |                                       ^^^^^^^^^^^^^^^^
      |
      = help: the prefix length is from 0 to 32

    error[bad-cidr]: `allowed_ssh_cidr` is an address, not a network
     --> manifest.toml:6:57
      |
    6 | allowed_ssh_cidr = ["203.0.113.7/24", "203.0.113.7/33", "203.0.113.7"]
      |                                                         ^^^^^^^^^^^^^
      |
      = help: for this one address write `203.0.113.7/32`

    error[wrong-type]: `allow_endpoint` must be a boolean, not a string
     --> manifest.toml:7:18
      |
    7 | allow_endpoint = "true"
      |                  ^^^^^^
      |
      = help: write it without quotes: `true`

    error[reserved-tag]: `tags.aws:owner` starts with `aws:`, which is reserved
     --> manifest.toml:8:10
      |
    8 | tags = { "aws:owner" = "media" }
      |          ^^^^^^^^^^^
      |
      = help: tags that start with `aws:` are set by AWS, those with `stackctl:`
              by stackctl

    error[out-of-range]: `stack.timeout_minutes` may not be -5
      --> manifest.toml:11:19
       |
    11 | timeout_minutes = -5
       |                   ^^
       |
       = help: it must be at least 1

    error[bad-duration]: `verify.timeout` is not a duration
      --> manifest.toml:14:11
       |
    14 | timeout = "soon"
       |           ^^^^^^
       |
       = help: durations look like `60s`, `5m` or `1m 30s`

    error[bad-environment]: `environments.Prod` may not contain `P`
      --> manifest.toml:17:15
       |
    17 | [environments.Prod]
       |               ^^^^
       |
       = help: an environment is lower-case letters, digits and hyphens, starting
               with a letter, at most 32 characters, because bucket names hold it

    error[unknown-key]: unknown key `key_pairs` in `environments.Prod`
      --> manifest.toml:18:1
       |
    18 | key_pairs = "ops"
       | ^^^^^^^^^
       |
       = help: did you mean `key_pair`?
       = help: values of your own for the template go into `[vars]`

    error[missing-key]: `verify.upload.file` is missing
      --> manifest.toml:15:10
       |
    15 | upload = { bucket = "BucketName" }
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `upload = { bucket = "BucketName", file =
               "tests/data/pixel.png" }`

    error[missing-key]: `verify.expect` is missing
      --> manifest.toml:15:10
       |
    15 | upload = { bucket = "BucketName" }
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `expect = { table = "TableName", key = "fileName" }`
    "#);
}

/// The smallest manifest's keys; a test adds its own below.
const SMALLEST: &str = "project = \"p\"\nenvironment = \"dev\"\nallowed_ssh_cidr = \"203.0.113.7/32\"\nkey_pair = \"ops\"\n";

/// Returns the rule, the line and the message of everything wrong with the smallest manifest and
/// `more` behind it.
fn found(more: &str) -> Vec<String> {
    let manifest = parse(&SourceFile::new(
        "manifest.toml",
        format!("{SMALLEST}{more}"),
    ));
    let result = resolve(&manifest, &Overrides::default(), &Ambient::default());
    let Err(error) = result else {
        return Vec::new();
    };
    error
        .diagnostics()
        .iter()
        .map(|problem| {
            let place = problem.places.first().unwrap();
            let (line, _) = place.source.position(place.span.start);
            format!("{line} {}: {}", problem.rule, problem.message)
        })
        .collect()
}

#[test]
fn each_mistake_is_found_alone() {
    for (more, expected) in [
        (
            "region = 5",
            "5 wrong-type: `region` must be a string, not an integer",
        ),
        (
            "allow_endpoint = 1",
            "5 wrong-type: `allow_endpoint` must be a boolean, not an integer",
        ),
        (
            "tags = []",
            "5 wrong-type: `tags` must be a table, not a list",
        ),
        (
            "stack = 1",
            "5 wrong-type: `stack` must be a table, not an integer",
        ),
        (
            "[tags]\nowner = 1",
            "6 wrong-type: `tags.owner` must be a string, not an integer",
        ),
        (
            "[stack]\ncapabilities = \"CAPABILITY_IAM\"",
            "6 wrong-type: `stack.capabilities` must be a list, not a string",
        ),
        (
            "[stack]\ntimeout_minutes = 1.5",
            "6 wrong-type: `stack.timeout_minutes` must be an integer, not a fraction",
        ),
        (
            "[stack]\nrollback_monitoring_minutes = 181",
            "6 out-of-range: `stack.rollback_monitoring_minutes` may not be 181",
        ),
        (
            "[stack]\ntimeout_minutes = 99999999999999999999",
            "6 out-of-range: this integer is too large",
        ),
        (
            "[artifacts.handler]\npython = \"3.12\"\nrequirements = \"../r.txt\"",
            "7 bad-path: `artifacts.handler.requirements` points outside the project",
        ),
        (
            "[artifacts.handler]\nexlude = []",
            "6 unknown-key: unknown key `exlude` in `artifacts.handler`",
        ),
        (
            "[ssh]\nkey = \"x\"",
            "6 unknown-key: unknown key `key` in `ssh`",
        ),
        (
            "[verify.upload]\nbuckets = 1\nbucket = \"b\"\nfile = \"f\"\n[verify.expect]\ntable = \"t\"\nkey = \"k\"",
            "6 unknown-key: unknown key `buckets` in `verify.upload`",
        ),
        (
            "[verify]\nafter_apply = true\nexpect = { table = \"t\", key = \"k\" }",
            "7 missing-key: `verify.upload` is missing",
        ),
        (
            "[verify]\ntimeout = 60",
            "6 wrong-type: `verify.timeout` must be a string with a unit, not an integer",
        ),
        (
            "[parameters]\nP = {}",
            "6 missing-key: `parameters.P` does not say where its value is",
        ),
        (
            "[parameters]\nP = { from = \"X\" }",
            "6 unknown-key: unknown key `from` in `parameters.P`",
        ),
        (
            "[parameters]\nP = [\"a,b\"]",
            "6 bad-parameter: `parameters.P` has an item with a comma, which would split it",
        ),
        (
            "[parameters]\nP = [[1]]",
            "6 wrong-type: `parameters.P` must be a list of plain values, not a list",
        ),
        (
            "[parameters]\n\"P-1\" = 1",
            "6 bad-parameter: `parameters.P-1` is not a CloudFormation parameter's name",
        ),
        (
            "emulator = true",
            "5 misplaced-key: `emulator` has no meaning here",
        ),
        (
            "[environments.x]\nenvironment = \"y\"",
            "6 misplaced-key: `environments.x.environment` has no meaning here",
        ),
        (
            "environments = 1",
            "5 wrong-type: `environments` must be a table, not an integer",
        ),
        (
            "[environments]\nprod = 1",
            "6 wrong-type: `environments.prod` must be a table, not an integer",
        ),
        (
            "[environments.prod]\nallowed_ssh_cidr = \"::/0\"",
            "6 world-ssh: `::/0` opens SSH to the world",
        ),
        (
            "region = \"a\nprofile = \"b\"",
            "5 syntax: this is not TOML: invalid basic string, expected `\"`",
        ),
        (
            "key_pair = \"again\"",
            "5 syntax: this is not TOML: duplicate key",
        ),
    ] {
        let found = found(more);
        assert!(found.contains(&expected.to_owned()), "{more}\n{found:#?}");
        if !expected.contains("missing-key") && !expected.contains("syntax") {
            assert_eq!(found.len(), 1, "{more}\n{found:#?}");
        }
    }
}

#[test]
fn parameter_has_one_source() {
    for (value, expected) in [
        ("{}", "does not say where its value is"),
        ("{ use_previous = false }", "gives it no value"),
        ("{ use_previous = 1 }", "must be a boolean"),
        (
            "{ use_previous = true, from_env = \"X\" }",
            "has two sources",
        ),
        ("{ use_previus = true }", "unknown key `use_previus`"),
        (
            "{ from_ssm = \"a/b\" }",
            "is not the name of an SSM parameter",
        ),
        ("{ from_ssm = \"\" }", "is empty"),
        ("{ from_secret = \"db#\" }", "names no key after `#`"),
        ("{ from_secret = 1 }", "must be a string"),
        (
            "{ from_secret = \"db\", from_ssm = \"/db\" }",
            "has two sources",
        ),
    ] {
        let found = found(&format!("[parameters]\nA = {value}"));
        assert_eq!(found.len(), 1, "{value}: {found:#?}");
        assert!(found[0].contains(expected), "{value}: {found:#?}");
    }
}

#[test]
fn every_wrong_item_of_a_list_is_reported() {
    let cidrs = found("[environments.x]\nallowed_ssh_cidr = [\"10.0.0.1/8\", \"::/0\", \"1/2\"]");
    assert_eq!(cidrs.len(), 3, "two wrong ones, and the world: {cidrs:#?}");
    let capabilities = found("[stack]\ncapabilities = [\"CAPABILITY_IM\", \"x\"]");
    assert_eq!(capabilities.len(), 2, "{capabilities:#?}");
}

#[test]
fn what_is_right_is_let_pass() {
    for more in [
        "",
        "allow_world_ssh = true\n[environments.x]\nallow_world_ssh = true\nallowed_ssh_cidr = [\"0.0.0.0/0\"]",
        "[vars]\nlist = [1, [2]]\nnested = { a = 1979-05-27 }\nratio = 1_0.5",
        "[parameters]\nA = 1\nB = true\nC = [\"x\", 2]\nD = { from_env = \"X\" }\nE = 1.10\nF = { use_previous = true }\nG = { from_ssm = \"/a:3\" }\nH = { from_secret = \"a#b\" }",
        "[stack]\ncapabilities = []\ntermination_protection = true\nrole_arn = \"arn:aws:iam::123456789012:role/x\"\ntimeout_minutes = 30",
        "[artifacts]\n[artifacts.a]\n[artifacts.b]\npath = \"c\"\nexclude = [\"*.md\"]",
        "[environments.local]\nemulator = true\nvars.x = 1\nverify = { timeout = \"5s\" }",
        "[ssh]\naddress = [\"Ip\", \"Dns\"]\nuser = \"ubuntu\"",
    ] {
        assert_eq!(found(more), Vec::<String>::new(), "{more}");
    }
}

#[test]
fn a_key_below_a_table_header_is_found_again() {
    insta::assert_snapshot!(errors(r#"environment = "dev"

[vars]
size = "large"
project = "p"
"#), @r#"
    error[missing-key]: `project` is missing
     --> manifest.toml:1:20
      |
    1 | environment = "dev"
      |                    ^ add `project = "site"` below this line
    ...
    5 | project = "p"
      | ------- this one belongs to `[vars]`
      |
      = help: move it above the first `[table]`
    "#);
}

#[test]
fn a_misnamed_environments_table_is_understood() {
    insta::assert_snapshot!(errors(r#"project = "p"
allowed_ssh_cidr = "203.0.113.7/32"
key_pair = "ops"

[environment.prod]
region = "eu-west-1"
"#), @r"
    error[wrong-type]: `environment` must be a string, not a table
     --> manifest.toml:5:2
      |
    5 | [environment.prod]
      |  ^^^^^^^^^^^
      |
      = help: did you mean `[environments.prod]`?
    ");
}

#[test]
fn ssh_open_to_the_world_is_refused() {
    insta::assert_snapshot!(errors(r#"project = "p"
environment = "dev"
allowed_ssh_cidr = ["203.0.113.7/32", "0.0.0.0/0"]
key_pair = "ops"

[environments.prod]
allow_world_ssh = true
"#), @r#"
    error[world-ssh]: `0.0.0.0/0` opens SSH to the world
     --> manifest.toml:3:39
      |
    3 | allowed_ssh_cidr = ["203.0.113.7/32", "0.0.0.0/0"]
      |                                       ^^^^^^^^^^^ far more than your own network
      |
      = help: name your own address or network, such as `203.0.113.7/32`
      = help: if everyone really is meant, write `allow_world_ssh = true` beside
              it
    "#);
}

#[test]
fn an_empty_manifest_says_what_it_needs() {
    insta::assert_snapshot!(errors(""), @r#"
    error[missing-key]: `project` is missing
     --> manifest.toml:1:1
      |
    1 |
      | ^ add `project = "site"` here
    "#);
}

#[test]
fn broken_toml_does_not_bring_errors_about_what_could_not_be_read() {
    insta::assert_snapshot!(errors("project = file-metadata\n[vars\nregion = \"eu-west-1\"\nallow_endpoint = 3\n"), @r#"
    error[syntax]: this is not TOML: invalid boolean, expected `false`
     --> manifest.toml:1:11
      |
    1 | project = file-metadata
      |           ^^^^^^^^^^^^^
      |
      = help: text is written in quotes: `"file-metadata"`

    error[syntax]: this is not TOML: unclosed table, expected `]`
     --> manifest.toml:2:6
      |
    2 | [vars
      |      ^
    "#);
}

/// Returns every dotted key of a schema; `*` stands for a name of the user's own.
fn schema_keys(schema: &serde_json::Value, prefix: &str, keys: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(|it| it.as_object()) {
        for (key, inner) in properties {
            keys.push(format!("{prefix}{key}"));
            schema_keys(inner, &format!("{prefix}{key}."), keys);
        }
    }
    if let Some(inner) = schema.get("additionalProperties") {
        schema_keys(inner, &format!("{prefix}*."), keys);
    }
}

/// The walk accepts exactly the schema's keys: each, given a value that cannot be right, is reported
/// as such and never as unknown; and of a table's keys the walk lists those of the schema.
#[test]
fn the_walk_and_the_schema_know_the_same_keys() {
    let schema = super::layer_schema(super::Scope::Merged);
    let mut keys = Vec::new();
    schema_keys(&schema, "", &mut keys);
    assert!(keys.len() > 35, "{keys:?}");
    for key in &keys {
        let text = format!("{} = 1979-05-27\n", key.replace('*', "x"));
        let manifest = parse(&SourceFile::new("manifest.toml", text));
        for problem in manifest.diagnostics() {
            assert_ne!(problem.rule, "unknown-key", "{key}: {}", problem.message);
        }
    }
    let mut tables: Vec<&str> = keys
        .iter()
        .filter_map(|key| Some(key.rsplit_once('.')?.0))
        .collect();
    tables.push("");
    tables.retain(|table| !table.ends_with('*') || table.starts_with("artifacts"));
    for table in tables {
        let text = format!(
            "{}zzz = 1\n",
            if table.is_empty() {
                String::new()
            } else {
                format!("[environments.e.{}]\n", table.replace('*', "x"))
            }
        );
        let manifest = parse(&SourceFile::new("manifest.toml", text));
        let unknown = manifest
            .diagnostics()
            .iter()
            .find(|it| it.rule == "unknown-key")
            .unwrap();
        let listed: Vec<&str> = unknown.help[0].split('`').skip(1).step_by(2).collect();
        let expected: Vec<&str> = keys
            .iter()
            .map(|key| key.rsplit_once('.').unwrap_or(("", key)))
            .filter(|(parent, _)| *parent == table)
            .map(|(_, key)| key)
            .collect();
        if table.is_empty() {
            assert_eq!(listed.last(), Some(&"environments"));
            let elsewhere = ["emulator", "watch", "needs", "stack_set"];
            let mut top: Vec<&str> = expected;
            top.retain(|key| !elsewhere.contains(key));
            top.extend(["stacks", "environments"]);
            assert_eq!(listed, top);
        } else {
            assert_eq!(listed, expected, "[{table}]");
        }
    }
}

#[test]
fn the_schema_is_for_editors() {
    let schema = super::schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["project"]));
    assert_eq!(schema["properties"]["account"]["pattern"], "^[0-9]{12}$");
    let environment = &schema["properties"]["environments"]["additionalProperties"];
    assert_eq!(environment["additionalProperties"], false);
    assert_eq!(environment["properties"]["emulator"]["type"], "boolean");
    assert_eq!(schema["properties"].get("emulator"), None);
    assert_eq!(environment["properties"].get("environment"), None);
    let mut keys = Vec::new();
    schema_keys(&schema, "", &mut keys);
    for key in keys {
        let pointer = key
            .split('.')
            .fold(String::new(), |pointer, part| match part {
                "*" => format!("{pointer}/additionalProperties"),
                part => format!("{pointer}/properties/{part}"),
            });
        let description = schema.pointer(&pointer).unwrap().get("description");
        assert!(description.is_some(), "{key} has no description");
    }
    let text = schema.to_string();
    assert!(!text.contains("null") && !text.contains("$ref"), "{text}");
    let artifact = &schema["properties"]["artifacts"]["additionalProperties"];
    let artifact = &artifact["properties"];
    assert_eq!(artifact["build"]["items"]["type"], "string");
    assert_eq!(artifact["python"]["pattern"], r"^3\.(9|1[0-4])$");
}

/// Cuts, swaps and doubles pieces of the shipped manifest: whatever comes of it is read and drawn.
#[test]
fn mutilated_manifests_are_read_without_harm() {
    let shipped = include_str!("../../../manifest.toml");
    let chars: Vec<char> = shipped.chars().collect();
    let mut texts = Vec::new();
    for (index, strange) in (0..chars.len())
        .step_by(3)
        .zip("[]{}\"'=.,\n#\\-0e\u{feff}é".chars().cycle())
    {
        let (before, after) = chars.split_at(index);
        let before: String = before.iter().collect();
        let after: String = after.iter().collect();
        texts.push(format!("{before}{strange}{after}"));
        texts.push(format!("{before}{}", after.get(7..).unwrap_or_default()));
        texts.push(before);
    }
    for text in texts {
        let manifest = parse(&SourceFile::new("manifest.toml", text));
        if let Err(error) = resolve(&manifest, &Overrides::default(), &Ambient::default()) {
            assert!(!error.diagnostics().is_empty());
            render(error.diagnostics(), 80, true);
        }
    }
}

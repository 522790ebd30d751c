//! What a user reads about a wrong manifest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::too_many_lines, reason = "a snapshot shows the whole text")]

use super::parse;
use crate::ambient::Ambient;
use crate::diagnostic::SourceFile;
use crate::present::diagnostic::render;
use crate::settings::{Overrides, resolve};

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

    error[missing-key]: `key_pair` is missing
     --> manifest.toml:7:24
      |
    7 | allow_endpoint = "true"
      |                        ^ add `key_pair = "ops"` below this line
      |
      = help: the test instance needs it; `vars.test_instance = false` leaves
              that out

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

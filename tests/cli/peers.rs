//! Templates with local paths, as the AWS CLI and the AWS SAM CLI package them.
//!
//! `scripts/peer-packaging.py` recorded what the peers make of each template. stackctl must make the
//! same of it, except for the differences that are listed here with their reasons. Buckets and keys
//! are not compared. In a SAM resource, a URL and a map count as the same reference: the peers write a
//! URL, but stackctl's bucket may be a function, which the transform accepts only in a map.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const RECORDS: &str = include_str!("peers/packaging.json");
const BUCKET: &str = "peers-bucket";
const MANIFEST: &str =
    "project = \"peers\"\ntemplate = \"template.json\"\nartifact_bucket = \"peers-bucket\"\n";

/// The cases in which stackctl differs from a peer on purpose: the reason, the peer, the cases.
const DIFFERENCES: [(&str, &str, &[&str]); 15] = [
    (
        "the AWS CLI does not know the property",
        "aws",
        &[
            "serverless web function",
            "serverless http api",
            "serverless graphql api: schema",
            "serverless graphql api: function",
            "serverless graphql api: resolver",
            "stack set",
            "module version",
            "resource version",
            "http api",
            "Resolver: CodeS3Location",
            "FunctionConfiguration: CodeS3Location",
        ],
    ),
    ("sam does not know the property", "sam", &["repository"]),
    (
        "the AWS CLI packages the template's whole folder if the property is absent",
        "aws",
        &[
            "serverless function: absent",
            "serverless function: inline",
            "function: absent",
            "globals",
        ],
    ),
    (
        "sam packages the template's whole folder if the property is absent",
        "sam",
        &["serverless function: absent", "function: absent"],
    ),
    (
        "sam copies the property from Globals into the function, which the transform does anyway",
        "sam",
        &["globals"],
    ),
    (
        "the peers package caches, version control and the files of a desktop",
        "aws",
        &["serverless function: caches"],
    ),
    (
        "the peers package caches, version control and the files of a desktop",
        "sam",
        &["serverless function: caches"],
    ),
    (
        "the AWS CLI leaves a local image, which CloudFormation refuses",
        "aws",
        &["serverless function: image", "function: image"],
    ),
    (
        "stackctl writes the nested stack that the transform makes of the application",
        "aws",
        &["serverless application: file"],
    ),
    (
        "stackctl writes the nested stack that the transform makes of the application",
        "sam",
        &["serverless application: file"],
    ),
    (
        "sam looks the application up in the repository, which needs an account",
        "sam",
        &["serverless application: object"],
    ),
    (
        "sam refuses a bucket without versioning; stackctl creates its bucket with versioning",
        "sam",
        &["serverless web function"],
    ),
    (
        "the AWS CLI does not look at the section Transform",
        "aws",
        &["include: section"],
    ),
    (
        "sam does not look at the section Transform",
        "sam",
        &["include: section"],
    ),
    ("sam fails with an internal error", "sam", &["loop"]),
];

/// What a program makes of a template: the packaged template and the files in its zips.
#[derive(Debug, PartialEq)]
enum Outcome {
    Packaged(Value, BTreeSet<Vec<String>>),
    Refused,
}

impl Outcome {
    /// Returns what a peer made of a template.
    fn recorded(record: &Value) -> Self {
        if record.get("error").is_some() {
            return Self::Refused;
        }
        let zips = serde_json::from_value(record["zips"].clone()).unwrap();
        Self::Packaged(with_urls(&record["template"], false), zips)
    }

    /// Returns what stackctl makes of the template and the files of a case.
    fn of(case: &Value) -> Self {
        let mut sandbox = Sandbox::new()
            .file("manifest.toml", MANIFEST)
            .file("template.json", case["template"].to_string());
        let mut known = Vec::new();
        for (name, contents) in case["files"].as_object().unwrap() {
            let bytes = contents
                .as_str()
                .map_or_else(|| zipped(contents), |text| text.as_bytes().to_vec());
            sandbox = sandbox.file(name, &bytes);
            known.push(bytes);
        }
        let rendered = sandbox.run(&["render"]);
        if rendered.code() != 0 {
            return Self::Refused;
        }
        let template = serde_json::from_str(&rendered.stdout).unwrap();
        sandbox.run(&["package", "--out", "../zips"]).expect_code(0);
        let mut zips = BTreeSet::new();
        collect_zips(&sandbox.path("../zips"), &known, &mut zips);
        Self::Packaged(with_urls(&normalized(template), false), zips)
    }
}

/// Returns a zip with these files.
fn zipped(files: &Value) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files.as_object().unwrap() {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(text.as_str().unwrap().as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Adds the names of the files in each zip of a folder that is not one of the `known` files.
fn collect_zips(folder: &Path, known: &[Vec<u8>], zips: &mut BTreeSet<Vec<String>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_zips(&path, known, zips);
            continue;
        }
        let mut bytes = Vec::new();
        let mut file = std::fs::File::open(&path).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        if !known.contains(&bytes) {
            let archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            let mut names: Vec<String> = archive
                .file_names()
                .map(|name| name.unwrap().into_owned())
                .collect();
            names.sort_unstable();
            zips.insert(names);
        }
    }
}

/// Returns a packaged template without the names of bucket and keys.
fn normalized(node: Value) -> Value {
    match node {
        Value::String(text) if text.starts_with(&format!("s3://{BUCKET}/")) => {
            json!("s3://BUCKET/KEY")
        }
        Value::Array(items) => items.into_iter().map(normalized).collect(),
        Value::Object(members) => {
            let url = members.get("Fn::Sub").and_then(Value::as_str);
            if url.is_some_and(|url| url.contains(&format!("/{BUCKET}/"))) {
                return json!("https://BUCKET/KEY");
            }
            let members = members
                .into_iter()
                .map(|(name, value)| (name, normalized(value)));
            let mut node = Value::Object(members.collect());
            for (bucket, key) in [("Bucket", "Key"), ("S3Bucket", "S3Key")] {
                if node[bucket] == BUCKET {
                    node[bucket] = json!("BUCKET");
                    node[key] = json!("KEY");
                }
            }
            node
        }
        scalar => scalar,
    }
}

/// Returns a template in which the references of SAM resources and of `Globals` are URLs.
fn with_urls(node: &Value, is_serverless: bool) -> Value {
    match node {
        Value::Array(items) => items
            .iter()
            .map(|it| with_urls(it, is_serverless))
            .collect(),
        Value::Object(members) => {
            if is_serverless && *node == json!({ "Bucket": "BUCKET", "Key": "KEY" }) {
                return json!("s3://BUCKET/KEY");
            }
            let kind = node["Type"].as_str().unwrap_or_default();
            let is_serverless = is_serverless || kind.starts_with("AWS::Serverless::");
            let members = members.iter().map(|(name, value)| {
                let value = with_urls(value, is_serverless || name == "Globals");
                (name.clone(), value)
            });
            Value::Object(members.collect())
        }
        scalar => scalar.clone(),
    }
}

#[test]
fn templates_are_packaged_as_by_the_peers() {
    let records: Value = serde_json::from_str(RECORDS).unwrap();
    let cases = records["cases"].as_array().unwrap();
    assert!(cases.len() > 55, "{} cases", cases.len());
    let mut expected = BTreeSet::new();
    for (_, peer, names) in DIFFERENCES {
        expected.extend(names.iter().map(|name| (*name, peer)));
    }
    let mut found = BTreeSet::new();
    let mut shown = String::new();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let ours = Outcome::of(case);
        for peer in ["aws", "sam"] {
            let theirs = Outcome::recorded(&case[peer]);
            if ours == theirs {
                continue;
            }
            found.insert((name, peer));
            if !expected.contains(&(name, peer)) {
                shown += &format!("{name}, {peer}:\n  ours   {ours:?}\n  theirs {theirs:?}\n");
            }
        }
    }
    assert!(shown.is_empty(), "differences without a reason:\n{shown}");
    let gone: Vec<_> = expected.difference(&found).collect();
    assert!(
        gone.is_empty(),
        "differences that no longer exist: {gone:?}"
    );
}

//! The assets manifest that the AWS CDK writes beside a synthesized template (`STACK.assets.json`).
//!
//! It lists what a template refers to: files and folders with the buckets and keys where the template
//! expects them, and Docker images. Its schema is that of `cloud-assembly-schema`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::template::json;
use crate::template::node::{Map, Node};
use crate::template::syntax::place;

/// The rule of an image that only the CDK publishes.
pub const DOCKER: &str = "docker-asset";

/// The rule of an asset that the manifest does not describe as expected.
const WRONG: &str = "bad-asset";

/// A file or a folder that a template refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAsset {
    /// The path, relative to the folder of the assets manifest.
    pub path: PathBuf,
    /// Whether it is a folder that becomes a zip. A file is stored as it is.
    pub is_zipped: bool,
    /// Where the template expects it.
    pub destinations: Vec<Destination>,
    /// Its place in the assets manifest.
    pub place: Place,
}

/// The place of an asset in S3. The texts may have placeholders such as `${AWS::AccountId}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The bucket's name.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The bucket's region; `None` if it is that of the stack.
    pub region: Option<String>,
    /// The role with which the CDK publishes the asset.
    pub role: Option<String>,
}

impl FileAsset {
    /// Returns whether it is a nested template, which CloudFormation reads while it creates a change set.
    pub fn is_template(&self) -> bool {
        let name = self.path.to_string_lossy();
        !self.is_zipped && (name.ends_with(".template.json") || name.ends_with(".template.yaml"))
    }
}

impl Destination {
    /// Returns the destination in an account and a region, without placeholders.
    #[must_use]
    pub fn resolved(&self, account: &str, region: &str, partition: &str) -> Self {
        let resolve = |text: &str| {
            text.replace("${AWS::AccountId}", account)
                .replace("${AWS::Region}", region)
                .replace("${AWS::Partition}", partition)
        };
        Self {
            bucket: resolve(&self.bucket),
            key: resolve(&self.key),
            region: self.region.as_deref().map(resolve),
            role: self.role.as_deref().map(resolve),
        }
    }
}

/// Returns the path of the assets manifest of a synthesized template; `None` if the template's name is not
/// that of one.
pub fn manifest_of(template: &Path) -> Option<PathBuf> {
    let name = template.file_name()?.to_str()?;
    let stack = name.strip_suffix(".template.json")?;
    Some(template.with_file_name(format!("{stack}.assets.json")))
}

/// Returns the files and folders of an assets manifest without the template itself, and what is wrong with
/// the manifest. `template` is the name of the template's file.
pub fn read(source: &Arc<SourceFile>, template: &str) -> (Vec<FileAsset>, Vec<Diagnostic>) {
    let mut reader = Reader {
        source,
        found: Vec::new(),
    };
    let root = json::document(&source.text);
    let Some(root) = root.as_ref().filter(|root| root.as_map().is_some()) else {
        reader.wrong("the assets manifest is no JSON object", 0..0);
        return (Vec::new(), reader.found);
    };
    let mut assets = Vec::new();
    for (id, member) in members(root, "files") {
        let asset = reader.file(id, &member.node);
        assets.extend(asset.filter(|asset| asset.path != Path::new(template)));
    }
    for (_, member) in members(root, "dockerImages") {
        let place = reader.place(member.key_span.clone());
        let message = "stackctl publishes no Docker images";
        let command = format!("npx cdk-assets publish --path {}", source.name);
        reader.found.push(
            Diagnostic::error(DOCKER, message, place)
                .help(format!("build and publish it with the CDK: `{command}`"))
                .help("then write `[lint] ignore = [\"docker-asset\"]` in the manifest"),
        );
    }
    (assets, reader.found)
}

/// Returns the members of the map under a key.
fn members<'n>(
    node: &'n Node,
    key: &str,
) -> impl Iterator<Item = (&'n String, &'n crate::template::node::Member)> {
    let map: Option<&Map> = node.get(key).and_then(Node::as_map);
    map.into_iter().flatten()
}

struct Reader<'s> {
    source: &'s Arc<SourceFile>,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn place(&self, span: std::ops::Range<usize>) -> Place {
        place(self.source, span, "")
    }

    fn wrong(&mut self, message: impl Into<String>, span: std::ops::Range<usize>) {
        let place = self.place(span);
        self.found.push(
            Diagnostic::error(WRONG, message, place)
                .help("run `cdk synth` again; stackctl reads the assets manifests of CDK 2"),
        );
    }

    fn file(&mut self, id: &str, node: &Node) -> Option<FileAsset> {
        let span = node.span.clone();
        let source = node.get("source");
        if let Some(program) = source.and_then(|source| source.get("executable")) {
            let place = self.place(program.span.clone());
            let message = "a program makes this asset, and stackctl does not run it";
            self.found
                .push(Diagnostic::error(WRONG, message, place).help(format!(
                    "publish the assets with the CDK: `npx cdk-assets publish --path {}`",
                    self.source.name
                )));
            return None;
        }
        let text = |node: Option<&Node>, key: &str| {
            let text = node?.get(key)?.as_str()?;
            Some(text.to_owned())
        };
        let Some(path) = text(source, "path") else {
            self.wrong(format!("the asset `{id}` has no path"), span);
            return None;
        };
        let is_zipped = match text(source, "packaging").as_deref() {
            Some("zip") => true,
            None | Some("file") => false,
            Some(other) => {
                self.wrong(
                    format!("the asset `{id}` has the packaging `{other}`"),
                    span,
                );
                return None;
            }
        };
        let mut destinations = Vec::new();
        for (_, member) in members(node, "destinations") {
            let member = Some(&member.node);
            let (Some(bucket), Some(key)) = (text(member, "bucketName"), text(member, "objectKey"))
            else {
                self.wrong(
                    format!("a destination of the asset `{id}` has no bucket or no key"),
                    span,
                );
                return None;
            };
            destinations.push(Destination {
                bucket,
                key,
                region: text(member, "region"),
                role: text(member, "assumeRoleArn"),
            });
        }
        let span = source.map_or(span, |source| source.span.clone());
        Some(FileAsset {
            path: PathBuf::from(path),
            is_zipped,
            destinations,
            place: self.place(span),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Destination, manifest_of, read};
    use crate::diagnostic::SourceFile;

    fn shown(text: &str) -> (Vec<String>, Vec<String>) {
        let source = SourceFile::new("cdk.out/Shop.assets.json", text);
        let (assets, found) = read(&source, "Shop.template.json");
        let assets = assets.iter().map(|asset| {
            let kind = if asset.is_zipped { "zip" } else { "file" };
            let keys = asset.destinations.iter().map(|it| it.key.as_str());
            let keys: Vec<&str> = keys.collect();
            format!(
                "{} {kind} {} {}",
                asset.path.display(),
                keys.join(","),
                asset.is_template()
            )
        });
        let found = found
            .iter()
            .map(|it| format!("{}: {}", it.rule, it.message));
        (assets.collect(), found.collect())
    }

    #[test]
    fn files_folders_and_nested_templates_are_assets() {
        let destination = r#""destinations": {"a": {"bucketName": "b-${AWS::AccountId}", "objectKey": "K",
            "assumeRoleArn": "arn:${AWS::Partition}:iam::x"}}"#;
        let text = format!(
            r#"{{"version": "36.0.0", "files": {{
              "1": {{"source": {{"path": "asset.1", "packaging": "zip"}}, {destination}}},
              "2": {{"source": {{"path": "asset.2.txt", "packaging": "file"}}, {destination}}},
              "3": {{"source": {{"path": "ShopInner.nested.template.json"}}, {destination}}},
              "4": {{"source": {{"path": "Shop.template.json", "packaging": "file"}}, {destination}}}
            }}, "dockerImages": {{}}}}"#
        );
        let (assets, found) = shown(&text);
        assert_eq!(
            assets,
            [
                "asset.1 zip K false",
                "asset.2.txt file K false",
                "ShopInner.nested.template.json file K true",
            ]
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn what_cannot_be_published_is_named() {
        for (text, expected) in [
            ("", "bad-asset: the assets manifest is no JSON object"),
            ("[]", "bad-asset: the assets manifest is no JSON object"),
            (
                r#"{"files": {"a": {}}}"#,
                "bad-asset: the asset `a` has no path",
            ),
            (
                r#"{"files": {"a": {"source": {"executable": ["make"]}}}}"#,
                "bad-asset: a program makes this asset, and stackctl does not run it",
            ),
            (
                r#"{"files": {"a": {"source": {"path": "x", "packaging": "tar"}}}}"#,
                "bad-asset: the asset `a` has the packaging `tar`",
            ),
            (
                r#"{"files": {"a": {"source": {"path": "x"}, "destinations": {"d": {"bucketName": 1}}}}}"#,
                "bad-asset: a destination of the asset `a` has no bucket or no key",
            ),
            (
                r#"{"dockerImages": {"i": {"source": {"directory": "d"}}}}"#,
                "docker-asset: stackctl publishes no Docker images",
            ),
        ] {
            assert_eq!(shown(text).1, [expected], "{text}");
        }
        for odd in [
            r#"{"files": 1}"#,
            r#"{"files": {"a": 1}}"#,
            "{}",
            r#"{"dockerImages": []}"#,
        ] {
            let (assets, _) = shown(odd);
            assert!(assets.is_empty());
        }
    }

    #[test]
    fn placeholders_and_names_are_resolved() {
        let destination = Destination {
            bucket: "cdk-x-assets-${AWS::AccountId}-${AWS::Region}".to_owned(),
            key: "${AWS::Partition}/a.zip".to_owned(),
            region: Some("${AWS::Region}".to_owned()),
            role: Some("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/r".to_owned()),
        };
        let resolved = destination.resolved("123456789012", "eu-west-1", "aws");
        assert_eq!(resolved.bucket, "cdk-x-assets-123456789012-eu-west-1");
        assert_eq!(resolved.key, "aws/a.zip");
        assert_eq!(resolved.region.as_deref(), Some("eu-west-1"));
        let role = "arn:aws:iam::123456789012:role/r";
        assert_eq!(resolved.role.as_deref(), Some(role));
        let manifest = |template| manifest_of(Path::new(template));
        let expected = PathBuf::from("cdk.out/Shop.assets.json");
        assert_eq!(manifest("cdk.out/Shop.template.json"), Some(expected));
        assert_eq!(manifest("template.yaml"), None);
    }
}

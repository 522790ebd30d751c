//! Artifacts and saved plans are read as they were written.

use std::fs;
use std::io::Read;
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use stackctl::artifact::digest::Digest;
use stackctl::artifact::requirements::Packages;
use stackctl::artifact::{archive, package};
use stackctl::cloudformation::stack::Stack;
use stackctl::cloudformation::status::StackStatus;
use stackctl::config::ambient::Ambient;
use stackctl::config::manifest;
use stackctl::config::project::Project;
use stackctl::config::settings::{self, DeploymentMode, Overrides, ParameterValue};
use stackctl::diagnostic::SourceFile;
use stackctl::plan::plan_file::{Fingerprint, PlanFile, SavedChangeSet};
use stackctl::plan::{Operation, Target};

const MANIFEST: &str = "project = \"demo\"\nenvironment = \"dev\"\n[artifacts.handler]\npath = \"code\"\n\
    [vars]\ntest_instance = false\n";

/// Packages files that were created in this order, each a day after the previous one.
fn packaged(files: &[(String, Vec<u8>)]) -> package::Artifact {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("manifest.toml"), MANIFEST).unwrap();
    let mut time = SystemTime::UNIX_EPOCH;
    for (path, content) in files {
        let path = folder.path().join("code").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        time += Duration::from_hours(24);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    }
    let project = Project::find(folder.path(), None).unwrap();
    let manifest = manifest::parse(&SourceFile::new("manifest.toml", MANIFEST));
    let settings =
        settings::resolve(&manifest, &Overrides::default(), &Ambient::default()).unwrap();
    let mut built = package::build_all(&project, &settings, &Packages::default()).unwrap();
    built.swap_remove("handler").unwrap()
}

prop_compose! {
    /// Files with names that differ in case, in length and in the byte after a folder's name.
    fn files()(
        files in prop::collection::btree_map(
            "([a-c]{1,2}/)?[A-Za-c_.-][a-c0-9 é]{0,3}\\.py",
            prop::collection::vec(any::<u8>(), 0..200),
            1..8,
        ),
    ) -> Vec<(String, Vec<u8>)> {
        files.into_iter().collect()
    }
}

fn plan(words: &[String; 5], change_set: bool) -> PlanFile {
    let [account, stack, environment, template, name] = words.clone();
    let target = Target {
        account,
        region: "eu-west-1".to_owned(),
        endpoint: "AWS".to_owned(),
        stack: stack.clone(),
        environment,
    };
    let parameters = IndexMap::from([(name.clone(), ParameterValue::Plain(template.clone()))]);
    let artifacts = [(name.clone(), Digest::of(&template))];
    let files = Fingerprint::of(
        &name,
        &template,
        &parameters,
        |_| false,
        &IndexMap::new(),
        Some(change_set),
        artifacts,
    );
    let saved = SavedChangeSet {
        id: format!("arn:{name}"),
        name,
        on_failure: stackctl::cloudformation::on_failure::OnFailure::Keep,
        mode: DeploymentMode::Express,
        skips_validation: true,
    };
    let stack = Stack {
        id: format!("arn:{stack}"),
        name: stack,
        status: StackStatus::UpdateComplete,
        termination_protection: change_set,
        updated: change_set.then_some(Timestamp::UNIX_EPOCH),
        ..Stack::default()
    };
    let saved = change_set.then_some(saved);
    PlanFile::new(
        Timestamp::UNIX_EPOCH,
        &target,
        Operation::Update,
        &stack,
        saved,
        files,
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn package_is_independent_of_file_order_and_age(
        (files, shuffled) in files().prop_flat_map(|files| (Just(files.clone()), Just(files).prop_shuffle())),
    ) {
        let artifact = packaged(&files);
        let other = packaged(&shuffled);
        prop_assert_eq!(&artifact.key, &other.key);
        let bytes = |artifact: &package::Artifact| {
            let mut bytes = Vec::new();
            artifact.zip().read_to_end(&mut bytes).unwrap();
            bytes
        };
        prop_assert_eq!(bytes(&artifact), bytes(&other));

        let mut read = archive::read(artifact.zip()).unwrap();
        for (path, content) in &files {
            let file = read.shift_remove(path).unwrap();
            prop_assert_eq!(file.digest, Digest::of(content), "{}", path);
        }
        prop_assert!(read.is_empty(), "{:?}", read.keys());
    }

    #[test]
    fn saved_plan_is_read_unchanged_or_rejected(
        words in prop::array::uniform5("[ -~é🦀\n\"\\\\]{0,12}"),
        change_set in any::<bool>(),
        place in any::<Index>(),
        bit in 0..8_u32,
    ) {
        let plan = plan(&words, change_set);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        plan.write(&path).unwrap();
        prop_assert_eq!(&PlanFile::read(&path).unwrap(), &plan);

        let mut bytes = fs::read(&path).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        // Whitespace between two members is not part of the plan.
        if let Ok(read) = PlanFile::parse(&bytes, "plan.json") {
            prop_assert_eq!(read, plan);
        }
    }
}

#![expect(clippy::unwrap_used, reason = "a test")]

use jiff::{SignedDuration, Timestamp};

use super::announcement::{
    Announcement, Concern, LEASE, LOOK, WORK, concern, is_announcement, is_recent, key,
};
use super::{Collection, GRACE, Listing, References, Unknown, Version};
use crate::artifact::digest::Digest;

fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn digest(name: &str) -> String {
    Digest::of(name).hex()
}

/// Returns the key of a zip.
fn zip(name: &str) -> String {
    format!("site/code/{}.zip", digest(name))
}

/// Returns a key's versions, the newest first: `v` is a version and `m` a marker, each with its age in
/// minutes.
fn versions(key: &str, newest_first: &[(char, i64)]) -> Vec<Version> {
    let versions = newest_first.iter().enumerate();
    let versions = versions.map(|(index, (kind, minutes))| Version {
        key: key.to_owned(),
        id: format!("{kind}{index}"),
        modified: now().checked_sub(SignedDuration::from_mins(*minutes)).ok(),
        size: if *kind == 'v' { 10 } else { 0 },
        is_marker: *kind == 'm',
        is_latest: index == 0,
    });
    versions.collect()
}

/// Returns what happens to one object, in a letter and the ids of its versions.
fn outcome(key: &str, newest_first: &[(char, i64)], texts: &[&str]) -> String {
    let listing = Listing::new("site", versions(key, newest_first));
    let mut references = References::new(&listing, 50);
    for text in texts {
        references.add(text);
    }
    describe(&Collection::new(&listing, &references, now()))
}

fn describe(collection: &Collection) -> String {
    let ids = |word: &str, entries: &[super::Entry]| {
        let entries = entries.iter().map(|entry| {
            let ids = entry.versions.iter().map(|it| it.id.as_str());
            format!("{word} {}", ids.collect::<Vec<_>>().join(" "))
        });
        entries.collect::<Vec<_>>()
    };
    let mut words = ids("mark", &collection.mark);
    words.extend(ids("unmark", &collection.unmark));
    words.extend(ids("delete", &collection.delete));
    words.extend(ids("announcement", &collection.announcements));
    words.extend(collection.waiting.iter().map(|_| "wait".to_owned()));
    words.extend((0..collection.kept).map(|_| "keep".to_owned()));
    words.join(", ").replace(" ,", ",").trim_end().to_owned()
}

/// The versions and their ages in minutes, the texts that refer to them, and what is done.
type Case<'a> = (&'a [(char, i64)], &'a [&'a str], &'a str);

#[test]
fn an_object_is_marked_then_deleted_and_unmarked_if_it_is_needed_again() {
    let needed = format!("S3Key: {}", zip("a"));
    let cases: [Case; 13] = [
        (&[('v', 0)], &[], "mark"),
        (&[('v', 99_999)], &[], "mark"),
        (&[('v', 99_999)], &[&needed], "keep"),
        (&[('m', 0), ('v', 99_999)], &[], "wait"),
        (&[('m', 59), ('v', 99_999)], &[], "wait"),
        (&[('m', 60), ('v', 99_999)], &[], "delete m0 v1"),
        (&[('m', 60), ('v', 99_999)], &[&needed], "unmark m0"),
        (&[('m', 0), ('v', 99_999)], &[&needed], "unmark m0"),
        // Two runs marked it at once: it is hidden since the second.
        (&[('m', 1), ('m', 61), ('v', 70)], &[], "wait"),
        (
            &[('m', 1), ('m', 61), ('v', 70)],
            &[&needed],
            "unmark m0 m1",
        ),
        // A deployment uploaded it again.
        (&[('v', 1), ('m', 80), ('v', 90)], &[], "mark"),
        (&[('v', 1), ('m', 80), ('v', 90)], &[&needed], "keep"),
        // A run was killed after it had deleted the bytes.
        (&[('m', 90)], &[], "delete m0"),
    ];
    for (newest_first, texts, expected) in cases {
        let found = outcome(&zip("a"), newest_first, texts);
        assert_eq!(found, expected, "{newest_first:?} {texts:?}");
    }
}

#[test]
fn a_young_template_is_not_marked_and_a_replaced_version_of_one_is_deleted() {
    let template = format!("site/templates/{}.yaml", digest("a"));
    let needed = template.as_str();
    let cases: [Case; 6] = [
        (&[('v', 59)], &[], "keep"),
        (&[('v', 60)], &[], "mark"),
        (&[('v', 1), ('v', 90)], &[needed], "delete v1, keep"),
        (
            &[('v', 1), ('m', 80), ('v', 90)],
            &[needed],
            "delete v2, keep",
        ),
        (&[('v', 90), ('v', 99)], &[], "mark"),
        (&[('m', 1), ('v', 99)], &[needed], "unmark m0"),
    ];
    for (newest_first, texts, expected) in cases {
        let found = outcome(&template, newest_first, texts);
        assert_eq!(found, expected, "{newest_first:?} {texts:?}");
    }
    // Lambda may read code by its version.
    assert_eq!(
        outcome(&zip("a"), &[('v', 1), ('v', 90)], &[&zip("a")]),
        "keep"
    );
}

#[test]
fn a_text_refers_to_an_object_by_its_digest_however_it_is_written() {
    let digest = digest("a");
    let texts = [
        zip("a"),
        format!("Fn::Join: ['/', [site, code, {digest}.zip]]"),
        format!("https://b.s3.eu-west-1.amazonaws.com/site%2Fcode%2F{digest}.zip?versionId=1"),
        format!("0123abcd{digest}ffff"),
        format!("é{digest}é"),
    ];
    for text in &texts {
        assert_eq!(outcome(&zip("a"), &[('v', 1)], &[text]), "keep", "{text}");
    }
    let texts = [
        digest[..63].to_owned(),
        digest.to_uppercase(),
        format!("{} {}", &digest[..32], &digest[32..]),
        zip("b"),
    ];
    for text in &texts {
        assert_eq!(outcome(&zip("a"), &[('v', 1)], &[text]), "mark", "{text}");
    }
}

#[test]
fn only_keys_of_the_project_that_stackctl_makes_are_deleted() {
    let digest = digest("a");
    let own = [
        format!("site/code/{digest}.zip"),
        format!("site/a/b/c/{digest}.zip"),
        format!("site/files/{digest}"),
        format!("site/files/{digest}.tar.gz"),
        format!("site/templates/{digest}.yaml"),
        format!("site/history/x/{digest}.zip"),
    ];
    for key in own {
        assert_eq!(
            outcome(&key, &[('m', 61), ('v', 62)], &[]),
            "delete m0 v1",
            "{key}"
        );
    }
    let others = [
        format!("site-2/code/{digest}.zip"),
        format!("other/site/code/{digest}.zip"),
        format!("sit/code/{digest}.zip"),
        format!("site/{digest}.zip"),
        format!("site/code/{digest}/x"),
        format!("site/code/x{digest}.zip"),
        format!("site/code/{}.zip", digest.to_uppercase()),
        "site/notes.txt".to_owned(),
        "site/history/dev/1.json".to_owned(),
        "site/.gc/x.json".to_owned(),
        "site".to_owned(),
    ];
    for key in others {
        assert_eq!(outcome(&key, &[('m', 61), ('v', 62)], &[]), "", "{key}");
    }
}

#[test]
fn what_is_not_known_keeps_everything_but_markers_on_what_is_needed() {
    let all = [
        versions(&zip("new"), &[('v', 99)]),
        versions(&zip("old"), &[('m', 99), ('v', 100)]),
        versions(&zip("needed"), &[('m', 99), ('v', 100)]),
        versions(&key("site", "stackctl-gc-1"), &[('v', 99)]),
    ];
    let listing = Listing::new("site", all.concat());
    let mut references = References::new(&listing, 50);
    references.add(&zip("needed"));
    references.add_unknown(Unknown::Denied("no".to_owned()));
    let collection = Collection::new(&listing, &references, now());
    assert_eq!(describe(&collection), "unmark m0, wait, keep");
    assert_eq!(collection.unknown, [Unknown::Denied("no".to_owned())]);
}

#[test]
fn the_newest_records_are_kept_and_what_they_name_is_read() {
    let record = |number: usize| format!("site/history/site-dev/{number:08}.json");
    let template = format!("site/templates/{}.yaml", digest("template"));
    let listed = (1..=5).flat_map(|number| versions(&record(number), &[('v', 10)]));
    let listed = listed.chain(versions(&template, &[('v', 10)]));
    let listed = listed.chain(versions(&zip("a"), &[('m', 70), ('v', 80)]));
    let listed = listed.chain(versions(
        "site/history/site-prod/00000001.json",
        &[('v', 1)],
    ));
    let listing = Listing::new("site", listed);
    let mut references = References::new(&listing, 3);
    let keys = |versions: Vec<&Version>| -> Vec<String> {
        versions.into_iter().map(|it| it.key.clone()).collect()
    };
    let unread = keys(references.take_unread());
    assert_eq!(
        unread,
        [
            record(3),
            record(4),
            record(5),
            "site/history/site-prod/00000001.json".to_owned()
        ]
    );
    references.add(&format!("{{\"key\": \"{template}\"}}"));
    assert_eq!(keys(references.take_unread()), [template]);
    references.add(&format!("S3Key: {}", zip("a")));
    assert_eq!(keys(references.take_unread()), [] as [String; 0]);
    let collection = Collection::new(&listing, &references, now());
    assert_eq!(
        describe(&collection),
        "mark, mark, unmark m0, keep, keep, keep, keep, keep"
    );

    // The deployed template's and the one before it are kept whatever the manifest says.
    let mut references = References::new(&listing, 0);
    assert_eq!(references.take_unread().len(), 3);
}

#[test]
fn two_records_of_deployments_that_succeeded_are_kept() {
    let record = |number: usize| format!("site/history/site-dev/{number:08}.json");
    let listed = (1..=14).flat_map(|number| versions(&record(number), &[('v', 10)]));
    let listing = Listing::new("site", listed);
    let mut references = References::new(&listing, 2);
    assert_eq!(references.take_unread().len(), 2);
    // The newest two failed.
    let older: Vec<String> = (references.take_older_records().iter())
        .map(|it| it.key.clone())
        .collect();
    let expected: Vec<String> = (5..=12).rev().map(record).collect();
    assert_eq!(older, expected);
    assert!(references.add_success(&record(9)));
    assert_eq!(references.take_older_records().len(), 4);
    assert!(references.add_success(&record(4)));
    assert!(!references.add_success(&record(2)));
    assert!(references.take_older_records().is_empty());
    let kept: Vec<usize> = (1..=14)
        .filter(|it| references.keeps(&record(*it)))
        .collect();
    assert_eq!(kept, [4, 9, 13, 14]);
}

#[test]
fn a_hidden_text_is_read_by_its_newest_version_and_a_long_one_is_not_read() {
    let template = format!("site/templates/{}.yaml", digest("template"));
    let mut listed = versions(&template, &[('m', 1), ('v', 2), ('v', 3)]);
    let read = |listed: &[Version]| -> Vec<String> {
        let listing = Listing::new("site", listed.to_vec());
        let mut references = References::new(&listing, 50);
        references.add(&template);
        let unread = references.take_unread();
        unread.into_iter().map(|it| it.id.clone()).collect()
    };
    assert_eq!(read(&listed), ["v1"]);
    listed[1].size = 1024 * 1024 + 1;
    assert_eq!(read(&listed), [] as [&str; 0]);
}

#[test]
fn a_second_look_does_no_more_than_was_shown() {
    let collect = |objects: &[(&str, &[(char, i64)])]| {
        let listed = objects
            .iter()
            .flat_map(|(name, list)| versions(&zip(name), list));
        let listing = Listing::new("site", listed);
        Collection::new(&listing, &References::new(&listing, 50), now())
    };
    let shown = collect(&[("a", &[('v', 1)]), ("b", &[('m', 60), ('v', 70)])]);
    let later = collect(&[
        ("a", &[('v', 1)]),
        ("b", &[('m', 61), ('v', 71)]),
        ("c", &[('v', 1)]),
        ("d", &[('m', 60), ('v', 70)]),
    ]);
    assert_eq!((later.mark.len(), later.delete.len()), (2, 2));
    let done = later.within(&shown);
    assert_eq!((done.mark.len(), done.delete.len()), (1, 1));
    assert_eq!(done.delete[0].key, zip("b"));
    // What was marked in the meantime, or uploaded again, is not deleted.
    let other = collect(&[
        ("a", &[('m', 60), ('v', 70)]),
        ("b", &[('v', 0), ('m', 60), ('v', 70)]),
    ]);
    let done = other.within(&shown);
    assert_eq!((done.mark.len(), done.delete.len()), (0, 0));
}

#[test]
fn an_announcement_concerns_who_needs_its_keys_while_it_holds() {
    let announced = Announcement::new(["a", "b"].into_iter());
    let read = Announcement::read(announced.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(read, announced);
    let ended = announced.clone().ended();
    let at = |minutes: i64| now().checked_sub(SignedDuration::from_mins(minutes)).ok();
    let lease = LEASE.as_mins();
    let cases = [
        (Some(&announced), at(0), "b", Concern::Running),
        (Some(&announced), at(lease - 1), "b", Concern::Running),
        (Some(&announced), at(lease), "b", Concern::Nothing),
        (Some(&announced), at(-60), "b", Concern::Running),
        (Some(&announced), at(0), "c", Concern::Nothing),
        (Some(&announced), None, "b", Concern::Running),
        (Some(&ended), at(1), "b", Concern::Ended),
        (Some(&ended), at(1), "c", Concern::Nothing),
        (None, at(1), "c", Concern::Running),
        (None, at(lease), "c", Concern::Nothing),
    ];
    for (announcement, modified, needed, expected) in cases {
        let found = concern(announcement, modified, Some(now()), [needed].into_iter());
        assert_eq!(found, expected, "{announcement:?} {modified:?} {needed}");
    }
    for content in [
        "",
        "{}",
        "[]",
        r#"{"schema":"gc-announcement/2","ended":true,"keys":[]}"#,
    ] {
        assert_eq!(Announcement::read(content.as_bytes()), None, "{content}");
    }
}

#[test]
fn an_announcement_is_deleted_when_it_no_longer_holds() {
    let announcement = key("site", "stackctl-gc-17-00ff");
    assert!(is_announcement("site", &announcement));
    assert_eq!(outcome(&announcement, &[('v', 0), ('v', 90)], &[]), "");
    assert_eq!(
        outcome(&announcement, &[('v', 60), ('v', 90)], &[]),
        "announcement v0 v1"
    );
    assert!(GRACE > LEASE);
    for other in [
        "site/.gc/stackctl-gc-1/x.json",
        "site/.gc/stackctl-gc-1",
        "site-2/.gc/stackctl-gc-1.json",
    ] {
        assert!(!is_announcement("site", other), "{other}");
    }
}

#[test]
fn a_look_counts_only_if_the_announcements_were_read_soon_after_it() {
    let after = |seconds: i64| now().checked_add(SignedDuration::from_secs(seconds)).ok();
    let looked = Some(now());
    for (listed, expected) in [
        (after(0), true),
        (after(LOOK.as_secs()), true),
        (after(LOOK.as_secs() + 1), false),
        (after(3_600), false),
        // The announcements came first.
        (after(-3_600), true),
        (None, false),
    ] {
        assert_eq!(is_recent(looked, listed), expected, "{listed:?}");
    }
    assert!(!is_recent(None, looked));
    let last_mark = SignedDuration::try_from(WORK).unwrap() + SignedDuration::from_mins(2);
    assert!(last_mark + LOOK < LEASE);
}

//! Tests of whole pages: their structure, their size, and that no text becomes markup.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod document_tests;
mod rich_tests;

use indexmap::IndexMap;
use proptest::prelude::*;

use super::markup::PageContext;
use super::page::{PageKind, page};
use super::stacks::{StackArticle, page_of_stacks};
use super::{diff, plan};
use crate::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Replacement};
use crate::config::secret::{Redactor, Secret};
use crate::diagnostic::SourceFile;
use crate::plan::Plan;
use crate::plan::comparison::Comparison;
use crate::plan::predict::Side;
use crate::template::Template;
use document_tests::Document;
use rich_tests::rich_plan;

/// Characters that mean something in HTML, and letters that never occur in the texts of the tests.
const SPECIAL: [(char, char); 5] = [('<', 'Q'), ('>', 'W'), ('&', 'Z'), ('"', 'J'), ('\'', 'K')];

/// Returns a text of the same shape without characters that mean something in HTML.
fn harmless(text: &str) -> String {
    let replaced = text.chars().map(|it| {
        let special = SPECIAL.iter().find(|(character, _)| *character == it);
        special.map_or(it, |(_, letter)| *letter)
    });
    replaced.collect()
}

fn plan_page(plan: &Plan) -> String {
    page(&plan::plan(plan, PageContext::default()))
}

/// Returns the page about two stacks, of which one failed, with a text in every place.
fn page_of_two(plan: &Plan, text: &str) -> String {
    let stack = |number: usize, is_failed: bool| StackArticle {
        label: format!("stack {text}"),
        environment: text.to_owned(),
        account: Some(text.to_owned()),
        region: Some(text.to_owned()),
        article: (!is_failed).then(|| {
            let context = PageContext::default().of_member(number, 2);
            plan::plan(plan, context)
        }),
        error: is_failed.then(|| text.to_owned()),
    };
    let stacks = [stack(0, false), stack(1, true)];
    page_of_stacks(&PageContext::default(), PageKind::Plan, text, &stacks)
}

/// Returns the page of the differences between two templates, with a text in every place.
fn diff_page(text: &str) -> String {
    let side = |value: &str, added: &str| {
        let template = serde_json::json!({
            "Description": format!("{text}{value}"),
            "Resources": {
                (format!("Topic{text}")): {
                    "Type": format!("AWS::SNS::{text}"),
                    "Properties": { (format!("Name{text}")): format!("{text}{value}"), "Lines": format!("a\n{text}\n{value}") },
                },
                (format!("{added}{text}")): { "Type": "AWS::SNS::Topic" },
            },
            "Outputs": { (format!("Out{text}")): { "Value": format!("{text}{value}") } },
        });
        Template::parse(&SourceFile::new(format!("t{text}"), template.to_string())).unwrap()
    };
    let (before, after) = (side("one", "Old"), side("two", "New"));
    let unknown = IndexMap::new();
    let sides = [&before, &after].map(|template| Side::new(template, &unknown));
    let names = ["one", "two"].map(|it| format!("{it}{text}"));
    let comparison = Comparison {
        stack: Some(format!("stack{text}")),
        code: rich_tests::code(&|place| format!("{place}{text}")),
        tags: rich_tests::values(&|place| format!("{place}{text}")),
        ..Comparison::of_templates(sides[0], sides[1], None, names)
    };
    page(&diff::diff(&comparison, None, PageContext::default()))
}

/// Returns the pages with a text in every place.
fn pages(text: &str) -> [String; 3] {
    let plan = rich_plan(&|place| format!("{place}{text}"));
    [plan_page(&plan), page_of_two(&plan, text), diff_page(text)]
}

#[track_caller]
fn check_text(text: &str) {
    let plain = harmless(text);
    for (page, plain) in pages(text).iter().zip(pages(&plain)) {
        let found = Document::parse(page);
        assert_eq!(found.elements, Document::parse(&plain).elements, "{text:?}");
    }
}

#[test]
fn hostile_text_yields_no_element_attribute_or_script() {
    for text in [
        "</style></script><script>alert(1)</script><style>*{}",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)' x='",
        "<!-- --><!DOCTYPE x><![CDATA[ ]]>",
        "]]>--!><svg/onload=alert(1)>",
        "&lt;script&gt;&#60;b&#62;&amp",
        "</title></head><body onload=x>",
        "a\n</pre></details></div></section>\nb",
        "javascript:alert(1)",
        "<a href=\"javascript:x\">`<code>` & `",
        "\u{0}<\u{202e}>\u{fdd0}\u{1b}[31m",
    ] {
        check_text(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_text_yields_markup(text in "t[<>&\"'`abimgs/=\n :;#!\\[\\]\u{202e}-]{0,60}") {
        check_text(&text);
    }
}

#[test]
fn every_text_is_in_the_page() {
    let plan = rich_plan(&|place| format!("{place}<i>"));
    let document = Document::parse(&plan_page(&plan));
    let text = document.text();
    for place in rich_tests::PLACES {
        assert!(text.contains(&format!("{place}<i>")), "{place} is missing");
    }
}

#[test]
fn a_secret_is_masked_before_it_is_escaped_or_divided() {
    let secret = "s3cr<t&value";
    let plan = rich_plan(&|place| format!("{place} {secret}"));
    let redactor = Redactor::new(&[
        Secret::new(secret),
        Secret::new("section"),
        Secret::new("details"),
    ]);
    let context = PageContext::new(redactor.into());
    let page = page(&plan::plan(&plan, context));
    // Words of the page itself that are secrets change nothing.
    let document = Document::parse(&page);
    let text = document.text();
    assert!(!text.contains("s3cr"), "{text}");
    assert!(text.contains("(secret)"));
}

#[test]
fn a_link_leads_to_an_element_and_no_id_is_used_twice() {
    for page in pages("x") {
        let document = Document::parse(&page);
        let mut ids = document.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), document.ids.len());
        for link in &document.links {
            assert!(ids.contains(link), "{link}");
        }
        assert!(document.links.len() > 3, "{:?}", document.links);
    }
}

#[test]
fn the_policy_allows_the_own_style_and_script_alone() {
    let page = plan_page(&rich_plan(&|place| place.to_owned()));
    let policy = page
        .split("Content-Security-Policy\" content=\"")
        .nth(1)
        .unwrap();
    let policy = policy.split('"').next().unwrap().replace("&#39;", "'");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    for text in ["http:", "https:", "unsafe", "*", "data:"] {
        assert!(!policy.contains(text), "{policy}");
    }
    for text in [
        "http://",
        "https://",
        "@import",
        "url(",
        "innerHTML",
        "eval(",
    ] {
        assert!(!page.contains(text), "{text}");
    }
}

#[test]
fn a_plan_without_changes_says_so() {
    let empty = Plan {
        change_set: None,
        ..Plan::default()
    };
    let document = Document::parse(&plan_page(&empty));
    assert!(
        document
            .text()
            .contains("No changes. The stack matches the files.")
    );
    assert!(!document.text().contains("Search"));
}

/// Returns a plan of many changes of all kinds, half of them in a nested stack, with long values.
fn large(number: usize, lines: usize) -> Plan {
    let actions = [Action::Add, Action::Modify, Action::Remove, Action::Modify];
    let change = |number: usize| {
        let detail = |property: usize| Detail {
            path: Some(format!("/Properties/Environment/Variables/NAME_{property}")),
            before: Some(format!("the value before {number}\n").repeat(lines)),
            after: Some(format!("the value after {number}\n").repeat(lines)),
            requires_recreation: Some("Never".to_owned()),
            evaluation: Some("Static".to_owned()),
            ..Detail::default()
        };
        Change {
            logical_id: format!("Function{number}"),
            resource_type: "AWS::Lambda::Function".to_owned(),
            action: actions[number % actions.len()].clone(),
            replacement: (number % 4 == 3).then_some(Replacement::True),
            details: (0..4).map(detail).collect(),
            ..Change::default()
        }
    };
    let mut root: Vec<Change> = (0..number / 2).map(change).collect();
    root[0].nested_change_set = Some("nested".to_owned());
    let nested = ChangeSet {
        id: "nested".to_owned(),
        changes: (0..number / 2).map(change).collect(),
        ..ChangeSet::default()
    };
    Plan {
        change_set: Some(ChangeSet {
            status: "CREATE_COMPLETE".to_owned(),
            changes: root,
            nested: vec![nested],
            ..ChangeSet::default()
        }),
        ..Plan::default()
    }
}

#[test]
fn a_page_of_500_resources_is_under_two_megabytes() {
    let page = plan_page(&large(500, 1));
    let document = Document::parse(&page);
    let text = document.text();
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(!text.contains("left out"));
    // However long the values are.
    let page = plan_page(&large(500, 50));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let document = Document::parse(&page);
    assert!(
        document
            .text()
            .contains("are left out, so that the page stays small")
    );
    assert_eq!(page.matches("data-kind=").count(), 500);
}

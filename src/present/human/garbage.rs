//! A garbage collection for people.

use super::{count, size};
use crate::plan::garbage::{Collection, Entry, Waiting};
use crate::present::json::garbage::Place;
use crate::present::style::{BOLD, DIM};
use crate::present::visible::one_line;

/// Returns what a garbage collection does.
pub fn collection(place: &Place<'_>, collection: &Collection) -> String {
    let others = match collection.others {
        0 => String::new(),
        others => format!(
            " Left alone: {} of other programs.",
            count(others, "object")
        ),
    };
    let waiting = collection.waiting.as_slice();
    [
        format!(
            "{BOLD}{}{BOLD:#} {DIM}account {}, region {}, keys {}/{DIM:#}\n",
            one_line(place.bucket),
            place.account,
            place.region,
            place.project
        ),
        section(
            "No longer needed: hidden now, deleted by a run in an hour or later",
            "~",
            &collection.mark,
        ),
        section("Needed again: no longer hidden", "+", &collection.unmark),
        section("Hidden for an hour or more: deleted", "-", &collection.delete),
        if waiting.is_empty() {
            String::new()
        } else {
            let lines: String = waiting.iter().map(line_of_waiting).collect();
            format!("\n{BOLD}Hidden, and not deleted by this run{BOLD:#}\n{lines}")
        },
        format!(
            "\n{BOLD}Gc: {} to mark, {} to unmark, {} to delete ({}), {} marked, {} kept.{BOLD:#}{others}\n",
            collection.mark.len(),
            collection.unmark.len(),
            collection.delete.len(),
            size(bytes(&collection.delete)),
            waiting.len(),
            collection.kept,
        ),
    ]
    .concat()
}

fn section(title: &str, sign: &str, entries: &[Entry]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let lines = entries.iter().map(|entry| {
        let key = one_line(&entry.key);
        format!("  {sign} {key}  {DIM}{}{DIM:#}\n", size(entry.size))
    });
    format!("\n{BOLD}{title}{BOLD:#}\n{}", lines.collect::<String>())
}

fn line_of_waiting(waiting: &Waiting) -> String {
    let until = waiting.until.map(|it| format!("  {DIM}until {it}{DIM:#}"));
    format!(
        "    {}{}\n",
        one_line(&waiting.key),
        until.unwrap_or_default()
    )
}

/// Returns the question whether to do it.
pub fn question(place: &Place<'_>, collection: &Collection) -> String {
    let delete = count(collection.delete.len(), "object");
    let lost = match collection.delete.as_slice() {
        [] => "Nothing is lost: what is marked is hidden, and not deleted yet.".to_owned(),
        deleted => format!("Lost: {delete}, {}.", size(bytes(deleted))),
    };
    format!(
        "This marks {}, unmarks {} and deletes {delete} in the bucket `{}` (account {}, region {}). \
         {lost}",
        count(collection.mark.len(), "object"),
        collection.unmark.len(),
        place.bucket,
        place.account,
        place.region
    )
}

/// Returns what was done; `failed` is the number of versions that S3 did not delete.
pub fn done(collection: &Collection, failed: usize) -> String {
    let left = match failed {
        0 => String::new(),
        left => format!(", except {}", count(left, "version")),
    };
    format!(
        "\nMarked {}, unmarked {}, deleted {} ({}){left}.",
        count(collection.mark.len(), "object"),
        collection.unmark.len(),
        collection.delete.len(),
        size(bytes(&collection.delete)),
    )
}

fn bytes(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.size).sum()
}

//! Rows in aligned columns.

use unicode_width::UnicodeWidthStr;

use crate::present::style::{BOLD, DIM};

/// Returns rows under a heading, aligned, each with a final newline.
///
/// Where a row is wider than `width`, its last cell moves to a line of its own: values are never cut.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]], width: usize) -> String {
    let mut widths = heading.map(UnicodeWidthStr::width);
    for row in rows {
        for (cell, widest) in row.iter().zip(&mut widths) {
            *widest = (*widest).max(cell.width());
        }
    }
    let total: usize = widths.iter().sum::<usize>() + 2 * N.saturating_sub(1);
    let folds = total > width && N > 1;
    let mut text = String::new();
    let heading = heading.map(str::to_owned);
    push(&mut text, &heading, &widths, folds, &|cell| {
        format!("{DIM}{cell}{DIM:#}")
    });
    for row in rows {
        push(&mut text, row, &widths, folds, &|cell| {
            format!("{BOLD}{cell}{BOLD:#}")
        });
    }
    text
}

fn push<const N: usize>(
    text: &mut String,
    row: &[String; N],
    widths: &[usize; N],
    folds: bool,
    style_first: &dyn Fn(&str) -> String,
) {
    let mut pending_space = 0;
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        if folds && column + 1 == N {
            text.push_str("\n    ");
        } else {
            text.push_str(&" ".repeat(pending_space));
        }
        if column == 0 {
            text.push_str(&style_first(cell));
        } else {
            text.push_str(cell);
        }
        pending_space = width.saturating_sub(cell.width()) + 2;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::table;

    fn plain(width: usize) -> String {
        let rows = [
            [
                "BucketName".to_owned(),
                "dev-file-metadata-bucket".to_owned(),
            ],
            ["TableArn".to_owned(), "arn".to_owned()],
        ];
        anstream::adapter::strip_str(&table(["output", "value"], &rows, width)).to_string()
    }

    #[test]
    fn columns_are_aligned() {
        insta::assert_snapshot!(plain(80), @r"
        output      value
        BucketName  dev-file-metadata-bucket
        TableArn    arn
        ");
    }

    #[test]
    fn a_narrow_terminal_moves_the_last_column_to_its_own_line() {
        insta::assert_snapshot!(plain(30), @r"
        output
            value
        BucketName
            dev-file-metadata-bucket
        TableArn
            arn
        ");
    }
}

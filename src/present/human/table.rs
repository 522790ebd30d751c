//! Tables with aligned columns.

use unicode_width::UnicodeWidthStr;

use crate::present::style::{BOLD, DIM, Style};
use crate::present::visible::one_line;

/// The indentation of cells that do not fit into the first line of a row.
const CONTINUED: &str = "    ";

/// Returns rows under a heading with aligned columns. Each row ends with a newline.
///
/// If a row is wider than `width`, the remaining cells are in the next line. Values are never truncated.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]], width: usize) -> String {
    let mut widths = heading.map(UnicodeWidthStr::width);
    let rows: Vec<_> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| one_line(cell).into_owned()))
        .collect();
    for row in &rows {
        for (cell, widest) in row.iter().zip(&mut widths) {
            *widest = (*widest).max(cell.width());
        }
    }
    let mut text = String::new();
    push(&mut text, &heading.map(str::to_owned), &widths, width, DIM);
    for row in &rows {
        push(&mut text, row, &widths, width, BOLD);
    }
    text
}

/// Adds a row with its first cell in `style`.
fn push<const N: usize>(
    text: &mut String,
    row: &[String; N],
    widths: &[usize; N],
    width: usize,
    style: Style,
) {
    let mut used = 0;
    let mut gap = 0;
    let mut aligned = true;
    for (column, (cell, widest)) in row.iter().zip(widths).enumerate() {
        if column > 0 && used + gap + cell.width() > width {
            text.push('\n');
            text.push_str(CONTINUED);
            (used, gap, aligned) = (CONTINUED.len(), 0, false);
        }
        text.push_str(&" ".repeat(gap));
        if column == 0 {
            text.push_str(&format!("{style}{cell}{style:#}"));
        } else {
            text.push_str(cell);
        }
        used += gap + cell.width();
        gap = if aligned {
            widest.saturating_sub(cell.width())
        } else {
            0
        } + 2;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::present::style;

    fn plain(width: usize) -> String {
        let rows = [
            [
                "BucketName".to_owned(),
                "dev-file-metadata-bucket".to_owned(),
            ],
            ["TableArn".to_owned(), "arn".to_owned()],
        ];
        style::plain(&table(["output", "value"], &rows, width))
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
    fn cells_that_do_not_fit_are_in_the_next_line() {
        let row = ["Queue", "AWS::SQS::Queue", "deleted", "http://q"].map(str::to_owned);
        let wide = table(["a", "b", "c", "d"], &[row], 26);
        insta::assert_snapshot!(style::plain(&wide), @r"
        a      b                c
            d
        Queue  AWS::SQS::Queue
            deleted  http://q
        ");
        insta::assert_snapshot!(plain(30), @r"
        output      value
        BucketName
            dev-file-metadata-bucket
        TableArn    arn
        ");
    }
}

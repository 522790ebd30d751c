//! A plan as it is read: at 80 and at 120 columns, without colour, and nothing wider than asked for
//! unless a value is.

use crate::demo;

#[test]
fn a_plan_reads_well_at_both_usual_widths() {
    for columns in ["80", "120"] {
        let (sandbox, _cloud) = demo::deployed();
        let sandbox = sandbox.env("COLUMNS", columns);
        sandbox.write(
            "handler/app.py",
            "def handler(event, context):\n    return 2\n",
        );
        let plan = sandbox.run(&["plan"]).expect_code(0);
        assert!(
            !plan.stdout.contains('\u{1b}'),
            "no colour in a pipe: {plan}"
        );
        let width: usize = columns.parse().unwrap();
        // Values are never cut: the artifact's key alone is wider than 80.
        let lines = plan.stdout.lines().filter(|line| !line.contains(".zip"));
        let too_wide: Vec<_> = lines.filter(|line| line.chars().count() > width).collect();
        assert_eq!(too_wide, [""; 0], "at {columns} columns");
        for part in [
            "~ Handler",
            "Code\n",
            "-     return 1\n",
            "+     return 2\n",
            "Plan: 0 to add",
        ] {
            assert!(
                plan.stdout.contains(part),
                "{part} at {columns} columns: {plan}"
            );
        }
    }
}

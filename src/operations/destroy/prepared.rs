//! What a deletion would do, as it is shown before the consent.

use super::checks::{check_exports, check_names, check_ready, full_buckets};
use super::deletion::Deletion;
use crate::cloudformation::deletion::DeletionPlan;
use crate::error::Result;
use crate::operations::deletion_plan;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::deletion::DeletionDocument;

/// A deletion that was looked at.
pub(crate) struct Prepared {
    /// What the deletion would do.
    pub(crate) plan: DeletionPlan,
    /// The names of the buckets to empty; known after the plan was checked.
    pub(super) buckets: Vec<String>,
}

impl Prepared {
    /// Looks at what the deletion would do.
    ///
    /// # Errors
    ///
    /// Refused if CloudFormation would not begin, or if the options name what the stack does not have.
    pub(crate) async fn look(deletion: &Deletion<'_>) -> Result<Self> {
        check_ready(deletion)?;
        let (session, options) = (deletion.session, deletion.options);
        let names = [options.retain.as_slice(), &options.empty];
        let look = deletion_plan::make(
            session,
            &deletion.connection,
            &deletion.store,
            &deletion.stack,
            names,
        );
        let plan = deletion.interrupt.guard(look).await?;
        check_names(deletion, &plan)?;
        Ok(Self {
            plan,
            buckets: Vec::new(),
        })
    }

    /// Forgets the importers that are deleted before this stack.
    pub(crate) fn forget_importers(&mut self, deleted: &[String]) {
        for export in &mut self.plan.exports {
            export.importers.retain(|name| !deleted.contains(name));
        }
        self.plan
            .exports
            .retain(|export| !export.importers.is_empty());
    }

    /// Returns what the deletion loses, a sentence for each resource.
    pub(crate) fn losses(&self) -> Vec<String> {
        let losses = self.plan.losses();
        let losses = losses.map(|lost| format!("{} {}", lost.path, lost.loss()));
        losses.collect()
    }

    /// Shows what the deletion would do.
    ///
    /// # Errors
    ///
    /// If the document cannot be written.
    pub(crate) fn show(&self, deletion: &Deletion<'_>) -> Result<()> {
        let (presenter, stack) = (deletion.session.presenter(), &deletion.stack);
        let deletion_plan = &self.plan;
        match deletion.options.format {
            Format::Human => presenter.data(&human::deletion::deletion_plan(
                stack,
                deletion_plan,
                deletion.mode(),
                presenter.width(),
            )),
            Format::Json => {
                let document = DeletionDocument::of(stack, deletion_plan, deletion.mode());
                presenter.json(&document)?;
            }
        }
        self.print_failures(deletion);
        Ok(())
    }

    /// Checks what keeps CloudFormation from deleting the stack.
    ///
    /// # Errors
    ///
    /// Refused if other stacks import what this one exports, or if a bucket that holds something was not
    /// named.
    pub(crate) fn check(&mut self, deletion: &Deletion<'_>) -> Result<()> {
        check_exports(&self.plan)?;
        self.buckets = full_buckets(deletion, &self.plan)?;
        Ok(())
    }

    /// Prints where an earlier deletion failed.
    fn print_failures(&self, deletion: &Deletion<'_>) {
        for failed in &self.plan.resources {
            if let ("DELETE_FAILED", Some(reason)) =
                (failed.resource.status.as_str(), &failed.resource.reason)
            {
                let path = &failed.path;
                deletion
                    .session
                    .presenter()
                    .note(&format!("The last deletion stopped at {path}: {reason}"));
            }
        }
    }
}

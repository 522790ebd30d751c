//! Deleting what nothing refers to from the artifact bucket.

mod inspection;

use tokio::time::Instant;

use crate::aws::stack::StackService;
use crate::aws::store::{Store, Undeleted, announcements, bucket, garbage};
use crate::aws::{Connection, code_storage};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::unique_name;
use crate::operations::session::{Reached, Session};
use crate::plan::garbage::announcement::{self, Announcement, WORK};
use crate::plan::garbage::readers::Readers;
use crate::plan::garbage::{Collection, Listing, Unknown};
use inspection::Inspection;

/// The prefix of the ids of announcements.
const ID: &str = "stackctl-gc-";

/// The garbage collection of one project in its artifact bucket.
#[derive(Debug)]
pub(crate) struct GarbageCollection<'a> {
    session: &'a Session<'a>,
    connection: Connection,
    store: Store,
    service: StackService,
    /// Whether Lambda reads the bucket, so that code may have to stay in it.
    serves_lambda: bool,
    inspection: Inspection,
}

/// What a garbage collection did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// What it was to do.
    pub(crate) collection: Collection,
    /// What S3 did not do.
    pub(crate) failed: Vec<Undeleted>,
}

impl<'a> GarbageCollection<'a> {
    /// Returns the garbage collection of a session's project; `None` if there is no artifact bucket.
    ///
    /// # Errors
    ///
    /// Refused if the bucket belongs to another account, serves another account or is not versioned.
    pub(crate) async fn open(session: &'a Session<'a>, reached: Reached) -> Result<Option<Self>> {
        let Reached {
            connection,
            service,
            identity,
            ..
        } = reached;
        let store = Store::new(&connection, session.settings(), &identity.account);
        if bucket::state(&store).await? == bucket::BucketState::Missing {
            return Ok(None);
        }
        let (versioned, policy) =
            tokio::try_join!(garbage::is_versioned(&store), garbage::policy(&store))?;
        let name = store.bucket();
        if !versioned {
            return Err(Error::refused(format!(
                "nothing is deleted: the bucket `{name}` is not versioned"
            ))
            .hint("without versions, an object cannot be marked before it is deleted, and a deployment that needs it would fail")
            .hint(format!("enable versioning: `aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled`")));
        }
        let readers = match &policy {
            Some(policy) => Readers::of_policy(policy, &identity.account),
            None => Some(Readers::default()),
        };
        let readers = readers.ok_or_else(|| {
            Error::refused(format!(
                "nothing is deleted: the policy of the bucket `{name}` cannot be read"
            ))
        })?;
        if !readers.others.is_empty() {
            let others: Vec<String> = readers.others.into_iter().collect();
            return Err(Error::refused(format!(
                "nothing is deleted: the bucket `{name}` serves other accounts ({})",
                others.join(", ")
            ))
            .hint(
                "the stacks of another account cannot be read, so nobody can tell what they need",
            ));
        }
        Ok(Some(Self {
            session,
            connection,
            store,
            service,
            serves_lambda: readers.lambda,
            inspection: Inspection::default(),
        }))
    }

    /// Returns the artifact bucket's name.
    pub(crate) fn bucket(&self) -> &str {
        self.store.bucket()
    }

    /// Reads the bucket and everything that may refer to it, and returns what is to be done.
    ///
    /// # Errors
    ///
    /// If a call fails, other than for a missing permission to read a text.
    pub(crate) async fn look(&mut self) -> Result<Collection> {
        let project = &self.session.settings().project;
        let listed = garbage::versions(&self.store, &format!("{project}/")).await?;
        let (versions, now) = listed.ok_or_else(|| {
            Error::input(format!(
                "there is no bucket `{}` any more",
                self.store.bucket()
            ))
        })?;
        let listing = Listing::new(project, versions);
        let references =
            self.inspection
                .references(self.session, &self.service, &self.store, &listing);
        let mut references = references.await?;
        if self.serves_lambda {
            match code_storage::keys(&self.connection, self.store.bucket()).await? {
                Some(keys) => keys.iter().for_each(|key| {
                    references.add(key);
                }),
                None => references.add_unknown(Unknown::Denied(
                    "functions and layers may keep their code in the bucket, and may not be read \
                     (`lambda:ListFunctions`, `GetFunction`, `ListLayers`, `ListLayerVersions`, \
                     `GetLayerVersion`)"
                        .to_owned(),
                )),
            }
        }
        Ok(Collection::new(&listing, &references, now))
    }

    /// Does what was shown, as far as a second look confirms it.
    ///
    /// # Errors
    ///
    /// If a call fails. What was done by then stays done, and another run does the rest.
    pub(crate) async fn collect(&mut self, shown: &Collection) -> Result<Done> {
        let project = &self.session.settings().project;
        let key = announcement::key(project, &unique_name(ID));
        let announced = Announcement::new(shown.removed());
        let begun = Instant::now();
        if shown.removed().next().is_some() {
            announcements::write(&self.store, &key, &announced).await?;
        }
        let done = self.collect_announced(shown, begun).await;
        if shown.removed().next().is_some() {
            // Otherwise, it ends by itself.
            let ended = announcements::write(&self.store, &key, &announced.ended()).await;
            if let Err(error) = ended {
                self.session.presenter().detail(&error.to_string());
            }
        }
        done
    }

    async fn collect_announced(&mut self, shown: &Collection, begun: Instant) -> Result<Done> {
        let collection = self.look().await?.within(shown);
        let in_time = || {
            if begun.elapsed() < WORK {
                return Ok(());
            }
            let message = "reading the stacks took too long to delete something after it";
            Err(Error::new(ErrorKind::Service, message).hint("run the command again"))
        };
        let store = &self.store;
        let mut failed = garbage::unmark(store, &collection.unmark).await?;
        failed.extend(garbage::mark(store, &collection.mark, in_time).await?);
        for entries in [&collection.delete, &collection.announcements] {
            failed.extend(garbage::delete_versions(store, entries, in_time).await?);
        }
        Ok(Done { collection, failed })
    }
}

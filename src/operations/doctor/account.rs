//! The credentials, the account, the region and the way to AWS.

use jiff::{SignedDuration, Timestamp};

use super::within;
use crate::aws::{self, Connection, Endpoint, Identity, Setup, needs_login};
use crate::error::Result;
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Topic, Verdict};

const ACCOUNT: Topic = Topic::Account;

/// The difference of the clocks from which on it is worth a look.
const CLOCK_WARNING: SignedDuration = SignedDuration::from_mins(1);

/// The difference of the clocks that AWS refuses: a signature is good for five minutes (IAM User Guide,
/// "Troubleshoot Signature Version 4 signed requests").
const CLOCK_LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// The time left below which a session may end while the user works.
const SHORT: SignedDuration = SignedDuration::from_mins(15);

/// The time left below which credentials that nothing renews may end before a command does.
const VERY_SHORT: SignedDuration = SignedDuration::from_mins(5);

/// The region for the question who the caller is, if none is configured.
const FALLBACK: &str = "us-east-1";

/// Connects, and checks what is configured. Returns `None` if nothing can be asked; then all checks of the
/// account are there.
pub(super) async fn connect(session: &Session<'_>, checks: &mut Vec<Check>) -> Option<Connection> {
    let setup = aws::setup(session.settings());
    let error = match session.connect().await {
        Ok(connection) => {
            checks.push(region(session, &setup, &connection));
            checks.push(endpoint(session, &connection));
            return Some(connection);
        }
        Err(error) => error,
    };
    let Setup {
        credentials,
        region,
    } = setup;
    let skipped = |name| Check::skipped(ACCOUNT, name, "nothing could be asked");
    let mut region_check = match region {
        Err(error) => Check::of_error(ACCOUNT, "region", &error),
        Ok(Some((region, origin))) => {
            Check::ok(ACCOUNT, "region", format!("{region}, from {origin}"))
        }
        Ok(None) => skipped("region"),
    };
    match credentials {
        Err(error) => {
            checks.push(Check::of_error(ACCOUNT, "credentials", &error));
            checks.push(skipped("endpoint"));
        }
        Ok(source) if region_check.verdict == Verdict::Ok => {
            // Who the caller is cannot be asked either.
            let reason = format!("from {source}; nothing could be asked");
            checks.push(Check::skipped(ACCOUNT, "credentials", reason));
            checks.push(Check::of_error(ACCOUNT, "endpoint", &error));
        }
        Ok(source) => {
            if region_check.verdict == Verdict::Skipped {
                region_check = Check::of_error(ACCOUNT, "region", &error);
            }
            checks.push(match anywhere(session).await {
                Ok(identity) => identified(&identity, &source),
                Err(error) => {
                    Check::of_error(ACCOUNT, "credentials", &error).detail(format!("from {source}"))
                }
            });
            checks.push(skipped("endpoint"));
        }
    }
    checks.push(region_check);
    for name in ["expiry", "account", "clock"] {
        checks.push(skipped(name));
    }
    None
}

/// Returns who the caller is, without a configured region.
async fn anywhere(session: &Session<'_>) -> Result<Identity> {
    let mut settings = session.settings().clone();
    settings.region = Some(FALLBACK.to_owned());
    let session = session.with_settings(settings);
    let connection = session.connect().await?;
    within(connection.identity()).await
}

/// Adds what the answer to the question who the caller is says.
pub(super) fn judge(
    session: &Session<'_>,
    connection: &Connection,
    identity: &Result<Identity>,
    checks: &mut Vec<Check>,
) {
    if session.settings().emulator {
        return;
    }
    let source = aws::setup(session.settings()).credentials;
    let source = source.unwrap_or_default();
    let ahead = session.context().pool().clock_ahead();
    match identity {
        Ok(identity) => {
            checks.push(identified(identity, &source));
            checks.push(expiry(connection, Timestamp::now()));
            checks.push(guard(session, identity));
            let region = connection.region();
            if aws::needs_opt_in(region)
                && let Some(check) = checks.iter_mut().find(|it| it.name == "region")
            {
                check.details.push("the account has enabled it".to_owned());
            }
        }
        // The credentials were loaded, and nobody took them.
        Err(error) if ahead.is_none() && connection.expiry().is_some() && !needs_login(error) => {
            let reason = format!("from {source}; nobody answered");
            checks.push(Check::skipped(ACCOUNT, "credentials", reason));
            // The endpoint that is configured is not reached.
            checks.retain(|it| it.name != "endpoint");
            checks.push(Check::of_error(ACCOUNT, "endpoint", error));
            checks.push(Check::skipped(ACCOUNT, "account", "nobody answered"));
        }
        Err(error) => {
            let check = Check::of_error(ACCOUNT, "credentials", error);
            checks.push(check.detail(format!("from {source}")));
            checks.push(Check::skipped(
                ACCOUNT,
                "account",
                "the caller is not known",
            ));
            let region = connection.region();
            if aws::needs_opt_in(region)
                && let Some(check) = checks.iter_mut().find(|it| it.name == "region")
            {
                // AWS answers so in a region that is not enabled.
                let enable = format!("`aws account enable-region --region-name {region}`");
                check.details.push(format!(
                    "an account has to enable it, and does not know the credentials before: {enable}"
                ));
            }
        }
    }
    checks.push(clock(ahead));
}

fn identified(identity: &Identity, source: &str) -> Check {
    let check = Check::ok(ACCOUNT, "credentials", identity.arn.clone());
    check.detail(format!("from {source}"))
}

/// Returns how long the credentials are valid.
fn expiry(connection: &Connection, now: Timestamp) -> Check {
    const NAME: &str = "expiry";
    let Some(expiry) = connection.expiry() else {
        return Check::skipped(ACCOUNT, NAME, "not known");
    };
    let left = |at: Timestamp| at.duration_since(now);
    match (expiry.session, expiry.credentials) {
        (Some(end), _) => {
            let summary = format!("the single sign-on session ends {}", in_words(end, now));
            if left(end) < SHORT {
                let remedy = "log in again before a long piece of work: `aws sso login`";
                Check::warning(ACCOUNT, NAME, summary).remedy(remedy)
            } else {
                Check::ok(ACCOUNT, NAME, summary)
            }
        }
        (None, Some(end)) => {
            let summary = format!("the credentials expire {}", in_words(end, now));
            if left(end) < VERY_SHORT {
                Check::warning(ACCOUNT, NAME, summary)
                    .remedy("renew them before a deployment, or see that their source does")
            } else {
                Check::ok(ACCOUNT, NAME, summary)
            }
        }
        (None, None) if expiry.is_temporary => Check::skipped(
            ACCOUNT,
            NAME,
            "not known: temporary keys of variables and files do not say until when they are valid",
        ),
        (None, None) => Check::ok(ACCOUNT, NAME, "the credentials do not expire"),
    }
}

/// Returns a time with how long it takes until then.
fn in_words(at: Timestamp, now: Timestamp) -> String {
    let minutes = at.duration_since(now).as_secs() / 60;
    let left = match minutes {
        ..=-1 => "in the past".to_owned(),
        0 => "in less than a minute".to_owned(),
        1 => "in 1 minute".to_owned(),
        2..120 => format!("in {minutes} minutes"),
        120..2880 => format!("in {} hours", minutes / 60),
        _ => format!("in {} days", minutes / 1440),
    };
    format!("{left} ({at:.0})")
}

/// Compares the account with the one that the manifest allows.
fn guard(session: &Session<'_>, identity: &Identity) -> Check {
    const NAME: &str = "account";
    if let Err(error) = session.check_account(identity) {
        return Check::of_error(ACCOUNT, NAME, &error);
    }
    let account = &identity.account;
    match &session.settings().account {
        Some(_) => Check::ok(ACCOUNT, NAME, format!("{account}, as the manifest demands")),
        None => Check::ok(ACCOUNT, NAME, account.clone())
            .detail("the manifest has no `account`, so every account is accepted"),
    }
}

fn region(session: &Session<'_>, setup: &Setup, connection: &Connection) -> Check {
    const NAME: &str = "region";
    let region = connection.region();
    let origin = match &setup.region {
        Ok(Some((_, origin))) => origin.as_str(),
        _ => "the metadata of this machine",
    };
    let found = format!("{region}, from {origin}");
    match aws::unknown_region(region) {
        Some(hint) if !session.settings().emulator && *connection.endpoint() == Endpoint::Aws => {
            Check::warning(ACCOUNT, NAME, found).remedy(hint)
        }
        _ => Check::ok(ACCOUNT, NAME, found),
    }
}

fn endpoint(session: &Session<'_>, connection: &Connection) -> Check {
    const NAME: &str = "endpoint";
    let is_allowed = session.settings().allow_endpoint;
    match connection.endpoint() {
        Endpoint::Aws => Check::ok(ACCOUNT, NAME, "AWS"),
        Endpoint::Custom(url) if is_allowed => {
            let summary = format!("{url}, which is not AWS's: `allow_endpoint = true` allows it");
            Check::ok(ACCOUNT, NAME, summary)
        }
        Endpoint::Custom(url) => Check::ok(ACCOUNT, NAME, url.clone()),
    }
}

/// Returns the check of this machine's clock, which is ahead of AWS's by this.
fn clock(ahead: Option<SignedDuration>) -> Check {
    const NAME: &str = "clock";
    let Some(ahead) = ahead else {
        return Check::skipped(ACCOUNT, NAME, "nobody answered");
    };
    let seconds = ahead.abs().as_secs();
    let amount = match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    };
    let summary = if seconds < 2 {
        "agrees with AWS's".to_owned()
    } else if ahead.is_positive() {
        format!("{amount} ahead of AWS's")
    } else {
        format!("{amount} behind AWS's")
    };
    let remedy = "set this machine's clock, for example by NTP: `sudo timedatectl set-ntp true`";
    if ahead.abs() > CLOCK_LIMIT {
        Check::failed(ACCOUNT, NAME, summary)
            .detail("AWS refuses signatures that are more than 5 minutes off")
            .remedy(remedy)
    } else if ahead.abs() > CLOCK_WARNING {
        Check::warning(ACCOUNT, NAME, summary)
            .detail("AWS refuses signatures that are more than 5 minutes off")
            .remedy(remedy)
    } else {
        Check::ok(ACCOUNT, NAME, summary)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{clock, in_words};
    use crate::plan::checkup::Verdict;

    #[test]
    fn the_clock_may_be_off_by_a_minute_and_not_by_more_than_five() {
        for (seconds, verdict, text) in [
            (0, Verdict::Ok, "agrees with AWS's"),
            (-1, Verdict::Ok, "agrees with AWS's"),
            (60, Verdict::Ok, "60 s ahead of AWS's"),
            (61, Verdict::Warning, "61 s ahead of AWS's"),
            (-300, Verdict::Warning, "5 min behind AWS's"),
            (301, Verdict::Failed, "5 min ahead of AWS's"),
            (-9000, Verdict::Failed, "2 h behind AWS's"),
        ] {
            let check = clock(Some(SignedDuration::from_secs(seconds)));
            assert_eq!((check.verdict, check.summary.as_str()), (verdict, text));
            assert_eq!(check.remedies.is_empty(), verdict == Verdict::Ok);
        }
        assert_eq!(clock(None).verdict, Verdict::Skipped);
    }

    #[test]
    fn the_time_that_is_left_is_rounded_down() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (seconds, expected) in [
            (-70, "in the past"),
            (30, "in less than a minute"),
            (119, "in 1 minute"),
            (3600, "in 60 minutes"),
            (8 * 3600 - 1, "in 7 hours"),
            (3 * 86400, "in 3 days"),
        ] {
            let at = now + SignedDuration::from_secs(seconds);
            let words = in_words(at, now);
            assert!(words.starts_with(&format!("{expected} (2026-")), "{words}");
        }
    }
}

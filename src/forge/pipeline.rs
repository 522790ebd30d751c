//! What the variables of a pipeline say: the forge, the project and the request that a run is about.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::ambient::Ambient;
use crate::config::secret::Secret;
use crate::util::regular_file;

/// The most bytes of the file that describes GitHub's event.
const EVENT: u64 = 32 * 1024 * 1024;

/// A code forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forge {
    GitHub,
    GitLab,
}

impl Forge {
    /// Returns its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
        }
    }

    /// Returns what people call a request to merge.
    pub(crate) const fn request(self) -> &'static str {
        match self {
            Self::GitHub => "pull request",
            Self::GitLab => "merge request",
        }
    }

    /// Returns the most characters of a comment. GitHub: an error of its API names the limit; GitLab:
    /// "Instance limits", size of comments.
    pub(crate) const fn limit(self) -> usize {
        match self {
            Self::GitHub => 65_536,
            Self::GitLab => 1_000_000,
        }
    }

    /// Returns the variables that may hold a token, the first that is set counts.
    pub(crate) const fn token_variables(self) -> [&'static str; 2] {
        match self {
            Self::GitHub => ["GITHUB_TOKEN", "GH_TOKEN"],
            Self::GitLab => ["GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN"],
        }
    }
}

/// A run in a pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) forge: Forge,
    /// The URL of the REST API, without a slash at its end; `None` if it is not safe to send a token there.
    pub(crate) api: Option<String>,
    /// The project as it is written in a path of the API.
    pub(crate) project: Option<String>,
    /// The number of the request; `None` if the run is not about one.
    pub(crate) request: Option<u64>,
    pub(crate) token: Option<Secret>,
    /// The commit that was checked out.
    pub(crate) commit: Option<String>,
    /// The page of the run.
    pub(crate) page: Option<String>,
    /// The file whose content the forge shows on the page of the run.
    pub(crate) summary: Option<PathBuf>,
    /// The folder with the checked-out repository.
    pub(crate) workspace: Option<PathBuf>,
}

impl Pipeline {
    /// Returns the pipeline in which the process runs; `None` if it runs in none that is known.
    pub(crate) fn of(ambient: &Ambient) -> Option<Self> {
        let is_set = |name| {
            ambient
                .variable(name)
                .is_some_and(|it| it == "true" || it == "1")
        };
        if is_set("GITHUB_ACTIONS") {
            Some(github(ambient))
        } else if is_set("GITLAB_CI") {
            Some(gitlab(ambient))
        } else {
            None
        }
    }
}

fn token(forge: Forge, ambient: &Ambient) -> Option<Secret> {
    let mut names = forge.token_variables().into_iter();
    names.find_map(|name| ambient.variable(name).map(Secret::new))
}

fn github(ambient: &Ambient) -> Pipeline {
    let variable = |name| ambient.variable(name);
    let project = variable("GITHUB_REPOSITORY").filter(|it| is_repository(it));
    let event = variable("GITHUB_EVENT_PATH").and_then(|path| event(Path::new(path)));
    let of_event = event.as_ref().and_then(request_of_event);
    let of_reference = || variable("GITHUB_REF").and_then(request_of_reference);
    let server = variable("GITHUB_SERVER_URL").unwrap_or("https://github.com");
    let page = project.zip(variable("GITHUB_RUN_ID").filter(|it| is_number(it)));
    // A run of a pull request checks out a merge commit that nobody has seen.
    let head = event
        .as_ref()
        .and_then(|it| it["pull_request"]["head"]["sha"].as_str());
    Pipeline {
        forge: Forge::GitHub,
        api: safe_url(variable("GITHUB_API_URL").unwrap_or("https://api.github.com")),
        project: project.map(str::to_owned),
        request: of_event.or_else(of_reference),
        token: token(Forge::GitHub, ambient),
        commit: head
            .or_else(|| variable("GITHUB_SHA"))
            .filter(|it| is_digest(it))
            .map(str::to_owned),
        page: page
            .and_then(|(project, run)| safe_url(&format!("{server}/{project}/actions/runs/{run}"))),
        summary: variable("GITHUB_STEP_SUMMARY").map(PathBuf::from),
        workspace: variable("GITHUB_WORKSPACE").map(PathBuf::from),
    }
}

fn gitlab(ambient: &Ambient) -> Pipeline {
    let variable = |name| ambient.variable(name);
    let number = |name| variable(name).filter(|it| is_number(it));
    Pipeline {
        forge: Forge::GitLab,
        api: variable("CI_API_V4_URL").and_then(safe_url),
        project: number("CI_PROJECT_ID").map(str::to_owned),
        request: number("CI_MERGE_REQUEST_IID").and_then(|it| it.parse().ok()),
        token: token(Forge::GitLab, ambient),
        commit: variable("CI_COMMIT_SHA")
            .filter(|it| is_digest(it))
            .map(str::to_owned),
        page: variable("CI_JOB_URL").and_then(safe_url),
        summary: None,
        workspace: variable("CI_PROJECT_DIR").map(PathBuf::from),
    }
}

fn event(path: &Path) -> Option<Value> {
    let text = regular_file::read(path, EVENT).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Returns the number of the pull request in a description of an event.
fn request_of_event(event: &Value) -> Option<u64> {
    let number = event["pull_request"]["number"].as_u64();
    // A comment on a pull request is an event of an issue.
    let of_comment = || {
        let issue = &event["issue"];
        issue["pull_request"].as_object()?;
        issue["number"].as_u64()
    };
    number.or_else(of_comment)
}

/// Returns the number in `refs/pull/7/merge`.
fn request_of_reference(reference: &str) -> Option<u64> {
    let rest = reference.strip_prefix("refs/pull/")?;
    rest.split('/').next()?.parse().ok()
}

/// Returns whether a text is the owner and the name of a repository.
fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !name.is_empty() && name != "." && name != ".." && name.chars().all(is_allowed)
    };
    text.split_once('/')
        .is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

fn is_digest(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Returns a URL without a slash at its end, if a token may be sent there: by HTTPS, or to this machine.
fn safe_url(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/');
    let is_plain = url.bytes().all(|it| it.is_ascii_graphic())
        && !url.contains(['"', '<', '>', '@', '?', '#', '(', ')', '\\', '`']);
    let host = url.strip_prefix("http://").map(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host)
    });
    let is_loopback = matches!(host, Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_safe = url.starts_with("https://") || is_loopback;
    (is_plain && is_safe).then(|| url.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use serde_json::json;

    use super::{Forge, Pipeline, request_of_event, safe_url};
    use crate::config::ambient::Ambient;

    fn pipeline(variables: &[(&str, &str)]) -> Option<Pipeline> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Pipeline::of(&Ambient::new(variables, "/"))
    }

    #[test]
    fn github_says_what_a_run_is_about() {
        let found = pipeline(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "octo/infra"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_SHA", "0123456789abcdef"),
            ("GITHUB_RUN_ID", "99"),
            ("GH_TOKEN", "ghs_token"),
        ]);
        let found = found.unwrap();
        assert_eq!(found.forge, Forge::GitHub);
        assert_eq!(found.api.as_deref(), Some("https://api.github.com"));
        assert_eq!(found.project.as_deref(), Some("octo/infra"));
        assert_eq!(found.request, Some(7));
        assert_eq!(found.token.unwrap().expose(), "ghs_token");
        assert_eq!(
            found.page.as_deref(),
            Some("https://github.com/octo/infra/actions/runs/99")
        );
    }

    #[test]
    fn gitlab_says_what_a_run_is_about() {
        let found = pipeline(&[
            ("GITLAB_CI", "true"),
            ("CI_API_V4_URL", "https://git.example.com/api/v4/"),
            ("CI_PROJECT_ID", "42"),
            ("CI_MERGE_REQUEST_IID", "3"),
            ("CI_JOB_TOKEN", "cannot write comments"),
        ]);
        let found = found.unwrap();
        assert_eq!(found.api.as_deref(), Some("https://git.example.com/api/v4"));
        assert_eq!(
            (found.project.as_deref(), found.request),
            (Some("42"), Some(3))
        );
        assert!(found.token.is_none());
    }

    #[test]
    fn a_run_elsewhere_is_in_no_pipeline() {
        assert!(pipeline(&[("CI", "true"), ("GITHUB_ACTIONS", "false")]).is_none());
    }

    #[test]
    fn an_event_names_its_pull_request() {
        let number = |event| request_of_event(&event);
        assert_eq!(number(json!({ "pull_request": { "number": 5 } })), Some(5));
        let comment = json!({ "issue": { "number": 6, "pull_request": {} } });
        assert_eq!(number(comment), Some(6));
        assert_eq!(number(json!({ "issue": { "number": 6 } })), None);
        assert_eq!(number(json!({ "pull_request": "x" })), None);
    }

    #[test]
    fn a_token_is_sent_by_tls_or_to_this_machine() {
        for url in ["https://a.b/c", "http://127.0.0.1:8080", "http://localhost"] {
            assert_eq!(safe_url(url).as_deref(), Some(url));
        }
        for url in [
            "http://a.b",
            "http://127.0.0.1.a.b",
            "http://localhost@a.b",
            "ftp://a.b",
            "https://a.b?c",
            "https://a.b c",
        ] {
            assert_eq!(safe_url(url), None, "{url}");
        }
    }

    #[test]
    fn a_hostile_project_is_not_used() {
        for name in ["a", "a/b/c", "../..", "a/b?c", "a/b#"] {
            let found = pipeline(&[("GITHUB_ACTIONS", "1"), ("GITHUB_REPOSITORY", name)]);
            assert_eq!(found.unwrap().project, None, "{name}");
        }
    }
}

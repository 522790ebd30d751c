//! The trust policy of a role that jobs of a CI service assume with a token of its own (OIDC).

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// A CI service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD on gitlab.com.
    Gitlab,
}

/// Which jobs of a repository may assume the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jobs {
    /// All jobs.
    All,
    /// Those of a branch.
    OfBranch(String),
    /// Those of pull requests.
    OfPullRequests,
    /// Those of a deployment environment.
    OfEnvironment(String),
}

impl Provider {
    /// Returns the host of the provider in IAM, without `https://`.
    pub const fn host(self) -> &'static str {
        match self {
            Self::Github => "token.actions.githubusercontent.com",
            Self::Gitlab => "gitlab.com",
        }
    }

    /// Returns the audience that the token has to be for.
    pub const fn audience(self) -> &'static str {
        match self {
            Self::Github => "sts.amazonaws.com",
            Self::Gitlab => "https://gitlab.com",
        }
    }

    /// Returns the trust policy for the jobs of a repository.
    ///
    /// # Errors
    ///
    /// If the name of the repository, branch or environment cannot be one, or could match others.
    pub fn trust_policy(
        self,
        (partition, account): (&str, &str),
        repository: &str,
        jobs: &Jobs,
    ) -> Result<Value> {
        let subject = self.subject(repository, jobs)?;
        let host = self.host();
        let audience = (format!("{host}:aud"), Value::from(self.audience()));
        let subject_key = format!("{host}:sub");
        let condition = if *jobs == Jobs::All {
            json!({
                "StringEquals": {audience.0: audience.1},
                "StringLike": {subject_key: subject},
            })
        } else {
            json!({"StringEquals": {audience.0: audience.1, subject_key: subject}})
        };
        Ok(json!({
            "Version": super::VERSION,
            "Statement": [{
                "Effect": "Allow",
                "Principal": {
                    "Federated": format!("arn:{partition}:iam::{account}:oidc-provider/{host}"),
                },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition,
            }],
        }))
    }

    /// Returns the subject of the tokens, `*` standing for any text.
    fn subject(self, repository: &str, jobs: &Jobs) -> Result<String> {
        self.check_repository(repository)?;
        if let Jobs::OfBranch(name) | Jobs::OfEnvironment(name) = jobs {
            check_name(name)?;
        }
        match (self, jobs) {
            (Self::Github, Jobs::All) => Ok(format!("repo:{repository}:*")),
            (Self::Github, Jobs::OfBranch(name)) => {
                Ok(format!("repo:{repository}:ref:refs/heads/{name}"))
            }
            (Self::Github, Jobs::OfEnvironment(name)) => {
                Ok(format!("repo:{repository}:environment:{name}"))
            }
            (Self::Github, Jobs::OfPullRequests) => Ok(format!("repo:{repository}:pull_request")),
            (Self::Gitlab, Jobs::All) => Ok(format!("project_path:{repository}:*")),
            (Self::Gitlab, Jobs::OfBranch(name)) => Ok(format!(
                "project_path:{repository}:ref_type:branch:ref:{name}"
            )),
            (Self::Gitlab, Jobs::OfEnvironment(_) | Jobs::OfPullRequests) => Err(Error::input(
                "the subject of GitLab's tokens names the branch alone",
            )
            .hint("name the branch with `--branch`")),
        }
    }

    fn check_repository(self, repository: &str) -> Result<()> {
        let parts: Vec<&str> = repository.split('/').collect();
        let is_name = |it: &&str| {
            let is_fine = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
            let (name, id) = it.split_once('@').unwrap_or((it, "0"));
            let is_id = !id.is_empty() && id.chars().all(|it| it.is_ascii_digit());
            let has_id = it.contains('@');
            !name.is_empty() && name.chars().all(is_fine) && is_id && (self.has_ids() || !has_id)
        };
        let is_long_enough = match self {
            Self::Github => parts.len() == 2,
            Self::Gitlab => parts.len() >= 2,
        };
        if is_long_enough && parts.iter().all(is_name) {
            return Ok(());
        }
        let form = match self {
            Self::Github => "OWNER/NAME, or OWNER@ID/NAME@ID",
            Self::Gitlab => "GROUP/PROJECT",
        };
        Err(Error::input(format!(
            "`{repository}` is no repository: it has the form {form}"
        )))
    }

    /// Returns whether the subject may have the ids of the owner and of the repository.
    const fn has_ids(self) -> bool {
        matches!(self, Self::Github)
    }
}

/// Checks the name of a branch or environment. A policy would take `${` for a variable.
fn check_name(name: &str) -> Result<()> {
    let is_odd = |it: char| it.is_control() || it.is_whitespace() || "*?:$".contains(it);
    if name.is_empty() || name.contains(is_odd) {
        return Err(Error::input(format!(
            "`{}` cannot be in a trust policy: it is empty, or has white space, `*`, `?`, `:` or `$`",
            name.escape_debug()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Jobs, Provider};

    fn condition(provider: Provider, repository: &str, jobs: &Jobs) -> String {
        let place = ("aws", "123456789012");
        match provider.trust_policy(place, repository, jobs) {
            Ok(policy) => policy["Statement"][0]["Condition"].to_string(),
            Err(error) => error.in_one_line(),
        }
    }

    #[test]
    fn github_names_the_branch_or_the_environment() {
        let main = Jobs::OfBranch("main".to_owned());
        let prod = Jobs::OfEnvironment("prod".to_owned());
        let aud = r#""token.actions.githubusercontent.com:aud":"sts.amazonaws.com""#;
        let sub = r#""token.actions.githubusercontent.com:sub""#;
        assert_eq!(
            condition(Provider::Github, "octo/site", &main),
            format!(r#"{{"StringEquals":{{{aud},{sub}:"repo:octo/site:ref:refs/heads/main"}}}}"#)
        );
        assert_eq!(
            condition(Provider::Github, "octo@1/site@23", &prod),
            format!(r#"{{"StringEquals":{{{aud},{sub}:"repo:octo@1/site@23:environment:prod"}}}}"#)
        );
        let requests = condition(Provider::Github, "octo/site", &Jobs::OfPullRequests);
        assert!(
            requests.contains(r#""repo:octo/site:pull_request""#),
            "{requests}"
        );
        assert_eq!(
            condition(Provider::Github, "octo/site", &Jobs::All),
            format!(r#"{{"StringEquals":{{{aud}}},"StringLike":{{{sub}:"repo:octo/site:*"}}}}"#)
        );
    }

    #[test]
    fn gitlab_names_the_branch() {
        let main = Jobs::OfBranch("main".to_owned());
        assert_eq!(
            condition(Provider::Gitlab, "group/sub/site", &main),
            r#"{"StringEquals":{"gitlab.com:aud":"https://gitlab.com","gitlab.com:sub":"project_path:group/sub/site:ref_type:branch:ref:main"}}"#
        );
        let environment = Jobs::OfEnvironment("prod".to_owned());
        let refused = condition(Provider::Gitlab, "group/site", &environment);
        assert!(refused.contains("names the branch alone"), "{refused}");
    }

    #[test]
    fn a_name_that_could_match_others_is_refused() {
        for repository in [
            "*",
            "octo/*",
            "octo",
            "octo/a/b",
            "octo/",
            "octo@/x",
            "o c/x",
            "octo/${x}",
        ] {
            let refused = condition(Provider::Github, repository, &Jobs::All);
            assert!(
                refused.contains("is no repository"),
                "{repository}: {refused}"
            );
        }
        for name in ["", "*", "a?", "a b", "${aws:username}", "a:b"] {
            let jobs = Jobs::OfBranch(name.to_owned());
            let refused = condition(Provider::Github, "octo/site", &jobs);
            assert!(
                refused.contains("cannot be in a trust policy"),
                "{name}: {refused}"
            );
        }
        let refused = condition(Provider::Gitlab, "group@1/site", &Jobs::All);
        assert!(refused.contains("is no repository"), "{refused}");
    }
}

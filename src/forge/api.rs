//! What the REST APIs of GitHub and GitLab have for comments.

use serde_json::{Value, json};

use super::pipeline::Forge;
use super::rest::{Failure, Rest};

/// The comments of a pull request or a merge request.
#[derive(Debug)]
pub(super) struct Comments {
    pub(super) forge: Forge,
    pub(super) rest: Rest,
    /// The project as it is written in a path.
    pub(super) project: String,
    /// The number of the request.
    pub(super) request: u64,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) body: String,
    pub(super) author: Author,
}

/// Who has written a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    id: u64,
    is_bot: bool,
}

/// Who writes with the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Writer {
    /// This user.
    User(u64),
    /// GitHub does not tell the token of a run who it is. It is a bot.
    Bot,
}

impl Writer {
    /// Returns whether a comment may be replaced: a comment of somebody else with the same marker is not
    /// that of an earlier run.
    pub(super) fn wrote(&self, comment: &Comment) -> bool {
        match self {
            Self::User(id) => comment.author.id == *id,
            Self::Bot => comment.author.is_bot,
        }
    }
}

impl Comments {
    /// Returns who writes with the token.
    pub(super) async fn writer(&self) -> Result<Writer, Failure> {
        match self.rest.send("GET", "/user", None).await {
            Ok(user) => Ok(user["id"].as_u64().map_or(Writer::Bot, Writer::User)),
            Err(Failure::NotAllowed(_)) if self.forge == Forge::GitHub => Ok(Writer::Bot),
            Err(failure) => Err(failure),
        }
    }

    /// Returns all comments, the oldest first.
    pub(super) async fn list(&self) -> Result<Vec<Comment>, Failure> {
        let order = match self.forge {
            Forge::GitHub => "",
            Forge::GitLab => "&sort=asc&order_by=created_at",
        };
        let path = format!("{}?per_page=100{order}", self.path());
        let found = self.rest.list(&path).await?;
        let mut comments: Vec<Comment> = found.iter().filter_map(comment).collect();
        comments.sort_by_key(|comment| comment.id);
        Ok(comments)
    }

    /// Writes a comment and returns its id.
    pub(super) async fn create(&self, body: &str) -> Result<Option<u64>, Failure> {
        let body = json!({ "body": body });
        let created = self.rest.send("POST", &self.path(), Some(&body)).await?;
        Ok(created["id"].as_u64())
    }

    /// Replaces the text of a comment.
    pub(super) async fn update(&self, id: u64, body: &str) -> Result<(), Failure> {
        let method = match self.forge {
            Forge::GitHub => "PATCH",
            Forge::GitLab => "PUT",
        };
        let body = json!({ "body": body });
        let path = self.path_of(id);
        self.rest.send(method, &path, Some(&body)).await.map(drop)
    }

    /// Deletes a comment, if it still exists.
    pub(super) async fn delete(&self, id: u64) -> Result<(), Failure> {
        match self.rest.send("DELETE", &self.path_of(id), None).await {
            Ok(_) | Err(Failure::NotAllowed(404)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn path(&self) -> String {
        let Self {
            project, request, ..
        } = self;
        match self.forge {
            Forge::GitHub => format!("/repos/{project}/issues/{request}/comments"),
            Forge::GitLab => format!("/projects/{project}/merge_requests/{request}/notes"),
        }
    }

    fn path_of(&self, id: u64) -> String {
        match self.forge {
            Forge::GitHub => format!("/repos/{}/issues/comments/{id}", self.project),
            Forge::GitLab => format!("{}/{id}", self.path()),
        }
    }
}

/// Returns the number of the request by which a commit came into its branch; `None` if there is none.
pub(super) async fn request_of_commit(
    forge: Forge,
    rest: &Rest,
    project: &str,
    commit: &str,
) -> Result<Option<u64>, Failure> {
    let (path, number) = match forge {
        Forge::GitHub => (format!("/repos/{project}/commits/{commit}/pulls"), "number"),
        Forge::GitLab => {
            let path = format!("/projects/{project}/repository/commits/{commit}/merge_requests");
            (path, "iid")
        }
    };
    let found = rest.list(&path).await?;
    let is_merged = |request: &&Value| {
        request["merged_at"].is_string() || request["state"].as_str() == Some("merged")
    };
    let merged = found.iter().find(is_merged);
    Ok(merged.and_then(|request| request[number].as_u64()))
}

/// Returns a comment; `None` for what is none, such as a note of the forge itself.
fn comment(value: &Value) -> Option<Comment> {
    if value["system"].as_bool() == Some(true) {
        return None;
    }
    let author = match &value["user"] {
        Value::Null => &value["author"],
        user => user,
    };
    Some(Comment {
        id: value["id"].as_u64()?,
        body: value["body"].as_str()?.to_owned(),
        author: Author {
            id: author["id"].as_u64()?,
            is_bot: author["type"].as_str() == Some("Bot"),
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Author, Comment, Writer, comment};

    #[test]
    fn a_comment_is_read_as_both_forges_write_it() {
        let github = json!({ "id": 1, "body": "x", "user": { "id": 2, "type": "Bot" } });
        let gitlab = json!({ "id": 1, "body": "x", "author": { "id": 2 }, "system": false });
        let expected = |is_bot| Comment {
            id: 1,
            body: "x".to_owned(),
            author: Author { id: 2, is_bot },
        };
        assert_eq!(comment(&github), Some(expected(true)));
        assert_eq!(comment(&gitlab), Some(expected(false)));
        let note = json!({ "id": 1, "body": "x", "author": { "id": 2 }, "system": true });
        assert_eq!(comment(&note), None);
        // The account of a deleted user.
        assert_eq!(
            comment(&json!({ "id": 1, "body": "x", "user": null })),
            None
        );
    }

    #[test]
    fn only_an_own_comment_is_replaced() {
        let by = |id, is_bot| Comment {
            id: 1,
            body: String::new(),
            author: Author { id, is_bot },
        };
        assert!(Writer::User(2).wrote(&by(2, false)));
        assert!(!Writer::User(2).wrote(&by(3, false)));
        assert!(Writer::Bot.wrote(&by(4, true)));
        assert!(!Writer::Bot.wrote(&by(2, false)));
    }
}

//! A set-up: files, variables and options, and how stackctl and botocore are run with them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::server::Server;
use crate::sandbox::{Finished, Sandbox};

/// Files, variables and options. In every text, `{url}` is the URL of the server, `{port}` its port,
/// and `{home}` the user's folder.
#[derive(Clone, Default)]
pub(super) struct SetUp {
    pub(super) name: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
    folders: Vec<&'static str>,
    variables: Vec<(&'static str, String)>,
    profile: Option<&'static str>,
    region: Option<&'static str>,
    code: Option<&'static str>,
    throttled: usize,
    pub(super) is_over_tls: bool,
    /// What an error says.
    pub(super) says: Option<&'static str>,
    /// What stackctl does, if it is not what botocore does, and why.
    pub(super) differs: Option<(Expected, &'static str)>,
}

/// What stackctl does where botocore does something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// It fails, with these words.
    Fails(&'static str),
    /// It succeeds, and a call starts with this.
    Calls(&'static str),
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) succeeded: bool,
    pub(super) calls: Vec<String>,
}

/// Returns a set-up with the endpoint of the server, and nothing else.
pub(super) fn set_up(name: &'static str) -> SetUp {
    let set_up = SetUp {
        name,
        ..SetUp::default()
    };
    set_up
        .variable("AWS_EC2_METADATA_DISABLED", "true")
        .variable("AWS_ENDPOINT_URL", "{url}/all")
}

impl SetUp {
    /// Sets `~/.aws/config`.
    pub(super) fn config(self, text: &str) -> Self {
        self.file(".aws/config", text)
    }

    /// Sets `~/.aws/credentials`.
    pub(super) fn credentials(self, text: &str) -> Self {
        self.file(".aws/credentials", text)
    }

    /// Writes a file of the user's folder.
    pub(super) fn file(mut self, path: &'static str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path, content.as_ref().to_vec()));
        self
    }

    /// Creates a folder in the user's folder.
    pub(super) fn folder(mut self, path: &'static str) -> Self {
        self.folders.push(path);
        self
    }

    /// Sets a variable, which may be empty.
    pub(super) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Unsets a variable.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self
    }

    /// Sets plain keys and a region.
    pub(super) fn keys(self) -> Self {
        self.variable("AWS_ACCESS_KEY_ID", "AKIAENV")
            .variable("AWS_SECRET_ACCESS_KEY", "x")
            .variable("AWS_DEFAULT_REGION", "eu-west-1")
    }

    /// Chooses a profile, as `--profile` does.
    pub(super) fn profile(mut self, name: &'static str) -> Self {
        self.profile = Some(name);
        self
    }

    /// Chooses a region, as `--region` does.
    pub(super) fn region(mut self, name: &'static str) -> Self {
        self.region = Some(name);
        self
    }

    /// Answers the question for the code of an MFA device.
    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Throttles the first calls of `DescribeStacks`, and counts the calls.
    pub(super) fn throttled(mut self, times: usize) -> Self {
        self.throttled = times;
        self
    }

    /// Reaches AWS itself through the proxy that the server is, once.
    pub(super) fn by_proxy(self) -> Self {
        self.without("AWS_ENDPOINT_URL")
            .variable("HTTPS_PROXY", "http://127.0.0.1:{port}")
            .variable("AWS_MAX_ATTEMPTS", "1")
    }

    /// Has the server behind TLS, with the certificate of a private authority in `{home}/ca.pem`.
    pub(super) fn over_tls(mut self) -> Self {
        self.is_over_tls = true;
        let authority = include_str!("../../data/tls/ca.pem");
        self.variable("AWS_ENDPOINT_URL", "{tls}/all")
            .variable("AWS_MAX_ATTEMPTS", "1")
            .file("ca.pem", authority)
    }

    /// Fails, as with botocore, and the error says this.
    pub(super) fn fails(mut self, words: &'static str) -> Self {
        self.says = Some(words);
        self
    }

    /// Says that stackctl differs on purpose.
    pub(super) fn differs(mut self, expected: Expected, reason: &'static str) -> Self {
        self.differs = Some((expected, reason));
        self
    }

    /// Starts the server of one run.
    pub(super) fn server(&self) -> Server {
        Server::start(self.throttled)
    }

    fn fill(text: &str, home: &Path, server: &Server, tls: u16) -> String {
        let port = server.port();
        text.replace("{url}", &format!("http://127.0.0.1:{port}"))
            .replace("{tls}", &format!("https://localhost:{tls}"))
            .replace("{port}", &port.to_string())
            .replace("{home}", home.to_str().unwrap())
    }

    fn write_files(&self, home: &Path, server: &Server, tls: u16) {
        for folder in &self.folders {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        for (path, content) in &self.files {
            let path = home.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let content = match std::str::from_utf8(content) {
                Ok(text) => Self::fill(text, home, server, tls).into_bytes(),
                Err(_) => content.clone(),
            };
            fs::write(path, content).unwrap();
        }
    }

    fn filled_variables(&self, home: &Path, server: &Server, tls: u16) -> Vec<(&str, String)> {
        let variables = self.variables.iter();
        let filled = variables.map(|(name, value)| (*name, Self::fill(value, home, server, tls)));
        filled.collect()
    }

    fn outcome(&self, succeeded: bool, server: &Server) -> Outcome {
        let calls = server.calls(self.throttled > 0);
        Outcome { succeeded, calls }
    }

    /// Returns what the program for botocore reads.
    pub(super) fn request(&self, home: &Path, server: &Server, tls: u16) -> Value {
        self.write_files(home, server, tls);
        let mut variables: serde_json::Map<String, Value> = self
            .filled_variables(home, server, tls)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        variables.insert("HOME".to_owned(), home.to_str().unwrap().into());
        variables.insert("PATH".to_owned(), "/usr/bin:/bin".into());
        json!({
            "variables": variables,
            "profile": self.profile,
            "region": self.region,
            "code": self.code,
        })
    }

    /// Returns what botocore did.
    pub(super) fn botocore_outcome(&self, error: &Value, server: &Server) -> Outcome {
        self.outcome(error.is_null(), server)
    }

    /// Runs `stackctl status`.
    pub(super) fn run_stackctl(&self, server: &Server, tls: u16) -> (Outcome, Finished) {
        let manifest = "project = \"demo\"\ntemplate = \"template.yaml\"\nallow_endpoint = true\n";
        let sandbox = Sandbox::new()
            .file("manifest.toml", manifest)
            .file("template.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}\n")
            .env("AWS_CONFIG_FILE", "")
            .env("AWS_SHARED_CREDENTIALS_FILE", "")
            .env("AWS_EC2_METADATA_DISABLED", "")
            .env("PATH", "/usr/bin:/bin");
        let home = sandbox.path("../home");
        let home = home.canonicalize().unwrap();
        self.write_files(&home, server, tls);
        let mut arguments = vec!["status"];
        for (flag, value) in [("--profile", self.profile), ("--region", self.region)] {
            arguments.extend(value.map(|value| [flag, value]).into_iter().flatten());
        }
        let variables = self.filled_variables(&home, server, tls);
        let finished = match self.code {
            None => sandbox.spawn_with(&variables, &arguments).wait(),
            Some(code) => {
                let mut sandbox = sandbox;
                for (name, value) in &variables {
                    sandbox = sandbox.env(name, value);
                }
                sandbox.answer(&arguments, "Code of the MFA device", code)
            }
        };
        (self.outcome(finished.code() == 0, server), finished)
    }
}

//! A loopback server that is STS, IAM Identity Center, CloudFormation, a container's and an instance's
//! service of credentials, and a proxy, and records who called it with which credentials.

use std::io::{self, BufReader};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use crate::call::Call;
use crate::http::{Request, Response, read_request, write_response};
use crate::listener::Listener;
use crate::xml;

/// A running server. It stops when dropped.
pub(super) struct Server {
    listener: Listener,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<String>,
    /// How many calls of `DescribeStacks` are throttled.
    throttled: usize,
}

impl Server {
    pub(super) fn start(throttled: usize) -> Self {
        let state = Arc::new(Mutex::new(State {
            calls: Vec::new(),
            throttled,
        }));
        let ours = Arc::clone(&state);
        let listener = Listener::start(move |stream| serve(&ours, stream));
        Self { listener, state }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.address.port()
    }

    /// Returns the calls, without those that repeat the one before, or with all of them.
    pub(super) fn calls(&self, with_repetitions: bool) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut calls = state.calls.clone();
        if !with_repetitions {
            calls.dedup();
        }
        calls
    }
}

fn serve(state: &Mutex<State>, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let method = request.method.clone();
        let (seen, mut response) = answer(&request);
        if let Some(seen) = seen {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.starts_with("DescribeStacks") && state.throttled > 0 {
                state.throttled -= 1;
                response = Response::new(400, xml::query_error("Throttling", "Rate exceeded"));
            }
            state.calls.push(seen);
        }
        write_response(&mut writer, &method, &response)?;
        if method == "CONNECT" {
            return Ok(());
        }
    }
    Ok(())
}

/// Returns what is recorded of a request, if anything, and the response.
fn answer(request: &Request) -> (Option<String>, Response) {
    if request.method == "CONNECT" {
        return (
            Some(format!("CONNECT {}", request.path)),
            Response::new(502, ""),
        );
    }
    // A request through a proxy has a whole URL in the place of the path.
    let (proxied, path) = match request.path.strip_prefix("http://") {
        Some(rest) => (
            " by proxy",
            rest.split_once('/').map_or("/", |(_, path)| path),
        ),
        None => ("", request.path.trim_start_matches('/')),
    };
    let prefix = path.split('/').next().unwrap_or_default();
    let call = Call::new(request.clone());
    let key = request.header("authorization").split("Credential=").nth(1);
    let key = key
        .and_then(|it| it.split('/').next())
        .unwrap_or("unsigned");
    let token = request.header("x-amz-security-token");
    let rest = format!("{proxied} /{prefix}");
    let signed = format!("{key}/{token} {}{rest}", call.region);
    if path.contains("federation/credentials") {
        return role_credentials(request, &rest);
    }
    if path.ends_with("/token") && request.method == "POST" {
        let body = r#"{"accessToken":"renewed","expiresIn":28800,"refreshToken":"next"}"#;
        return (Some(format!("CreateToken{rest}")), json(body));
    }
    if let Some(response) = metadata(request, path) {
        return response;
    }
    let missing = || {
        let message = "Stack with id demo-dev does not exist";
        Response::new(400, xml::query_error("ValidationError", message))
    };
    match call.operation.as_str() {
        "DescribeStacks" => (Some(format!("DescribeStacks {signed}")), missing()),
        "AssumeRole" | "AssumeRoleWithWebIdentity" => assumed_role(&call, &signed),
        "ListStackResources" => (None, missing()),
        _ => (None, Response::new(404, "")),
    }
}

/// Returns the answer of single sign-on.
fn role_credentials(request: &Request, rest: &str) -> (Option<String>, Response) {
    let query = |name: &str| request.query.get(name).map_or("", String::as_str);
    let token = request.header("x-amz-sso_bearer_token");
    let (account, role) = (query("account_id"), query("role_name"));
    let seen = format!("GetRoleCredentials {account} {role} {token}{rest}");
    if token == "refused" {
        let refused = Response::new(401, r#"{"message":"Session token not found or invalid"}"#)
            .header("x-amzn-errortype", "UnauthorizedException");
        return (Some(seen), refused);
    }
    let body = format!(
        r#"{{"roleCredentials":{{"accessKeyId":"ASIA{role}","secretAccessKey":"s","sessionToken":"t-{role}","expiration":4070908800000}}}}"#
    );
    (Some(seen), json(&body))
}

/// Returns the answer of STS.
fn assumed_role(call: &Call, signed: &str) -> (Option<String>, Response) {
    let operation = call.operation.as_str();
    let details = [
        "ExternalId",
        "DurationSeconds",
        "SerialNumber",
        "TokenCode",
        "WebIdentityToken",
    ];
    let details = details
        .iter()
        .map(|name| call.parameter(name))
        .collect::<Vec<_>>();
    let session = call.parameter("RoleSessionName");
    let is_own = session.starts_with("botocore-") || session.starts_with("stackctl-");
    let session = if is_own { "" } else { session };
    let arn = call.parameter("RoleArn");
    let role = arn.rsplit('/').next().unwrap_or_default();
    let details = details.join("|");
    let seen = format!("{operation} {arn} {session}|{details} {signed}");
    if role == "denied" {
        let refused = xml::query_error("AccessDenied", "User: u is not authorized");
        return (Some(seen), Response::new(403, refused));
    }
    let result = format!(
        "<Credentials><AccessKeyId>ASIA{role}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                 <SessionToken>t-{role}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
                 </Credentials><AssumedRoleUser><AssumedRoleId>A:s</AssumedRoleId>\
                 <Arn>{arn}</Arn></AssumedRoleUser>"
    );
    (
        Some(seen),
        xml_response(&xml::query_response(operation, &result)),
    )
}

/// Returns the answer of a container's or an instance's service.
fn metadata(request: &Request, path: &str) -> Option<(Option<String>, Response)> {
    let credentials = |id: &str| {
        format!(
            r#"{{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2026-01-01T00:00:00Z","AccessKeyId":"{id}","SecretAccessKey":"s","Token":"t-{id}","Expiration":"2099-01-01T00:00:00Z"}}"#
        )
    };
    if path.starts_with("container") {
        let token = request.header("authorization");
        return Some((
            Some(format!("container {token}")),
            json(&credentials("ASIAcontainer")),
        ));
    }
    let start = path.find("latest/")?;
    let answer = match &path[start..] {
        "latest/api/token" => {
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
            Response::new(200, "metadata-token").header(ttl, "21600")
        }
        "latest/meta-data/iam/security-credentials/" => Response::new(200, "instance-role"),
        "latest/meta-data/iam/security-credentials/instance-role" => {
            json(&credentials("ASIAinstance"))
        }
        "latest/meta-data/placement/region" => Response::new(200, "ap-south-1"),
        _ => Response::new(404, ""),
    };
    Some((None, answer))
}

fn json(body: &str) -> Response {
    Response::new(200, body).header("content-type", "application/json")
}

fn xml_response(body: &str) -> Response {
    Response::new(200, body).header("content-type", "text/xml")
}

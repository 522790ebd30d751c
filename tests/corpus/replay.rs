//! A loopback server that gives recorded answers, and the way from JSON to
//! the XML that the service sends and back.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use stackctl::ambient::Ambient;
use stackctl::aws::stack::StackService;
use stackctl::aws::{Connection, Emulation};
use stackctl::change_set::ChangeSet;
use stackctl::diagnostic::SourceFile;
use stackctl::settings::Overrides;
use stackctl::{manifest, settings};

/// A server that answers with one change set at a time.
pub(crate) struct Replay {
    bodies: Arc<Mutex<[String; 2]>>,
    /// What every call is answered with, where that is set.
    every: Arc<Mutex<Option<(u16, String)>>>,
    service: StackService,
    runtime: tokio::runtime::Runtime,
}

impl Replay {
    /// Starts the server and connects stackctl's own client to it.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new([String::new(), String::new()]));
        let served = Arc::clone(&bodies);
        let every = Arc::new(Mutex::new(None));
        let always = Arc::clone(&every);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away is no failure of the server.
                let _ = stream.and_then(|stream| answer(stream, &served, &always));
            }
        });
        let manifest = manifest::parse(&SourceFile::new(
            "manifest.toml",
            "project = \"demo\"\nenvironment = \"dev\"\n[vars]\ntest_instance = false\n",
        ));
        let ambient = Ambient::default();
        let settings = settings::resolve(&manifest, &Overrides::default(), &ambient).unwrap();
        let emulation = Emulation {
            endpoint,
            account: "111111111111".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime
            .block_on(Connection::open(&settings, Some(&emulation)))
            .unwrap();
        Self {
            bodies,
            every,
            service: StackService::new(&connection, "demo"),
            runtime,
        }
    }

    /// Answers every call with this from here on.
    pub(crate) fn answer_with(&self, status: u16, body: &str) {
        *self.every.lock().unwrap() = Some((status, body.to_owned()));
    }

    /// Returns stackctl's own client.
    pub(crate) fn service(&self) -> &StackService {
        &self.service
    }

    /// Waits for one of the client's answers.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// Returns what stackctl reads where the service sends these answers, with property values and
    /// without.
    pub(crate) fn read(&self, valued: &str, plain: &str) -> ChangeSet {
        *self.bodies.lock().unwrap() = [valued.to_owned(), plain.to_owned()];
        self.runtime
            .block_on(self.service.settled_change_set("change-set"))
            .unwrap()
    }
}

fn answer(
    stream: TcpStream,
    bodies: &Mutex<[String; 2]>,
    always: &Mutex<Option<(u16, String)>>,
) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut request = vec![0; length];
    reader.read_exact(&mut request)?;
    let request = String::from_utf8_lossy(&request);
    let always = always.lock().unwrap().clone();
    let (status, body) = if let Some(always) = always {
        always
    } else if request.contains("Action=DescribeChangeSet&") {
        let plain = usize::from(!request.contains("IncludePropertyValues=true"));
        (200, bodies.lock().unwrap()[plain].clone())
    } else {
        let error = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>\
            <Message>unknown</Message></Error></ErrorResponse>";
        (400, error.to_owned())
    };
    write!(
        writer,
        "HTTP/1.1 {status} X\r\ncontent-type: text/xml\r\nconnection: close\r\n\
        content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Returns a response as the body that the service would send for it.
pub(crate) fn body(response: &Value) -> String {
    let mut response = response.clone();
    if let Some(response) = response.as_object_mut() {
        response.remove("ResponseMetadata");
        // The recordings hold a placeholder instead of a time.
        response.remove("CreationTime");
    }
    format!(
        "<DescribeChangeSetResponse><DescribeChangeSetResult>{}</DescribeChangeSetResult>\
        </DescribeChangeSetResponse>",
        xml(&response)
    )
}

fn xml(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| element_of(name, value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| element_of("member", item))
            .collect(),
        Value::String(text) => text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        other => other.to_string(),
    }
}

fn element_of(name: &str, value: &Value) -> String {
    format!("<{name}>{}</{name}>", xml(value))
}

/// Returns the response that a body of the service holds. Every scalar is a string.
pub(crate) fn response(body: &str) -> Value {
    let mut pieces: VecDeque<&str> = body.split('<').collect();
    pieces.pop_front();
    let mut document = Map::new();
    let (name, value) = element(&mut pieces);
    document.insert(name, value);
    // `XResponse` holds `XResult`, and that the answer.
    let mut answer = Value::Object(document);
    for _ in 0..2 {
        let inner = answer
            .as_object()
            .and_then(|members| members.values().next());
        answer = inner.cloned().unwrap_or_default();
    }
    answer
}

/// Reads an element from pieces that each begin behind a `<`.
fn element(pieces: &mut VecDeque<&str>) -> (String, Value) {
    let (tag, text) = pieces.pop_front().unwrap().split_once('>').unwrap();
    let name = tag.split([' ', '/']).next().unwrap().to_owned();
    if tag.ends_with('/') {
        return (name, Value::Null);
    }
    let mut members = Map::new();
    let mut items = Vec::new();
    loop {
        if pieces[0].starts_with('/') {
            pieces.pop_front();
            break;
        }
        let (name, value) = element(pieces);
        if name == "member" {
            items.push(value);
        } else {
            members.insert(name, value);
        }
    }
    let value = if !items.is_empty() {
        Value::Array(items)
    } else if !members.is_empty() {
        Value::Object(members)
    } else {
        let text = text.replace("&lt;", "<").replace("&gt;", ">");
        let text = text.replace("&quot;", "\"").replace("&#xA;", "\n");
        Value::String(text.replace("&#xD;", "\r").replace("&amp;", "&"))
    };
    (name, value)
}

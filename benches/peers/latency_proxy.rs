//! The latency proxy of the tests as a program, for use with other tools.
//!
//! ```console
//! $ cargo run --example latency_proxy -- 4567 127.0.0.1:4566 40
//! ```
//!
//! This command listens on port 4567 and forwards every request to port 4566 after 40 ms. For each call,
//! it prints one line: the times of the request and of the response, in milliseconds since the start,
//! and the name of the call.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

#[expect(dead_code, reason = "the tests read the log")]
#[path = "../../tests/support/latency.rs"]
mod latency;

use latency::Proxy;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, upstream, delay] = &arguments[..] else {
        return Err("usage: latency_proxy PORT UPSTREAM MILLISECONDS".into());
    };
    let delay = Duration::from_millis(delay.parse()?);
    let proxy = Proxy::start(port.parse()?, upstream.parse()?, delay, |call| {
        let (came, went) = (call.came.as_millis(), call.went.as_millis());
        // The proxy exits if the reader closes the pipe.
        if writeln!(std::io::stdout(), "{came} {went} {}", call.name).is_err() {
            std::process::exit(0);
        }
    })?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", proxy.endpoint())?;
    loop {
        std::thread::park();
    }
}

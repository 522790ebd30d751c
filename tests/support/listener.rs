//! A server on loopback that serves each connection on its own thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A running server. It stops when dropped.
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Listener {
    /// Listens on a free port. A connection that `serve` fails on is closed: clients may go away.
    pub(crate) fn start(
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let (serve, is_stopped) = (Arc::new(serve), Arc::clone(&stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if is_stopped.load(Ordering::Relaxed) {
                    return;
                }
                let serve = Arc::clone(&serve);
                thread::spawn(move || stream.and_then(|stream| serve(stream)));
            }
        });
        Self { address, stopped }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, which reads the flag and closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

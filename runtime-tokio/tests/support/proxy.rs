//! A proxy between a service and its API server that can be told to misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What it does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes everything on.
    Pass,
    /// Takes connections, keeps those that there are, and passes nothing on.
    Freeze,
    /// Breaks connections as soon as they are made, and those that there are.
    Cut,
    /// Passes on so many bytes of what the server says, then breaks the connection.
    Truncate(usize),
    /// Answers whatever is asked with a page in HTML.
    Html(&'static str),
}

/// A proxy, and how many connections it has seen.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Mode>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, modes) = watch::channel(Mode::Pass);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, server, modes.clone()));
            }
        });
        Self { address, mode, connections }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many connections were made since this was last asked.
    pub(crate) fn take_connections(&self) -> usize {
        self.connections.swap(0, Ordering::Relaxed)
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, mut modes: watch::Receiver<Mode>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut asked, mut said) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut passed = 0;
    loop {
        let mode = *modes.borrow_and_update();
        match mode {
            Mode::Cut => return,
            Mode::Freeze => {
                // Whoever waits for something keeps waiting, until they give up.
                tokio::select! {
                    changed = modes.changed() => if changed.is_err() { return },
                    read = client.read(&mut asked) => if !matches!(read, Ok(1..)) { return },
                }
                continue;
            }
            Mode::Html(_) | Mode::Pass | Mode::Truncate(_) => {}
        }
        tokio::select! {
            changed = modes.changed() => if changed.is_err() { return },
            read = client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                if let Mode::Html(status) = mode {
                    let page = "<html><body>not here</body></html>";
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len());
                    if client.write_all(answer.as_bytes()).await.is_err() { return }
                } else if server.write_all(&asked[..count]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut said) => {
                let Ok(mut count @ 1..) = read else { return };
                if let Mode::Truncate(most) = mode {
                    count = count.min(most.saturating_sub(passed));
                    passed += count;
                    if count == 0 { return }
                }
                if client.write_all(&said[..count]).await.is_err() { return }
            }
        }
    }
}

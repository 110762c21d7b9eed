//! A runtime for this crate's own tests: tokio, as far as they need it. What they do not need fails.

use std::convert::Infallible;

use bytes::Bytes;
use http::Request;
use hyper::rt::ReadBufCursor;
use kubevirt_redfish_core::kubevirt::TransportError;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::transport::{Answer, AnswerBody, ConnectError};

pub(crate) struct ForTests;

pub(crate) struct Task(Option<JoinHandle<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

#[derive(Clone)]
pub(crate) enum NoServer {}

impl AnswerBody for Infallible {
    async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        match *self {}
    }
}

impl ApiServer for NoServer {
    type Body = Infallible;

    fn new(_: kube::Config) -> Result<Self, ConnectError> {
        Err(ConnectError::NoCredentials("there is none".to_owned()))
    }

    fn address(&self) -> String {
        match *self {}
    }

    fn namespace(&self) -> &str {
        match *self {}
    }

    async fn send(&self, _: Request<Bytes>) -> Result<Answer<Infallible>, TransportError> {
        match *self {}
    }
}

/// A connection, as hyper wants it.
pub(crate) struct Stream(TcpStream);

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = vec![0; buffer.remaining()];
        let mut read = tokio::io::ReadBuf::new(&mut bytes);
        let polled = tokio::io::AsyncRead::poll_read(Pin::new(&mut self.0), context, &mut read);
        if polled.is_ready() {
            buffer.put_slice(read.filled());
        }
        polled
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        tokio::io::AsyncWrite::poll_write(Pin::new(&mut self.0), context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.0), context)
    }
}

impl Runtime for ForTests {
    const PROGRAM: &'static str = "test";
    type ApiServer = NoServer;
    type Stream = Stream;
    type ServerTls = Stream;
    type ClientTls = Stream;
    type Listener = TcpListener;
    type Udp = tokio::net::UdpSocket;
    type Timer = Pin<Box<tokio::time::Sleep>>;
    type Task = Task;
    type Signals = ();

    fn block_on<F: Future>(_: F) -> io::Result<F::Output> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(Some(tokio::spawn(future)))
    }

    fn detach(mut task: Task) {
        task.0 = None;
    }

    fn spawn_blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send + 'static {
        let found = work();
        async { Ok(found) }
    }

    fn sleep_until(deadline: Instant) -> Self::Timer {
        Box::pin(tokio::time::sleep_until(deadline.into()))
    }

    fn reset(timer: &mut Self::Timer, deadline: Instant) {
        timer.as_mut().reset(deadline.into());
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    fn local_address(listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn accept(listener: &TcpListener) -> io::Result<(Stream, SocketAddr)> {
        listener.accept().await.map(|(stream, address)| (Stream(stream), address))
    }

    async fn connect(address: SocketAddr) -> io::Result<Stream> {
        TcpStream::connect(address).await.map(Stream)
    }

    async fn peek(_: &Stream) -> io::Result<Option<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn accept_tls(_: Arc<ServerConfig>, _: Stream) -> io::Result<Stream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect_tls(_: Arc<ClientConfig>, _: ServerName<'static>, _: Stream) -> io::Result<Stream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn udp(socket: UdpSocket) -> io::Result<Self::Udp> {
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    }

    async fn send_to(socket: &Self::Udp, data: &[u8], to: SocketAddr) -> io::Result<()> {
        socket.send_to(data, to).await.map(drop)
    }

    async fn receive_from(socket: &Self::Udp, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }

    fn signals() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn next_signal((): &mut ()) -> &'static str {
        std::future::pending().await
    }
}

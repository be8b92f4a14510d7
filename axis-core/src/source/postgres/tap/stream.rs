//! The streams that the driver gets in place of a socket or of an encrypted stream.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::Tap;

/// A stream of the server's messages without the rows of COPYs.
pub(in super::super) struct Tapped<S> {
    stream: S,
    tap: Tap,
    /// The first byte answers the question for encryption and is no message.
    answer: bool,
}

impl<S> Tapped<S> {
    /// Puts a tap on a stream; `asks` tells whether the driver will ask for encryption first.
    pub(in super::super) fn new(stream: S, tap: Tap, asks: bool) -> Self {
        Self {
            stream,
            tap,
            answer: asks,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, tap, answer } = self.get_mut();
        let before = out.filled().len();
        if *answer {
            // The driver asks for this byte alone, so nothing behind it gets lost when encryption begins.
            ready!(Pin::new(stream).poll_read(context, out))?;
            *answer = out.filled().len() == before;
            return Poll::Ready(Ok(()));
        }
        let mut buffer = tap.buffer();
        loop {
            let blocked = buffer.pass(out);
            if out.filled().len() > before || out.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if blocked {
                buffer.waiting = Some(context.waker().clone());
                return Poll::Pending;
            }
            if ready!(buffer.poll_receive(Pin::new(stream), context))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: TlsStream + Unpin> TlsStream for Tapped<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// Encrypts a tapped stream: the tap moves from below the encryption to above it.
pub(in super::super) struct TappedTls<T>(pub(in super::super) T);

impl<S, T> TlsConnect<Tapped<S>> for TappedTls<T>
where
    T: TlsConnect<S, Future: Send + 'static>,
{
    type Stream = Tapped<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: Tapped<S>) -> Self::Future {
        let Tapped { stream, tap, .. } = stream;
        let encrypted = self.0.connect(stream);
        Box::pin(async move {
            let stream = encrypted.await?;
            tap.buffer().encrypted = true;
            Ok(Tapped::new(stream, tap, false))
        })
    }
}

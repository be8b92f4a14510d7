//! Takes the rows of a COPY from a connection before the driver sees them.
//!
//! The driver receives a few kilobytes at a time and makes a message, with counted references, of every row. A tap sits
//! between the driver and the bytes: it receives much at once, hands rows to the decoder where they lie, and passes every
//! other message on as it is. It receives no more until the rows are taken, so the server has to wait for a slow reader.

mod stream;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::{io, pin::Pin};

use tokio::io::{AsyncRead, ReadBuf};

pub(super) use stream::{Tapped, TappedTls};

/// Bytes that are received at once: few while a session only asks and answers, more when they come in bulk.
const LEAST: usize = 8 << 10;
const MOST: usize = 256 << 10;
/// The tag of a message that carries (a part of) a row of a COPY.
const COPY_DATA: u8 = b'd';

/// Where the rows of one connection are taken.
#[derive(Clone)]
pub(super) struct Tap(Arc<Mutex<Buffer>>);

impl Tap {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Buffer {
            bytes: vec![0; LEAST],
            at: 0,
            end: 0,
            message: Message::Other,
            left: 0,
            unwanted: false,
            encrypted: false,
            waiting: None,
        })))
    }

    /// Lends what has arrived of rows to `taker`, piece by piece, until it leaves bytes of a piece or fails; what it left
    /// is lent again the next time. Returns the number of bytes that were taken.
    pub(super) fn take<E>(&self, mut taker: impl FnMut(&mut &[u8]) -> Result<(), E>) -> Result<usize, E> {
        let mut buffer = self.buffer();
        let mut taken = 0;
        while let Some((Message::Row, piece)) = buffer.front() {
            let mut rest = &buffer.bytes[piece.clone()];
            taker(&mut rest)?;
            let left = rest.len();
            buffer.advance(piece.len() - left);
            taken += piece.len() - left;
            if left > 0 {
                break;
            }
        }
        Ok(taken)
    }

    /// Throws away all rows that come from now on, so that the messages behind them reach the driver.
    pub(super) fn close(&self) {
        let mut buffer = self.buffer();
        buffer.unwanted = true;
        if let Some(waiting) = buffer.waiting.take() {
            waiting.wake();
        }
    }

    /// Tells whether what arrives was encrypted on its way.
    pub(super) fn is_encrypted(&self) -> bool {
        self.buffer().encrypted
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Row,
    Other,
}

/// What was received and not taken, cut into messages.
struct Buffer {
    bytes: Vec<u8>,
    at: usize,
    end: usize,
    /// The message at the front, and how many of its bytes were not taken yet; 0 when the next one begins here.
    message: Message,
    left: usize,
    /// Nobody will take rows any more.
    unwanted: bool,
    /// Whether the messages come out of an encrypted stream.
    encrypted: bool,
    /// Who polls the connection, when it waits until rows are taken.
    waiting: Option<Waker>,
}

impl Buffer {
    /// Returns what has arrived of the message at the front; `None` when more must be received first.
    fn front(&mut self) -> Option<(Message, Range<usize>)> {
        while self.left == 0 {
            let [tag, length @ ..] = *self.bytes[self.at..self.end].first_chunk::<5>()?;
            // The length counts itself and what follows, but not the tag.
            let content = u32::from_be_bytes(length)
                .checked_sub(4)
                .and_then(|content| usize::try_from(content).ok());
            (self.message, self.left) = match content {
                Some(content) if tag == COPY_DATA => {
                    self.at += 5;
                    (Message::Row, content)
                }
                Some(content) => (Message::Other, 5 + content),
                // This is not the protocol, which is for the driver to find out.
                None => (Message::Other, usize::MAX),
            };
        }
        let here = self.left.min(self.end - self.at);
        (here > 0).then_some((self.message, self.at..self.at + here))
    }

    fn advance(&mut self, count: usize) {
        self.at += count;
        self.left -= count;
    }

    /// Passes messages on until the driver's buffer is full; tells whether a row is in the way.
    fn pass(&mut self, out: &mut ReadBuf<'_>) -> bool {
        while let Some((message, here)) = self.front() {
            let count = match message {
                Message::Row if self.unwanted => here.len(),
                Message::Row => return true,
                Message::Other if out.remaining() == 0 => return false,
                Message::Other => {
                    let count = here.len().min(out.remaining());
                    out.put_slice(&self.bytes[here.start..here.start + count]);
                    count
                }
            };
            self.advance(count);
        }
        false
    }

    /// Receives more when all but the beginning of a message was taken; returns the number of bytes, 0 at the end.
    fn poll_receive(&mut self, stream: Pin<&mut impl AsyncRead>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.bytes.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.end - self.at);
        let mut free = ReadBuf::new(&mut self.bytes[self.end..]);
        ready!(stream.poll_read(context, &mut free))?;
        let (received, full) = (free.filled().len(), free.remaining() == 0);
        self.end += received;
        if full && self.bytes.len() < MOST {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        Poll::Ready(Ok(received))
    }
}

#[cfg(test)]
mod tests;

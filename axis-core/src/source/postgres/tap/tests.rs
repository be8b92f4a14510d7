//! Messages cut anywhere, against a plain reading of the protocol.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};

use super::{MOST, Tap, Tapped};

/// Gives these pieces, one a read, and then the end.
struct Pieces(Vec<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(piece) = self.0.first_mut() {
            let count = piece.len().min(out.remaining());
            out.put_slice(&piece[..count]);
            piece.drain(..count);
            if piece.is_empty() {
                self.0.remove(0);
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn message(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], content].concat()
}

fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

/// What came out, in its order: bytes for the driver, or bytes of rows.
#[derive(Debug, PartialEq)]
enum Out {
    Driver(Vec<u8>),
    Rows(Vec<u8>),
}

fn put(outs: &mut Vec<Out>, rows: bool, bytes: &[u8]) {
    match outs.last_mut() {
        _ if bytes.is_empty() => {}
        Some(Out::Driver(last)) if !rows => last.extend_from_slice(bytes),
        Some(Out::Rows(last)) if rows => last.extend_from_slice(bytes),
        _ if rows => outs.push(Out::Rows(bytes.to_vec())),
        _ => outs.push(Out::Driver(bytes.to_vec())),
    }
}

/// Reads to the end the way driver and reader do; the reader takes at most `bite` bytes of a piece.
fn run(pieces: Vec<Vec<u8>>, room: usize, bite: usize) -> Vec<Out> {
    let tap = Tap::new();
    let mut stream = Tapped::new(Pieces(pieces), tap.clone(), false);
    let mut context = Context::from_waker(Waker::noop());
    let (mut outs, mut space) = (Vec::new(), vec![0; room]);
    loop {
        let mut out = ReadBuf::new(&mut space);
        match Pin::new(&mut stream).poll_read(&mut context, &mut out) {
            Poll::Ready(result) => {
                result.unwrap();
                if out.filled().is_empty() {
                    return outs;
                }
                put(&mut outs, false, out.filled());
            }
            Poll::Pending => {
                let mut seen = 0;
                let taken = tap.take(|rows| {
                    let (bitten, rest) = rows.split_at(rows.len().min(bite));
                    put(&mut outs, true, bitten);
                    seen += bitten.len();
                    *rows = rest;
                    Ok::<_, io::Error>(())
                });
                assert_eq!(taken.unwrap(), seen);
            }
        }
    }
}

#[test]
fn rows_and_messages_come_in_their_order_wherever_they_are_cut() {
    let messages = prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..30);
    let cuts = prop::collection::vec(any::<usize>(), 0..30);
    proptest!(|(messages in messages, cuts in cuts, room in 1..100_usize, bite in 1..50_usize)| {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (row, content) in &messages {
            let message = message(if *row { b'd' } else { b'D' }, content);
            put(&mut expected, *row, if *row { content } else { &message });
            bytes.extend_from_slice(&message);
        }
        prop_assert_eq!(run(cut(&bytes, &cuts), room, bite), expected);
    });
}

#[test]
fn a_message_may_be_longer_than_what_is_received_at_once() {
    let long = vec![7; 3 * MOST + 1];
    let bytes = [message(b'd', &long), message(b'D', &long), message(b'd', b"end")].concat();
    let expected = [
        Out::Rows(long.clone()),
        Out::Driver(message(b'D', &long)),
        Out::Rows(b"end".to_vec()),
    ];
    assert!(run(vec![bytes], 8192, usize::MAX) == expected);
}

#[test]
fn what_is_not_the_protocol_is_left_to_the_driver() {
    let nonsense = b"d\0\0\0\x03and so on".to_vec();
    assert_eq!(run(vec![nonsense.clone()], 5, 5), [Out::Driver(nonsense)]);
}

#[tokio::test]
async fn a_closed_tap_throws_rows_away() {
    let bytes = [message(b'd', &[1; 100]), message(b'c', b""), message(b'd', &[2; 100])].concat();
    let tap = Tap::new();
    let mut stream = Tapped::new(Pieces(cut(&bytes, &[50])), tap.clone(), false);
    let reading = tokio::spawn(async move {
        let mut space = [0; 50];
        let mut out = ReadBuf::new(&mut space);
        poll_fn(|context| Pin::new(&mut stream).poll_read(context, &mut out))
            .await
            .unwrap();
        out.filled().to_vec()
    });
    // The stream waits for somebody to take the row, and is woken.
    tokio::task::yield_now().await;
    tap.close();
    assert_eq!(reading.await.unwrap(), message(b'c', b""));
}

#[test]
fn the_answer_to_the_question_for_encryption_is_no_message() {
    let bytes = [b"N".to_vec(), message(b'd', b"row"), message(b'R', b"")].concat();
    let tap = Tap::new();
    let mut stream = Tapped::new(Pieces(vec![bytes]), tap.clone(), true);
    let mut context = Context::from_waker(Waker::noop());
    let mut space = [0; 20];
    let mut out = ReadBuf::new(&mut space[..1]);
    assert!(Pin::new(&mut stream).poll_read(&mut context, &mut out).is_ready());
    assert_eq!(out.filled(), b"N");
    tap.close();
    let mut out = ReadBuf::new(&mut space);
    assert!(Pin::new(&mut stream).poll_read(&mut context, &mut out).is_ready());
    assert_eq!(out.filled(), message(b'R', b""));
}

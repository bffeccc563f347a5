//! A message that is being decoded, as whoever asked for it follows it.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{mpsc as tokio_mpsc, watch};

use super::call::{Decoded, Error, Number};
use super::handle::{Request, RunId, gone};

/// What a lane shows of itself while it goes on.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// All text that stays whatever comes next: whole characters, and nothing
    /// that a stop string may take back. Empty once the lane has ended.
    pub(super) text: String,
    /// How it ended.
    pub(super) end: Option<Result<Decoded, Error>>,
}

impl Feed {
    /// The text after its first `read` bytes; the header comes with the first
    /// generated character.
    fn after(&self, read: usize) -> Result<Option<&str>, Error> {
        let text = match &self.end {
            None => &self.text,
            Some(Ok(decoded)) => &decoded.text,
            Some(Err(error)) => return Err(error.clone()),
        };
        Ok(text.get(read..).filter(|text| !text.is_empty()))
    }

    /// Whether a read after `read` bytes need not wait.
    fn is_readable(&self, read: usize) -> bool {
        self.end.is_some() || self.text.len() > read
    }
}

/// A run's messages as they begin to be decoded, in that order; somebody looks
/// on, and the engine does not wait for them.
#[derive(Debug)]
pub struct Following(pub(super) tokio_mpsc::Receiver<Started>);

/// Messages that begin while one who looks on is at another.
pub(super) const FOLLOWED: usize = 1024;

impl Following {
    /// The next message; none when nothing more is followed.
    pub async fn next(&mut self) -> Option<Followed> {
        let (number, feed) = self.0.recv().await?;
        Some(Followed { number, feed, read: 0 })
    }
}

/// A message that is looked at while it is decoded.
#[derive(Debug)]
pub struct Followed {
    number: Number,
    feed: watch::Receiver<Feed>,
    read: usize,
}

impl Followed {
    /// Its number in the run.
    pub fn number(&self) -> Number {
        self.number
    }

    /// As [`Pending::read`]; none as well where the message failed.
    pub async fn read(&mut self) -> Option<String> {
        let text = read(&mut self.feed, self.read).await.ok().flatten()?;
        self.read += text.len();
        Some(text)
    }
}

/// The text after the first `read` bytes; none at the end.
async fn read(feed: &mut watch::Receiver<Feed>, read: usize) -> Result<Option<String>, Error> {
    let feed = feed.wait_for(|feed| feed.is_readable(read)).await.map_err(|_| gone())?;
    Ok(feed.after(read)?.map(str::to_owned))
}

/// What [`wait_any`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// New text, or the end.
    Text,
    /// The end.
    Finished,
}

/// A message being decoded. Dropping it ends the message, and takes it away
/// unless [`finish`](Self::finish) or [`cancel`](Self::cancel) has given it.
#[derive(Debug)]
pub struct Pending {
    sender: mpsc::Sender<Request>,
    run: RunId,
    number: Number,
    feed: watch::Receiver<Feed>,
    /// Bytes of the text that were read.
    read: usize,
    given: Given,
}

/// Whether somebody was told of the finished message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    NotYet,
    Given,
}

impl Pending {
    pub(super) fn new(sender: mpsc::Sender<Request>, run: RunId, (number, feed): Started) -> Self {
        Self { sender, run, number, feed, read: 0, given: Given::NotYet }
    }

    /// Waits for text that was not read yet, and gives all there is; none at
    /// the end. The pieces together are the message's text, header included.
    ///
    /// # Errors
    /// The lane failed, or the engine thread has ended.
    pub async fn read(&mut self) -> Result<Option<String>, Error> {
        let text = read(&mut self.feed, self.read).await?;
        self.read += text.as_ref().map_or(0, String::len);
        Ok(text)
    }

    /// Waits for the end; afterwards gives the same again.
    ///
    /// # Errors
    /// The lane failed, or the engine thread has ended.
    pub async fn finish(&mut self) -> Result<Decoded, Error> {
        let feed = self.feed.wait_for(|feed| feed.end.is_some()).await.map_err(|_| gone())?;
        let end = feed.end.clone();
        drop(feed);
        self.given = Given::Given;
        end.unwrap_or_else(|| Err(gone()))
    }

    /// Ends the message now, with the text it has.
    ///
    /// # Errors
    /// The lane had failed before, or the engine thread has ended.
    pub async fn cancel(&mut self) -> Result<Decoded, Error> {
        self.sender.send(Request::Cancel(self.run, self.number)).map_err(|_| gone())?;
        self.finish().await
    }

    /// Whether it has what `until` says.
    fn has(&self, until: Until) -> bool {
        let feed = self.feed.borrow();
        match until {
            Until::Text => feed.is_readable(self.read),
            Until::Finished => feed.end.is_some(),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.given == Given::NotYet {
            // An engine that has ended has nothing left to give back.
            let _ = self.sender.send(Request::Abandon(self.run, self.number));
        }
    }
}

/// Waits until at least one has what `until` says, or the time is over; the
/// indexes of all that have, ascending.
///
/// # Errors
/// When the engine thread has ended.
pub async fn wait_any(pendings: &[&Pending], until: Until, timeout: Option<Duration>) -> Result<Vec<u32>, Error> {
    let waits = pendings.iter().map(|pending| {
        let (mut feed, read) = (pending.feed.clone(), pending.read);
        let wait: Wait<'_> = Box::pin(async move {
            let has = |feed: &Feed| match until {
                Until::Text => feed.is_readable(read),
                Until::Finished => feed.end.is_some(),
            };
            feed.wait_for(has).await.map(|_| ()).map_err(|_| gone())
        });
        wait
    });
    let mut waits: Vec<Wait<'_>> = waits.collect();
    let first = std::future::poll_fn(|context| {
        let mut ready = waits.iter_mut().map(|wait| wait.as_mut().poll(context)).filter(Poll::is_ready);
        ready.next().unwrap_or(Poll::Pending)
    });
    match timeout {
        // That the time is over is no error: the list is then empty.
        Some(timeout) => tokio::time::timeout(timeout, first).await.unwrap_or(Ok(()))?,
        None => first.await?,
    }
    let ready = pendings.iter().zip(0..).filter(|(pending, _)| pending.has(until));
    Ok(ready.map(|(_, index)| index).collect())
}

type Wait<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// A lane that was started: its message's number, and what it shows.
pub(super) type Started = (Number, watch::Receiver<Feed>);

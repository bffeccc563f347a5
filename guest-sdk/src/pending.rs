//! Messages that are being decoded while the plan goes on.

use std::time::Duration;

use crate::generated::choreo::host::choreo as contract;
use crate::{Decode, Decoded, Error, Until};

/// A message being decoded. Dropping it cancels; a message that neither
/// [`finish`](Self::finish) nor [`cancel`](Self::cancel) has given then cannot be
/// named.
#[derive(Debug)]
pub struct Pending(contract::Pending);

impl Pending {
    /// New text since the last read, cut at whole characters; none at the end.
    /// The header comes with the first of it, so that all pieces are the text.
    /// Blocks until there is some.
    ///
    /// # Errors
    /// The host's: the lane failed.
    pub fn read(&self) -> Result<Option<String>, Error> {
        Ok(self.0.read()?)
    }

    /// Blocks until the message is finished. Afterwards, the same again.
    ///
    /// # Errors
    /// The host's: the lane failed.
    pub fn finish(&self) -> Result<Decoded, Error> {
        Ok(self.0.finish()?.into())
    }

    /// Ends the message now and keeps what it has.
    ///
    /// # Errors
    /// The host's: the lane failed.
    pub fn cancel(&self) -> Result<Decoded, Error> {
        Ok(self.0.cancel()?.into())
    }
}

/// Starts generating messages in parallel and returns at once.
///
/// # Errors
/// The host's: the list could not start.
pub fn start_all(calls: impl IntoIterator<Item = Decode>) -> Result<Vec<Pending>, Error> {
    let calls: Vec<_> = calls.into_iter().map(|call| call.0).collect();
    let pendings = contract::start_decode(&calls)?;
    Ok(pendings.into_iter().map(Pending).collect())
}

/// Blocks until at least one has new text or has finished, or the time is over
/// (none: no limit; whole milliseconds count). The indexes of all that have.
///
/// # Errors
/// The host's.
pub fn wait_any<'a>(
    pendings: impl IntoIterator<Item = &'a Pending>,
    until: Until,
    timeout: Option<Duration>,
) -> Result<Vec<usize>, Error> {
    let pendings: Vec<_> = pendings.into_iter().map(|pending| &pending.0).collect();
    let milliseconds = timeout.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
    let ready = contract::wait_any(&pendings, until, milliseconds)?;
    Ok(ready.into_iter().map(|index| index as usize).collect())
}

//! One file after another, from the hub into its cache.
//!
//! hf-hub writes to `ETAG.part`, goes on from a part's end with a `Range`
//! request, and gives the file its name afterwards. What it leaves open is done
//! here: lengths are checked before that, a file that another revision has
//! already is linked, a part that has all its bytes does not make the server
//! refuse the range behind them, and a connection that ends is taken up again
//! as long as it brings something. hf-hub's own retries are not asked for: they
//! ask for the bytes from 0 where they should go on from a part's end.

use std::cell::Cell;
use std::fs;
use std::path::{Component, Path, PathBuf};

use hf_hub::CacheRepo;
use hf_hub::api::Progress;
use hf_hub::api::sync::{Api, ApiError, ApiRepo, Metadata};
use indicatif::ProgressBar;

use super::error::is_of_the_disk;
use super::listing::Listing;
use super::{Hub, HubError, HubName};

/// What fetching a file takes.
pub(super) struct Transfer<'a> {
    pub(super) hub: &'a Hub,
    pub(super) name: &'a HubName,
    pub(super) api: &'a Api,
    pub(super) remote: &'a ApiRepo,
    pub(super) listing: &'a Listing,
    pub(super) cache: CacheRepo,
    pub(super) bar: &'a ProgressBar,
}

impl Transfer<'_> {
    /// Brings a file to its place in the snapshot, if it is not there.
    pub(super) fn fetch(&self, file: &str) -> Result<(), HubError> {
        let place = self.cache.pointer_path(&self.listing.commit).join(file);
        if place.is_file() {
            return Ok(());
        }
        let metadata = self.metadata(file)?;
        let blob = self.blob(&metadata)?;
        let part = blob.with_extension("part");
        let size = self.listing.size(file).unwrap_or(metadata.size() as u64);
        let disk = |error| HubError::disk(error, self.hub);
        // A link to a file that somebody has deleted is in the way.
        if place.is_symlink() {
            fs::remove_file(&place).map_err(disk)?;
        }
        loop {
            let before = length(&part).unwrap_or(0);
            match before {
                0 => (),
                whole if whole == size => fs::rename(&part, &blob).map_err(disk)?,
                more if more > size => fs::remove_file(&part).map_err(disk)?,
                _ => (),
            }
            if length(&blob) == Some(size) {
                return link(&blob, &place).map_err(disk);
            }
            let watch = Watch { bar: self.bar, part: &part, size, received: Cell::new(0), wrong: Cell::new(false) };
            let Err(error) = self.remote.download_with_progress(file, &watch) else { return Ok(()) };
            let after = length(&part).unwrap_or(0);
            if after <= before || matches!(error, ApiError::LockAcquisition(_)) {
                return Err(self.failed(error, file, &watch));
            }
        }
    }

    /// Notes which commit the revision is, now that all its files are here.
    pub(super) fn finish(&self) -> Result<(), HubError> {
        self.cache.create_ref(&self.listing.commit).map_err(|error| HubError::disk(error, self.hub))
    }

    /// What the hub says of a file of the commit.
    fn metadata(&self, file: &str) -> Result<Metadata, HubError> {
        let metadata = self.api.metadata(&self.remote.url(file));
        let metadata = metadata.map_err(|error| HubError::from_api(error, self.hub, self.name))?;
        match metadata.commit_hash() == self.listing.commit {
            true => Ok(metadata),
            false => Err(HubError::Moved { file: file.into() }),
        }
    }

    /// Where a file's bytes are kept, by the name that the server gives them.
    fn blob(&self, metadata: &Metadata) -> Result<PathBuf, HubError> {
        let etag = metadata.etag();
        let inside = Path::new(etag).components().all(|part| matches!(part, Component::Normal(_)));
        match inside && !etag.is_empty() {
            true => Ok(self.cache.blob_path(etag)),
            false => Err(HubError::answer(self.hub, format!("an ETag {etag:?}"))),
        }
    }

    fn failed(&self, error: ApiError, file: &str, watch: &Watch<'_>) -> HubError {
        let file = file.to_owned();
        let (received, size) = (watch.received.get(), watch.size);
        match error {
            ApiError::LockAcquisition(_) => HubError::Busy { file },
            _ if watch.wrong.get() => HubError::Length { file, received, size },
            ApiError::IoError(error) if is_of_the_disk(&error) => HubError::disk(error, self.hub),
            ApiError::IoError(error) => HubError::Interrupted { file, received, size, error: error.to_string() },
            error => HubError::from_api(error, self.hub, self.name),
        }
    }
}

/// Shows the bytes of a file, and counts them.
struct Watch<'a> {
    bar: &'a ProgressBar,
    part: &'a Path,
    /// Bytes of the file.
    size: u64,
    /// Bytes that are here.
    received: Cell<u64>,
    /// The server said that it was done, and it was not so.
    wrong: Cell<bool>,
}

impl Progress for &Watch<'_> {
    fn init(&mut self, size: usize, file: &str) {
        self.received.set(0);
        self.bar.reset();
        self.bar.set_length(size as u64);
        self.bar.set_message(file.to_owned());
    }

    fn update(&mut self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
        self.bar.inc(bytes as u64);
    }

    /// The last moment before the part gets the file's name, which it must not
    /// get by a wrong length: a server that does not know ranges sends all again.
    fn finish(&mut self) {
        if self.received.get() != self.size {
            self.wrong.set(true);
            // Where it cannot be removed it cannot be renamed.
            let _ = fs::remove_file(self.part);
        }
    }
}

/// Bytes of a file, where there is one.
fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// Gives a file of the cache another place. A hard link is one wherever the
/// cache lies, and is there at once or not at all.
fn link(blob: &Path, place: &Path) -> std::io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::hard_link(blob, place)
}

//! One file after another, from the hub into its cache.
//!
//! Bytes go to `ETAG.part`, which is given the file's name when it has as many
//! as the file. A part that is there is gone on with from its end, a file that
//! another revision has already is linked, and a connection that ends is taken
//! up again as long as it brings something.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use hf_hub::CacheRepo;
use indicatif::ProgressBar;

use super::HubError;
use super::error::is_of_the_disk;
use super::listing::Listing;
use super::request::{Answer, Client};

/// How often a file that another process fetches is looked at again, a second apart.
const LOOKS: usize = 5;

/// What fetching a file takes.
pub(super) struct Transfer<'a> {
    pub(super) client: &'a Client<'a>,
    pub(super) listing: &'a Listing,
    pub(super) cache: CacheRepo,
    pub(super) bar: &'a ProgressBar,
}

/// What is being fetched.
struct Wanted<'a> {
    file: &'a str,
    /// Name of its bytes.
    etag: String,
    /// Bytes.
    size: u64,
    part: PathBuf,
}

impl Transfer<'_> {
    /// Brings a file to its place in the snapshot, if it is not there.
    pub(super) fn fetch(&self, file: &str) -> Result<(), HubError> {
        let place = self.cache.pointer_path(&self.listing.commit).join(file);
        if place.is_file() {
            return Ok(());
        }
        // One byte says the names, and how many there are.
        let answer = self.ask(file, "bytes=0-0")?;
        let size = self.listing.size(file).or_else(|| answer.place()?.1);
        let size = size.ok_or_else(|| self.client.answer(format!("no length of {file}")))?;
        let blob = self.cache.blob_path(&answer.etag);
        let part = self.cache.blob_path(&format!("{}.part", answer.etag));
        let wanted = Wanted { file, etag: answer.etag, size, part };

        let disk = |error| HubError::disk(error, self.client.hub);
        let _lock = self.lock(&wanted)?;
        while length(&blob) != Some(size) {
            match length(&wanted.part).unwrap_or(0) {
                0 => self.append(&wanted, 0)?,
                whole if whole == size => fs::rename(&wanted.part, &blob).map_err(disk)?,
                more if more > size => fs::remove_file(&wanted.part).map_err(disk)?,
                start => self.append(&wanted, start)?,
            }
        }
        link(&blob, &place, file).map_err(disk)?;
        self.note()
    }

    /// Notes which commit the revision is. Done after each file, so that it can
    /// be said what is missing of a model that did not come whole.
    pub(super) fn note(&self) -> Result<(), HubError> {
        self.cache.create_ref(&self.listing.commit).map_err(|error| HubError::disk(error, self.client.hub))
    }

    /// Asks for bytes of a file of the commit.
    fn ask(&self, file: &str, range: &str) -> Result<Answer, HubError> {
        let answer = self.client.ask(file, range)?;
        match answer.commit == self.listing.commit {
            true => Ok(answer),
            false => Err(HubError::Moved { file: file.into() }),
        }
    }

    /// Adds to the part what the hub sends from `start` on. It is no error that
    /// bytes are missing at the end, as long as some came.
    fn append(&self, wanted: &Wanted<'_>, start: u64) -> Result<(), HubError> {
        let &Wanted { file, size, ref part, .. } = wanted;
        let answer = self.ask(file, &format!("bytes={start}-"))?;
        if answer.etag != wanted.etag {
            return Err(HubError::Moved { file: file.into() });
        }
        let thrown_away = |received| {
            // Where it cannot be removed it is not given the name either.
            let _ = fs::remove_file(part);
            HubError::Length { file: file.into(), received, size }
        };
        // A server that does not know ranges sends all again.
        let from = match answer.place() {
            Some((_, Some(promised))) if promised != size => return Err(thrown_away(promised)),
            Some((0, _)) => 0,
            Some((from, _)) if from == start => start,
            _ => return Err(self.client.answer(format!("another range of {file} than was asked for"))),
        };
        let mut options = OpenOptions::new();
        let opened = options.create(true).write(true).append(from > 0).truncate(from == 0).open(part);
        let mut opened = opened.map_err(|error| HubError::disk(error, self.client.hub))?;
        self.bar.reset();
        self.bar.set_length(size);
        self.bar.set_message(file.to_owned());
        self.bar.inc(from);
        // One byte more shows that there are too many.
        let bytes = answer.response.into_body().into_reader().take(size - from + 1);
        let copied = io::copy(&mut self.bar.wrap_read(bytes), &mut opened);
        let received = length(part).unwrap_or(0);
        match copied {
            Ok(_) if received == size => Ok(()),
            Ok(_) => Err(thrown_away(received)),
            Err(error) if is_of_the_disk(&error) => Err(HubError::disk(error, self.client.hub)),
            Err(_) if received > start => Ok(()),
            Err(error) => Err(HubError::Interrupted { file: file.into(), received, size, error: error.to_string() }),
        }
    }

    /// Keeps other processes from the part for as long as what it gives lives.
    fn lock(&self, wanted: &Wanted<'_>) -> Result<File, HubError> {
        let path = self.cache.blob_path(&format!("{}.lock", wanted.etag));
        let created = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&path));
        let lock = created.map_err(|error| HubError::disk(error, self.client.hub))?;
        for _ in 0..LOOKS {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(fs::TryLockError::WouldBlock) => sleep(Duration::from_secs(1)),
                Err(fs::TryLockError::Error(error)) => return Err(HubError::disk(error, self.client.hub)),
            }
        }
        Err(HubError::Busy { file: wanted.file.into() })
    }
}

/// Bytes of a file, where there is one.
fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// Gives a file of the cache its place in a snapshot, by a link that is there
/// at once or not at all.
fn link(blob: &Path, place: &Path, file: &str) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    // Another process may have been quicker.
    if place.is_file() {
        return Ok(());
    }
    // A link to a file that somebody has deleted is in the way.
    if place.is_symlink() {
        fs::remove_file(place)?;
    }
    symbolic(blob, place, file)
}

/// From `snapshots/COMMIT/FILE` to `blobs/ETAG`, wherever the cache lies.
#[cfg(unix)]
fn symbolic(blob: &Path, place: &Path, file: &str) -> io::Result<()> {
    let up: PathBuf = Path::new(file).components().skip(1).map(|_| "..").collect();
    let name = blob.file_name().unwrap_or_default();
    std::os::unix::fs::symlink(up.join("../../blobs").join(name), place)
}

#[cfg(not(unix))]
fn symbolic(blob: &Path, place: &Path, _file: &str) -> io::Result<()> {
    fs::hard_link(blob, place)
}

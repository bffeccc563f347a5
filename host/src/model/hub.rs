//! Models of the Hugging Face hub: what is asked for is looked up in the hub's
//! cache on this machine, and what is not there is fetched into it.
//!
//! The cache's layout and the variables that govern it are those of
//! `huggingface_hub` (huggingface.co/docs/huggingface_hub, "Understand caching"
//! and "Environment variables"), so that models fetched by other programs are
//! found, and ours by them:
//!
//! ```text
//! models--ORG--NAME/refs/REVISION             the commit that a revision was when it was fetched
//! models--ORG--NAME/snapshots/COMMIT/FILE     a link to
//! models--ORG--NAME/blobs/ETAG                the file; ETAG.part while it is being fetched
//! ```
//!
//! A file gets its place in `snapshots` when it is whole, and weights come last:
//! a snapshot that has them has all that the hub had for us. It is then used as
//! it is, without a request.

mod error;
mod listing;
mod name;
mod request;
mod settings;
mod transfer;

use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use indicatif::ProgressBar;

pub use error::HubError;
pub use name::{HubName, Named};

use super::Source;
use super::weights::{self, INDEX, SINGLE};
use listing::Listing;
use request::Client;
use transfer::Transfer;

/// Files without which there is no model.
const REQUIRED: [&str; 2] = ["config.json", "tokenizer.json"];
/// Files that are read where there are any.
const OPTIONAL: [&str; 3] = ["generation_config.json", "tokenizer_config.json", "chat_template.jinja"];

/// The hub, and its cache on this machine.
#[derive(Debug)]
pub struct Hub {
    /// Address, without a slash at its end.
    endpoint: String,
    cache: Cache,
    token: Option<String>,
    /// Whether requests may be made.
    network: Network,
}

/// Whether requests may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Allowed,
    /// `HF_HUB_OFFLINE` is set.
    Forbidden,
}

impl Hub {
    /// Where a model's files are on this machine; none where some are missing
    /// and may be fetched. Makes no request.
    ///
    /// # Errors
    /// Files that are missing where no request may be made.
    pub fn cached(&self, name: &HubName) -> Result<Option<PathBuf>, HubError> {
        let cache = self.cache_of(name);
        let commit = match name.is_commit() {
            true => Some(name.revision.clone()),
            false => std::fs::read_to_string(self.folder(name).join("refs").join(&name.revision)).ok(),
        };
        // An empty name would be the folder of all snapshots.
        let commit = commit.filter(|commit| !commit.trim().is_empty());
        let snapshot = commit.map(|commit| cache.pointer_path(commit.trim()));
        let missing = match &snapshot {
            Some(snapshot) => missing(snapshot, name),
            None => Some("this revision".into()),
        };
        match (missing, self.network) {
            (None, _) => Ok(snapshot.map(|snapshot| place(snapshot, name))),
            (Some(_), Network::Allowed) => Ok(None),
            (Some(missing), Network::Forbidden) => Err(HubError::Offline {
                cache: self.cache.path().clone(),
                missing,
                repository: name.repository.clone(),
            }),
        }
    }

    /// Fetches what is missing of a model, and says where its files then are.
    /// `bar` shows each file's bytes.
    ///
    /// # Errors
    /// All that can be wrong with a name, a network, a disk or a repository.
    pub fn fetch(&self, name: &HubName, bar: &ProgressBar) -> Result<PathBuf, HubError> {
        let client = Client::new(self, name);
        let listing = Listing::ask(&client)?;
        let cache = self.cache_of(name);
        let snapshot = cache.pointer_path(&listing.commit);
        let transfer = Transfer { client: &client, listing: &listing, cache, bar };

        match &name.file {
            Some(file) => transfer.fetch(listing.require(file)?)?,
            None => fetch_directory(&transfer, &Source::Directory(snapshot.clone()))?,
        }
        transfer.note()?;
        Ok(place(snapshot, name))
    }

    /// The repository's folder in the cache.
    pub fn folder(&self, name: &HubName) -> PathBuf {
        self.cache.path().join(repo(name).folder_name())
    }

    fn cache_of(&self, name: &HubName) -> CacheRepo {
        self.cache.repo(repo(name))
    }
}

fn repo(name: &HubName) -> Repo {
    Repo::with_revision(name.repository.clone(), RepoType::Model, name.revision.clone())
}

/// `ORG/NAME` of a snapshot in a cache of the hub; none for any other directory.
pub(super) fn repository(snapshot: &Path) -> Option<String> {
    let snapshots = snapshot.parent().filter(|parent| parent.ends_with("snapshots"))?;
    let folder = snapshots.parent()?.file_name()?.to_str()?;
    Some(folder.strip_prefix("models--")?.replacen("--", "/", 1))
}

/// What is loaded: a snapshot, or a file of it.
fn place(snapshot: PathBuf, name: &HubName) -> PathBuf {
    match &name.file {
        Some(file) => snapshot.join(file),
        None => snapshot,
    }
}

/// Fetches the files of a Hugging Face directory, weights last.
fn fetch_directory(transfer: &Transfer<'_>, directory: &Source) -> Result<(), HubError> {
    let listing = transfer.listing;
    for file in REQUIRED {
        listing.require(file)?;
    }
    let weights = listing.weights()?;
    for file in REQUIRED.into_iter().chain(OPTIONAL.into_iter().filter(|file| listing.has(file))) {
        transfer.fetch(file)?;
    }
    transfer.fetch(weights)?;
    if weights == INDEX {
        let shards = weights::indexed(directory).map_err(HubError::Index)?;
        for shard in &shards {
            listing.require(shard)?;
        }
        for shard in &shards {
            transfer.fetch(shard)?;
        }
    }
    Ok(())
}

/// The first file of a model that a snapshot lacks.
fn missing(snapshot: &Path, name: &HubName) -> Option<String> {
    let absent = |file: &str| !snapshot.join(file).is_file();
    if let Some(file) = &name.file {
        return Some(file.clone()).filter(|file| absent(file));
    }
    if let Some(file) = REQUIRED.into_iter().find(|file| absent(file)) {
        return Some(file.into());
    }
    if !absent(SINGLE) {
        return None;
    }
    match weights::indexed(&Source::Directory(snapshot.to_owned())) {
        Ok(shards) => shards.into_iter().find(|shard| absent(shard)),
        Err(_) => Some(SINGLE.into()),
    }
}

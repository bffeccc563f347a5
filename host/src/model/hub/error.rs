//! What can go wrong between a name and its files: each is one line.

use std::io::{Error, ErrorKind};
use std::path::PathBuf;

use super::super::LoadError;
use super::{Hub, HubName};

/// A model that cannot be had. Lines stand behind the name that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// It begins like a path.
    #[error("there is no such file or directory: give the path of one that is there")]
    NoPath,
    /// Neither a path nor a name.
    #[error(
        "it is no file or directory that is there, and no name of the hub (ORG/NAME, ORG/NAME/FILE.gguf, \
         either perhaps with @REVISION): check it, or give a path"
    )]
    NoName,
    /// Nowhere to keep files.
    #[error("there is no home directory for the hub's cache: set HF_HOME")]
    NoHome,
    /// Requests are forbidden.
    #[error(
        "there is no such path, HF_HUB_OFFLINE is set, and the cache {} lacks {missing} of it: \
         unset it, fetch {repository} beforehand, or give a directory", cache.display()
    )]
    Offline {
        /// Where it was looked for.
        cache: PathBuf,
        /// The first thing not found.
        missing: String,
        /// `ORG/NAME`.
        repository: String,
    },
    /// No answer.
    #[error(
        "there is no such path, the cache {} does not have all of it, and {endpoint} cannot be reached ({error}): \
         fetch {repository} where there is a network, or give a directory", cache.display()
    )]
    Unreachable {
        /// Where it was looked for.
        cache: PathBuf,
        /// Whom we asked.
        endpoint: String,
        /// What the network said.
        error: String,
        /// `ORG/NAME`.
        repository: String,
    },
    /// 404.
    #[error("there is no such path, and {endpoint} has no model {repository}: check the name, or give a path")]
    Unknown {
        /// Whom we asked.
        endpoint: String,
        /// `ORG/NAME`.
        repository: String,
    },
    /// 404 of a revision.
    #[error("{endpoint} has {repository}, but no revision {revision:?} of it: name a branch, a tag or a commit")]
    Revision {
        /// Whom we asked.
        endpoint: String,
        /// `ORG/NAME`.
        repository: String,
        /// What it does not have.
        revision: String,
    },
    /// 401 or 403 without a token: the hub does not tell which it is.
    #[error(
        "there is no such path, and {endpoint} shows {repository} to nobody without a token ({status}): \
         it does not exist, is private or gated: check the name, or set HF_TOKEN"
    )]
    Anonymous {
        /// Whom we asked.
        endpoint: String,
        /// `ORG/NAME`.
        repository: String,
        /// Of the answer.
        status: u16,
    },
    /// 401 or 403 with a token.
    #[error(
        "{endpoint} does not give {repository} to the owner of HF_TOKEN ({status}): \
         accept its conditions at {endpoint}/{repository}, or use another token"
    )]
    Refused {
        /// Whom we asked.
        endpoint: String,
        /// `ORG/NAME`.
        repository: String,
        /// Of the answer.
        status: u16,
    },
    /// Any other status.
    #[error("{endpoint} answers {status} for {repository}: try again later, or give a directory")]
    Status {
        /// Whom we asked.
        endpoint: String,
        /// `ORG/NAME`.
        repository: String,
        /// Of the answer.
        status: u16,
    },
    /// An answer that no hub gives.
    #[error("{endpoint} does not answer as a hub does ({problem}): check HF_ENDPOINT")]
    Answer {
        /// Whom we asked.
        endpoint: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A repository without a file that is wanted.
    #[error("its repository has no {file} (it has {found}): {instead}")]
    Lacks {
        /// What is missing.
        file: String,
        /// Weights that are there.
        found: String,
        /// What to do.
        instead: &'static str,
    },
    /// An index that cannot be read.
    #[error(transparent)]
    Index(LoadError),
    /// The revision moved on.
    #[error("the repository has changed while {file} was being fetched: start again")]
    Moved {
        /// What was being fetched.
        file: String,
    },
    /// Bytes that stopped coming.
    #[error("{file} came to {received} of {size} bytes ({error}): start again, and it goes on from there")]
    Interrupted {
        /// What was being fetched.
        file: String,
        /// Bytes here.
        received: u64,
        /// Bytes of the file.
        size: u64,
        /// What the network said.
        error: String,
    },
    /// A whole answer of the wrong length.
    #[error("{file} came as {received} bytes and has {size}, and is thrown away: start again")]
    Length {
        /// What was being fetched.
        file: String,
        /// Bytes that came.
        received: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// Another process fetches the same file.
    #[error("{file} is being fetched by another process: start again when it is done")]
    Busy {
        /// What it fetches.
        file: String,
    },
    /// The disk does not take it.
    #[error("the cache {} cannot be written ({error}): make room there, or set HF_HUB_CACHE", cache.display())]
    Disk {
        /// The hub's cache.
        cache: PathBuf,
        /// What the system said.
        error: Error,
    },
}

impl HubError {
    /// An answer that no hub gives.
    pub(super) fn answer(hub: &Hub, problem: impl ToString) -> Self {
        Self::Answer { endpoint: hub.endpoint.clone(), problem: problem.to_string() }
    }

    /// What a status says of a repository; `code` is the hub's own.
    pub(super) fn from_status(status: u16, code: Option<&str>, hub: &Hub, name: &HubName) -> Self {
        let (endpoint, repository) = (hub.endpoint.clone(), name.repository.clone());
        match (status, code) {
            (404, Some("RevisionNotFound")) => Self::Revision { endpoint, repository, revision: name.revision.clone() },
            (404, _) => Self::Unknown { endpoint, repository },
            (401 | 403, _) if hub.token.is_none() => Self::Anonymous { endpoint, repository, status },
            (401 | 403, _) => Self::Refused { endpoint, repository, status },
            _ => Self::Status { endpoint, repository, status },
        }
    }

    /// A request without an answer.
    pub(super) fn from_http(error: &ureq::Error, hub: &Hub, name: &HubName) -> Self {
        match error {
            ureq::Error::StatusCode(status) => Self::from_status(*status, None, hub, name),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Protocol(_) => Self::answer(hub, error),
            _ => Self::Unreachable {
                cache: hub.cache.path().clone(),
                endpoint: hub.endpoint.clone(),
                error: error.to_string(),
                repository: name.repository.clone(),
            },
        }
    }

    pub(super) fn disk(error: Error, hub: &Hub) -> Self {
        Self::Disk { cache: hub.cache.path().clone(), error }
    }
}

/// Whether the system complains of a file, and not of a connection.
pub(super) fn is_of_the_disk(error: &Error) -> bool {
    let connection = matches!(
        error.kind(),
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
    );
    // The connection's own layers speak without a code of the system.
    error.raw_os_error().is_some() && !connection
}

//! What a revision of a repository has.

use std::path::{Component, Path};

use serde::Deserialize;

use super::request::Client;
use super::{HubError, INDEX, SINGLE};

/// Endings of weights, read here or not.
const WEIGHTS: [&str; 7] = [".safetensors", ".gguf", ".bin", ".pt", ".pth", ".onnx", ".h5"];
/// Names that one line has room for.
const SHOWN: usize = 6;

/// A revision's commit and files: the hub's answer to
/// `/api/models/ORG/NAME/revision/REVISION?blobs=true`.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    /// The commit's name.
    #[serde(rename = "sha")]
    pub(super) commit: String,
    siblings: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    rfilename: String,
    /// Bytes; mirrors may leave it out.
    size: Option<u64>,
}

impl Listing {
    /// Asks the hub.
    pub(super) fn ask(client: &Client<'_>) -> Result<Self, HubError> {
        let bytes = client.describe()?;
        let listing: Self = serde_json::from_slice(&bytes).map_err(|error| client.answer(error))?;
        // It becomes a folder's name.
        match listing.commit.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !listing.commit.is_empty() {
            true => Ok(listing),
            false => Err(client.answer(format!("a commit {:?}", listing.commit))),
        }
    }

    pub(super) fn has(&self, file: &str) -> bool {
        self.siblings.iter().any(|sibling| sibling.rfilename == file)
    }

    /// Bytes of a file, where the hub says.
    pub(super) fn size(&self, file: &str) -> Option<u64> {
        self.siblings.iter().find(|sibling| sibling.rfilename == file)?.size
    }

    /// Checks that there is such a file, with a name that stays in its folder.
    pub(super) fn require<'a>(&self, file: &'a str) -> Result<&'a str, HubError> {
        let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        match self.has(file) && inside {
            true => Ok(file),
            false => Err(self.lacks(file)),
        }
    }

    /// The file of weights, or the index of several.
    pub(super) fn weights(&self) -> Result<&'static str, HubError> {
        let found = [SINGLE, INDEX].into_iter().find(|file| self.has(file));
        found.ok_or_else(|| self.lacks(&format!("{SINGLE} and no {INDEX}")))
    }

    /// Names what is missing, and what is there in its place.
    fn lacks(&self, file: &str) -> HubError {
        let is_weights = |name: &&str| WEIGHTS.iter().any(|end| name.ends_with(end));
        let names = self.siblings.iter().map(|sibling| sibling.rfilename.as_str());
        let mut names: Vec<&str> = names.filter(is_weights).collect();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        let found = match (names.is_empty(), more) {
            (true, _) => "no weights at all".into(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        };
        let has_gguf = self.siblings.iter().any(|sibling| sibling.rfilename.ends_with(".gguf"));
        let instead = if has_gguf { "name one of its .gguf files, ORG/NAME/FILE.gguf" } else { "use another model" };
        HubError::Lacks { file: file.into(), found, instead }
    }
}

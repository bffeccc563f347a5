//! What a revision of a repository has.

use std::path::{Component, Path};

use hf_hub::api::sync::ApiRepo;
use serde::Deserialize;

use super::{Hub, HubError, HubName, INDEX, SINGLE};

/// Endings of weights that this host does not read, or not from a repository.
const OTHER_WEIGHTS: [&str; 7] = [".safetensors", ".gguf", ".bin", ".pt", ".pth", ".onnx", ".h5"];
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
    pub(super) fn ask(remote: &ApiRepo, hub: &Hub, name: &HubName) -> Result<Self, HubError> {
        let request = remote.info_request().query("blobs", "true");
        let answer = request.config().http_status_as_error(false).build().call();
        let mut answer = answer.map_err(|error| HubError::from_http(&error, hub, name))?;
        if !answer.status().is_success() {
            let code = answer.headers().get("x-error-code").and_then(|code| code.to_str().ok());
            return Err(HubError::from_status(answer.status().as_u16(), code, hub, name));
        }
        let bytes = answer.body_mut().read_to_vec().map_err(|error| HubError::from_http(&error, hub, name))?;
        let listing: Self = serde_json::from_slice(&bytes).map_err(|error| HubError::answer(hub, error))?;
        // It becomes a folder's name.
        match listing.commit.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !listing.commit.is_empty() {
            true => Ok(listing),
            false => Err(HubError::answer(hub, format!("a commit {:?}", listing.commit))),
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
    pub(super) fn require(&self, file: &str) -> Result<(), HubError> {
        let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        match self.has(file) && inside {
            true => Ok(()),
            false => Err(HubError::Lacks { file: file.into(), found: self.shown(|_| true) }),
        }
    }

    /// The file of weights, or the index of several.
    pub(super) fn weights(&self) -> Result<&'static str, HubError> {
        let found = [SINGLE, INDEX].into_iter().find(|file| self.has(file));
        let weights = |file: &str| OTHER_WEIGHTS.iter().any(|end| file.ends_with(end));
        found.ok_or_else(|| HubError::Lacks { file: format!("{SINGLE} and no {INDEX}"), found: self.shown(weights) })
    }

    /// The names of some files, for a person.
    fn shown(&self, wanted: impl Fn(&str) -> bool) -> String {
        let names = self.siblings.iter().map(|sibling| sibling.rfilename.as_str()).filter(|name| wanted(name));
        let mut names: Vec<&str> = names.collect();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        match (names.is_empty(), more) {
            (true, _) => "nothing of the kind".into(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }
}

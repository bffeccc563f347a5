//! What `--model` names: a path, or a model of the hub.

use std::path::{Component, Path, PathBuf};

use super::HubError;

/// The revision where none is named.
const MAIN: &str = "main";
/// Bytes of a repository's name, by the hub's rules.
const LONGEST: usize = 96;

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Something on this machine.
    Path(PathBuf),
    /// A model of the hub.
    Hub(HubName),
}

impl Named {
    /// An existing path wins; what begins like one (`/`, `./`, `../`, `~`) is
    /// never a name of the hub.
    ///
    /// # Errors
    /// What is neither.
    pub fn read(written: &Path) -> Result<Self, HubError> {
        if written.exists() {
            return Ok(Self::Path(written.to_owned()));
        }
        let begins_like_a_path = match written.components().next() {
            Some(Component::Normal(first)) => first.as_encoded_bytes().starts_with(b"~"),
            _ => true,
        };
        if begins_like_a_path {
            return Err(HubError::NoPath);
        }
        let name = written.to_str().and_then(HubName::parse);
        name.map(Self::Hub).ok_or(HubError::NoName)
    }
}

/// `ORG/NAME` or `ORG/NAME/FILE.gguf`, and `@REVISION` behind either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubName {
    /// `ORG/NAME`.
    pub(super) repository: String,
    /// The file that is the whole model; none: those of a Hugging Face directory.
    pub(super) file: Option<String>,
    /// A branch, tag or commit.
    pub(super) revision: String,
}

impl HubName {
    /// None where it is no name by the hub's rules.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let (organisation, path) = path.split_once('/')?;
        let (name, file) = path.split_once('/').map_or((path, None), |(name, file)| (name, Some(file)));
        let repository = format!("{organisation}/{name}");
        let is_model = |file: &str| file.ends_with(".gguf") && is_inside(file);
        let fits = is_part(organisation) && is_part(name) && repository.len() <= LONGEST;
        let fits = fits && file.is_none_or(is_model) && is_inside(revision);
        fits.then(|| Self { repository, file: file.map(str::to_owned), revision: revision.into() })
    }

    /// Whether the revision is a commit's full name, which never means another.
    pub(super) fn is_commit(&self) -> bool {
        self.revision.len() == 40 && self.revision.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl std::fmt::Display for HubName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(file) = &self.file {
            write!(formatter, "/{file}")?;
        }
        if self.revision != MAIN { write!(formatter, "@{}", self.revision) } else { Ok(()) }
    }
}

/// Letters, digits, `-`, `_` and `.`; as huggingface_hub's `validate_repo_id`.
fn is_part(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let edge = |end: Option<char>| end.is_some_and(|end| end != '-' && end != '.');
    text.bytes().all(allowed)
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && !text.contains("--")
        && !text.contains("..")
        && !text.ends_with(".git")
}

/// A revision or a file: it becomes a part of addresses and of the cache's paths.
fn is_inside(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/".contains(&byte);
    text.bytes().all(allowed) && text.split('/').all(part) && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_two_parts_and_perhaps_a_file_and_a_revision() {
        for (text, repository, file, revision) in [
            ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B", None, "main"),
            ("a/b@v1.0", "a/b", None, "v1.0"),
            ("org_1/x@refs/pr/7", "org_1/x", None, "refs/pr/7"),
            ("a/b-GGUF/b.Q8_0.gguf", "a/b-GGUF", Some("b.Q8_0.gguf"), "main"),
            ("a/b/c/d.gguf@v1", "a/b", Some("c/d.gguf"), "v1"),
        ] {
            let name = HubName::parse(text).unwrap();
            let parts = (name.repository.as_str(), name.file.as_deref(), name.revision.as_str());
            assert_eq!(parts, (repository, file, revision));
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        let long = format!("org/{}", "x".repeat(93));
        for text in [
            "",
            "gpt2",
            "a/",
            "/b",
            "a/b/c",
            "a/b@",
            "a/b@../../x",
            "a/b@x/.y",
            "a/b@x y",
            "a/b?c",
            "-a/b",
            "a/b.",
            "a--x/b",
            "a/b..c",
            "a/b.git",
            "a/ b",
            "ä/b",
            &long,
        ] {
            assert_eq!(HubName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_begins_like_a_path_is_one() {
        for text in ["./a/b", "../a/b", "/a/b", "~/a", "~a/b"] {
            assert!(matches!(Named::read(Path::new(text)), Err(HubError::NoPath)), "{text}");
        }
        assert!(matches!(Named::read(Path::new("absent")), Err(HubError::NoName)));
        assert_eq!(Named::read(Path::new("src/model")).unwrap(), Named::Path("src/model".into()));
        assert!(matches!(Named::read(Path::new("src/absent")).unwrap(), Named::Hub(_)));
    }
}

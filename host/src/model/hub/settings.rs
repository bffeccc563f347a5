//! The environment variables of `huggingface_hub` that concern fetching.

use std::path::PathBuf;

use hf_hub::Cache;

use super::{Hub, HubError, Network};

const ENDPOINT: &str = "https://huggingface.co";

impl Hub {
    /// As this process's environment has it.
    ///
    /// # Errors
    /// No place for a cache.
    pub fn from_env() -> Result<Self, HubError> {
        Self::new(|name| std::env::var(name).ok())
    }

    /// hf-hub itself reads `HF_HOME` and `HF_ENDPOINT` alone.
    fn new(variable: impl Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| variable(name)).map(|value| value.trim().to_owned());
            values.find(|value| !value.is_empty())
        };
        let path = |names: &[&str]| first(names).map(expanded);
        let home = || {
            let named = path(&["HF_HOME"]);
            let caches = || path(&["XDG_CACHE_HOME"]).map(|caches| caches.join("huggingface"));
            let user = || std::env::home_dir().map(|home| home.join(".cache").join("huggingface"));
            named.or_else(caches).or_else(user)
        };
        let cache = path(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]);
        let cache = cache.or_else(|| Some(home()?.join("hub"))).ok_or(HubError::NoHome)?;
        // Links in it are relative, and those to a relative path would lead elsewhere.
        let cache = std::path::absolute(cache).map_err(|_| HubError::NoHome)?;
        let token_file = path(&["HF_TOKEN_PATH"]).or_else(|| Some(home()?.join("token")));
        let stored = || Some(std::fs::read_to_string(token_file?).ok()?.trim().to_owned());
        let token = first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).or_else(stored).filter(|token| !token.is_empty());
        let endpoint = first(&["HF_ENDPOINT"]).unwrap_or_else(|| ENDPOINT.into());
        let offline = [variable("HF_HUB_OFFLINE"), variable("TRANSFORMERS_OFFLINE")];
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').into(),
            cache: Cache::new(cache),
            token,
            network: if offline.into_iter().flatten().any(is_set) { Network::Forbidden } else { Network::Allowed },
        })
    }
}

/// A path that may begin with the home directory, which no shell has put there.
fn expanded(path: String) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// The values that `huggingface_hub` takes for yes.
fn is_set(value: String) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Hub {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Hub::new(find).unwrap()
    }

    #[test]
    fn the_cache_is_where_the_nearest_variable_says() {
        for (variables, path) in [
            (&[("XDG_CACHE_HOME", "/x")][..], "/x/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")], "/h/hub"),
            (&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
            (&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new")], "/new"),
            (&[("HF_HOME", "/h"), ("HF_HUB_CACHE", " ")], "/h/hub"),
        ] {
            assert_eq!(hub(variables).cache.path(), Path::new(path));
        }
    }

    #[test]
    fn a_token_comes_from_a_variable_or_a_file() {
        let folder = std::env::temp_dir().join(format!("choreo-token-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("token"), "stored\n").unwrap();
        let home = folder.to_str().unwrap();
        let file = folder.join("token");
        let token = |variables: &[(&str, &str)]| hub(variables).token;
        assert_eq!(token(&[("HF_HOME", home)]).as_deref(), Some("stored"));
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN", "given")]).as_deref(), Some("given"));
        assert_eq!(
            token(&[("HF_HOME", "/none"), ("HF_TOKEN_PATH", file.to_str().unwrap())]).as_deref(),
            Some("stored")
        );
        // The token's file is beside the home, wherever the cache is.
        assert_eq!(token(&[("HF_HOME", home), ("HF_HUB_CACHE", "/cache")]).as_deref(), Some("stored"));
        assert_eq!(token(&[("HF_HOME", "/none")]), None);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_home_directory_may_be_written_as_a_tilde() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(hub(&[("HF_HOME", "~/h")]).cache.path(), &home.join("h/hub"));
        assert_eq!(hub(&[("HF_HUB_CACHE", "~/c")]).cache.path(), &home.join("c"));
        assert_eq!(hub(&[("HF_HUB_CACHE", "/a~/c")]).cache.path(), Path::new("/a~/c"));
    }

    #[test]
    fn the_endpoint_and_the_network_are_as_said() {
        assert_eq!(hub(&[]).endpoint, ENDPOINT);
        assert_eq!(hub(&[("HF_ENDPOINT", "http://mirror/")]).endpoint, "http://mirror");
        for (value, network) in [("1", Network::Forbidden), ("true", Network::Forbidden), ("0", Network::Allowed)] {
            assert_eq!(hub(&[("HF_HUB_OFFLINE", value)]).network, network);
            assert_eq!(hub(&[("TRANSFORMERS_OFFLINE", value)]).network, network);
        }
    }
}

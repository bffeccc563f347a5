//! Where compiled components are kept: native code, so in a directory that is
//! this user's alone.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use wasmtime::{Cache, CacheConfig};

/// Compiled components on disk, found by the hash of their bytes, wasmtime's
/// version and the compiler's settings.
#[derive(Debug)]
pub struct CompiledCache {
    pub(super) cache: Cache,
}

/// A directory that cannot keep compiled components.
#[derive(Debug, thiserror::Error)]
#[error("compiled plans cannot be kept in {}: {reason}; set CHOREO_CACHE_DIR to a directory of yours", .directory.display())]
pub struct CacheError {
    directory: PathBuf,
    reason: String,
}

impl CompiledCache {
    /// Keeps compiled components in this directory, made if need be.
    ///
    /// # Errors
    /// When it cannot be made, or belongs to another user.
    pub fn open(directory: &Path) -> Result<Self, CacheError> {
        let failed = |reason: String| CacheError { directory: directory.into(), reason };
        let absolute = std::path::absolute(directory).map_err(|error| failed(error.to_string()))?;
        make_private(&absolute).map_err(|error| failed(error.to_string()))?;
        let mut config = CacheConfig::new();
        config.with_directory(absolute);
        let cache = Cache::new(config).map_err(|error| failed(error.root_cause().to_string()))?;
        Ok(Self { cache })
    }
}

/// Makes a directory that only this user may enter. Setting the mode of an
/// existing one fails where another user owns it, which is what must not be:
/// what lies there is run.
#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    if fs::symlink_metadata(directory)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    // Proves that it may be written to, so that it is said now and once.
    let probe = directory.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, [])?;
    fs::remove_file(probe)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(directory)?;
    fs::metadata(directory).map(|_| ())
}

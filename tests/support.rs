//! The host's binary, driven as a person drives it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use choreo_workflows::{Built, HostProfile};

/// One start of `choreo-host`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    arguments: Vec<String>,
    /// Variables of its environment.
    variables: Vec<(String, String)>,
    /// Where it runs; none: where the tests do.
    directory: Option<PathBuf>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Host {
    /// `choreo-host` with these arguments, split at spaces.
    pub(crate) fn new(arguments: &str) -> Self {
        Self::default().and(arguments)
    }

    /// The probe under these options of the host, asked for this behaviour.
    pub(crate) fn probe(options: &str, behaviour: &str) -> Self {
        Self::new("run").and(options).with(probe().display()).and(behaviour)
    }

    /// More arguments, split at spaces.
    pub(crate) fn and(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// One more argument.
    pub(crate) fn with(mut self, argument: impl ToString) -> Self {
        self.arguments.push(argument.to_string());
        self
    }

    /// One more variable of its environment.
    pub(crate) fn set(mut self, variable: &str, value: impl ToString) -> Self {
        self.variables.push((variable.into(), value.to_string()));
        self
    }

    /// Where it runs.
    pub(crate) fn inside(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The command, to be started in another way than [`Host::end`] does.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.args(&self.arguments).env("CHOREO_CACHE_DIR", scratch().join("compiled")).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Runs it to its end. Nothing that is given to it makes the host panic.
    #[track_caller]
    pub(crate) fn end(&self) -> Ended {
        let output = self.command().output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ended = Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        let own = ended.stderr.lines().filter(|line| !line.starts_with("plan printed: "));
        assert!(!own.clone().any(|line| line.contains("panicked at")), "{self:?}: {ended:?}");
        ended
    }

    /// Checks that it gives this on standard output.
    #[track_caller]
    pub(crate) fn gives(&self, expected: &str) -> Ended {
        let ended = self.end();
        assert_eq!((ended.code, ended.stdout.as_str()), (0, expected), "{self:?}: {ended:?}");
        ended
    }

    /// Checks that it ends with this code, nothing on standard output and one
    /// line of error, which holds all of these pieces.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, pieces: &[&str]) -> Ended {
        let ended = self.end();
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{self:?}: {ended:?}");
        let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors[..] else { panic!("one line of error expected: {self:?}: {ended:?}") };
        for piece in pieces {
            assert!(error.contains(piece), "{piece:?} is not in {error:?}");
        }
        ended
    }
}

/// Where tests may leave files.
pub(crate) fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The component whose first argument picks a behaviour.
pub(crate) fn probe() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| choreo_workflows::component("probe").unwrap())
}

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| choreo_workflows::host(HostProfile::Dev).unwrap())
}

/// Whether the tools of a guest language are here. CI has them all.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
pub(crate) fn is_here(what: &str, built: &Built) -> bool {
    let Built::Skipped(missing) = built else { return true };
    println!("skipped {what}: {missing}");
    assert!(std::env::var_os("CI").is_none(), "CI has the tools of every guest language: {missing}");
    false
}

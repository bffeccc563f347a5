//! The `choreo-host` command.

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    choreo_host::cli::main(Instant::now())
}

//! The checks of the house: `cargo xtask layers`, `cargo xtask tidy`, `cargo xtask` for both.
//!
//! Each is also an ordinary test, so `cargo test --workspace` holds them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool prints"
)]

mod layers;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut faults = Vec::new();
    if wanted("layers") {
        faults.extend(layers::check(&root()));
    }
    if wanted("tidy") {
        faults.extend(tidy::check(&root()));
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        println!("the house is in order");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

//! What tests of several crates need; never a dependency of the product.
//!
//! Some tests read real images and the results of nnU-Net from a folder `shared/` beside the
//! project. It is too large to live here. [`shared`] is the only way to it.
#![allow(
    clippy::missing_panics_doc,
    reason = "a test tool reports by panicking"
)]

use ndarray::ArrayD;
use ndarray_npy::{NpzReader, ReadableElement};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The path of a file or folder below `shared/`, or `None` where there is no such folder.
///
/// Under CI (`CI` is set) a missing file is a failure; elsewhere the test says that it is
/// skipped and should return.
///
/// ```no_run
/// let Some(folder) = sarx_testkit::shared("oracle/t1_axial") else { return };
/// ```
#[must_use]
pub fn shared(relative: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = root.join(relative);
    if path.exists() {
        return Some(path.canonicalize().expect("the path exists"));
    }
    missing(&format!("shared/{relative} beside the project"));
    None
}

/// Something that a test needs is not there: a failure under CI (`CI` is set), elsewhere a message
/// that the test is skipped.
pub fn missing(what: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "CI is known only by its variable"
    )]
    let ci = std::env::var_os("CI").is_some();
    assert!(!ci, "CI must have {what}");
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    {
        eprintln!("skipped: there is no {what}");
    }
}

/// Reads one array of an `.npz` file.
#[must_use]
pub fn read_npz<T: ReadableElement>(path: &Path, name: &str) -> ArrayD<T> {
    let file = File::open(path).unwrap_or_else(|e| panic!("{e}: {}", path.display()));
    let mut npz = NpzReader::new(file).unwrap_or_else(|e| panic!("{e}: {}", path.display()));
    npz.by_name(&format!("{name}.npy"))
        .or_else(|_| npz.by_name(name))
        .unwrap_or_else(|e| panic!("{name}: {e}: {}", path.display()))
}

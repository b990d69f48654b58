//! Damaged, hostile and merely wrong files end in a typed error, never in a panic or a huge
//! allocation.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod fields;
mod files;
mod mutations;

use sarx_io::{ReadFault, read_image};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn golden(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("golden/files")
            .join(name),
    )
    .unwrap()
}

/// A file of its own folder.
struct Sample {
    folder: TempDir,
    path: PathBuf,
}

impl Sample {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Self { folder, path }
    }

    fn fault(&self) -> ReadFault {
        let error = read_image(&self.path).unwrap_err();
        assert!(
            error.to_string().ends_with(&format!("{:?}", self.path)),
            "{error}"
        );
        error.fault
    }
}

fn fault_of(name: &str, bytes: &[u8]) -> ReadFault {
    Sample::new(name, bytes).fault()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A NIfTI-1 file with some bytes replaced.
fn nifti_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = golden("sitk_i2.nii");
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

fn text_with(name: &str, old: &str, new: &str) -> Vec<u8> {
    let file = golden(name);
    let at = file
        .windows(old.len())
        .position(|w| w == old.as_bytes())
        .expect(old);
    [&file[..at], new.as_bytes(), &file[at + old.len()..]].concat()
}

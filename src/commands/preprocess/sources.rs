//! Remembers which files a preprocessed case was made of, so that a corrected image or label map is
//! never trained on in its old form.

use anyhow::{Context, Result};
use sarx_io::{Format, strip_ending};
use sarx_plan::CaseFiles;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// SHA-256 over the files of a case, or `None` if some keep their voxels in another file that the
/// hash would not see; such a case is made anew each time.
pub(super) fn hash(files: &CaseFiles) -> Result<Option<String>> {
    let mut hash = Sha256::new();
    for path in files.channels.iter().chain(&files.label) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if matches!(
            strip_ending(&name),
            Some((_, Format::NrrdHeader | Format::Mhd))
        ) {
            return Ok(None);
        }
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the file: {:?}", path.display().to_string()))?;
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
    Ok(Some(sarx_core::hex(&hash.finalize())))
}

/// The hash that was remembered; a missing or damaged file is no hash.
pub(super) fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}

/// Remembers a hash, after the case is whole.
pub(super) fn write(path: &Path, hash: Option<&str>) -> Result<()> {
    if let Some(hash) = hash {
        sarx_io::write_atomic(path, |out| writeln!(out, "{hash}"))?;
    }
    Ok(())
}

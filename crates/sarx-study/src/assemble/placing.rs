//! Files into the dataset: linked where nothing must change, written anew where the format differs.
//!
//! A hard link costs no space and outlives a move of the study; across file systems a symbolic link
//! does, and where there are none a copy. Whatever it is, it appears under a temporary name first.

use super::{AssembleFault, FILE_ENDING};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Puts an image or label map of any format where one that ends in [`FILE_ENDING`] is wanted, unless it is there
/// already.
///
/// - `labels`: whether it is a reference; matters only where it is written anew.
///
/// # Errors
///
/// [`AssembleFault`] if the file cannot be linked, copied, read or written.
pub fn put(source: &Path, target: &Path, labels: bool) -> Result<(), AssembleFault> {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    if name.to_lowercase().ends_with(FILE_ENDING) {
        return if is_placed(source, target) {
            Ok(())
        } else {
            place(source, target)
        };
    }
    if is_younger(target, &[source]) {
        return Ok(());
    }
    if labels {
        let read = sarx_io::read_labels(source)?;
        sarx_io::write_labels(target, &read.labels, Some(&read.header))?;
    } else {
        let read = sarx_io::read_image(source)?;
        sarx_io::write_image(target, &read.volume, Some(&read.header))?;
    }
    Ok(())
}

/// Links a file under a temporary name and renames it; what was at `target` is replaced.
///
/// # Errors
///
/// [`AssembleFault`] if the file cannot be linked or copied.
pub fn place(source: &Path, target: &Path) -> Result<(), AssembleFault> {
    let failed = |source| AssembleFault::Link {
        path: target.to_owned(),
        source,
    };
    // A hard link to a relative symbolic link would lead nowhere, so the file itself is meant.
    let source = fs::canonicalize(source).map_err(failed)?;
    let temporary = temporary_name(target);
    remove_if_there(&temporary).map_err(failed)?;
    if fs::hard_link(&source, &temporary).is_ok() || symlink(&source, &temporary).is_ok() {
        let renamed = fs::rename(&temporary, target);
        // Renaming a link over another link to the same file does nothing and leaves both (POSIX).
        remove_if_there(&temporary).map_err(failed)?;
        return renamed.map_err(failed);
    }
    let mut file = fs::File::open(&source).map_err(failed)?;
    sarx_io::write_atomic(target, |to| io::copy(&mut file, to).map(|_| ()))?;
    Ok(())
}

fn temporary_name(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.link"))
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn symlink(source: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, link)
}

#[cfg(not(unix))]
fn symlink(_source: &Path, _link: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Whether the target is a link to this very source.
///
/// Times and lengths do not tell: a link has those of its source, so a link to another file would pass
/// for this one. A copy, where links are not possible, is therefore made again.
fn is_placed(source: &Path, target: &Path) -> bool {
    match (fs::metadata(source), fs::metadata(target)) {
        (Ok(one), Ok(other)) => same_file(source, target, (&one, &other)),
        _ => false,
    }
}

#[cfg(unix)]
fn same_file(_: &Path, _: &Path, (one, other): (&fs::Metadata, &fs::Metadata)) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same_file(source: &Path, target: &Path, _: (&fs::Metadata, &fs::Metadata)) -> bool {
    matches!((fs::canonicalize(source), fs::canonicalize(target)), (Ok(a), Ok(b)) if a == b)
}

/// Whether a file is there and no source is younger.
pub(super) fn is_younger(target: &Path, sources: &[&Path]) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let made = time(target);
    made.is_some() && sources.iter().all(|source| time(source) <= made)
}

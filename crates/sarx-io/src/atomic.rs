//! Files appear whole or not at all.

use crate::{WriteError, WriteFault};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Bytes gathered before the operating system is called.
const BUFFER_BYTES: usize = 1 << 18;

/// Writes a file under a temporary name in the same folder, then renames it to `path`.
///
/// The data are flushed and on the disk before the rename, so a reader sees the old file or the
/// new one, also after a power cut. If anything fails, the temporary file is removed and a file
/// that was at `path` stays as it was. A new file gets the usual permissions; an old one hands
/// its own on.
///
/// # Errors
///
/// [`WriteError`] with [`WriteFault::Io`] if the folder is missing, a permission is lacking, the
/// disk is full or `write` fails.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    replace(path, write).map_err(|fault| fault.at(path))
}

/// Writes a JSON document that people may want to read, indented and with a newline at its end, as
/// [`write_atomic`] does.
///
/// # Errors
///
/// As [`write_atomic`]; also if the document cannot be JSON, such as a map whose keys are no text.
pub fn write_json<T: Serialize + ?Sized>(path: &Path, document: &T) -> Result<(), WriteError> {
    write_atomic(path, |file| {
        serde_json::to_writer_pretty(&mut *file, document)?;
        file.write_all(b"\n")
    })
}

fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), WriteFault> {
    let failed = |act| move |source| WriteFault::Io { act, source };
    let name = path.file_name().ok_or(WriteFault::NoFileName)?;
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if path.is_dir() {
        let source = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(WriteFault::Io {
            act: "write",
            source,
        });
    }
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    let temporary = new_file(folder, &prefix).map_err(failed("create a file in the folder"))?;
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, temporary.as_file());
    write(&mut writer)
        .and_then(|()| writer.flush())
        .map_err(failed("write"))?;
    // Otherwise dropping the writer after a fault would write again.
    let (_, _) = writer.into_parts();
    temporary
        .as_file()
        .sync_all()
        .map_err(failed("bring the file to the disk"))?;
    if let Ok(old) = fs::metadata(path) {
        temporary
            .as_file()
            .set_permissions(old.permissions())
            .map_err(failed("keep the permissions of the old file"))?;
    }
    temporary
        .persist(path)
        .map_err(|e| e.error)
        .map_err(failed("rename the finished file"))?;
    sync_folder(folder).map_err(failed("bring the new name to the disk"))
}

/// A temporary file with the permissions that any new file gets.
fn new_file(folder: &Path, prefix: &std::ffi::OsStr) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mask of the process is subtracted, as for every new file; the crate's own default
        // would hide results from the user's group.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;

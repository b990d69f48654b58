//! A folder of several files that appears whole or not at all.

use crate::ModelError;
use std::io;
use std::path::Path;

/// Fills a temporary folder beside `out` and renames it. `out` must not exist or be empty.
pub(crate) fn write_folder<T>(
    out: &Path,
    fill: impl FnOnce(&Path) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    let failed = |source| ModelError::Read {
        what: "or make the folder",
        path: out.to_owned(),
        source,
    };
    check_free(out)?;
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(failed)?;
    let temporary = temporary_folder(parent).map_err(failed)?;
    let result = fill(temporary.path())?;
    let path = temporary.keep();
    let renamed = remove_empty(out).and_then(|()| std::fs::rename(&path, out));
    if let Err(source) = renamed {
        // The first failure is the one to tell.
        std::fs::remove_dir_all(&path).ok();
        return Err(failed(source));
    }
    Ok(result)
}

/// Refuses a folder that holds anything, and anything else of that name.
pub(crate) fn check_free(out: &Path) -> Result<(), ModelError> {
    let is_free = match std::fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) => e.kind() == io::ErrorKind::NotFound,
    };
    if is_free {
        return Ok(());
    }
    Err(ModelError::NotEmpty {
        path: out.to_owned(),
    })
}

fn remove_empty(out: &Path) -> io::Result<()> {
    match std::fs::remove_dir(out) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn temporary_folder(parent: &Path) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sarx-model").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mask of the process is subtracted, as for every new folder.
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let bench = tempfile::tempdir().unwrap();
        let out = bench.path().join("new/model");
        let failed = write_folder(&out, |folder| {
            std::fs::write(folder.join("a"), "half").unwrap();
            Err::<(), _>(ModelError::NoFolds {
                path: folder.to_owned(),
            })
        });
        assert!(matches!(failed, Err(ModelError::NoFolds { .. })));
        assert!(!out.exists());
        assert_eq!(
            std::fs::read_dir(bench.path().join("new")).unwrap().count(),
            0
        );
        write_folder(&out, |folder| {
            std::fs::write(folder.join("a"), "whole").unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(std::fs::read_to_string(out.join("a")).unwrap(), "whole");
        let again = write_folder(&out, |_| Ok(()));
        assert!(matches!(again, Err(ModelError::NotEmpty { .. })));
    }
}

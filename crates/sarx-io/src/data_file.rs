//! A voxel file that a header names.

use crate::ReadFault;
use crate::source::Source;
use std::path::{Component, Path, PathBuf};

/// The path of a data file beside its header.
///
/// A header from elsewhere must not make sarx open any other file of the machine, so the name
/// has to stay inside the header's folder.
pub(crate) fn beside(header: &Path, name: &str) -> Result<PathBuf, ReadFault> {
    let inside = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || !inside || name.contains(['\\', '\0']) {
        let name = name.chars().take(120).collect();
        return Err(ReadFault::DataFileElsewhere { name });
    }
    Ok(header.parent().unwrap_or(Path::new("")).join(name))
}

/// Opens a data file beside its header.
pub(crate) fn open(header: &Path, name: &str) -> Result<Source, ReadFault> {
    let path = beside(header, name)?;
    Source::try_open(&path, false).map_err(|source| ReadFault::DataFile {
        name: name.chars().take(120).collect(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let header = Path::new("/data/a.nhdr");
        for name in [
            "",
            "../b.raw",
            "/etc/passwd",
            "x/../../b.raw",
            "..\\b.raw",
            "a\0b",
        ] {
            let fault = beside(header, name).unwrap_err();
            assert!(
                matches!(fault, ReadFault::DataFileElsewhere { .. }),
                "{name}"
            );
        }
        assert_eq!(
            beside(header, "./x/b.raw").unwrap(),
            Path::new("/data/./x/b.raw")
        );
    }
}

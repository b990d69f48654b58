//! Which file endings are images, and of which format.

use std::fmt;
use std::path::Path;

/// A file format, told by the ending of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// NIfTI-1 or NIfTI-2 in one file, `.nii`.
    Nifti,
    /// The same, gzipped as a whole, `.nii.gz`.
    NiftiGz,
    /// NRRD with its data in the same file, `.nrrd`.
    Nrrd,
    /// NRRD header whose data are in another file, `.nhdr`.
    NrrdHeader,
    /// MetaImage with its data in the same file, `.mha`.
    Mha,
    /// MetaImage header whose data are in another file, `.mhd`.
    Mhd,
}

impl Format {
    /// Every format, longest ending first.
    pub const ALL: [Self; 6] = [
        Self::NiftiGz,
        Self::Nrrd,
        Self::NrrdHeader,
        Self::Nifti,
        Self::Mha,
        Self::Mhd,
    ];

    /// The ending with its dot, as it is written.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Nifti => ".nii",
            Self::NiftiGz => ".nii.gz",
            Self::Nrrd => ".nrrd",
            Self::NrrdHeader => ".nhdr",
            Self::Mha => ".mha",
            Self::Mhd => ".mhd",
        }
    }

    /// The format of a path by its name; the file need not exist.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        strip_ending(path.file_name()?.to_str()?).map(|(_, format)| format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ending())
    }
}

/// Splits an image's file name into its stem and its format; `None` if it is not an image's name.
///
/// Upper and lower case do not matter in the ending. A name that is only an ending has no stem
/// and is no image.
///
/// ```
/// use sarx_io::{Format, strip_ending};
///
/// assert_eq!(strip_ending("sts_001_0000.nii.gz"), Some(("sts_001_0000", Format::NiftiGz)));
/// assert_eq!(strip_ending("notes.txt"), None);
/// ```
#[must_use]
pub fn strip_ending(file_name: &str) -> Option<(&str, Format)> {
    Format::ALL.into_iter().find_map(|format| {
        let at = file_name.len().checked_sub(format.ending().len())?;
        let (stem, ending) = (file_name.get(..at)?, file_name.get(at..)?);
        (!stem.is_empty() && ending.eq_ignore_ascii_case(format.ending())).then_some((stem, format))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_told_by_its_ending() {
        for format in Format::ALL {
            let name = format!("a.b{format}");
            assert_eq!(strip_ending(&name), Some(("a.b", format)), "{name}");
            assert_eq!(
                strip_ending(&name.to_uppercase()),
                Some(("A.B", format)),
                "{name}"
            );
        }
    }

    #[test]
    fn other_names_are_no_images() {
        for name in [
            "",
            ".nii",
            ".nii.gz",
            "a.gz",
            "a.txt",
            "nii",
            "é",
            "a.nii.gz.tmp",
        ] {
            assert_eq!(strip_ending(name), None, "{name}");
        }
    }
}

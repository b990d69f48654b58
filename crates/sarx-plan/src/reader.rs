//! Which of nnU-Net's readers a dataset or plans ask for.
//!
//! The reader decides how the axes of a file become the axes of an array. sarx reads as nnU-Net's
//! `SimpleITKIO` and `NibabelIO` do (the same arrays: no axis is turned). The others give other
//! arrays, on which a model would silently be wrong, so they are refused by name.
//!
//! Source: nnU-Net v2 `imageio/reader_writer_registry.py` and the classes beside it.

use sarx_io::Format;

/// A reader of nnU-Net whose arrays are those of sarx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageReader {
    /// `SimpleITKIO`.
    SimpleItk,
    /// `NibabelIO`; NIfTI files only.
    Nibabel,
}

/// Files or readers that sarx does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageReaderError {
    /// A file format that is not read.
    #[error(
        "files that end in {ending:?} are not read; sarx segments volumes in {}; convert the images and labels",
        readable()
    )]
    Ending {
        /// The ending.
        ending: String,
    },
    /// A reader that turns the axes of each image.
    #[error(
        "the image reader {name:?} turns every image to RAS axes, which sarx does not; use \"SimpleITKIO\", and images that have one axis order"
    )]
    Reorients {
        /// Its class name.
        name: String,
    },
    /// A reader of formats that are not read.
    #[error(
        "the image reader {name:?} is for natural images or TIFF stacks; sarx segments volumes in {}",
        readable()
    )]
    OtherFormats {
        /// Its class name.
        name: String,
    },
    /// A reader that is not nnU-Net's.
    #[error(
        "the image reader {name:?} is not known; known are \"SimpleITKIO\" and \"NibabelIO\" (leave the key out to have it chosen by the file ending)"
    )]
    Unknown {
        /// Its class name.
        name: String,
    },
    /// A reader with files that it cannot read.
    #[error("\"NibabelIO\" reads .nii and .nii.gz, but the files end in {ending:?}")]
    NotNifti {
        /// The ending.
        ending: String,
    },
}

/// The endings of all formats, for messages.
fn readable() -> String {
    let endings = Format::ALL.map(Format::ending);
    let (last, rest) = endings.split_last().unwrap_or((&"", &[]));
    format!("{} or {last}", rest.join(", "))
}

impl ImageReader {
    /// Name of nnU-Net's class, as plans hold it.
    #[must_use]
    pub fn class_name(self) -> &'static str {
        match self {
            Self::SimpleItk => "SimpleITKIO",
            Self::Nibabel => "NibabelIO",
        }
    }

    /// The reader of a class name.
    ///
    /// # Errors
    ///
    /// [`ImageReaderError`] says what is different about this reader.
    pub fn from_class(name: &str) -> Result<Self, ImageReaderError> {
        let name = match name {
            "SimpleITKIO" => return Ok(Self::SimpleItk),
            "NibabelIO" => return Ok(Self::Nibabel),
            other => other.to_owned(),
        };
        Err(match name.as_str() {
            "SimpleITKIOWithReorient" | "NibabelIOWithReorient" => {
                ImageReaderError::Reorients { name }
            }
            "NaturalImage2DIO" | "Tiff3DIO" => ImageReaderError::OtherFormats { name },
            _ => ImageReaderError::Unknown { name },
        })
    }

    /// The reader that nnU-Net takes for files of this ending, or the one that is asked for.
    ///
    /// nnU-Net has none of its own for `.nhdr` and `.mhd` but reads them when told to use
    /// `SimpleITKIO`; here they are read like `.nrrd` and `.mha`.
    ///
    /// # Errors
    ///
    /// [`ImageReaderError`] if the ending is not read, or the reader asked for is not available.
    pub(crate) fn choose(ending: &str, asked: Option<&str>) -> Result<Self, ImageReaderError> {
        let asked = asked.map(Self::from_class).transpose()?;
        let format = Format::ALL
            .into_iter()
            .find(|format| format.ending().eq_ignore_ascii_case(ending));
        let ending = ending.to_owned();
        match (format, asked) {
            (None, _) => Err(ImageReaderError::Ending { ending }),
            (Some(Format::Nifti), None) => Ok(Self::Nibabel),
            (Some(_), None) => Ok(Self::SimpleItk),
            (Some(Format::Nifti | Format::NiftiGz), Some(Self::Nibabel)) => Ok(Self::Nibabel),
            (Some(_), Some(Self::Nibabel)) => Err(ImageReaderError::NotNifti { ending }),
            (Some(_), Some(Self::SimpleItk)) => Ok(Self::SimpleItk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_chooses_as_in_nnunet() {
        let of = |ending| ImageReader::choose(ending, None).unwrap().class_name();
        assert_eq!(of(".nii.gz"), "SimpleITKIO");
        assert_eq!(of(".nii"), "NibabelIO");
        for ending in [".nrrd", ".mha", ".nhdr", ".mhd", ".NRRD"] {
            assert_eq!(of(ending), "SimpleITKIO", "{ending}");
        }
        let asked = |ending, name| ImageReader::choose(ending, Some(name));
        assert_eq!(asked(".nii", "SimpleITKIO"), Ok(ImageReader::SimpleItk));
        assert_eq!(asked(".nii.gz", "NibabelIO"), Ok(ImageReader::Nibabel));
        assert!(matches!(
            asked(".mha", "NibabelIO"),
            Err(ImageReaderError::NotNifti { .. })
        ));
    }

    #[test]
    fn other_files_are_refused_with_the_endings_that_are_read() {
        for ending in [".png", ".bmp", ".tif", ".tiff", ".gipl", ".dcm"] {
            let error = ImageReader::choose(ending, None).unwrap_err();
            assert!(matches!(error, ImageReaderError::Ending { .. }));
            let text = error.to_string();
            for word in [ending, ".nii.gz", ".nii,", ".nrrd", ".nhdr", ".mha or .mhd"] {
                assert!(text.contains(word), "{word}: {text}");
            }
        }
    }

    #[test]
    fn readers_that_change_arrays_are_refused_by_name() {
        for name in ["SimpleITKIOWithReorient", "NibabelIOWithReorient"] {
            let error = ImageReader::choose(".nii.gz", Some(name)).unwrap_err();
            assert!(matches!(error, ImageReaderError::Reorients { .. }));
            assert!(error.to_string().contains(name), "{error}");
        }
        let error = ImageReader::from_class("Tiff3DIO").unwrap_err();
        assert!(matches!(error, ImageReaderError::OtherFormats { .. }));
        let error = ImageReader::from_class("MyIO").unwrap_err();
        assert!(matches!(error, ImageReaderError::Unknown { .. }));
    }
}

//! Masks that have no surface, and names that no file can hold.

use sarx_io::WriteError;

/// Why there is no mesh.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// Nothing is inside.
    #[error("the mask is empty, so it has no surface")]
    Empty,
    /// More vertices than a file can number.
    #[error(
        "the surface has {found} vertices; files number at most {most}; resample the mask to larger voxels"
    )]
    TooLarge {
        /// How many there are.
        found: usize,
        /// How many can be numbered.
        most: usize,
    },
    /// The smoothed surface cannot be given the volume of the mask.
    #[error(
        "a piece of {expected_mm3} mm3 has a surface around {found_mm3} mm3 that no offset corrects; smooth less"
    )]
    Volume {
        /// Volume of its voxels, mm³.
        expected_mm3: f64,
        /// Volume within its surface, mm³.
        found_mm3: f64,
    },
    /// No parts to write.
    #[error("a 3MF file without parts would be empty; give at least one")]
    NoParts,
    /// A name that XML cannot hold.
    #[error(
        "the name {name:?} of part {index} has control characters, which a 3MF file cannot hold"
    )]
    Name {
        /// Index of the part.
        index: usize,
        /// Its name.
        name: String,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

//! Which way the axes of a file point in the patient.

/// The coordinate system of a file. Both are right-handed, so triangles keep their orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Space {
    /// x to the patient's left, y to the back, z to the head: DICOM's patient, and 3D Slicer's
    /// default for mesh files.
    #[default]
    Lps,
    /// x to the patient's right, y to the front, z to the head: NIfTI, and sarx itself.
    Ras,
}

impl Space {
    /// A point of RAS+ in this space.
    #[must_use]
    pub fn from_ras(self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Lps => [-x, -y, z],
            Self::Ras => [x, y, z],
        }
    }

    /// The note that 3D Slicer writes and reads in mesh files.
    pub(crate) fn note(self) -> &'static str {
        match self {
            Self::Lps => "SPACE=LPS",
            Self::Ras => "SPACE=RAS",
        }
    }
}

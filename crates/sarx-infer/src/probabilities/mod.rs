//! Probabilities on file: nnU-Net's layout, and a smaller one of our own.
//!
//! | format | file | content |
//! |---|---|---|
//! | [`ProbabilityFormat::Npz`] | `CASE.npz` | nnU-Net's: every head of every voxel in f32 |
//! | [`ProbabilityFormat::Compact`] | `CASE.probabilities.zip` | foreground heads in 16 bits, in the box where they are not 0 |
//!
//! A reader states what it expects (heads, size), and nothing is allocated for a file that says
//! otherwise. Files are added to a sum as they are unpacked, so that an ensemble holds one array
//! of probabilities however many members it has.

mod compact;
mod error;
mod npy;
mod npz;
mod quantise;

pub use error::{ProbabilityError, ProbabilityFault};

use ndarray::{Array4, ArrayView4};
use sarx_core::CaseId;
use sarx_plan::{LabelFilesError, case_files};
use sarx_preprocess::Heads;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How probabilities are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbabilityFormat {
    /// nnU-Net's `CASE.npz`: one array `probabilities`, f32 `[heads, z, y, x]` of the file's axes,
    /// deflated.
    Npz,
    /// `CASE.probabilities.zip`: labels and thresholds are kept exactly, values to within 2/65535
    /// (labels) or 1/65535 (regions).
    Compact,
}

impl ProbabilityFormat {
    /// In the order in which a reader prefers them: the exact one first.
    pub const ALL: [Self; 2] = [Self::Npz, Self::Compact];

    /// What follows the name of the case.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Npz => ".npz",
            Self::Compact => ".probabilities.zip",
        }
    }

    /// The file of a case.
    #[must_use]
    pub fn path(self, folder: &Path, case: &CaseId) -> PathBuf {
        folder.join(format!("{case}{}", self.ending()))
    }

    /// Writes the probabilities of a case, `[heads, z, y, x]` of the file's axes.
    ///
    /// # Errors
    ///
    /// [`ProbabilityError`] if the file cannot be written, or (compact only) a value is no
    /// probability or the values of a voxel do not sum to one.
    pub fn write(
        self,
        path: &Path,
        probabilities: ArrayView4<'_, f32>,
        heads: &Heads,
    ) -> Result<(), ProbabilityError> {
        match self {
            Self::Npz => Ok(npz::write(path, probabilities)?),
            Self::Compact => compact::write(path, probabilities, heads),
        }
    }
}

/// A file of probabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbabilityFile {
    /// How it is written.
    pub format: ProbabilityFormat,
    /// Where it is.
    pub path: PathBuf,
}

impl ProbabilityFile {
    /// The file of a case in a folder, if there is one; the exact one where there are two.
    #[must_use]
    pub fn of_case(folder: &Path, case: &CaseId) -> Option<Self> {
        ProbabilityFormat::ALL.into_iter().find_map(|format| {
            let path = format.path(folder, case);
            path.is_file().then_some(Self { format, path })
        })
    }

    /// All files of a folder, by case.
    ///
    /// # Errors
    ///
    /// [`LabelFilesError`] if the folder cannot be listed or a name cannot be a case's.
    pub fn of_folder(folder: &Path) -> Result<BTreeMap<CaseId, Self>, LabelFilesError> {
        let files = case_files(folder, |name| {
            let mut formats = ProbabilityFormat::ALL.into_iter();
            formats.find_map(|format| name.strip_suffix(format.ending()))
        })?;
        let exact = |case: CaseId| Self::of_case(folder, &case).map(|file| (case, file));
        Ok(files.into_keys().filter_map(exact).collect())
    }

    /// Adds the probabilities to a sum whose shape says what is expected.
    ///
    /// # Errors
    ///
    /// [`ProbabilityError`] if the file is damaged or holds another number of heads, another
    /// size, another kind of heads or values that are no probabilities. The sum is then of no use.
    pub fn add_to(&self, sum: &mut Array4<f32>, heads: &Heads) -> Result<(), ProbabilityError> {
        let added = match self.format {
            ProbabilityFormat::Npz => npz::add_to(&self.path, sum.view_mut()),
            ProbabilityFormat::Compact => compact::add_to(&self.path, sum.view_mut(), heads),
        };
        added.map_err(|fault| fault.at(&self.path))
    }
}

#[cfg(test)]
mod tests;

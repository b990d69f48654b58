//! Value types on which every other crate stands.
//!
//! An image is a [`Volume`]: an array in `[z, y, x]` order on a [`Grid`], which says
//! where its voxels are in the patient. Everything here is pure: no files, no
//! environment, no tensor library.
//!
//! Two orders of axes exist and are never mixed silently:
//!
//! - *array order* `[z, y, x]` (slowest axis first): [`Size`], [`Spacing`], arrays,
//!   [`BoundingBox`], everything that nnU-Net calls axes 0, 1, 2;
//! - *file order* `(x, y, z)` = `(i, j, k)`: only inside [`Affine`] and [`Grid::direction`],
//!   because that is how every file format writes a matrix.
//!
//! World coordinates are RAS+ millimetres, as in NIfTI.

mod affine;
mod bounding_box;
mod case_id;
mod grid;
mod hex;
mod nonzero;
mod numpy_random;
mod progress;
mod size;
mod spacing;
mod volume;

pub use affine::Affine;
pub use bounding_box::BoundingBox;
pub use case_id::{CaseId, CaseIdError};
pub use grid::{Grid, GridError, GridMismatch, SliceAxis};
pub use hex::hex;
pub use nonzero::{fill_holes, nonzero_mask};
pub use numpy_random::NumpyRandom;
pub use progress::{Progress, Silent};
pub use size::{Size, SizeError};
pub use spacing::{Spacing, SpacingError};
pub use volume::{Label, LabelError, LabelMap, Volume, VolumeError};

//! What a file says about its voxels, kept as it says it.

use crate::metaimage::MetaImageHeader;
use crate::nifti::NiftiHeader;
use crate::nrrd::NrrdHeader;
use crate::{Format, VoxelType};
use sarx_core::Grid;

/// The header of an image file: the grid and the type of the voxels, and the original fields.
///
/// Writing a volume *like* a header copies the original geometry fields instead of computing
/// new ones from the grid, so that they agree with the input to the last bit.
#[derive(Debug, Clone)]
pub struct Header {
    pub(crate) grid: Grid,
    pub(crate) voxel_type: VoxelType,
    pub(crate) n_channels: usize,
    pub(crate) n_axes: usize,
    pub(crate) format: Format,
    pub(crate) raw: RawHeader,
}

/// The fields as the file has them.
#[derive(Debug, Clone)]
pub(crate) enum RawHeader {
    Nifti(NiftiHeader),
    Nrrd(NrrdHeader),
    MetaImage(MetaImageHeader),
}

impl Header {
    /// Where the voxels are.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The type of the numbers in the file, before scaling.
    #[must_use]
    pub fn voxel_type(&self) -> VoxelType {
        self.voxel_type
    }

    /// How many volumes the file holds on this grid, at least one.
    #[must_use]
    pub fn n_channels(&self) -> usize {
        self.n_channels
    }

    /// How many axes in space the file speaks of, 1 to 3. A volume always has three; of the others
    /// the file says nothing, and their voxels are 1 mm thick.
    #[must_use]
    pub fn n_axes(&self) -> usize {
        self.n_axes
    }

    /// The format of the file that was read.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }
}

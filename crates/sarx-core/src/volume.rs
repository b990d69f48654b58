//! Arrays on grids.

use crate::{Grid, Size};
use ndarray::Array3;

/// An integer class in a label map; 0 is background.
pub type Label = u16;

/// A label per voxel.
pub type LabelMap = Volume<Label>;

/// A 3D array in C order `[z, y, x]` together with the grid that places it.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume<T> {
    voxels: Array3<T>,
    grid: Grid,
}

/// An array that does not fit its grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an array of {}x{}x{} voxels cannot lie on a grid of {expected}", .found[0], .found[1], .found[2])]
pub struct VolumeError {
    /// Size of the grid.
    pub expected: Size,
    /// Shape of the array, `[z, y, x]`.
    pub found: [usize; 3],
}

/// A voxel that is no label.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("voxel [{}, {}, {}] (z, y, x) holds {found}; labels are whole numbers from 0 to 65535", .index[0], .index[1], .index[2])]
pub struct LabelError {
    /// Where, `[z, y, x]`.
    pub index: [usize; 3],
    /// What was found.
    pub found: f32,
}

impl<T> Volume<T> {
    /// Puts an array on a grid. The array is brought into C order if it is not.
    ///
    /// # Errors
    ///
    /// [`VolumeError`] if the shapes differ.
    pub fn new(voxels: Array3<T>, grid: Grid) -> Result<Self, VolumeError>
    where
        T: Clone,
    {
        let (z, y, x) = voxels.dim();
        if [z, y, x] != grid.size.zyx() {
            return Err(VolumeError {
                expected: grid.size,
                found: [z, y, x],
            });
        }
        let voxels = if voxels.is_standard_layout() {
            voxels
        } else {
            voxels.as_standard_layout().into_owned()
        };
        Ok(Self { voxels, grid })
    }

    /// A volume with one value everywhere.
    #[must_use]
    pub fn filled(grid: Grid, value: T) -> Self
    where
        T: Clone,
    {
        Self {
            voxels: Array3::from_elem(grid.size.zyx(), value),
            grid,
        }
    }

    /// The array, C order `[z, y, x]`.
    #[must_use]
    pub fn voxels(&self) -> &Array3<T> {
        &self.voxels
    }

    /// The array to write to; its shape cannot change the grid's because it is only borrowed.
    pub fn voxels_mut(&mut self) -> ndarray::ArrayViewMut3<'_, T> {
        self.voxels.view_mut()
    }

    /// Gives the array away.
    #[must_use]
    pub fn into_voxels(self) -> Array3<T> {
        self.voxels
    }

    /// Where the voxels are.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The same grid with every value mapped.
    #[must_use]
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Volume<U> {
        Volume {
            voxels: self.voxels.map(f),
            grid: self.grid,
        }
    }
}

impl TryFrom<&Volume<f32>> for LabelMap {
    type Error = LabelError;

    /// Takes every voxel as a label.
    ///
    /// # Errors
    ///
    /// [`LabelError`] names the first voxel that is not a whole number from 0 to 65535.
    fn try_from(image: &Volume<f32>) -> Result<Self, LabelError> {
        let bad = |v: f32| !(v >= 0.0 && v <= f32::from(Label::MAX) && v.fract() == 0.0);
        if let Some(((z, y, x), &found)) = image.voxels.indexed_iter().find(|&(_, &v)| bad(v)) {
            return Err(LabelError {
                index: [z, y, x],
                found,
            });
        }
        Ok(image.map(|&v| v as Label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spacing;

    fn grid(size: [usize; 3]) -> Grid {
        Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new([1.0; 3]).unwrap())
    }

    #[test]
    fn a_wrong_shape_is_refused() {
        let error = Volume::new(Array3::<u8>::zeros((2, 3, 4)), grid([2, 4, 3])).unwrap_err();
        assert_eq!(error.found, [2, 3, 4]);
    }

    #[test]
    fn fractions_and_negatives_are_no_labels() {
        for bad in [0.5, -1.0, f32::NAN, 65536.0] {
            let mut image = Volume::filled(grid([1, 2, 2]), 3.0f32);
            image.voxels_mut()[[0, 1, 0]] = bad;
            assert_eq!(LabelMap::try_from(&image).unwrap_err().index, [0, 1, 0]);
        }
        let image = Volume::filled(grid([1, 2, 2]), 3.0f32);
        assert_eq!(LabelMap::try_from(&image).unwrap().voxels()[[0, 0, 0]], 3);
    }
}

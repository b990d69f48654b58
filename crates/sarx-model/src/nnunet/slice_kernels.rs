//! Kernels of networks that work on slices.
//!
//! A 2D network runs here as a 3D one whose kernels and patches have one voxel along z. On
//! nnU-Net's side its kernels are `[out, in, y, x]`, here `[out, in, 1, y, x]`; the numbers are
//! the same in the same order.

/// Axes of a kernel on slices, channels included.
const SLICE_KERNEL_AXES: usize = 4;
/// Where z stands in a kernel.
const Z: usize = 2;

/// Shape of a tensor of nnU-Net as the network here has it. `n_axes` are the spatial axes of the
/// configuration.
pub(super) fn from_nnunet(mut shape: Vec<usize>, n_axes: usize) -> Vec<usize> {
    if n_axes == 2 && shape.len() == SLICE_KERNEL_AXES {
        shape.insert(Z, 1);
    }
    shape
}

/// Shape of a parameter as nnU-Net has it.
pub(super) fn to_nnunet(mut shape: Vec<usize>, n_axes: usize) -> Vec<usize> {
    if n_axes == 2 && shape.len() == SLICE_KERNEL_AXES + 1 && shape[Z] == 1 {
        shape.remove(Z);
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kernels_of_slices_change() {
        assert_eq!(from_nnunet(vec![8, 2, 3, 5], 2), [8, 2, 1, 3, 5]);
        assert_eq!(to_nnunet(vec![8, 2, 1, 3, 5], 2), [8, 2, 3, 5]);
        for shape in [vec![8], vec![8, 2, 1, 3, 3]] {
            assert_eq!(from_nnunet(shape.clone(), 3), shape);
            assert_eq!(to_nnunet(shape.clone(), 3), shape);
        }
        // A volume kernel in a model of slices stays one and does not fit.
        assert_eq!(to_nnunet(vec![8, 2, 3, 3, 3], 2), [8, 2, 3, 3, 3]);
        assert_eq!(from_nnunet(vec![8, 2, 3, 3], 3), [8, 2, 3, 3]);
    }
}

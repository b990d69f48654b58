//! Access to the channels of an image as plain slices.

use ndarray::Array4;

/// Calls `work` with the number and the voxels of each channel, in `[z, y, x]` order.
pub(super) fn for_each_channel(image: &mut Array4<f32>, mut work: impl FnMut(usize, &mut [f32])) {
    if !image.is_standard_layout() {
        *image = image.as_standard_layout().into_owned();
    }
    let n_channels = image.shape()[0];
    if let Some(voxels) = image.as_slice_mut().filter(|voxels| !voxels.is_empty()) {
        let n = voxels.len() / n_channels;
        for (channel, voxels) in voxels.chunks_exact_mut(n).enumerate() {
            work(channel, voxels);
        }
    }
}

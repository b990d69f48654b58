//! How large a network is at work: the number of voxels of all its feature maps.
//!
//! nnU-Net builds each candidate in PyTorch to count; the sum has a closed form.
//!
//! Source: dynamic-network-architectures `unet.py`, `compute_conv_feature_map_size` of
//! `PlainConvUNet`, `ResidualEncoderUNet` and their parts.

use crate::plans::{Architecture, Network};

/// Feature map voxels of one patch, forward, without deep supervision.
///
/// As floating point: exact up to 2^53, and larger networks are never compared for equality.
///
/// - `n_outputs`: channels of the head at full resolution.
pub(super) fn feature_map_voxels(
    architecture: &Architecture,
    patch: &[usize],
    n_outputs: usize,
) -> f64 {
    let n_stages = architecture.n_stages();
    let mut size = patch.to_vec();
    let mut total = 0.0;
    let mut previous_features = None;
    for stage in 0..n_stages {
        let stride = &architecture.strides[stage];
        for (edge, by) in size.iter_mut().zip(stride) {
            *edge /= by;
        }
        let voxels: f64 = size.iter().map(|&edge| edge as f64).product();
        let features = architecture.features_per_stage[stage] as f64;
        let n = architecture.n_conv_or_blocks_per_stage[stage] as f64;
        let maps = match architecture.network {
            Network::PlainConvUnet => n,
            Network::ResidualEncoderUnet => {
                // The stem comes in front of stage 0, which then keeps its features.
                let stem = if stage == 0 { 1.0 } else { 0.0 };
                let changes = previous_features.is_some_and(|before| before != features);
                let projection = changes || stride.iter().any(|&by| by > 1);
                stem + 2.0 * n + if projection { 1.0 } else { 0.0 }
            }
        };
        total += maps * features * voxels;
        if stage + 1 < n_stages {
            // The decoder at this resolution: its convolutions and the up-convolution into it.
            // Its list begins at the bottleneck.
            let at = n_stages - 2 - stage;
            let n_decoder = architecture.n_conv_per_stage_decoder[at] as f64;
            total += (n_decoder + 1.0) * features * voxels;
        }
        // The head belongs to the decoder: a network of one stage has neither.
        if stage == 0 && n_stages > 1 {
            total += n_outputs as f64 * voxels;
        }
        previous_features = Some(features);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn architecture(network: Network, per_stage: &[usize], decoder: usize) -> Architecture {
        let mut strides = vec![vec![2; 3]; 6];
        strides[0] = vec![1; 3];
        Architecture {
            network,
            features_per_stage: vec![32, 64, 128, 256, 320, 320],
            kernel_sizes: vec![vec![3; 3]; 6],
            strides,
            n_conv_or_blocks_per_stage: per_stage.to_vec(),
            n_conv_per_stage_decoder: vec![decoder; 5],
            conv_bias: true,
            norm_epsilon: 1e-5,
            norm_affine: true,
            negative_slope: 0.01,
        }
    }

    #[test]
    fn equals_pytorch_on_the_reference_patch() {
        // nnunet-v2.md 4.8, counted by nnU-Net's own network objects.
        let plain = architecture(Network::PlainConvUnet, &[2; 6], 2);
        assert_eq!(feature_map_voxels(&plain, &[128; 3], 3), 452_796_416.0);
        let residual = architecture(Network::ResidualEncoderUnet, &[1, 3, 4, 6, 6, 6], 1);
        assert_eq!(feature_map_voxels(&residual, &[128; 3], 3), 557_420_544.0);
    }
}

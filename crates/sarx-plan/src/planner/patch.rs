//! Patch, network and batch of one configuration: as large as the memory allows.
//!
//! Source: nnU-Net v2 `default_experiment_planner.py` and `residual_encoder_unet_planners.py`,
//! `get_plans_for_configuration`.

use super::PlanError;
use super::estimate::feature_map_voxels;
use super::preset::{MIN_BATCH, Preset};
use super::topology::{Topology, topology};
use crate::plans::Architecture;

/// What a configuration is planned for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// Voxel edges in plans order, 2 or 3 axes.
    pub(super) spacing_mm: &'a [f64],
    /// Median size of the cases at that spacing.
    pub(super) median_size: &'a [f64],
    /// Voxels of all training cases at that spacing.
    pub(super) dataset_voxels: f64,
    /// Channels of the head, as the estimate counts them.
    pub(super) n_outputs: usize,
}

/// What was found, and how.
#[derive(Debug, Clone)]
pub(super) struct Sized {
    pub(super) patch: Vec<usize>,
    pub(super) architecture: Architecture,
    /// The size from which everything began: no larger than the median case.
    pub(super) initial: Vec<f64>,
    pub(super) batch_size: usize,
    /// The patch from which shrinking began, and each patch on the way.
    pub(super) tried: Vec<Vec<usize>>,
    pub(super) estimate: f64,
    /// Batch that the memory allows.
    pub(super) batch_by_memory: f64,
    /// Batch that the size of the dataset allows.
    pub(super) batch_by_dataset: f64,
}

/// Shrinks the patch, one axis at a time, until the network fits; then fills up with batch.
pub(super) fn fit(preset: &Preset, target: Target<'_>) -> Result<Sized, PlanError> {
    let n_axes = target.spacing_mm.len();
    let initial = initial_patch(target);
    let mut found = topology(target.spacing_mm, &initial);
    let mut architecture = architecture(preset, &found);
    let mut estimate = feature_map_voxels(&architecture, &found.patch, target.n_outputs);
    let mut tried = vec![found.patch.clone()];
    while preset.is_too_large(estimate, n_axes) {
        found = shrink(&found, target).ok_or_else(|| PlanError::NoPatchFits {
            smallest: found.patch.clone(),
            estimate,
            limit: preset.reference(n_axes),
            memory_gb: preset.memory_gb,
        })?;
        architecture = self::architecture(preset, &found);
        estimate = feature_map_voxels(&architecture, &found.patch, target.n_outputs);
        tried.push(found.patch.clone());
    }
    let patch_voxels: f64 = found.patch.iter().map(|&edge| edge as f64).product();
    if patch_voxels == 0.0 {
        return Err(PlanError::EmptyPatch {
            median_size: target.median_size.to_vec(),
        });
    }
    let at_reference = preset.reference(n_axes) / estimate * Preset::reference_batch(n_axes);
    let batch_by_memory = at_reference.round_ties_even();
    let batch_by_dataset =
        (target.dataset_voxels * preset.max_dataset_covered / patch_voxels).round_ties_even();
    let batch_size = batch_by_memory.min(batch_by_dataset).max(MIN_BATCH) as usize;
    Ok(Sized {
        patch: found.patch,
        architecture,
        initial,
        batch_size,
        tried,
        estimate,
        batch_by_memory,
        batch_by_dataset,
    })
}

/// The largest patch to begin with: a cube in millimetres of 256^3 (in 2D: a square of 2048^2)
/// voxels, but no larger than the median case.
fn initial_patch(target: Target<'_>) -> Vec<f64> {
    let per_mm: Vec<f64> = target.spacing_mm.iter().map(|edge| 1.0 / edge).collect();
    let density: f64 = per_mm.iter().product();
    let edge_mm = match per_mm.len() {
        2 => (2048f64.powi(2) / density).powf(1.0 / 2.0),
        _ => (256f64.powi(3) / density).powf(1.0 / 3.0),
    };
    per_mm
        .iter()
        .zip(target.median_size)
        .map(|(per_mm, &median)| (per_mm * edge_mm).round_ties_even().min(median))
        .collect()
}

/// Takes one step off the axis that is longest compared with the median case. The step is what
/// the bottleneck divides by *after* a trial step, else 224 would be skipped below 256.
fn shrink(from: &Topology, target: Target<'_>) -> Option<Topology> {
    let mut axis = 0;
    for candidate in 1..from.patch.len() {
        let relative = |a: usize| from.patch[a] as f64 / target.median_size[a];
        // On a tie the last axis.
        if relative(candidate) >= relative(axis) {
            axis = candidate;
        }
    }
    let mut size: Vec<f64> = from.patch.iter().map(|&edge| edge as f64).collect();
    let mut trial = size.clone();
    trial[axis] -= from.divisor[axis] as f64;
    let step = topology(target.spacing_mm, &trial).divisor[axis];
    size[axis] -= step as f64;
    if size[axis] < 1.0 {
        return None;
    }
    // Padding could undo the step, for ever; nnU-Net would not come back.
    Some(topology(target.spacing_mm, &size)).filter(|next| next.patch != from.patch)
}

fn architecture(preset: &Preset, topology: &Topology) -> Architecture {
    let n_stages = topology.strides.len();
    let n_axes = topology.patch.len();
    Architecture {
        network: preset.network,
        features_per_stage: preset.features(n_stages, n_axes),
        kernel_sizes: topology.kernels.clone(),
        strides: topology.strides.clone(),
        n_conv_or_blocks_per_stage: preset.n_per_stage(n_stages),
        n_conv_per_stage_decoder: vec![preset.n_per_decoder_stage; n_stages - 1],
        conv_bias: true,
        norm_epsilon: 1e-5,
        norm_affine: true,
        negative_slope: 0.01,
    }
}

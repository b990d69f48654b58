//! From logits on the target grid back to the native grid.
//!
//! Logits, not labels, are resampled, then decided voxel by voxel, pasted into the image's box
//! and transposed back. With nearest or linear resampling this happens one slice at a time, so
//! that no array of (classes x native voxels) exists unless probabilities are asked for; a cubic
//! spline is worked on class by class.
//!
//! Source: nnU-Net `inference/export_prediction.py`,
//! `convert_predicted_logits_to_segmentation_with_correct_shape`. Difference: resampled logits
//! are kept in f32, where nnU-Net keeps f16.

mod decide;
mod sure;

use crate::resample::{SliceResampler, SliceScratch, resample_image, target_size};
use crate::{PreprocessError, PreprocessSpec, Properties, ResampleGeometry, TargetSpacing};
pub use decide::Heads;
use ndarray::{Array3, Array4, ArrayView4, ArrayViewMut3, ArrayViewMut4, Axis, Slice, s};
use rayon::prelude::*;
use sarx_core::Label;
use sure::{Logits, decide_where_open};

/// Labels and probabilities on the native grid.
#[derive(Debug, Clone, PartialEq)]
pub struct NativePrediction {
    /// `[z, y, x]` of the file.
    pub labels: Array3<Label>,
    /// `[heads, z, y, x]` of the file; outside the body's box 1 in channel 0 for labels and 0
    /// elsewhere.
    pub probabilities: Array4<f32>,
}

/// Resamples logits to the native voxels of the body's box: `[heads, z, y, x]` of size
/// [`Properties::size_after_crop`], axes still transposed.
///
/// # Errors
///
/// [`PreprocessError`] if the logits do not belong to the case or are not finite, or the
/// properties contradict themselves.
pub fn logits_to_native(
    logits: ArrayView4<'_, f32>,
    properties: &Properties,
    spec: &PreprocessSpec,
) -> Result<Array4<f32>, PreprocessError> {
    let geometry = check(logits, None, properties, spec)?;
    let [depth, height, width] = geometry.size;
    let mut output = Array4::zeros((logits.len_of(Axis(0)), depth, height, width));
    match slice_resampler(logits, &geometry, spec) {
        Some(resampler) => {
            let slices = output.axis_iter_mut(Axis(1)).into_par_iter().enumerate();
            slices.for_each_init(SliceWork::default, |work, (z, mut out)| {
                work.resample(&resampler, logits, z, height * width);
                for (mut out, slice) in out.outer_iter_mut().zip(work.heads(height * width)) {
                    out.iter_mut().zip(slice).for_each(|(out, v)| *out = *v);
                }
            });
        }
        None => {
            for (mut out, channel) in output.outer_iter_mut().zip(logits.outer_iter()) {
                out.assign(&resample_image(channel, &geometry, &spec.logits_resampling));
            }
        }
    }
    Ok(output)
}

/// The label map on the native grid, `[z, y, x]` of the file; 0 outside the body's box.
///
/// # Errors
///
/// As [`logits_to_native`], and [`PreprocessError::HeadCount`] if `heads` has another number of
/// channels.
pub fn labels_from_logits(
    logits: ArrayView4<'_, f32>,
    heads: &Heads,
    properties: &Properties,
    spec: &PreprocessSpec,
) -> Result<Array3<Label>, PreprocessError> {
    let geometry = check(logits, Some(heads), properties, spec)?;
    let mut native = Array3::zeros(properties.native_size());
    let target = cropped_mut(native.view_mut(), properties);
    decide(logits, heads, &geometry, spec, target);
    Ok(native)
}

/// The label map on the target grid of a cascade's next stage, axes still transposed.
///
/// - `next`: the target spacing of the next stage; its crop is the same, so its grid follows
/// - result: of the size to which the next stage preprocesses the case
///
/// # Errors
///
/// As [`labels_from_logits`], and [`PreprocessError::TargetSize`] if the grid would be empty or
/// absurdly large.
///
/// # Source
///
/// nnU-Net `export_prediction.py`, `resample_and_save`: whether the coarse axis is treated apart
/// is decided by the spacing of this stage alone.
pub fn labels_for_next_stage(
    logits: ArrayView4<'_, f32>,
    heads: &Heads,
    properties: &Properties,
    spec: &PreprocessSpec,
    next: TargetSpacing,
) -> Result<Array3<Label>, PreprocessError> {
    let own_mm = check(logits, Some(heads), properties, spec)?.from_mm;
    let native_mm = properties.transposed_spacing_mm();
    let size = target_size(properties.size_after_crop, native_mm, next.of(native_mm))?;
    let geometry = ResampleGeometry {
        from_mm: own_mm,
        to_mm: own_mm,
        size,
    };
    let mut labels = Array3::zeros(size);
    decide(logits, heads, &geometry, spec, labels.view_mut());
    Ok(labels)
}

/// Resamples logits and decides; `target` is all 0.
fn decide(
    logits: ArrayView4<'_, f32>,
    heads: &Heads,
    geometry: &ResampleGeometry,
    spec: &PreprocessSpec,
    target: ArrayViewMut3<'_, Label>,
) {
    match slice_resampler(logits, geometry, spec) {
        Some(resampler) => {
            let logits = logits.as_standard_layout();
            let (n, z, y, x) = logits.dim();
            match logits.as_slice() {
                Some(values) => {
                    let size = [n, z, y, x];
                    decide_where_open(Logits { values, size }, heads, &resampler, target);
                }
                None => decide_slices(logits.view(), heads, &resampler, target, None),
            }
        }
        None => {
            let resample = |channel: usize| {
                let channel = logits.index_axis(Axis(0), channel);
                resample_image(channel, geometry, &spec.logits_resampling)
            };
            heads.decide_volume(resample, target);
        }
    }
}

/// Label map and probabilities on the native grid. The labels are those of the probabilities, so
/// that whoever reads both finds them in agreement; where two probabilities are equal in f32
/// though their logits are not, they may differ from [`labels_from_logits`].
///
/// # Errors
///
/// As [`labels_from_logits`].
///
/// # Source
///
/// nnU-Net `label_handling.py`, `revert_cropping_on_probabilities`.
pub fn probabilities_to_native(
    logits: ArrayView4<'_, f32>,
    heads: &Heads,
    properties: &Properties,
    spec: &PreprocessSpec,
) -> Result<NativePrediction, PreprocessError> {
    let geometry = check(logits, Some(heads), properties, spec)?;
    let [depth, height, width] = properties.native_size();
    let mut probabilities = Array4::zeros((heads.count(), depth, height, width));
    if matches!(heads, Heads::Labels { .. }) {
        probabilities.index_axis_mut(Axis(0), 0).fill(1.0);
    }
    let mut labels = Array3::zeros(properties.native_size());
    let labels_box = cropped_mut(labels.view_mut(), properties);
    let probabilities_box = cropped_heads_mut(probabilities.view_mut(), properties);
    match slice_resampler(logits, &geometry, spec) {
        Some(resampler) => {
            decide_slices(
                logits,
                heads,
                &resampler,
                labels_box,
                Some(probabilities_box),
            );
        }
        None => {
            let resampled = logits_to_native(logits, properties, spec)?;
            // On its own grid a slice is only copied.
            let same = ResampleGeometry {
                to_mm: geometry.from_mm,
                ..geometry
            };
            if let Some(copy) = slice_resampler(resampled.view(), &same, spec) {
                let boxed = Some(probabilities_box);
                decide_slices(resampled.view(), heads, &copy, labels_box, boxed);
            }
        }
    }
    Ok(NativePrediction {
        labels,
        probabilities,
    })
}

/// One thread's resampled slice of all heads.
#[derive(Default)]
struct SliceWork {
    logits: Vec<f32>,
    scratch: SliceScratch,
}

impl SliceWork {
    fn resample(
        &mut self,
        resampler: &SliceResampler,
        logits: ArrayView4<'_, f32>,
        z: usize,
        n_pixels: usize,
    ) {
        self.logits.resize(logits.len_of(Axis(0)) * n_pixels, 0.0);
        for (channel, out) in logits
            .outer_iter()
            .zip(self.logits.chunks_exact_mut(n_pixels))
        {
            resampler.slice(channel, z, &mut self.scratch, out);
        }
    }

    fn heads(&self, n_pixels: usize) -> impl Iterator<Item = &[f32]> {
        self.logits.chunks_exact(n_pixels)
    }
}

/// Decides slice after slice, in parallel; writes probabilities too if there is room for them.
fn decide_slices(
    logits: ArrayView4<'_, f32>,
    heads: &Heads,
    resampler: &SliceResampler,
    mut labels: ArrayViewMut3<'_, Label>,
    probabilities: Option<ArrayViewMut4<'_, f32>>,
) {
    let n_pixels = labels.len_of(Axis(1)) * labels.len_of(Axis(2));
    let decide = |work: &mut SliceWork, z: usize, out: ndarray::ArrayViewMut2<'_, Label>| {
        work.resample(resampler, logits, z, n_pixels);
        heads.decide_logits(&work.logits, out);
    };
    let slices = labels.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
    let Some(mut probabilities) = probabilities else {
        slices.for_each_init(SliceWork::default, |work, (z, out)| decide(work, z, out));
        return;
    };
    slices
        .zip(probabilities.axis_iter_mut(Axis(1)))
        .for_each_init(SliceWork::default, |work, ((z, out), mut heads_out)| {
            work.resample(resampler, logits, z, n_pixels);
            heads.activate(&mut work.logits, n_pixels);
            heads.decide_probabilities(&work.logits, out);
            for (mut out, slice) in heads_out.outer_iter_mut().zip(work.heads(n_pixels)) {
                out.iter_mut().zip(slice).for_each(|(out, v)| *out = *v);
            }
        });
}

fn slice_resampler(
    logits: ArrayView4<'_, f32>,
    geometry: &ResampleGeometry,
    spec: &PreprocessSpec,
) -> Option<SliceResampler> {
    let (_, z, y, x) = logits.dim();
    SliceResampler::new([z, y, x], geometry, &spec.logits_resampling)
}

/// Checks everything that comes from outside and returns the way from target to cropped grid.
fn check(
    logits: ArrayView4<'_, f32>,
    heads: Option<&Heads>,
    properties: &Properties,
    spec: &PreprocessSpec,
) -> Result<ResampleGeometry, PreprocessError> {
    properties.check()?;
    if properties.transpose_forward != spec.transpose_forward {
        return Err(PreprocessError::Properties {
            what: "the case was preprocessed with another transpose_forward than the plans have",
        });
    }
    let (found, z, y, x) = logits.dim();
    let expected = heads.map_or(found, Heads::count);
    if found != expected || found == 0 {
        return Err(PreprocessError::HeadCount {
            expected: expected.max(1),
            found,
        });
    }
    let expected = properties.size_after_resample;
    if [z, y, x] != expected {
        return Err(PreprocessError::LogitsSize {
            expected,
            found: [z, y, x],
        });
    }
    check_finite(logits)?;
    let native_mm = properties.transposed_spacing_mm();
    let from_mm = spec.target_spacing_of(native_mm);
    Ok(ResampleGeometry {
        from_mm,
        to_mm: native_mm,
        size: properties.size_after_crop,
    })
}

fn check_finite(logits: ArrayView4<'_, f32>) -> Result<(), PreprocessError> {
    // The plain question first: asking for the place costs many times as much.
    let all_finite = match logits.as_slice() {
        Some(values) => values
            .par_chunks(1 << 14)
            .all(|chunk| chunk.iter().fold(true, |all, v| all & v.is_finite())),
        None => logits.iter().all(|v| v.is_finite()),
    };
    if all_finite {
        return Ok(());
    }
    let bad = logits.indexed_iter().find(|(_, v)| !v.is_finite());
    bad.map_or(Ok(()), |((channel, z, y, x), &found)| {
        Err(PreprocessError::LogitsNotFinite {
            channel,
            index: [z, y, x],
            found,
        })
    })
}

/// The body's box of a native array, axes transposed.
fn cropped_mut<'a, T>(
    native: ArrayViewMut3<'a, T>,
    properties: &Properties,
) -> ArrayViewMut3<'a, T> {
    let (l, u) = (properties.bounding_box.lower, properties.bounding_box.upper);
    native
        .permuted_axes(properties.transpose_forward)
        .slice_move(s![l[0]..u[0], l[1]..u[1], l[2]..u[2]])
}

/// The body's box of a native array with heads in front, axes transposed.
fn cropped_heads_mut<'a>(
    native: ArrayViewMut4<'a, f32>,
    properties: &Properties,
) -> ArrayViewMut4<'a, f32> {
    let [a, b, c] = properties.transpose_forward.map(|axis| axis + 1);
    let mut transposed = native.permuted_axes([0, a, b, c]);
    for axis in 0..3 {
        let range: Slice = properties.bounding_box.slice(axis);
        transposed.slice_axis_inplace(Axis(axis + 1), range);
    }
    transposed
}

#[cfg(test)]
mod tests;

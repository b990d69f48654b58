//! One case from the native grid to the target grid.

use crate::resample::{resample_image, resample_labels, target_size};
use crate::spec::permute;
use crate::{
    ClassLocations, PreprocessError, PreprocessSpec, Properties, ResampleGeometry,
    find_class_locations,
};
use ndarray::{Array3, Array4, ArrayView3, Axis, Zip, s};
use sarx_core::{BoundingBox, Label, LabelMap, Volume, nonzero_mask};

/// A case as the network is trained on it.
#[derive(Debug, Clone, PartialEq)]
pub struct PreprocessedCase {
    /// Normalized intensities on the target grid, `[c, z, y, x]`.
    pub image: Array4<f32>,
    /// Labels on the target grid, `[z, y, x]`; -1 for background outside the body.
    pub labels: Option<Array3<i16>>,
    /// Where foreground sampling may aim; present with labels.
    pub class_locations: Option<ClassLocations>,
    /// How to go back.
    pub properties: Properties,
}

/// Transposes, crops to the body, normalizes and resamples one case.
///
/// The body is what is not zero in any channel, holes filled; an image of zeros only is kept
/// whole. Intensities are normalized before they are resampled.
///
/// # Shapes
///
/// - `channels`: one volume per entry of [`PreprocessSpec::normalization`], all on one grid.
/// - `labels`: of the same size; their position in space is the caller's to check.
///
/// # Errors
///
/// [`PreprocessError`] if channels are missing, sizes or spacings differ, an intensity is not
/// finite, a label is above 32767, an RGB channel leaves 0..=255, the spec contradicts itself, or
/// the target grid would be empty or absurdly large.
///
/// # Source
///
/// nnU-Net `default_preprocessor.py`, `run_case_npy`; `cropping.py`, `crop_to_nonzero`.
/// Differences: without labels the mask is not resampled, because nobody reads it.
pub fn preprocess(
    channels: &[&Volume<f32>],
    labels: Option<&LabelMap>,
    spec: &PreprocessSpec,
) -> Result<PreprocessedCase, PreprocessError> {
    spec.check_transpose()?;
    let spacing_mm = check_channels(channels, spec)?;
    let mask = native_mask(channels, labels)?;
    let order = spec.transpose_forward;
    let mask = mask.view().permuted_axes(order);
    let bounding_box = BoundingBox::around(mask).unwrap_or(BoundingBox::whole(size_of(mask)));
    let transposed_mm = permute(spacing_mm, order);
    let target_mm = spec.target_spacing_of(transposed_mm);
    if let Some(axis) = target_mm.iter().position(|s| !(s.is_finite() && *s > 0.0)) {
        return Err(PreprocessError::Spacing {
            axis,
            found: target_mm[axis],
        });
    }
    let size = target_size(bounding_box.size(), transposed_mm, target_mm)?;
    let geometry = ResampleGeometry {
        from_mm: transposed_mm,
        to_mm: target_mm,
        size,
    };
    let native_labels = labels.map(|l| l.voxels().view().permuted_axes(order));
    let body = body_labels(crop(mask, &bounding_box), native_labels, &bounding_box);
    let mut image = Array4::zeros((channels.len(), size[0], size[1], size[2]));
    for (channel, scheme) in spec.normalization.iter().enumerate() {
        let native = channels[channel].voxels().view().permuted_axes(order);
        let mut cropped = crop(native, &bounding_box)
            .as_standard_layout()
            .into_owned();
        scheme.apply(channel, cropped.view_mut(), body.view())?;
        let resampled = resample_image(cropped.view(), &geometry, &spec.image_resampling);
        image.index_axis_mut(Axis(0), channel).assign(&resampled);
    }
    let labels = labels.map(|_| resample_labels(body.view(), &geometry, &spec.label_resampling));
    let class_locations = labels
        .as_ref()
        .map(|labels| find_class_locations(labels.view(), &spec.foreground, spec.ignore));
    let properties = Properties {
        spacing_mm,
        transpose_forward: order,
        size_before_crop: size_of(mask),
        bounding_box,
        size_after_crop: bounding_box.size(),
        size_after_resample: size,
    };
    Ok(PreprocessedCase {
        image,
        labels,
        class_locations,
        properties,
    })
}

/// Checks the number, grids and values of the channels and returns their spacing, `[z, y, x]`.
fn check_channels(
    channels: &[&Volume<f32>],
    spec: &PreprocessSpec,
) -> Result<[f64; 3], PreprocessError> {
    let (expected, found) = (spec.normalization.len(), channels.len());
    let Some(first) = channels.first().filter(|_| expected == found) else {
        return Err(PreprocessError::ChannelCount { expected, found });
    };
    let (size, spacing_mm) = (first.grid().size.zyx(), first.grid().spacing.zyx_mm());
    for (channel, volume) in channels.iter().enumerate() {
        let found = volume.grid().size.zyx();
        if found != size {
            return Err(PreprocessError::ChannelSize {
                channel,
                expected: size,
                found,
            });
        }
        let found = volume.grid().spacing.zyx_mm();
        // The tolerance of `Grid::require_same`: headers keep spacing in f32.
        if found
            .iter()
            .zip(&spacing_mm)
            .any(|(a, b)| (a - b).abs() > 1e-5 * b)
        {
            return Err(PreprocessError::ChannelSpacing {
                channel,
                expected: spacing_mm,
                found,
            });
        }
        if volume.voxels().iter().all(|v| v.is_finite()) {
            continue;
        }
        let bad = volume.voxels().indexed_iter().find(|(_, v)| !v.is_finite());
        if let Some(((z, y, x), &found)) = bad {
            return Err(PreprocessError::NotFinite {
                channel,
                index: [z, y, x],
                found,
            });
        }
    }
    Ok(spacing_mm)
}

/// The body on the native grid; checks the labels on the way.
fn native_mask(
    channels: &[&Volume<f32>],
    labels: Option<&LabelMap>,
) -> Result<Array3<bool>, PreprocessError> {
    let views: Vec<_> = channels
        .iter()
        .map(|volume| volume.voxels().view())
        .collect();
    if let Some(labels) = labels {
        let (expected, found) = (size_of(views[0]), labels.grid().size.zyx());
        if expected != found {
            return Err(PreprocessError::LabelSize { expected, found });
        }
        let found = labels.voxels().iter().copied().max().unwrap_or(0);
        if i16::try_from(found).is_err() {
            return Err(PreprocessError::LabelTooLarge { found });
        }
    }
    Ok(nonzero_mask(&views))
}

/// Where the body is on the cropped grid of a case, axes transposed: what is not zero in any channel, holes
/// filled, and labels. Outside of it every channel is zero, and constant when it is normalized.
///
/// # Errors
///
/// [`PreprocessError`] if channels or labels are not of the size that the properties tell, or there
/// are no channels.
pub fn body_mask(
    channels: &[&Volume<f32>],
    labels: Option<&LabelMap>,
    properties: &Properties,
) -> Result<Array3<bool>, PreprocessError> {
    properties.check()?;
    if channels.is_empty() {
        return Err(PreprocessError::ChannelCount {
            expected: 1,
            found: 0,
        });
    }
    let expected = properties.native_size();
    for (channel, volume) in channels.iter().enumerate() {
        let found = volume.grid().size.zyx();
        if found != expected {
            return Err(PreprocessError::ChannelSize {
                channel,
                expected,
                found,
            });
        }
    }
    let (order, bounding_box) = (properties.transpose_forward, &properties.bounding_box);
    let mask = native_mask(channels, labels)?;
    let mask = crop(mask.view().permuted_axes(order), bounding_box);
    let labels = labels.map(|labels| labels.voxels().view().permuted_axes(order));
    Ok(body_labels(mask, labels, bounding_box).mapv(|label| label >= 0))
}

/// Labels of the cropped grid (0 without a label map); background outside the mask becomes -1.
fn body_labels(
    mask: ArrayView3<'_, bool>,
    labels: Option<ArrayView3<'_, Label>>,
    bounding_box: &BoundingBox,
) -> Array3<i16> {
    let mut body = Array3::from_shape_fn(size_of(mask), |at| if mask[at] { 0 } else { -1 });
    if let Some(labels) = labels {
        Zip::from(&mut body)
            .and(crop(labels, bounding_box))
            .for_each(|body, &label| {
                if label > 0 {
                    *body = i16::try_from(label).unwrap_or(i16::MAX);
                }
            });
    }
    body
}

fn crop<'a, T>(array: ArrayView3<'a, T>, bounding_box: &BoundingBox) -> ArrayView3<'a, T> {
    let BoundingBox { lower: l, upper: u } = *bounding_box;
    array.slice_move(s![l[0]..u[0], l[1]..u[1], l[2]..u[2]])
}

fn size_of<T>(array: ArrayView3<'_, T>) -> [usize; 3] {
    let (z, y, x) = array.dim();
    [z, y, x]
}

#[cfg(test)]
mod tests;

//! Pictures of a few slices of a case with the outlines of reference and prediction.
//!
//! The slice with the largest reference area is shown between two others, halfway to either
//! end of the lesion, each without and with outlines. All are cropped to the same field
//! around reference and prediction, keep the aspect ratio of the voxels, and are windowed to
//! the 1st and 99th percentile of the image.

use crate::contour::{coverage, outline};
use crate::slice_view::SliceView;
use ndarray::{Array2, ArrayView2};
use sarx_core::{Label, LabelMap, Size, Volume};

/// Longer edge of a picture, px.
const LONG_EDGE_PX: f64 = 384.0;
/// The field is at least this wide, mm.
const SMALLEST_FIELD_MM: f64 = 60.0;
/// What is left around reference and prediction, as a fraction of their extent.
const MARGIN: f64 = 0.2;
/// The reference is the wider line so that it shows on both sides where the two coincide.
const REFERENCE_LINE_PX: f64 = 4.8;
/// The line of the prediction.
const PREDICTION_LINE_PX: f64 = 2.0;

/// Colour of the reference, sRGB: Okabe and Ito's sky blue.
pub const REFERENCE_RGB: [u8; 3] = [0x56, 0xb4, 0xe9];
/// Colour of the prediction, sRGB: Okabe and Ito's orange, told from the blue by all kinds of
/// colour vision.
pub const PREDICTION_RGB: [u8; 3] = [0xe6, 0x9f, 0x00];

/// One slice, without and with outlines.
#[derive(Debug, Clone, PartialEq)]
pub struct SlicePanel {
    /// Index along the slice axis, from 0.
    pub slice: usize,
    /// Distance to the slice with the largest reference area, mm; negative below it.
    pub offset_mm: f64,
    /// PNG file, grey.
    pub plain_png: Vec<u8>,
    /// PNG file, grey with the two outlines.
    pub outlined_png: Vec<u8>,
}

/// The pictures of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct SlicePictures {
    /// One to three slices, in array order.
    pub panels: Vec<SlicePanel>,
    /// Width and height of every picture, px.
    pub size_px: [usize; 2],
    /// What lies at the left, right, top and bottom, as a letter of R, L, A, P, S, I.
    pub letters: [char; 4],
    /// Number of slices of the image.
    pub n_slices: usize,
    /// Width and height of the field, mm.
    pub field_mm: [f64; 2],
}

/// Pictures that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlicePictureError {
    /// A segmentation that is not of this image.
    #[error(
        "the {what} has {found} voxels but the image has {expected}; both must lie on one grid"
    )]
    Size {
        /// `reference` or `prediction`.
        what: &'static str,
        /// Size of the image.
        expected: Size,
        /// Size of the segmentation.
        found: Size,
    },
    /// The encoder failed.
    #[error("a slice picture could not be written as PNG")]
    Png(#[from] png::EncodingError),
}

/// Draws the slices of a case. Every label above 0 is foreground.
///
/// # Errors
///
/// - [`SlicePictureError::Size`] if a segmentation has another size than the image.
/// - [`SlicePictureError::Png`] if the encoder fails.
pub fn slice_pictures(
    image: &Volume<f32>,
    reference: &LabelMap,
    prediction: &LabelMap,
) -> Result<SlicePictures, SlicePictureError> {
    for (what, map) in [("reference", reference), ("prediction", prediction)] {
        let (expected, found) = (image.grid().size, map.grid().size);
        if expected != found {
            return Err(SlicePictureError::Size {
                what,
                expected,
                found,
            });
        }
    }
    let view = SliceView::of(image.grid());
    let n_slices = image.grid().size.zyx()[view.through];
    let mask = |map: &LabelMap, at: usize| view.slice(map.voxels(), at).mapv(|l: Label| l > 0);
    let masks: Vec<[Array2<bool>; 2]> = (0..n_slices)
        .map(|at| [mask(reference, at), mask(prediction, at)])
        .collect();
    let chosen = chosen_slices(&masks);
    let field = Field::around(&masks, view.spacing_mm);
    let window = window(image);
    let step_mm = image.grid().spacing.zyx_mm()[view.through];
    let mut panels = Vec::new();
    for &slice in &chosen.slices {
        let grey = field.grey(view.slice(image.voxels(), slice).view(), window);
        let [reference, prediction] = &masks[slice];
        let mut rgb = grey.mapv(|g| [g; 3]);
        field.draw(&mut rgb, reference, (REFERENCE_RGB, REFERENCE_LINE_PX));
        field.draw(&mut rgb, prediction, (PREDICTION_RGB, PREDICTION_LINE_PX));
        let bytes: Vec<u8> = rgb.iter().flatten().copied().collect();
        panels.push(SlicePanel {
            slice,
            offset_mm: (slice as f64 - chosen.centre as f64) * step_mm,
            plain_png: png(
                field.size_px,
                png::ColorType::Grayscale,
                &grey.iter().copied().collect::<Vec<u8>>(),
            )?,
            outlined_png: png(field.size_px, png::ColorType::Rgb, &bytes)?,
        });
    }
    let [rows, columns] = field.size_px;
    Ok(SlicePictures {
        panels,
        size_px: [columns, rows],
        letters: view.letters,
        n_slices,
        field_mm: [field.extent_mm[1], field.extent_mm[0]],
    })
}

struct Chosen {
    centre: usize,
    slices: Vec<usize>,
}

/// The slice with the largest reference area (else prediction area, else the middle) and those
/// halfway to either end of what is drawn.
fn chosen_slices(masks: &[[Array2<bool>; 2]]) -> Chosen {
    let area = |at: usize, which: usize| masks[at][which].iter().filter(|&&m| m).count();
    let largest = |which: usize| {
        let best = (0..masks.len()).rev().max_by_key(|&at| area(at, which))?;
        (area(best, which) > 0).then_some(best)
    };
    let centre = largest(0).or_else(|| largest(1)).unwrap_or(masks.len() / 2);
    let drawn = |at: &usize| area(*at, 0) + area(*at, 1) > 0;
    let first = (0..masks.len()).find(drawn).unwrap_or(centre);
    let last = (0..masks.len()).rev().find(drawn).unwrap_or(centre);
    let below = centre.saturating_sub((centre.saturating_sub(first)).div_ceil(2).max(1));
    let above = (centre + last.saturating_sub(centre).div_ceil(2).max(1)).min(masks.len() - 1);
    let mut slices = vec![below, centre, above];
    slices.dedup();
    Chosen { centre, slices }
}

/// The 1st and 99th percentile of the finite voxels.
fn window(image: &Volume<f32>) -> (f32, f32) {
    let mut values: Vec<f32> = image
        .voxels()
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let last = values.len() - 1;
    let mut at = |fraction: f64| {
        let rank = (fraction * last as f64).round() as usize;
        *values.select_nth_unstable_by(rank, f32::total_cmp).1
    };
    (at(0.01), at(0.99))
}

/// The part of a slice that is shown, and how it becomes pixels.
struct Field {
    /// First millimetre shown, down and across.
    lower_mm: [f64; 2],
    extent_mm: [f64; 2],
    spacing_mm: [f64; 2],
    size_px: [usize; 2],
}

impl Field {
    fn around(masks: &[[Array2<bool>; 2]], spacing_mm: [f64; 2]) -> Self {
        let (rows, columns) = masks[0][0].dim();
        let whole_mm = [rows as f64 * spacing_mm[0], columns as f64 * spacing_mm[1]];
        let mut lower = [usize::MAX; 2];
        let mut upper = [0; 2];
        for mask in masks.iter().flatten() {
            for ((r, c), _) in mask.indexed_iter().filter(|&(_, &m)| m) {
                for (axis, at) in [r, c].into_iter().enumerate() {
                    lower[axis] = lower[axis].min(at);
                    upper[axis] = upper[axis].max(at + 1);
                }
            }
        }
        let (mut lower_mm, mut extent_mm) = ([0.0; 2], whole_mm);
        if upper[0] > 0 {
            let size = |axis: usize| (upper[axis] - lower[axis]) as f64 * spacing_mm[axis];
            let side = (size(0).max(size(1)) * (1.0 + 2.0 * MARGIN)).max(SMALLEST_FIELD_MM);
            for axis in 0..2 {
                let centre = (lower[axis] + upper[axis]) as f64 / 2.0 * spacing_mm[axis];
                extent_mm[axis] = side.min(whole_mm[axis]);
                let last_start = whole_mm[axis] - extent_mm[axis];
                lower_mm[axis] = (centre - extent_mm[axis] / 2.0).clamp(0.0, last_start);
            }
        }
        let px_per_mm = LONG_EDGE_PX / extent_mm[0].max(extent_mm[1]);
        // A sliver of a field still is a picture of one pixel.
        let size_px = extent_mm.map(|mm| ((mm * px_per_mm).round() as usize).max(1));
        Self {
            lower_mm,
            extent_mm,
            spacing_mm,
            size_px,
        }
    }

    /// Pixels per millimetre, down or across.
    fn px_per_mm(&self, axis: usize) -> f64 {
        self.size_px[axis] as f64 / self.extent_mm[axis]
    }

    /// The voxel coordinate (centre of voxel 0 at 0) of the centre of a pixel.
    fn voxel_from_px(&self, axis: usize, px: usize) -> f64 {
        let mm = self.lower_mm[axis] + (px as f64 + 0.5) / self.px_per_mm(axis);
        mm / self.spacing_mm[axis] - 0.5
    }

    fn px_from_voxel(&self, axis: usize, voxel: f64) -> f64 {
        let mm = (voxel + 0.5) * self.spacing_mm[axis] - self.lower_mm[axis];
        mm * self.px_per_mm(axis) - 0.5
    }

    /// The field in grey values, linear between voxel centres. A voxel that is not finite is black.
    fn grey(&self, slice: ArrayView2<'_, f32>, (low, high): (f32, f32)) -> Array2<u8> {
        let span = if high > low { high - low } else { 1.0 };
        let level = |r: usize, c: usize| {
            let value = slice[[r, c]];
            if value.is_finite() {
                f64::from(((value - low) / span).clamp(0.0, 1.0))
            } else {
                0.0
            }
        };
        let neighbours = |axis: usize, px: usize| {
            let last = (slice.len_of(ndarray::Axis(axis)) - 1) as f64;
            let at = self.voxel_from_px(axis, px).clamp(0.0, last);
            (at.floor() as usize, at.ceil() as usize, at.fract())
        };
        Array2::from_shape_fn(self.size_px, |(r, c)| {
            let (r0, r1, down) = neighbours(0, r);
            let (c0, c1, across) = neighbours(1, c);
            let row = |r: usize| (1.0 - across) * level(r, c0) + across * level(r, c1);
            (255.0 * ((1.0 - down) * row(r0) + down * row(r1))).round() as u8
        })
    }

    /// Blends the outline of a mask into a picture.
    fn draw(
        &self,
        picture: &mut Array2<[u8; 3]>,
        mask: &Array2<bool>,
        (color, width): ([u8; 3], f64),
    ) {
        let to_px = |point: [f64; 2]| [0, 1].map(|axis| self.px_from_voxel(axis, point[axis]));
        let pieces: Vec<[[f64; 2]; 2]> = outline(mask.view())
            .into_iter()
            .map(|piece| piece.map(to_px))
            .collect();
        let cover = coverage(self.size_px, &pieces, width);
        for (pixel, &cover) in picture.iter_mut().zip(&cover) {
            for (channel, ink) in pixel.iter_mut().zip(color) {
                let mixed = f32::from(*channel) * (1.0 - cover) + f32::from(ink) * cover;
                *channel = mixed.round() as u8;
            }
        }
    }
}

fn png(
    [rows, columns]: [usize; 2],
    color: png::ColorType,
    bytes: &[u8],
) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, columns as u32, rows as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests;

//! Whether slices can be one volume, and on which grid.

use super::{SAME_POSITION_MM, SliceRef, Sound, Stack, StackFault, StackKind, StackNote};
use crate::geometry::{Axes, dot, flip};
use crate::source_series::SliceGeometry;
use crate::{Frame, Series};
use sarx_core::{Grid, Size, Spacing};

/// Directions of slices of one stack may differ by this much in a component: rounding of headers.
const SAME_ORIENTATION: f64 = 1e-4;
/// Pixel spacings may differ by this part.
const SAME_SPACING: f64 = 1e-4;
/// A gap may differ from the others by this length plus this part of it; positions are rounded to
/// a hundredth of a millimetre by some scanners.
const GAP_MM: f64 = 0.02;
const GAP_PART: f64 = 0.005;
/// A slice may lie this far beside the normal, plus this part of a pixel.
const BESIDE_MM: f64 = 0.1;
const BESIDE_PART: f64 = 0.05;

/// Places along the normal of the first slice, mm; `None` if any slice has no place.
pub(super) fn places(series: &Series, slices: &[SliceRef]) -> Option<Vec<f64>> {
    let first = series.frame(*slices.first()?);
    let axes = Axes::new(first.orientation?)?;
    slices
        .iter()
        .map(|&slice| Some(dot(series.frame(slice).position_mm?, axes.normal)))
        .collect()
}

/// Sorts and checks one stack of at least one slice.
pub(super) fn stack(series: &Series, mut slices: Vec<SliceRef>) -> Stack {
    let mut faults = Vec::new();
    let mut notes = Vec::new();
    if let Some(places) = places(series, &slices) {
        let mut order: Vec<(f64, SliceRef)> = places.into_iter().zip(slices).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        slices = order.into_iter().map(|(_, slice)| slice).collect();
    }
    let frames: Vec<&Frame> = slices.iter().map(|&s| series.frame(s)).collect();
    faults.extend(pixels(series, &slices));
    if series.frames_of_reference.len() > 1 {
        faults.push(StackFault::FramesOfReference {
            n: series.frames_of_reference.len(),
        });
    }
    if slices
        .iter()
        .any(|s| series.instances[s.instance].burned_in == Some(true))
    {
        notes.push(StackNote::BurnedIn);
    }
    let placed = placed(&frames, &mut faults, &mut notes);
    let kind = kind(series, slices[0]);
    let sound = placed.filter(|_| faults.is_empty()).and_then(|placed| {
        let sound = placed.grid([slices.len(), kind.matrix.0.into(), kind.matrix.1.into()]);
        sound
            .map(|grid| Sound {
                grid,
                shared: SliceGeometry {
                    rows: kind.matrix.0,
                    columns: kind.matrix.1,
                    pixel_spacing_mm: placed.pixel_mm,
                    thickness_mm: frames[0].thickness_mm,
                    orientation: placed.orientation,
                },
                positions: placed.positions,
            })
            .map_err(|what| faults.push(StackFault::Pixels { what }))
            .ok()
    });
    Stack {
        slices,
        kind,
        faults,
        notes,
        sound,
    }
}

fn kind(series: &Series, slice: SliceRef) -> StackKind {
    let frame = series.frame(slice);
    let pixels = series.instances[slice.instance].pixels.as_ref();
    StackKind {
        echo_time_ms: frame.echo_time_ms,
        echo_number: frame.echo_number,
        component: frame.component,
        image_type: frame.image_type.clone(),
        b_value: frame.b_value,
        acquisition: frame.acquisition,
        temporal_position: frame.temporal_position,
        trigger_ms: frame.trigger_ms,
        orientation: frame.orientation,
        matrix: pixels.map_or((0, 0), |p| (p.rows, p.columns)),
    }
}

/// Pixels that are not one grey value of 8, 16 or 32 bits.
fn pixels(series: &Series, slices: &[SliceRef]) -> Option<StackFault> {
    let what = slices.iter().find_map(|slice| {
        let pixels = series.instances[slice.instance].pixels.as_ref()?;
        if pixels.samples != 1 || !pixels.monochrome {
            Some(format!("a colour image of {} samples", pixels.samples))
        } else if !matches!(pixels.bits_allocated, 8 | 16 | 32) {
            Some(format!("{} bits per voxel", pixels.bits_allocated))
        } else {
            None
        }
    })?;
    Some(StackFault::Pixels { what })
}

/// Slices with places.
struct Placed {
    axes: Axes,
    orientation: [f64; 6],
    positions: Vec<[f64; 3]>,
    pixel_mm: [f64; 2],
    slice_mm: f64,
}

impl Placed {
    fn grid(&self, size: [usize; 3]) -> Result<Grid, String> {
        let [row_mm, column_mm] = self.pixel_mm;
        let size = Size::new(size).map_err(|e| e.to_string())?;
        let spacing =
            Spacing::new([self.slice_mm, row_mm, column_mm]).map_err(|e| e.to_string())?;
        Grid::new(
            size,
            spacing,
            self.axes.direction(),
            flip(self.positions[0]),
        )
        .map_err(|e| e.to_string())
    }
}

fn placed(
    frames: &[&Frame],
    faults: &mut Vec<StackFault>,
    notes: &mut Vec<StackNote>,
) -> Option<Placed> {
    let positions: Vec<[f64; 3]> = frames.iter().filter_map(|f| f.position_mm).collect();
    if positions.len() < frames.len() {
        faults.push(StackFault::NoPosition {
            n: frames.len() - positions.len(),
            of: frames.len(),
        });
    }
    let pixel_mm = pixel_spacing(frames, faults);
    let orientation = orientation(frames, faults);
    let orientation = orientation?;
    let axes = Axes::new(orientation).or_else(|| {
        faults.push(StackFault::NoOrientation);
        None
    })?;
    if positions.len() < frames.len() {
        return None;
    }
    let slice_mm = if frames.len() == 1 {
        notes.push(StackNote::SingleSlice);
        let extent = frames[0].slice_spacing_mm.or(frames[0].thickness_mm);
        if extent.is_none() {
            faults.push(StackFault::NoThickness);
        }
        extent
    } else {
        let places: Vec<f64> = positions.iter().map(|&p| dot(p, axes.normal)).collect();
        gaps(&places, faults)
    };
    if let (Some(measured_mm), Some(stated_mm)) = (slice_mm, frames[0].slice_spacing_mm)
        && (measured_mm - stated_mm).abs() > GAP_MM + GAP_PART * measured_mm
    {
        notes.push(StackNote::StatedSpacing {
            stated_mm,
            measured_mm,
        });
    }
    let (pixel_mm, slice_mm) = (pixel_mm?, slice_mm?);
    shear(&axes, &positions, pixel_mm, faults);
    Some(Placed {
        axes,
        orientation,
        positions,
        pixel_mm,
        slice_mm,
    })
}

fn pixel_spacing(frames: &[&Frame], faults: &mut Vec<StackFault>) -> Option<[f64; 2]> {
    let all: Option<Vec<[f64; 2]>> = frames
        .iter()
        .map(|f| f.pixel_spacing_mm.filter(|s| s.iter().all(|&v| v > 0.0)))
        .collect();
    let Some(all) = all else {
        faults.push(StackFault::NoPixelSpacing);
        return None;
    };
    let first = all[0];
    let difference = |s: &[f64; 2]| (s[0] - first[0]).abs().max((s[1] - first[1]).abs());
    let difference_mm = all.iter().map(difference).fold(0.0, f64::max);
    if difference_mm > SAME_SPACING * first[0].min(first[1]) {
        faults.push(StackFault::PixelSpacings { difference_mm });
    }
    Some(first)
}

fn orientation(frames: &[&Frame], faults: &mut Vec<StackFault>) -> Option<[f64; 6]> {
    let all: Option<Vec<[f64; 6]>> = frames.iter().map(|f| f.orientation).collect();
    let Some(all) = all else {
        faults.push(StackFault::NoOrientation);
        return None;
    };
    let first = all[0];
    let difference = all
        .iter()
        .flat_map(|o| o.iter().zip(&first).map(|(a, b)| (a - b).abs()))
        .fold(0.0, f64::max);
    if difference > SAME_ORIENTATION {
        faults.push(StackFault::Orientations { difference });
    }
    Some(first)
}

/// Checks that ascending places are even; their mean distance, mm.
fn gaps(places: &[f64], faults: &mut Vec<StackFault>) -> Option<f64> {
    let n_faults = faults.len();
    let mut at = 0;
    while at < places.len() {
        let n = places[at..]
            .iter()
            .take_while(|&&p| p - places[at] < SAME_POSITION_MM)
            .count();
        if n > 1 {
            faults.push(StackFault::Duplicate {
                at_mm: places[at],
                n,
            });
        }
        at += n.max(1);
    }
    if faults.len() > n_faults {
        return None;
    }
    let gaps: Vec<f64> = places.windows(2).map(|w| w[1] - w[0]).collect();
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    // The lower median: of two gaps the smaller one, because slices go missing, not extra ones come in.
    let expected_mm = sorted[(sorted.len() - 1) / 2];
    for (i, &gap_mm) in gaps.iter().enumerate() {
        let multiple = (gap_mm / expected_mm).round().max(1.0);
        let off = (gap_mm - multiple * expected_mm).abs();
        let even = off <= GAP_MM + GAP_PART * expected_mm * multiple;
        let after = i + 1;
        if !even {
            faults.push(StackFault::Uneven {
                after,
                gap_mm,
                expected_mm,
            });
        } else if multiple > 1.0 {
            faults.push(StackFault::Missing {
                after,
                n: multiple as usize - 1,
                gap_mm,
                expected_mm,
            });
        }
    }
    let extent = places[places.len() - 1] - places[0];
    Some(extent / gaps.len() as f64)
}

fn shear(axes: &Axes, positions: &[[f64; 3]], pixel_mm: [f64; 2], faults: &mut Vec<StackFault>) {
    let most = BESIDE_MM + BESIDE_PART * pixel_mm[0].min(pixel_mm[1]);
    let worst = positions
        .iter()
        .map(|&p| axes.off_normal_mm(positions[0], p))
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((slice, offset_mm)) = worst
        && offset_mm > most
    {
        faults.push(StackFault::Sheared {
            slice: slice + 1,
            offset_mm,
        });
    }
}

//! The longest diameter within one slice, and the longest perpendicular to it.

use super::border::{outline_of_slice, points_of_slice};
use super::hull::{antipodal_pairs, hull};
use super::mask::{
    cross, direction_of, dot, in_plane_axes, minus, norm, normal_of, tilt_deg, unit,
    world_of_halves,
};
use super::{Border, Line, Mask, MeasureError, SlicePlane};
use ndarray::Axis;
use sarx_core::Grid;

/// The longest diameter of a mask within one slice, with its longest perpendicular.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct SliceDiameter {
    /// The array axis along which the slices are stacked (0, 1, 2 = z, y, x).
    pub array_axis: usize,
    /// The slice, counted from 0 along that axis.
    pub slice: usize,
    /// Angle between the normal of the slices and the nearest axis of the patient, degrees; 0 for
    /// slices exactly in an anatomical plane.
    pub tilt_deg: f64,
    /// The longest diameter.
    pub longest: Line,
    /// The longest line at right angles to it in the same slice, from the outermost crossing of
    /// the outline to the outermost crossing on the other side.
    pub perpendicular: Line,
}

/// The longest diameter within one slice: RECIST 1.1's longest diameter, with the short axis.
///
/// The longest diameter is the largest distance between two border points of the same slice, over
/// all slices; of equal slices the first. It may leave a lesion that is not convex, as on a
/// workstation. The perpendicular is the longest line at right angles to it, within the same slice,
/// between the outermost crossings with the outline; it need not meet the longest diameter's middle.
///
/// pyradiomics' `Maximum2DDiameterSlice` is another figure: [`super::mesh_plane_diameter`].
///
/// A mask of several lesions is measured as one: take its components apart first
/// ([`super::measure_lesions`] does).
///
/// # Errors
///
/// [`MeasureError::Empty`] if nothing is inside, [`MeasureError::Axis`] if there is no such array axis.
pub fn slice_diameter(
    mask: &Mask,
    plane: SlicePlane,
    border: Border,
) -> Result<SliceDiameter, MeasureError> {
    search(
        mask,
        plane,
        |points, place| {
            let pairs = antipodal_pairs(&hull(row_ends(points)));
            furthest(pairs.into_iter(), place)
        },
        border,
    )
}

/// What [`slice_diameter`] computes, by comparing every border point of a slice with every other.
///
/// Quadratic in the points of a slice: the oracle of the fast one.
///
/// # Errors
///
/// As [`slice_diameter`].
pub fn slice_diameter_brute_force(
    mask: &Mask,
    plane: SlicePlane,
    border: Border,
) -> Result<SliceDiameter, MeasureError> {
    search(
        mask,
        plane,
        |points, place| {
            let pairs = (0..points.len()).flat_map(|i| (i..points.len()).map(move |j| (i, j)));
            furthest(pairs.map(|(i, j)| [points[i], points[j]]), place)
        },
        border,
    )
}

/// A pair of points in half voxels with its length, mm.
type Pair = ([[i32; 2]; 2], f64);

/// How the points of a slice, `[row, column]` in half voxels, lie in the patient.
struct Place<'a> {
    grid: &'a Grid,
    array_axis: usize,
    slice: usize,
}

impl Place<'_> {
    fn world(&self, [row, column]: [i32; 2]) -> [f64; 3] {
        let (b, c) = in_plane_axes(self.array_axis);
        let mut halves = [0; 3];
        halves[self.array_axis] = i32::try_from(2 * self.slice).unwrap_or(i32::MAX);
        halves[b] = row;
        halves[c] = column;
        world_of_halves(self.grid, halves)
    }

    /// The millimetres of a step of half a row and half a column: positions differ by these alone.
    fn steps(&self) -> [[f64; 3]; 2] {
        let (b, c) = in_plane_axes(self.array_axis);
        let spacing = self.grid.spacing.zyx_mm();
        // As `Grid::affine`: directions are taken as they are in the header.
        [b, c].map(|axis| {
            std::array::from_fn(|row| self.grid.direction[row][2 - axis] * spacing[axis] * 0.5)
        })
    }
}

fn search(
    mask: &Mask,
    plane: SlicePlane,
    longest_of: impl Fn(&[[i32; 2]], &Place<'_>) -> Option<Pair>,
    border: Border,
) -> Result<SliceDiameter, MeasureError> {
    let array_axis = plane.array_axis(mask.grid())?;
    let place = |slice| Place {
        grid: mask.grid(),
        array_axis,
        slice,
    };
    let mut best: Option<(usize, Pair)> = None;
    for (slice, plane) in mask.voxels().axis_iter(Axis(array_axis)).enumerate() {
        let points = points_of_slice(plane, border);
        if let Some(pair) = longest_of(&points, &place(slice))
            && best.is_none_or(|(_, (_, most))| pair.1 > most * (1.0 + 1e-12))
        {
            best = Some((slice, pair));
        }
    }
    let (slice, (ends, _)) = best.ok_or(MeasureError::Empty { what: "lesion" })?;
    let place = place(slice);
    let [a, b] = ends.map(|p| place.world(p));
    let outline = outline_of_slice(mask.voxels().index_axis(Axis(array_axis), slice), border);
    Ok(SliceDiameter {
        array_axis,
        slice,
        tilt_deg: tilt_deg(mask.grid(), array_axis),
        longest: Line::between(a, b),
        perpendicular: perpendicular(&outline, a, b, &place),
    })
}

fn furthest(pairs: impl Iterator<Item = [[i32; 2]; 2]>, place: &Place<'_>) -> Option<Pair> {
    let [row, column] = place.steps();
    let mut best: Option<Pair> = None;
    for [a, b] in pairs {
        let (dr, dc) = (f64::from(b[0] - a[0]), f64::from(b[1] - a[1]));
        let step: [f64; 3] = std::array::from_fn(|i| dr * row[i] + dc * column[i]);
        let length = norm(step);
        if best.is_none_or(|(_, most)| length > most) {
            best = Some(([a, b], length));
        }
    }
    best
}

/// The first and the last point of every row: no other can be a corner of the hull.
fn row_ends(points: &[[i32; 2]]) -> Vec<[i32; 2]> {
    let mut sorted = points.to_vec();
    sorted.sort_unstable();
    sorted
        .chunk_by(|a, b| a[0] == b[0])
        .flat_map(|row| [row[0], row[row.len() - 1]])
        .collect()
}

/// The longest line across the outline at right angles to the line from `a` to `b`.
///
/// Along the line the distance between the outermost crossings is, between two ends of pieces,
/// a maximum of straight functions minus a minimum of such, so it is largest at an end of a piece.
fn perpendicular(outline: &[[[i32; 2]; 2]], a: [f64; 3], b: [f64; 3], place: &Place<'_>) -> Line {
    let along = match norm(minus(b, a)) {
        // A single point has no direction; the columns of the slice stand in.
        0.0 => direction_of(place.grid, in_plane_axes(place.array_axis).1),
        _ => unit(minus(b, a)),
    };
    let across = unit(cross(normal_of(place.grid, place.array_axis), along));
    let pieces: Vec<[[f64; 2]; 2]> = outline
        .iter()
        .map(|ends| {
            ends.map(|p| {
                let from_a = minus(place.world(p), a);
                [dot(from_a, along), dot(from_a, across)]
            })
        })
        .collect();
    let mut stops: Vec<f64> = pieces.iter().flatten().map(|p| p[0]).collect();
    stops.sort_unstable_by(f64::total_cmp);
    stops.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    let mut best = (0.0, 0.0, 0.0);
    let mut longest = -1.0;
    for &t in &stops {
        let (low, high) = crossings(&pieces, t);
        if high - low > longest + 1e-9 {
            longest = high - low;
            best = (t, low, high);
        }
    }
    let (t, low, high) = best;
    let point =
        |s: f64| -> [f64; 3] { std::array::from_fn(|i| a[i] + t * along[i] + s * across[i]) };
    Line::between(point(low), point(high))
}

/// The outermost crossings of the pieces with the line across at `t`.
fn crossings(pieces: &[[[f64; 2]; 2]], t: f64) -> (f64, f64) {
    const SLACK_MM: f64 = 1e-8;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut take = |s: f64| {
        low = low.min(s);
        high = high.max(s);
    };
    for [p, q] in pieces {
        if t < p[0].min(q[0]) - SLACK_MM || t > p[0].max(q[0]) + SLACK_MM {
            continue;
        }
        let run = q[0] - p[0];
        if run.abs() < SLACK_MM {
            take(p[1]);
            take(q[1]);
        } else {
            let share = ((t - p[0]) / run).clamp(0.0, 1.0);
            take(p[1] + share * (q[1] - p[1]));
        }
    }
    (low, high)
}

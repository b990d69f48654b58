//! The grid of a series: what the operator prescribes from the localizer.

use crate::scanner::{MatrixLimits, Scanner};
use crate::scene::{Extent, Survey};
use crate::shapes::{Point, rotation};
use crate::{MatrixSize, Series};
use rand::{Rng, RngExt};
use sarx_core::{Grid, GridError, Size, Spacing};

/// Air left around the body in plane, mm.
const AIR_MM: f64 = 10.0;

/// Directions of the array axes columns, rows, slices of an upright axial series as scanners
/// store it: left, posterior, superior. World is RAS+.
const AXIAL: [Point; 3] = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];

/// The same of a sagittal series: columns run posterior, rows inferior, slices to the right.
const SAGITTAL: [Point; 3] = [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]];

/// Chooses the grid of one series; `tilt` (degrees about x, y, z) is the obliquity of the exam.
pub(crate) fn prescribe(
    series: Series,
    matrix: MatrixSize,
    (scanner, survey, tilt): (&Scanner, &Survey, Point),
    rng: &mut impl Rng,
) -> Result<Grid, GridError> {
    let limits = matrix.limits();
    let upright = match series {
        Series::T1Axial | Series::T2Axial => AXIAL,
        Series::T1Sagittal => SAGITTAL,
    };
    let [columns, rows, slices] = upright.map(world_axis);
    let (body, tumour) = (&survey.body, &survey.tumour);
    let size_of = |axis: usize| body.greatest[axis] - body.least[axis] + 2.0 * AIR_MM;
    let tumour_size = |axis: usize| tumour.greatest[axis] - tumour.least[axis];
    // Along the body there is no end: the field follows the tumour.
    let field = |axis: usize, extra: f64| match axis {
        2 => (tumour_size(2) + extra).max(190.0),
        _ => size_of(axis),
    };
    let extra = rng.random_range(60.0..110.0);
    let [n_columns, n_rows] = [field(columns, extra), field(rows, extra)].map(|mm| mm.min(360.0));
    let pixel = pixel_mm(scanner, &limits, n_columns.max(n_rows), rng);
    let count = |mm: f64| {
        let voxels = (mm / pixel / 4.0).ceil() as usize * 4;
        voxels.clamp(limits.in_plane.0, limits.in_plane.1)
    };
    let margin = rng.random_range(24.0..56.0);
    let (n_slices, thickness) = slice_stack(scanner, &limits, tumour_size(slices) + margin, rng);
    let size = Size::new([n_slices, count(n_rows), count(n_columns)])?;
    let spacing = Spacing::new([thickness, pixel, pixel])?;
    let middle = |e: &Extent, axis: usize| 0.5 * (e.least[axis] + e.greatest[axis]);
    let mut centre: Point = std::array::from_fn(|axis| {
        if axis == slices || axis == 2 {
            middle(tumour, axis)
        } else {
            middle(body, axis)
        }
    });
    // The stack need not be centred on the tumour, only hold it.
    let slack = 0.5 * (n_slices as f64 * thickness - tumour_size(slices)) - 1.5 * thickness;
    let slack = slack.clamp(0.1, 18.0);
    centre[slices] += rng.random_range(-slack..slack);
    grid_around(centre, size, spacing, upright, tilt)
}

/// The voxel edge in plane: the field over the protocol's matrix, in the allowed range and on
/// a raster of 1/64 mm.
fn pixel_mm(scanner: &Scanner, limits: &MatrixLimits, field: f64, rng: &mut impl Rng) -> f64 {
    let wish = field / scanner.matrix(limits, rng) as f64;
    let least = (field / limits.in_plane.1 as f64).max(limits.pixel_mm.0);
    let pixel = wish.clamp(least.min(limits.pixel_mm.1), limits.pixel_mm.1);
    ((pixel * 64.0).ceil() / 64.0).min(limits.pixel_mm.1)
}

/// Number and distance of slices that cover `cover` mm.
fn slice_stack(
    scanner: &Scanner,
    limits: &MatrixLimits,
    cover: f64,
    rng: &mut impl Rng,
) -> (usize, f64) {
    let (low, high) = limits.slices;
    let wish = scanner.thickness_mm(limits, rng);
    let needed = cover / high as f64;
    let thickness = wish
        .max(needed)
        .clamp(limits.thickness_mm.0, limits.thickness_mm.1);
    let thickness = ((thickness * 10.0).ceil() / 10.0).min(limits.thickness_mm.1);
    let n = ((cover / thickness).ceil() as usize + rng.random_range(0..4usize)).clamp(low, high);
    (n, thickness)
}

/// A grid whose middle voxel is at `centre`.
fn grid_around(
    centre: Point,
    size: Size,
    spacing: Spacing,
    upright: [Point; 3],
    tilt: Point,
) -> Result<Grid, GridError> {
    let turn = rotation(tilt);
    let turned =
        upright.map(|axis| turn.map(|row| row[0] * axis[0] + row[1] * axis[1] + row[2] * axis[2]));
    // `direction[row][column]`: the columns are the unit vectors.
    let direction = std::array::from_fn(|row| std::array::from_fn(|col| turned[col][row]));
    let ([nz, ny, nx], [sz, sy, sx]) = (size.zyx(), spacing.zyx_mm());
    let half = [(nx, sx), (ny, sy), (nz, sz)].map(|(n, s)| 0.5 * (n as f64 - 1.0) * s);
    let origin = std::array::from_fn(|row| {
        centre[row] - (0..3).map(|col| turned[col][row] * half[col]).sum::<f64>()
    });
    Grid::new(size, spacing, direction, origin)
}

/// Which world axis a unit vector lies along.
fn world_axis(direction: Point) -> usize {
    (0..3)
        .max_by(|&a, &b| direction[a].abs().total_cmp(&direction[b].abs()))
        .unwrap_or(0)
}

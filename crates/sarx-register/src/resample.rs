//! Images, labels and probabilities of one series on the grid of another, in patient space.
//!
//! For every voxel of the target grid its centre goes through the patient (`target_from_source`, inverted)
//! to an index in the source array, and the source is read there: linearly, at the nearest voxel, or
//! linearly per class.
//!
//! *Edges.* A voxel fills its edges, not just its centre. A place up to half a voxel outside the hull of
//! the source's voxel centres is inside the outermost voxels and gets their value (the index is clamped);
//! everything further out is outside and gets the value that the caller names. [`coverage`] says which is
//! which. A series of one slice thus covers the thickness of that slice.
//!
//! *Exactness.* An index within 1e-6 voxels of a whole number is taken for that number, so that grids which
//! differ by a flip, a permutation of axes or whole voxels copy values bit for bit.

mod place;
#[cfg(test)]
mod tests;

use crate::Rigid;
use ndarray::parallel::prelude::*;
use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis};
use place::{Place, Steps};
use sarx_core::{Grid, Volume};

/// What cannot be resampled.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// The axes of the source grid do not span space.
    #[error("the axes of the source grid are not independent; repair its header first")]
    Singular,
    /// An array that is not on the grid it is said to be on.
    #[error("probabilities of {}x{}x{} voxels cannot lie on a grid of {}x{}x{}",
        .found[0], .found[1], .found[2], .expected[0], .expected[1], .expected[2])]
    Shape {
        /// Size of the grid, `[z, y, x]`.
        expected: [usize; 3],
        /// Size of the array, `[z, y, x]`.
        found: [usize; 3],
    },
    /// Values for the outside that do not match the classes.
    #[error(
        "{found} values for the outside of probabilities with {expected} classes; give one per class"
    )]
    Outside {
        /// Number of classes.
        expected: usize,
        /// Number of values.
        found: usize,
    },
}

/// An image on another grid, trilinear; `outside` where the image does not reach.
///
/// `target_from_source` is the motion from the image's patient space to the target's; the identity where
/// both share a frame of reference. Threads share the slices of the target.
///
/// # Errors
///
/// [`ResampleError::Singular`] for a source grid without an inverse.
pub fn resample_linear(
    source: &Volume<f32>,
    target: &Grid,
    target_from_source: &Rigid,
    outside: f32,
) -> Result<Volume<f32>, ResampleError> {
    let steps = Steps::new(source.grid(), target, target_from_source)?;
    let values = source.voxels().view();
    let mut voxels = Array3::from_elem(target.size.zyx(), outside);
    fill(&mut voxels, &steps, |place| linear(&values, place));
    Ok(on_grid(voxels, target))
}

/// Labels (or any values that must not be mixed) on another grid: those of the nearest voxel.
///
/// On a tie the voxel with the higher index is nearest. See [`resample_linear`] for the arguments.
///
/// # Errors
///
/// [`ResampleError::Singular`] for a source grid without an inverse.
pub fn resample_nearest<T: Copy + Send + Sync>(
    source: &Volume<T>,
    target: &Grid,
    target_from_source: &Rigid,
    outside: T,
) -> Result<Volume<T>, ResampleError> {
    let steps = Steps::new(source.grid(), target, target_from_source)?;
    let values = source.voxels();
    let mut voxels = Array3::from_elem(target.size.zyx(), outside);
    fill(&mut voxels, &steps, |place| values[place.nearest()]);
    Ok(on_grid(voxels, target))
}

/// Probabilities (or logits) of all classes on another grid, trilinear.
///
/// Weights are the same for all classes and sum to one, so probabilities that sum to one still do.
///
/// # Shapes
///
/// - `source`: `[class, z, y, x]` on `source_grid`;
/// - `outside`: one value per class for where the source does not reach, such as `[1, 0]`: background;
/// - result: `[class, z, y, x]` on `target`.
///
/// # Errors
///
/// [`ResampleError`] if the source grid has no inverse, the array is not on it, or `outside` has another
/// number of classes.
pub fn resample_probabilities(
    source: ArrayView4<'_, f32>,
    source_grid: &Grid,
    target: &Grid,
    target_from_source: &Rigid,
    outside: &[f32],
) -> Result<Array4<f32>, ResampleError> {
    let (n_classes, z, y, x) = source.dim();
    if [z, y, x] != source_grid.size.zyx() {
        return Err(ResampleError::Shape {
            expected: source_grid.size.zyx(),
            found: [z, y, x],
        });
    }
    if outside.len() != n_classes {
        return Err(ResampleError::Outside {
            expected: n_classes,
            found: outside.len(),
        });
    }
    let steps = Steps::new(source_grid, target, target_from_source)?;
    let [depth, height, width] = target.size.zyx();
    let mut resampled = Array4::zeros((n_classes, depth, height, width));
    for ((mut to, from), &outside) in resampled
        .outer_iter_mut()
        .zip(source.outer_iter())
        .zip(outside)
    {
        to.fill(outside);
        fill_view(to, &steps, |place| linear(&from, place));
    }
    Ok(resampled)
}

/// True at the target's voxels whose centre lies inside a voxel of the source grid, edges included.
///
/// # Errors
///
/// [`ResampleError::Singular`] for a source grid without an inverse.
pub fn coverage(
    source: &Grid,
    target: &Grid,
    target_from_source: &Rigid,
) -> Result<Volume<bool>, ResampleError> {
    let steps = Steps::new(source, target, target_from_source)?;
    let mut voxels = Array3::from_elem(target.size.zyx(), false);
    fill(&mut voxels, &steps, |_| true);
    Ok(on_grid(voxels, target))
}

/// Writes `read` of every place inside the source; leaves the rest as it is.
fn fill<T: Send + Sync>(voxels: &mut Array3<T>, steps: &Steps, read: impl Fn(&Place) -> T + Sync) {
    fill_view(voxels.view_mut(), steps, read);
}

fn fill_view<T: Send + Sync>(
    mut voxels: ndarray::ArrayViewMut3<'_, T>,
    steps: &Steps,
    read: impl Fn(&Place) -> T + Sync,
) {
    voxels
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            for (y, mut line) in plane.rows_mut().into_iter().enumerate() {
                let start = steps.start(z, y);
                for (x, voxel) in line.iter_mut().enumerate() {
                    if let Some(place) = steps.place(start, x) {
                        *voxel = read(&place);
                    }
                }
            }
        });
}

/// The value between eight voxels. A neighbour of weight zero is not read, so that an infinity beside a
/// place does not spoil it.
#[inline]
fn linear(values: &ArrayView3<'_, f32>, place: &Place) -> f32 {
    let ([z, y, x], [fz, fy, fx]) = (place.low, place.fraction);
    let mix = |a: f32, b: &dyn Fn() -> f32, f: f32| if f == 0.0 { a } else { a + (b() - a) * f };
    let along_x = |z: usize, y: usize| mix(values[[z, y, x]], &|| values[[z, y, x + 1]], fx);
    let in_plane = |z: usize| mix(along_x(z, y), &|| along_x(z, y + 1), fy);
    mix(in_plane(z), &|| in_plane(z + 1), fz)
}

fn on_grid<T: Clone>(voxels: Array3<T>, grid: &Grid) -> Volume<T> {
    #[expect(
        clippy::expect_used,
        reason = "the array was made with the grid's size"
    )]
    Volume::new(voxels, *grid).expect("the array has the grid's size")
}

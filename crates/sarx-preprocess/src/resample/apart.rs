//! Treating the coarse axis apart: work within slices, then along the axis.

use super::axis_map::nearest_index;
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis};

/// Applies `resize` to every slice orthogonal to `axis` (as a volume one voxel thick), in
/// parallel; the number of slices stays, the plane becomes that of `size`.
pub(crate) fn resize_each_slice<A, T>(
    input: ArrayView3<'_, A>,
    axis: usize,
    size: [usize; 3],
    resize: impl Fn(ArrayView3<'_, A>, [usize; 3]) -> Array3<T> + Sync,
) -> Array3<T>
where
    A: Send + Sync,
    T: Clone + Default + Send + Sync,
{
    let mut out_size = size;
    out_size[axis] = input.shape()[axis];
    let mut slice_size = size;
    slice_size[axis] = 1;
    let mut output = Array3::default(out_size);
    output
        .axis_chunks_iter_mut(Axis(axis), 1)
        .into_par_iter()
        .zip(input.axis_chunks_iter(Axis(axis), 1))
        .for_each(|(mut out, slice)| out.assign(&resize(slice, slice_size)));
    output
}

/// [`resize_each_slice`] followed by the choice of the nearest slice along `axis`; slices that
/// nobody chooses are not worked on.
pub(crate) fn resize_nearest_slices<A>(
    input: ArrayView3<'_, A>,
    axis: usize,
    size: [usize; 3],
    resize: impl Fn(ArrayView3<'_, A>, [usize; 3]) -> Array3<A> + Sync,
) -> Array3<A>
where
    A: Clone + Default + Send + Sync,
{
    let n_in = input.shape()[axis];
    let sources: Vec<usize> = (0..size[axis])
        .map(|i| nearest_index(i, n_in, size[axis]))
        .collect();
    if n_in == size[axis] {
        return resize_each_slice(input, axis, size, resize);
    }
    let mut needed = sources.clone();
    needed.dedup();
    let chosen = input.select(Axis(axis), &needed);
    let in_plane = resize_each_slice(chosen.view(), axis, size, resize);
    let positions: Vec<usize> = sources
        .iter()
        .map(|s| needed.partition_point(|n| n < s))
        .collect();
    in_plane.select(Axis(axis), &positions)
}

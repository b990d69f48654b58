//! The body mask of nnU-Net: voxels that are not zero in any channel, with holes filled.
//!
//! Source: nnU-Net v2 `preprocessing/cropping/cropping.py`, `create_nonzero_mask`.

use ndarray::{Array3, ArrayView3};

/// True where any channel is not zero, holes included.
///
/// # Shapes
///
/// - `channels`: at least one array `[z, y, x]`, all of one shape (checked where cases are read).
///
/// # Panics
///
/// If `channels` is empty: a case without channels is refused when it is read.
#[must_use]
pub fn nonzero_mask(channels: &[ArrayView3<'_, f32>]) -> Array3<bool> {
    let (first, rest) = channels
        .split_first()
        .expect("a case has at least one channel");
    let mut mask = first.map(|&v| v != 0.0);
    for channel in rest {
        mask.zip_mut_with(channel, |inside, &v| *inside |= v != 0.0);
    }
    fill_holes(&mut mask);
    mask
}

/// Makes true every false voxel that is not connected to the border of the array through faces.
///
/// Same result as SciPy's `binary_fill_holes` with its default structure: background that reaches
/// the border stays, the rest becomes foreground. Works on runs of background along x, which are
/// joined with the runs that they touch in the row before and in the slice before: one pass, and a
/// second one over the runs, however the holes wind.
pub fn fill_holes(mask: &mut Array3<bool>) {
    let (depth, height, width) = mask.dim();
    let mut runs = Runs::default();
    // Where the runs of each row of the slice before begin and end in the list.
    let mut rows_before: Vec<std::ops::Range<usize>> = Vec::new();
    for (z, plane) in mask.outer_iter().enumerate() {
        let mut rows = Vec::with_capacity(height);
        for (y, row) in plane.rows().into_iter().enumerate() {
            let is_border = z == 0 || y == 0 || z + 1 == depth || y + 1 == height;
            let own = runs.add_row(row.iter().copied(), width, is_border);
            if let Some(before) = rows.last().cloned() {
                runs.join_touching(own.clone(), before);
            }
            if let Some(before) = rows_before.get(y).cloned() {
                runs.join_touching(own.clone(), before);
            }
            rows.push(own);
        }
        runs.rows.extend(rows.iter().cloned());
        rows_before = rows;
    }
    let dry = runs.dry();
    let rows: Vec<_> = std::mem::take(&mut runs.rows);
    for (mut row, own) in mask.rows_mut().into_iter().zip(rows) {
        for i in own.filter(|&i| dry[i]) {
            let run = &runs.list[i];
            row.slice_mut(ndarray::s![run.from..run.to]).fill(true);
        }
    }
}

/// Runs of background and which of them belong together.
#[derive(Default)]
struct Runs {
    list: Vec<Run>,
    /// The runs of each row.
    rows: Vec<std::ops::Range<usize>>,
}

/// Neighbouring background voxels of one row.
struct Run {
    from: usize,
    to: usize,
    /// An earlier run that it belongs to, or itself.
    parent: usize,
    is_border: bool,
}

impl Runs {
    fn add_row(
        &mut self,
        row: impl Iterator<Item = bool>,
        width: usize,
        is_border: bool,
    ) -> std::ops::Range<usize> {
        let first = self.list.len();
        let mut from = None;
        // A foreground voxel after the end closes the last run.
        for (x, inside) in row.chain([true]).enumerate() {
            match (from, inside) {
                (None, false) => from = Some(x),
                (Some(start), true) => {
                    let parent = self.list.len();
                    self.list.push(Run {
                        from: start,
                        to: x,
                        parent,
                        is_border: is_border || start == 0 || x == width,
                    });
                    from = None;
                }
                _ => {}
            }
        }
        first..self.list.len()
    }

    /// Joins the runs of two neighbouring rows that share a column.
    fn join_touching(&mut self, a: std::ops::Range<usize>, b: std::ops::Range<usize>) {
        let (mut i, mut k) = (a.start, b.start);
        while i < a.end && k < b.end {
            let (run, other) = (&self.list[i], &self.list[k]);
            let (run_to, other_to) = (run.to, other.to);
            if run.from < other_to && other.from < run_to {
                self.join(i, k);
            }
            if run_to <= other_to {
                i += 1;
            } else {
                k += 1;
            }
        }
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.list[i].parent != i {
            let grandparent = self.list[self.list[i].parent].parent;
            self.list[i].parent = grandparent;
            i = grandparent;
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (first, second) = (a.min(b), a.max(b));
        self.list[second].parent = first;
        self.list[first].is_border |= self.list[second].is_border;
    }

    /// Which runs have no way to the border.
    fn dry(&mut self) -> Vec<bool> {
        (0..self.list.len())
            .map(|i| {
                let root = self.root(i);
                !self.list[root].is_border
            })
            .collect()
    }
}

/// [`fill_holes`] voxel by voxel: background is flooded from the border, and what stays dry becomes
/// foreground.
#[cfg(test)]
fn fill_holes_plainly(mask: &mut Array3<bool>) {
    let (depth, height, width) = mask.dim();
    let mut outside = Array3::from_elem(mask.raw_dim(), false);
    let mut stack = Vec::new();
    for ((z, y, x), &inside) in mask.indexed_iter() {
        let border =
            z == 0 || y == 0 || x == 0 || z + 1 == depth || y + 1 == height || x + 1 == width;
        if border && !inside {
            outside[[z, y, x]] = true;
            stack.push([z, y, x]);
        }
    }
    while let Some([z, y, x]) = stack.pop() {
        let neighbours = [
            [z.wrapping_sub(1), y, x],
            [z + 1, y, x],
            [z, y.wrapping_sub(1), x],
            [z, y + 1, x],
            [z, y, x.wrapping_sub(1)],
            [z, y, x + 1],
        ];
        for at in neighbours {
            if mask.get(at) == Some(&false) && !outside[at] {
                outside[at] = true;
                stack.push(at);
            }
        }
    }
    mask.zip_mut_with(&outside, |inside, &out| *inside = !out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enclosed_hole_is_filled_and_an_open_one_is_not() {
        let mut mask = Array3::from_elem((5, 5, 5), false);
        mask.slice_mut(ndarray::s![1..4, 1..4, 1..4]).fill(true);
        mask[[2, 2, 2]] = false;
        let mut open = mask.clone();
        open[[2, 2, 1]] = false;
        fill_holes(&mut mask);
        assert!(mask[[2, 2, 2]]);
        assert!(!mask[[0, 0, 0]]);
        fill_holes(&mut open);
        assert!(!open[[2, 2, 2]]);
    }

    #[test]
    fn a_single_slice_has_no_holes() {
        let mut mask = Array3::from_elem((1, 3, 3), true);
        mask[[0, 1, 1]] = false;
        fill_holes(&mut mask);
        assert!(
            !mask[[0, 1, 1]],
            "every voxel of one slice is border, as in SciPy"
        );
    }

    #[test]
    fn runs_fill_what_a_flood_leaves_dry() {
        let mut rng = crate::NumpyRandom::new(5);
        for round in 0..300u64 {
            let mut side = || 1 + rng.at_most(9) as usize;
            let size = [side(), side(), side()];
            let density = 1 + round % 8;
            let mask =
                Array3::from_shape_simple_fn(size, || u64::from(rng.next_u32() % 9) > density);
            let (mut fast, mut plain) = (mask.clone(), mask);
            fill_holes(&mut fast);
            fill_holes_plainly(&mut plain);
            assert_eq!(fast, plain, "round {round}");
        }
        let mut empty = Array3::default((0, 3, 3));
        fill_holes(&mut empty);
        assert!(empty.is_empty());
    }

    #[test]
    fn channels_are_joined() {
        let mut a = Array3::zeros((1, 1, 3));
        let mut b = a.clone();
        a[[0, 0, 0]] = -1.0f32;
        b[[0, 0, 2]] = 2.0;
        let mask = nonzero_mask(&[a.view(), b.view()]);
        assert_eq!(mask.into_raw_vec_and_offset().0, [true, false, true]);
    }
}

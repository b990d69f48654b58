//! Dilation, erosion, closing and opening of a mask with a ball of any real radius.
//!
//! The ball is scikit-image's: `int(2 r + 1)` samples per axis spread evenly over `[-r, r]`, kept
//! where the squared distance is at most `r^2`. Its rows along x are unbroken, so a dilation is a
//! union of shifted rows that were widened before; rows are bits, 64 voxels to a word.
//!
//! Source: batchgeneratorsv2, `transforms/nnunet/random_binary_operator.py`; scikit-image,
//! `morphology/footprints.py`, `ball`. Voxels outside of the patch never add to a dilation, and
//! erosion is the dilation of what lies around, so the patch's edge does not erode.

use ndarray::{Array3, ArrayView3};

const WORD: usize = u64::BITS as usize;

/// A change of the shape of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Dilation,
    Erosion,
    Closing,
    Opening,
}

impl Operator {
    /// In nnU-Net's order.
    pub(super) const ALL: [Self; 4] = [Self::Dilation, Self::Erosion, Self::Closing, Self::Opening];

    /// Applies the operator with a ball of `radius` voxels (at least 1).
    pub(super) fn apply(self, mask: ArrayView3<'_, bool>, radius: f64) -> Array3<bool> {
        let ball = Ball::new(radius);
        let bits = Bits::pack(mask);
        let changed = match self {
            Self::Dilation => bits.dilated(&ball),
            Self::Erosion => bits.eroded(&ball),
            Self::Closing => bits.dilated(&ball).eroded(&ball),
            Self::Opening => bits.eroded(&ball).dilated(&ball),
        };
        changed.unpack()
    }
}

/// One row of the ball: the source voxels `x + first ..= x + last` of row `(z + dz, y + dy)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BallRow {
    pub(super) dz: isize,
    pub(super) dy: isize,
    pub(super) first: isize,
    pub(super) last: isize,
}

/// The structuring element as rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ball {
    pub(super) rows: Vec<BallRow>,
}

impl Ball {
    /// The arithmetic is that of NumPy's `mgrid`, in `f64`, so that rounding falls alike.
    pub(super) fn new(radius: f64) -> Self {
        let n = (2.0 * radius + 1.0) as usize;
        let step = 2.0 * radius / (n as f64 - 1.0);
        let square = |k: usize| (k as f64 * step - radius).powi(2);
        // Even balls have no middle; PyTorch's "same" padding then puts less in front.
        let before = (n as isize - 1) / 2;
        let mut rows = Vec::new();
        for z in 0..n {
            for y in 0..n {
                let inside = |&x: &usize| square(x) + square(y) + square(z) <= radius * radius;
                let (first, last) = ((0..n).find(inside), (0..n).rev().find(inside));
                if let (Some(first), Some(last)) = (first, last) {
                    rows.push(BallRow {
                        dz: z as isize - before,
                        dy: y as isize - before,
                        first: first as isize - before,
                        last: last as isize - before,
                    });
                }
            }
        }
        Self { rows }
    }
}

/// A mask with 64 voxels of a row in a word; bits behind the end of a row are 0.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bits {
    words: Vec<u64>,
    size: [usize; 3],
}

impl Bits {
    fn words_per_row(&self) -> usize {
        self.size[2].div_ceil(WORD)
    }

    fn pack(mask: ArrayView3<'_, bool>) -> Self {
        let (nz, ny, nx) = mask.dim();
        let per_row = nx.div_ceil(WORD);
        let mut words = vec![0u64; nz * ny * per_row];
        for ((z, y, x), _) in mask.indexed_iter().filter(|&(_, &inside)| inside) {
            words[(z * ny + y) * per_row + x / WORD] |= 1 << (x % WORD);
        }
        Self {
            words,
            size: [nz, ny, nx],
        }
    }

    fn unpack(&self) -> Array3<bool> {
        let [_, ny, _] = self.size;
        let per_row = self.words_per_row();
        Array3::from_shape_fn(self.size, |(z, y, x)| {
            self.words[(z * ny + y) * per_row + x / WORD] >> (x % WORD) & 1 == 1
        })
    }

    /// Clears the bits behind the end of each row.
    fn trim(&mut self) {
        let (used, per_row) = (self.size[2] % WORD, self.words_per_row());
        if used > 0 {
            for row in self.words.chunks_exact_mut(per_row) {
                row[per_row - 1] &= (1 << used) - 1;
            }
        }
    }

    fn complement(&self) -> Self {
        let mut all = Self {
            words: self.words.iter().map(|word| !word).collect(),
            size: self.size,
        };
        all.trim();
        all
    }

    fn eroded(&self, ball: &Ball) -> Self {
        self.complement().dilated(ball).complement()
    }

    fn dilated(&self, ball: &Ball) -> Self {
        let per_row = self.words_per_row();
        let mut spans: Vec<(isize, isize)> = ball.rows.iter().map(|r| (r.first, r.last)).collect();
        spans.sort_unstable();
        spans.dedup();
        let mut out = Self {
            words: vec![0; self.words.len()],
            size: self.size,
        };
        let [nz, ny, _] = self.size;
        for span in spans {
            let widened = self.widened(span);
            let rows = ball.rows.iter().filter(|r| (r.first, r.last) == span);
            for &BallRow { dz, dy, .. } in rows {
                for z in 0..nz {
                    let Some(from_z) = z.checked_add_signed(dz).filter(|&z| z < nz) else {
                        continue;
                    };
                    for y in 0..ny {
                        let Some(from_y) = y.checked_add_signed(dy).filter(|&y| y < ny) else {
                            continue;
                        };
                        let to = &mut out.words[(z * ny + y) * per_row..][..per_row];
                        let from = &widened[(from_z * ny + from_y) * per_row..][..per_row];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to |= from;
                        }
                    }
                }
            }
        }
        out.trim();
        out
    }

    /// Voxel `x` of a row is set if any of `x + first ..= x + last` is.
    fn widened(&self, (first, last): (isize, isize)) -> Vec<u64> {
        let per_row = self.words_per_row();
        let mut widened = vec![0; self.words.len()];
        let rows = self.words.chunks_exact(per_row);
        for (row, out) in rows.zip(widened.chunks_exact_mut(per_row)) {
            if row.iter().all(|&word| word == 0) {
                continue;
            }
            for (index, out) in out.iter_mut().enumerate() {
                for offset in first..=last {
                    *out |= bits_from(row, (index * WORD) as isize + offset);
                }
            }
        }
        widened
    }
}

/// The 64 bits of a row that begin at bit `start`; 0 outside of it.
fn bits_from(row: &[u64], start: isize) -> u64 {
    let (word, bit) = (
        start.div_euclid(WORD as isize),
        start.rem_euclid(WORD as isize),
    );
    let get = |index: isize| {
        let word = usize::try_from(index).ok().and_then(|i| row.get(i));
        word.copied().unwrap_or(0)
    };
    if bit == 0 {
        get(word)
    } else {
        get(word) >> bit | get(word + 1) << (WORD as isize - bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::random::uniform;
    use crate::augment::{Purpose, sample_rng};

    /// The definition, voxel by voxel: the ball's set of offsets and a search through it.
    fn dilated_plainly(mask: &Array3<bool>, radius: f64) -> Array3<bool> {
        let n = (2.0 * radius + 1.0) as usize;
        let at = |k: usize| k as f64 * (2.0 * radius / (n as f64 - 1.0)) - radius;
        let before = (n - 1) / 2;
        Array3::from_shape_fn(mask.dim(), |(z, y, x)| {
            (0..n * n * n).any(|k| {
                let [kz, ky, kx] = [k / (n * n), k / n % n, k % n];
                let inside = at(kx).powi(2) + at(ky).powi(2) + at(kz).powi(2) <= radius * radius;
                let from = [z + kz, y + ky, x + kx].map(|v| v.wrapping_sub(before));
                inside && mask.get(from).copied().unwrap_or(false)
            })
        })
    }

    fn blobs(size: [usize; 3], share: f64) -> Array3<bool> {
        let mut rng = sample_rng(40, 0, 0, 0, Purpose::Preview);
        Array3::from_shape_simple_fn(size, || uniform(&mut rng, 0.0, 1.0) < share)
    }

    #[test]
    fn bits_and_rows_equal_the_plain_definition() {
        for (size, share) in [([7, 9, 70], 0.01), ([5, 6, 64], 0.3), ([3, 4, 5], 0.5)] {
            let mask = blobs(size, share);
            for radius in [1.0, 1.2, 1.9, 2.5, 3.0, 3.7, 4.4] {
                let dilate = |m: &Array3<bool>| dilated_plainly(m, radius);
                let erode = |m: &Array3<bool>| !dilated_plainly(&!m.clone(), radius);
                let expected = [
                    dilate(&mask),
                    erode(&mask),
                    erode(&dilate(&mask)),
                    dilate(&erode(&mask)),
                ];
                for (operator, expected) in Operator::ALL.into_iter().zip(expected) {
                    let found = operator.apply(mask.view(), radius);
                    assert_eq!(found, expected, "{operator:?} {radius} {size:?}");
                }
            }
        }
    }

    #[test]
    fn a_ball_of_one_is_a_cross() {
        let mut mask = Array3::from_elem((3, 3, 3), false);
        mask[[1, 1, 1]] = true;
        let grown = Operator::Dilation.apply(mask.view(), 1.0);
        assert_eq!(grown.iter().filter(|&&v| v).count(), 7);
        assert!(grown[[0, 1, 1]] && grown[[1, 1, 2]] && !grown[[0, 0, 1]]);
    }

    #[test]
    fn the_edge_of_the_patch_does_not_erode() {
        let full = Array3::from_elem((4, 5, 66), true);
        assert_eq!(Operator::Erosion.apply(full.view(), 3.3), full);
    }
}

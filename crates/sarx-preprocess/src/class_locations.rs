//! Voxels that foreground sampling aims at: a fixed random choice per case.
//!
//! Source: nnU-Net `default_preprocessor.py`, `_sample_foreground_locations`. The same voxels are
//! drawn in the same order.

use ndarray::ArrayView3;
use sarx_core::NumpyRandom;

/// Seed of every case. Source: nnU-Net.
const SEED: u32 = 1234;
/// Voxels kept per key, if there are as many. Source: nnU-Net `min_num_samples`.
const N_SAMPLES: usize = 10_000;
/// At least one voxel of this many is kept. Source: nnU-Net `min_percent_coverage` = 0.01.
const LARGEST_STRIDE: usize = 100;

/// Sampled voxels of one key (a label, or the labels of a region).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLocations {
    /// The labels of the key, in declared order.
    pub labels: Vec<i16>,
    /// Voxels of the target grid, `[z, y, x]` in transposed order, in the order they were drawn;
    /// empty if the case has none.
    pub voxels: Vec<[u32; 3]>,
}

/// Sampled voxels of all keys of one case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassLocations {
    /// One entry per key of [`crate::PreprocessSpec::foreground`], in its order.
    pub foreground: Vec<KeyLocations>,
    /// Voxels with any ground truth (background and outside of the body included); only for
    /// datasets with an ignore label.
    pub annotated: Option<KeyLocations>,
}

/// Draws up to 10 000 voxels, or one percent if that is more, for every key.
///
/// With an ignore label, one more key holds everything that is annotated: -1, 0 and all labels of
/// `foreground`.
///
/// # Shapes
///
/// - `labels`: target grid, `[z, y, x]`, at most 2^31 voxels.
///
/// # Determinism
///
/// The same labels give the same voxels: NumPy's `RandomState(1234)` per case.
#[must_use]
pub fn find_class_locations(
    labels: ArrayView3<'_, i16>,
    foreground: &[Vec<i16>],
    ignore: Option<i16>,
) -> ClassLocations {
    let counts = count_labels(labels);
    let mut rng = NumpyRandom::new(SEED);
    let mut locations_of = |key: &[i16]| KeyLocations {
        labels: key.to_vec(),
        voxels: draw(labels, key, &counts, &mut rng),
    };
    let foreground_locations = foreground.iter().map(|key| locations_of(key)).collect();
    let annotated = ignore.map(|_| locations_of(&annotated_key(foreground)));
    ClassLocations {
        foreground: foreground_locations,
        annotated,
    }
}

/// -1, 0 and all labels of the keys, ascending.
fn annotated_key(foreground: &[Vec<i16>]) -> Vec<i16> {
    let mut key: Vec<i16> = foreground
        .iter()
        .flatten()
        .copied()
        .chain([-1, 0])
        .collect();
    key.sort_unstable();
    key.dedup();
    key
}

/// Voxels per label; index with [`slot`].
fn count_labels(labels: ArrayView3<'_, i16>) -> Vec<usize> {
    let mut counts = vec![0; 1 << 16];
    for &label in labels {
        counts[slot(label)] += 1;
    }
    counts
}

fn slot(label: i16) -> usize {
    (i32::from(label) - i32::from(i16::MIN)) as usize
}

fn draw(
    labels: ArrayView3<'_, i16>,
    key: &[i16],
    counts: &[usize],
    rng: &mut NumpyRandom,
) -> Vec<[u32; 3]> {
    let total: usize = key.iter().map(|&label| counts[slot(label)]).sum();
    if total == 0 {
        return Vec::new();
    }
    let n_drawn = N_SAMPLES.min(total).max(total.div_ceil(LARGEST_STRIDE));
    // `RandomState.choice` without replacement: the head of a full permutation.
    let mut offsets: Vec<u32> = (0..total as u32).collect();
    rng.shuffle(&mut offsets);
    offsets.truncate(n_drawn);
    voxels_at(labels, key, counts, &offsets)
}

/// The voxels with these numbers, counting label by label in the order of the key, and in C order
/// within a label.
fn voxels_at(
    labels: ArrayView3<'_, i16>,
    key: &[i16],
    counts: &[usize],
    offsets: &[u32],
) -> Vec<[u32; 3]> {
    // Draws in ascending order of their number, so that one walk over the volume finds them all.
    let mut by_offset: Vec<u32> = (0..offsets.len() as u32).collect();
    by_offset.sort_unstable_by_key(|&draw| offsets[draw as usize]);
    let mut walkers: Vec<Option<Walker<'_>>> = vec![None; counts.len()];
    let mut first = 0;
    for &label in key {
        let end = first + counts[slot(label)];
        let from = by_offset.partition_point(|&d| (offsets[d as usize] as usize) < first);
        let to = by_offset.partition_point(|&d| (offsets[d as usize] as usize) < end);
        walkers[slot(label)] = Some(Walker {
            next: first as u32,
            draws: &by_offset[from..to],
        });
        first = end;
    }
    let mut voxels = vec![[0; 3]; offsets.len()];
    for ((z, y, x), &label) in labels.indexed_iter() {
        let Some(walker) = &mut walkers[slot(label)] else {
            continue;
        };
        if let Some((&draw, rest)) = walker.draws.split_first()
            && offsets[draw as usize] == walker.next
        {
            voxels[draw as usize] = [z as u32, y as u32, x as u32];
            walker.draws = rest;
        }
        walker.next += 1;
    }
    voxels
}

/// Where the walk stands within one label.
#[derive(Clone)]
struct Walker<'a> {
    /// Number of the label's next voxel.
    next: u32,
    /// Draws of this label that are still ahead, ascending by number.
    draws: &'a [u32],
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn random_labels() -> Array3<i16> {
        let mut rng = NumpyRandom::new(7);
        Array3::from_shape_simple_fn((9, 10, 11), || rng.at_most(4) as i16 - 1)
    }

    #[test]
    fn small_classes_are_kept_whole_and_once() {
        let labels = random_labels();
        let keys = [vec![1], vec![3, 2], vec![7]];
        let found = find_class_locations(labels.view(), &keys, None);
        assert_eq!(found.annotated, None);
        for (key, locations) in keys.iter().zip(&found.foreground) {
            let expected = labels.iter().filter(|l| key.contains(l)).count();
            let mut voxels = locations.voxels.clone();
            voxels.sort_unstable();
            voxels.dedup();
            assert_eq!(voxels.len(), expected);
            assert!(
                voxels
                    .iter()
                    .all(|v| key.contains(&labels[v.map(|i| i as usize)]))
            );
        }
    }

    #[test]
    fn one_percent_of_large_classes() {
        let labels = Array3::from_elem((101, 101, 101), 1i16);
        let found = find_class_locations(labels.view(), &[vec![1]], None);
        assert_eq!(found.foreground[0].voxels.len(), 10_304);
    }

    #[test]
    fn the_annotated_key_leaves_the_ignore_label_out() {
        let labels = random_labels();
        let found = find_class_locations(labels.view(), &[vec![1, 2], vec![2]], Some(3));
        let annotated = found.annotated.unwrap();
        assert_eq!(annotated.labels, [-1, 0, 1, 2]);
        assert_eq!(
            annotated.voxels.len(),
            labels.iter().filter(|l| **l != 3).count()
        );
    }
}

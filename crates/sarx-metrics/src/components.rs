//! Connected components of a mask.
//!
//! Two passes with union-find: the first gives each voxel the label of a neighbour that was
//! visited before it and notes which labels meet, the second replaces labels by their roots,
//! numbered in the order of their first voxel.

use ndarray::{Array3, ArrayView3};
use sarx_core::Label;

/// Which neighbours of a voxel belong together with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Connectivity {
    /// Voxels that share a face (6 neighbours).
    Faces,
    /// Voxels that share a face or an edge (18 neighbours).
    Edges,
    /// Voxels that share a face, an edge or a corner (26 neighbours).
    Corners,
}

/// The components of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// 0 for background, `i + 1` for the component with index `i`; shape of the mask.
    pub labels: Array3<u32>,
    /// Voxels of each component, in the order of their first voxels.
    pub sizes: Vec<usize>,
}

impl Connectivity {
    /// Offsets to the neighbours that come before a voxel in C order.
    pub(crate) fn earlier(self) -> Vec<[isize; 3]> {
        let most = match self {
            Self::Faces => 1,
            Self::Edges => 2,
            Self::Corners => 3,
        };
        let steps = || -1..=1isize;
        steps()
            .flat_map(|z| steps().flat_map(move |y| steps().map(move |x| [z, y, x])))
            .filter(|d| *d < [0, 0, 0] && d.iter().filter(|&&s| s != 0).count() <= most)
            .collect()
    }
}

/// Finds the connected components of a mask, `[z, y, x]`.
///
/// # Panics
///
/// If the mask has more than 4 294 967 294 components, which needs a mask of more than 8 GiB.
#[must_use]
pub fn components(mask: ArrayView3<'_, bool>, connectivity: Connectivity) -> Components {
    components_of_equals(mask, |inside| inside, connectivity)
}

/// Finds the pieces of a label map in which all voxels have one label; background is in none.
///
/// # Panics
///
/// As [`components`].
pub(crate) fn components_of_labels(
    labels: ArrayView3<'_, Label>,
    connectivity: Connectivity,
) -> Components {
    components_of_equals(labels, |label| label != 0, connectivity)
}

/// Joins neighbouring voxels of one value, among those that are `inside`.
fn components_of_equals<T: Copy + PartialEq>(
    values: ArrayView3<'_, T>,
    inside: impl Fn(T) -> bool,
    connectivity: Connectivity,
) -> Components {
    let earlier = connectivity.earlier();
    let mut labels = Array3::<u32>::zeros(values.raw_dim());
    let mut forest = Forest { parents: vec![0] };
    for ((z, y, x), &value) in values.indexed_iter().filter(|&(_, &value)| inside(value)) {
        let mut own = 0;
        for &[dz, dy, dx] in &earlier {
            let at = [
                z.wrapping_add_signed(dz),
                y.wrapping_add_signed(dy),
                x.wrapping_add_signed(dx),
            ];
            match labels.get(at) {
                None | Some(0) => {}
                Some(_) if values[at] != value => {}
                Some(&met) if own == 0 => own = forest.root(met),
                Some(&met) => own = forest.join(own, met),
            }
        }
        labels[[z, y, x]] = if own == 0 { forest.plant() } else { own };
    }
    let (renumbered, n) = forest.number_roots();
    let mut sizes = vec![0; n];
    labels.mapv_inplace(|label| renumbered[label as usize]);
    for &label in labels.iter().filter(|&&label| label > 0) {
        sizes[label as usize - 1] += 1;
    }
    Components { labels, sizes }
}

impl Components {
    /// How many components there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether the mask was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The index of the largest component; of several equal ones the first.
    #[must_use]
    pub fn largest(&self) -> Option<usize> {
        (0..self.len()).rev().max_by_key(|&i| self.sizes[i])
    }

    /// The mask of every component that is as large as the largest.
    #[must_use]
    pub fn mask_of_largest(&self) -> Array3<bool> {
        let most = self.sizes.iter().copied().max().unwrap_or(0);
        self.mask(|_, size| size == most)
    }

    /// The mask of the components whose index and size in voxels satisfy `keep`.
    #[must_use]
    pub fn mask(&self, keep: impl Fn(usize, usize) -> bool) -> Array3<bool> {
        let kept: Vec<bool> = std::iter::once(false)
            .chain(
                self.sizes
                    .iter()
                    .enumerate()
                    .map(|(i, &size)| keep(i, size)),
            )
            .collect();
        self.labels.map(|&label| kept[label as usize])
    }
}

/// Union-find over provisional labels; a root is its own parent, 0 is background, and a parent is
/// never larger than its child.
struct Forest {
    parents: Vec<u32>,
}

impl Forest {
    fn plant(&mut self) -> u32 {
        let label = u32::try_from(self.parents.len()).expect("documented limit of components");
        self.parents.push(label);
        label
    }

    fn root(&mut self, mut label: u32) -> u32 {
        while self.parents[label as usize] != label {
            let grandparent = self.parents[self.parents[label as usize] as usize];
            self.parents[label as usize] = grandparent;
            label = grandparent;
        }
        label
    }

    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
        a.min(b)
    }

    /// The final number of each label, and how many there are.
    fn number_roots(&self) -> (Vec<u32>, usize) {
        let mut numbers = vec![0u32; self.parents.len()];
        let mut n = 0;
        for (label, &parent) in self.parents.iter().enumerate().skip(1) {
            // Parents come before their children, so their number is known.
            numbers[label] = if parent as usize == label {
                n += 1;
                n
            } else {
                numbers[parent as usize]
            };
        }
        (numbers, n as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_connectivities_differ_on_touching_voxels() {
        let mut mask = Array3::from_elem((2, 2, 4), false);
        for at in [[0, 0, 0], [1, 1, 1], [1, 0, 2], [1, 0, 3]] {
            mask[at] = true;
        }
        let count = |connectivity| components(mask.view(), connectivity).sizes;
        assert_eq!(count(Connectivity::Faces), [1, 2, 1]);
        assert_eq!(count(Connectivity::Edges), [1, 3]);
        assert_eq!(count(Connectivity::Corners), [4]);
    }

    #[test]
    fn a_u_shape_is_joined_when_its_arms_meet() {
        let rows = ["#.#.##", "#.#...", "###..#"];
        let mask = Array3::from_shape_fn((1, 3, 6), |(_, y, x)| rows[y].as_bytes()[x] == b'#');
        let found = components(mask.view(), Connectivity::Faces);
        assert_eq!(found.sizes, [7, 2, 1]);
        assert_eq!(found.largest(), Some(0));
        assert_eq!(found.labels[[0, 0, 2]], 1);
        assert_eq!(
            found
                .mask(|_, size| size > 1)
                .iter()
                .filter(|&&v| v)
                .count(),
            9
        );
        assert_eq!(found.mask(|_, _| true), mask);
    }

    #[test]
    fn an_empty_mask_has_none_and_ties_go_to_the_first() {
        let mut mask = Array3::from_elem((1, 1, 5), false);
        assert_eq!(
            components(mask.view(), Connectivity::Corners).largest(),
            None
        );
        assert!(components(mask.view(), Connectivity::Corners).is_empty());
        mask[[0, 0, 1]] = true;
        mask[[0, 0, 4]] = true;
        assert_eq!(
            components(mask.view(), Connectivity::Corners).largest(),
            Some(0)
        );
    }
}

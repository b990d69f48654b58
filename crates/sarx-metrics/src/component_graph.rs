//! The pieces of a segmentation, so small that those of a whole cohort fit into memory.
//!
//! A *piece* is a connected set of predicted voxels with one label, and pieces that touch are
//! neighbours. The components of any union of labels are then the connected sets of pieces with
//! those labels, and taking components away takes away whole pieces. So one pass over the voxels
//! of a case is enough to know, for every order of clean-up, which components stay and what the
//! counts become. The plain way (components of masks, counts of label maps) is the test's.

use crate::components::components_of_labels;
use crate::{Connectivity, Counts, LabelOrRegion};
use ndarray::{ArrayView3, s};
use sarx_core::{BoundingBox, GridMismatch, Label, LabelMap};
use std::collections::{BTreeMap, BTreeSet};

/// Neighbours share a face, an edge or a corner, as in nnU-Net's clean-up.
const CONNECTIVITY: Connectivity = Connectivity::Corners;

/// How far apart the corners of prediction and reference may be, mm: the rounding of headers.
const GRID_TOLERANCE_MM: f64 = 0.01;

/// Pieces of one predicted case with what the reference holds there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentGraph {
    pieces: Vec<Piece>,
    /// Per piece, the pieces that touch it.
    neighbours: Vec<Vec<u32>>,
    /// Voxels of the whole reference by label, ignored ones left out.
    reference: BTreeMap<Label, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Its label now; 0 once it is taken away.
    label: Label,
    n_voxels: usize,
    /// Its voxels by the label of the reference, ignored ones left out.
    reference: Vec<(Label, u64)>,
}

/// Maps that cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the prediction does not lie on the grid of the reference; resample it to that grid first")]
pub struct ComponentGraphError {
    /// How the grids differ.
    #[from]
    pub source: GridMismatch,
}

impl ComponentGraph {
    /// Takes the pieces of a prediction; voxels where the reference holds `ignore` belong to
    /// pieces but count nowhere.
    ///
    /// # Errors
    ///
    /// [`ComponentGraphError`] if the two are not on one grid.
    pub fn new(
        reference: &LabelMap,
        prediction: &LabelMap,
        ignore: Option<Label>,
    ) -> Result<Self, ComponentGraphError> {
        reference
            .grid()
            .require_same(prediction.grid(), GRID_TOLERANCE_MM)?;
        let mut graph = Self {
            pieces: Vec::new(),
            neighbours: Vec::new(),
            reference: histogram(reference.voxels().iter().copied(), ignore),
        };
        let foreground = prediction.map(|&label| label != 0);
        let Some(BoundingBox { lower, upper }) = BoundingBox::around(foreground.voxels().view())
        else {
            return Ok(graph);
        };
        let place = s![lower[0]..upper[0], lower[1]..upper[1], lower[2]..upper[2]];
        let labels = prediction.voxels().slice(place);
        let found = components_of_labels(labels, CONNECTIVITY);
        graph.pieces = found
            .sizes
            .iter()
            .map(|&n_voxels| Piece {
                label: 0,
                n_voxels,
                reference: Vec::new(),
            })
            .collect();
        for (&piece, &label) in found.labels.iter().zip(labels) {
            if piece > 0 {
                graph.pieces[piece as usize - 1].label = label;
            }
        }
        graph.count_reference(found.labels.view(), reference.voxels().slice(place), ignore);
        graph.neighbours = neighbours(found.labels.view(), graph.pieces.len());
        Ok(graph)
    }

    fn count_reference(
        &mut self,
        pieces: ArrayView3<'_, u32>,
        reference: ArrayView3<'_, Label>,
        ignore: Option<Label>,
    ) {
        let mut counts: BTreeMap<(u32, Label), u64> = BTreeMap::new();
        // Runs along x are long: the map is asked once per run and not once per voxel.
        let mut run = ((0, 0), 0);
        for (&piece, &label) in pieces.iter().zip(reference) {
            if run.0 == (piece, label) {
                run.1 += 1;
            } else {
                *counts.entry(run.0).or_default() += run.1;
                run = ((piece, label), 1);
            }
        }
        *counts.entry(run.0).or_default() += run.1;
        for ((piece, label), n) in counts {
            if piece > 0 && Some(label) != ignore {
                self.pieces[piece as usize - 1].reference.push((label, n));
            }
        }
    }

    /// The counts of one foreground label or region in the state of now; those of
    /// [`Counts::of`]. A region must not hold 0, the background.
    #[must_use]
    pub fn counts(&self, what: &LabelOrRegion) -> Counts {
        let (mut tp, mut fp) = (0, 0);
        for piece in self.pieces.iter().filter(|p| what.contains(p.label)) {
            for &(label, n) in &piece.reference {
                *(if what.contains(label) {
                    &mut tp
                } else {
                    &mut fp
                }) += n;
            }
        }
        let total: u64 = self.reference.values().sum();
        let in_reference = self
            .reference
            .iter()
            .filter(|(label, _)| what.contains(**label));
        let n_ref: u64 = in_reference.map(|(_, n)| n).sum();
        let fn_ = n_ref - tp;
        Counts {
            tp,
            fp,
            fn_,
            tn: total - tp - fp - fn_,
        }
    }

    /// Keeps the largest component of the union of labels and regions; the voxels of the others
    /// become background. Of several that are equally large all are kept.
    pub fn keep_largest(&mut self, of: &[LabelOrRegion]) {
        let inside: Vec<bool> = self
            .pieces
            .iter()
            .map(|piece| piece.label != 0 && of.iter().any(|what| what.contains(piece.label)))
            .collect();
        let mut component_of = vec![usize::MAX; self.pieces.len()];
        let mut sizes = Vec::new();
        for first in 0..self.pieces.len() {
            if !inside[first] || component_of[first] != usize::MAX {
                continue;
            }
            let mut size = 0;
            let mut open = vec![first];
            component_of[first] = sizes.len();
            while let Some(piece) = open.pop() {
                size += self.pieces[piece].n_voxels;
                for &next in &self.neighbours[piece] {
                    let next = next as usize;
                    if inside[next] && component_of[next] == usize::MAX {
                        component_of[next] = sizes.len();
                        open.push(next);
                    }
                }
            }
            sizes.push(size);
        }
        let most = sizes.iter().copied().max().unwrap_or(0);
        for (piece, &component) in self.pieces.iter_mut().zip(&component_of) {
            if component != usize::MAX && sizes[component] < most {
                piece.label = 0;
            }
        }
    }
}

fn histogram(labels: impl Iterator<Item = Label>, ignore: Option<Label>) -> BTreeMap<Label, u64> {
    let mut counts: BTreeMap<Label, u64> = BTreeMap::new();
    let mut run = (0, 0);
    for label in labels {
        if label == run.0 {
            run.1 += 1;
        } else {
            *counts.entry(run.0).or_default() += run.1;
            run = (label, 1);
        }
    }
    *counts.entry(run.0).or_default() += run.1;
    if let Some(ignore) = ignore {
        counts.remove(&ignore);
    }
    counts
}

/// Which pieces touch, each pair in both lists.
fn neighbours(pieces: ArrayView3<'_, u32>, n_pieces: usize) -> Vec<Vec<u32>> {
    let earlier = CONNECTIVITY.earlier();
    let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::new();
    let mut last = (0, 0);
    for ((z, y, x), &own) in pieces.indexed_iter().filter(|&(_, &piece)| piece > 0) {
        for &[dz, dy, dx] in &earlier {
            let at = [
                z.wrapping_add_signed(dz),
                y.wrapping_add_signed(dy),
                x.wrapping_add_signed(dx),
            ];
            let Some(&met) = pieces.get(at) else {
                continue;
            };
            if met != 0 && met != own && last != (met.min(own), met.max(own)) {
                last = (met.min(own), met.max(own));
                pairs.insert(last);
            }
        }
    }
    let mut neighbours = vec![Vec::new(); n_pieces];
    for (a, b) in pairs {
        neighbours[a as usize - 1].push(b - 1);
        neighbours[b as usize - 1].push(a - 1);
    }
    neighbours
}

#[cfg(test)]
mod tests;

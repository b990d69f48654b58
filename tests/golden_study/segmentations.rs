//! Segmentations made of references by a fixed rule of whole numbers, in the place of those of a network.
//!
//! A trained network rounds as its processor does; these are the same voxels everywhere. Models differ in how
//! well they do in which stratum, so that tests between models and between strata, and a policy, have something to
//! find. Single cases are what a study must count: a miss, a segmentation elsewhere, one that is not there and one
//! that cannot be read.

use ndarray::Array3;
use sarx_core::Label;

/// The models of the golden study, in its order.
pub(crate) const MODELS: [&str; 5] = [
    "t1_axial",
    "t1_sagittal",
    "t2_axial",
    "t1_t2",
    "t1_planes_pooled",
];

/// The only label.
const TUMOUR: Label = 1;

/// What is left of the reference of one case in one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Moved, grown or shrunk, cut, and with an island.
    Changed(Change),
    /// Nothing at all.
    Empty,
    /// An island far from the tumour, and nothing else.
    Elsewhere,
    /// There is no file.
    Missing,
    /// The file ends early.
    Damaged,
}

/// How a segmentation differs from its reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Change {
    /// Voxels by which it is moved, `[z, y, x]`.
    pub(crate) shift: [isize; 3],
    /// How often it is dilated (positive) or eroded (negative) by its six neighbours.
    pub(crate) growth: i32,
    /// Whether its last slices are left out, a quarter of them.
    pub(crate) is_cut: bool,
    /// Whether there is an island, which is a false lesion.
    pub(crate) has_island: bool,
}

/// The patient whose T1 axial segmentation is moved and nothing else.
pub(crate) const MOVED: (&str, &str) = ("t1_axial", "P0000");
/// By how much.
pub(crate) const SHIFT: [isize; 3] = [0, 1, -2];
/// Complete miss, no overlap and no file in the cross-validation; no whole file in the external set.
pub(crate) const MISSED: (&str, &str) = ("t1_axial", "P0003");
pub(crate) const ELSEWHERE: (&str, &str) = ("t2_axial", "P0005");
pub(crate) const MISSING: (&str, &str) = ("t1_sagittal", "P0007");
pub(crate) const DAMAGED: (&str, &str) = ("t1_t2", "P0020");
/// The external patient without a tumour in any reference.
pub(crate) const HEALTHY: &str = "P0022";
/// The model that finds one there.
pub(crate) const FALSE_ALARM: &str = "t1_axial";

/// What becomes of a case of a patient in a stratum.
pub(crate) fn fate(model: &str, patient: &str, stratum: &str, case: &str) -> Fate {
    let is = |other: (&str, &str)| other == (model, patient);
    let unchanged = Change::default();
    if is(MOVED) {
        let shift = SHIFT;
        Fate::Changed(Change { shift, ..unchanged })
    } else if is(MISSED) {
        Fate::Empty
    } else if is(ELSEWHERE) {
        Fate::Elsewhere
    } else if is(MISSING) {
        Fate::Missing
    } else if is(DAMAGED) {
        Fate::Damaged
    } else if patient == HEALTHY {
        if model == FALSE_ALARM {
            Fate::Elsewhere
        } else {
            Fate::Empty
        }
    } else {
        Fate::Changed(change(model, stratum, case))
    }
}

/// How many voxels a model is off at least, in extremities and elsewhere.
fn level(model: &str, stratum: &str) -> isize {
    let [extremity, elsewhere] = match model {
        "t1_axial" => [0, 2],
        "t2_axial" => [2, 0],
        "t1_t2" => [1, 1],
        "t1_sagittal" => [2, 3],
        _ => [1, 2],
    };
    if stratum == "extremity" {
        extremity
    } else {
        elsewhere
    }
}

fn change(model: &str, stratum: &str, case: &str) -> Change {
    let hash = hash(&format!("{model} {case}"));
    let part = |at: u32, of: u64| (hash >> (8 * at)) % of;
    let off = level(model, stratum) + part(0, 2) as isize;
    let sign = |at: u32| if part(at, 2) == 0 { 1 } else { -1 };
    Change {
        shift: [0, sign(1) * off, sign(2) * (off / 2)],
        growth: part(3, 3) as i32 - 1,
        is_cut: part(4, 4) == 0,
        has_island: part(5, 5) == 0,
    }
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo), its bits mixed once more as in SplitMix64.
fn hash(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 27)
}

/// The segmentation that a fate makes of a reference, `[z, y, x]`; `None` where there is no file.
pub(crate) fn segmentation(reference: &Array3<Label>, fate: Fate) -> Option<Array3<Label>> {
    let mut mask = Array3::zeros(reference.raw_dim());
    match fate {
        Fate::Missing => return None,
        Fate::Empty => {}
        Fate::Elsewhere => add_island(&mut mask, reference),
        Fate::Damaged => mask.assign(reference),
        Fate::Changed(change) => {
            mask = moved(reference, change.shift);
            for _ in 0..change.growth.unsigned_abs() {
                mask = if change.growth > 0 {
                    dilated(&mask)
                } else {
                    eroded(&mask)
                };
            }
            if change.is_cut {
                cut(&mut mask);
            }
            if change.has_island {
                add_island(&mut mask, reference);
            }
        }
    }
    Some(mask)
}

/// The voxels that are tumour, moved; what leaves the image is lost.
pub(crate) fn moved(mask: &Array3<Label>, shift: [isize; 3]) -> Array3<Label> {
    Array3::from_shape_fn(mask.raw_dim(), |(z, y, x)| {
        at(mask, [z, y, x], shift.map(|s| -s))
    })
}

/// The voxel that lies `by` from another; background outside.
fn at(mask: &Array3<Label>, [z, y, x]: [usize; 3], [dz, dy, dx]: [isize; 3]) -> Label {
    let place = (
        z.wrapping_add_signed(dz),
        y.wrapping_add_signed(dy),
        x.wrapping_add_signed(dx),
    );
    mask.get(place).copied().unwrap_or(0)
}

const NEIGHBOURS: [[isize; 3]; 6] = [
    [-1, 0, 0],
    [1, 0, 0],
    [0, -1, 0],
    [0, 1, 0],
    [0, 0, -1],
    [0, 0, 1],
];

fn dilated(mask: &Array3<Label>) -> Array3<Label> {
    Array3::from_shape_fn(mask.raw_dim(), |(z, y, x)| {
        let any = NEIGHBOURS
            .iter()
            .any(|&by| at(mask, [z, y, x], by) == TUMOUR);
        Label::from(mask[[z, y, x]] == TUMOUR || any)
    })
}

fn eroded(mask: &Array3<Label>) -> Array3<Label> {
    Array3::from_shape_fn(mask.raw_dim(), |(z, y, x)| {
        let all = NEIGHBOURS
            .iter()
            .all(|&by| at(mask, [z, y, x], by) == TUMOUR);
        Label::from(mask[[z, y, x]] == TUMOUR && all)
    })
}

/// Empties the last quarter of the slices that hold tumour.
fn cut(mask: &mut Array3<Label>) {
    let slices = mask.outer_iter().enumerate();
    let held: Vec<usize> = slices
        .filter(|(_, slice)| slice.iter().any(|&label| label == TUMOUR))
        .map(|(z, _)| z)
        .collect();
    for &z in &held[held.len() - held.len() / 4..] {
        mask.index_axis_mut(ndarray::Axis(0), z).fill(0);
    }
}

/// A block of 2 x 3 x 3 voxels in the corner that is farthest from the tumour in the plane.
fn add_island(mask: &mut Array3<Label>, reference: &Array3<Label>) {
    let (depth, height, width) = mask.dim();
    let tumour = reference
        .indexed_iter()
        .filter(|(_, label)| **label == TUMOUR);
    let (mut n, mut sum) = (1, [height / 2, width / 2]);
    for ((_, y, x), _) in tumour {
        n += 1;
        sum = [sum[0] + y, sum[1] + x];
    }
    let corner = |sum: usize, size: usize| if 2 * sum > n * size { 2 } else { size - 5 };
    let (y, x) = (corner(sum[0], height), corner(sum[1], width));
    let z = depth / 2;
    mask.slice_mut(ndarray::s![z..z + 2, y..y + 3, x..x + 3])
        .fill(TUMOUR);
}

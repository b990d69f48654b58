//! Against the plain way: components of masks, and counts of whole label maps.

use super::*;
use crate::components;
use ndarray::Array3;
use proptest::prelude::*;
use sarx_core::{Grid, Size, Spacing, Volume};

fn map(voxels: Array3<Label>) -> LabelMap {
    let (z, y, x) = voxels.dim();
    let size = Size::new([z, y, x]).unwrap();
    let grid = Grid::axis_aligned(size, Spacing::new([3.0, 1.0, 1.0]).unwrap());
    Volume::new(voxels, grid).unwrap()
}

/// nnU-Net's `remove_all_but_largest_component_from_segmentation`, voxel by voxel.
fn keep_largest_plainly(labels: &mut LabelMap, of: &[LabelOrRegion]) {
    let mask = labels
        .voxels()
        .map(|&l| of.iter().any(|what| what.contains(l)));
    let kept = components(mask.view(), Connectivity::Corners).mask_of_largest();
    for ((label, inside), kept) in labels.voxels_mut().iter_mut().zip(&mask).zip(&kept) {
        if *inside && !kept {
            *label = 0;
        }
    }
}

/// Blobs and specks: labels of a coarse lattice with some voxels changed.
fn label_map() -> impl Strategy<Value = Array3<Label>> {
    let size = (1usize..5, 2usize..9, 2usize..9);
    size.prop_flat_map(|(z, y, x)| {
        let weighted = prop_oneof![4 => Just(0u16), 2 => Just(1), 1 => Just(2), 1 => Just(3)];
        (
            proptest::collection::vec(weighted.clone(), 64),
            proptest::collection::vec(
                prop_oneof![3 => Just(None), 1 => weighted.prop_map(Some)],
                z * y * x,
            ),
        )
            .prop_map(move |(coarse, changes)| {
                Array3::from_shape_fn((z, y, x), |(a, b, c)| {
                    let base = coarse[(a / 2) * 16 + (b / 3) * 4 + c / 3];
                    changes[(a * y + b) * x + c].unwrap_or(base)
                })
            })
    })
}

fn named(keys: &[&str]) -> Vec<LabelOrRegion> {
    keys.iter().map(|key| key.parse().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_order_of_clean_up_counts_as_whole_maps_do(
        prediction in label_map(),
        seed in 0u16..7,
        steps in proptest::collection::vec(0usize..5, 0..5),
    ) {
        let reference = prediction.map(|&l| if (l + seed) % 3 == 0 { l } else { (l * 5 + seed) % 4 });
        let (reference, mut prediction) = (map(reference), map(prediction));
        let masks = [named(&["1", "2", "3"]), named(&["1"]), named(&["2"]), named(&["(1, 3)"]), named(&["(2, 3)"])];
        let scored = named(&["1", "2", "3", "(1, 2)", "(1, 2, 3)"]);
        for ignore in [None, Some(3)] {
            let mut graph = ComponentGraph::new(&reference, &prediction, ignore).unwrap();
            let mut plain = prediction.clone();
            for &step in &steps {
                graph.keep_largest(&masks[step]);
                keep_largest_plainly(&mut plain, &masks[step]);
            }
            for what in scored.iter().filter(|what| ignore.is_none_or(|i| !what.contains(i))) {
                prop_assert_eq!(graph.counts(what), Counts::of(&reference, &plain, what, ignore));
            }
        }
        prediction.voxels_mut().fill(0);
        let empty = ComponentGraph::new(&reference, &prediction, None).unwrap();
        let what = &scored[0];
        prop_assert_eq!(empty.counts(what), Counts::of(&reference, &prediction, what, None));
    }
}

#[test]
fn equally_large_components_all_stay_and_a_bridge_of_another_label_joins() {
    let row = |text: &str| {
        map(Array3::from_shape_fn((1, 1, text.len()), |(_, _, x)| {
            u16::from(text.as_bytes()[x] - b'0')
        }))
    };
    let prediction = row("110110100");
    let mut graph = ComponentGraph::new(&prediction, &prediction, None).unwrap();
    graph.keep_largest(&named(&["1"]));
    assert_eq!(graph.counts(&named(&["1"])[0]).tp, 4);
    // 2 joins both runs of 1 as foreground, but not as label 1.
    let prediction = row("111210330");
    let mut graph = ComponentGraph::new(&prediction, &prediction, None).unwrap();
    graph.keep_largest(&named(&["1", "2", "3"]));
    assert_eq!(graph.counts(&named(&["1"])[0]).tp, 4);
    assert_eq!(graph.counts(&named(&["3"])[0]).tp, 0);
    graph.keep_largest(&named(&["1"]));
    assert_eq!(graph.counts(&named(&["1"])[0]).tp, 3);
}

#[test]
fn maps_on_other_grids_are_refused() {
    let (a, b) = (map(Array3::zeros((1, 2, 3))), map(Array3::zeros((1, 3, 2))));
    let error = ComponentGraph::new(&a, &b, None).unwrap_err();
    assert!(matches!(error.source, GridMismatch::Size { .. }));
}

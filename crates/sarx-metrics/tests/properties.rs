//! What must hold for any pair of masks.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use ndarray::{Array3, ArrayView3};
use proptest::prelude::*;
use sarx_core::{Grid, Size, Spacing, Volume};
use sarx_metrics::{
    AreaWeightedDistances, LabelOrRegion, MaskPair, SurfaceDistances,
    squared_distance_brute_force_mm2, squared_distance_mm2, surface_voxels,
};

/// Rounding of sums of squares.
const TOLERANCE: f64 = 1e-12;

fn spacing() -> impl Strategy<Value = Spacing> {
    prop::array::uniform3(0.1..8.0f64).prop_map(|mm| Spacing::new(mm).unwrap())
}

fn size() -> impl Strategy<Value = [usize; 3]> {
    prop::array::uniform3(1..9usize)
}

fn mask(size: [usize; 3]) -> impl Strategy<Value = Array3<bool>> {
    let n: usize = size.iter().product();
    (0.02..0.9f64)
        .prop_flat_map(move |density| prop::collection::vec(prop::bool::weighted(density), n))
        .prop_map(move |voxels| Array3::from_shape_vec(size, voxels).unwrap())
}

fn pair() -> impl Strategy<Value = (Array3<bool>, Array3<bool>, Spacing)> {
    size().prop_flat_map(|size| (mask(size), mask(size), spacing()))
}

/// Every surface score; infinities included.
fn scores(
    reference: ArrayView3<'_, bool>,
    prediction: ArrayView3<'_, bool>,
    s: Spacing,
) -> Vec<f64> {
    let pair = MaskPair::new(reference, prediction, s).unwrap();
    let (d, w) = (
        SurfaceDistances::of(&pair),
        AreaWeightedDistances::of(&pair),
    );
    vec![
        d.assd_mm(),
        d.assd_masd_mm(),
        d.hd_mm(),
        d.hd95_mm(),
        d.hd95_pooled_mm(),
        d.nsd(2.0),
        w.assd_mm(),
        w.hd95_mm(),
        w.nsd(2.0),
    ]
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

fn all_close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| close(a, b, 1e-9))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fast_distance_transform_is_exact((sources, _, spacing) in pair()) {
        let fast = squared_distance_mm2(sources.view(), spacing);
        let plain = squared_distance_brute_force_mm2(sources.view(), spacing);
        for (fast, plain) in fast.iter().zip(&plain) {
            prop_assert!(close(*fast, *plain, TOLERANCE), "{fast} {plain}");
        }
    }

    #[test]
    fn cutting_to_the_masks_changes_no_distance((reference, prediction, spacing) in pair()) {
        let pair = MaskPair::new(reference.view(), prediction.view(), spacing).unwrap();
        let found = SurfaceDistances::of(&pair);
        let whole = |from: &Array3<bool>, to: &Array3<bool>| {
            let squared = squared_distance_brute_force_mm2(surface_voxels(to.view()).view(), spacing);
            let from = surface_voxels(from.view());
            let on = from.iter().zip(&squared).filter(|(on, _)| **on);
            let mut distances: Vec<f64> = on.map(|(_, d)| d.sqrt()).collect();
            distances.sort_by(f64::total_cmp);
            distances
        };
        prop_assert!(all_close(&found.ref_to_pred_mm, &whole(&reference, &prediction)));
        prop_assert!(all_close(&found.pred_to_ref_mm, &whole(&prediction, &reference)));
    }

    #[test]
    fn swapping_the_masks_changes_nothing((reference, prediction, spacing) in pair()) {
        let there = scores(reference.view(), prediction.view(), spacing);
        let back = scores(prediction.view(), reference.view(), spacing);
        prop_assert!(all_close(&there, &back), "{there:?} {back:?}");
    }

    #[test]
    fn the_order_of_axes_does_not_matter(
        (reference, prediction, spacing) in pair(),
        order in prop::sample::select(vec![[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]),
    ) {
        let straight = scores(reference.view(), prediction.view(), spacing);
        let turned = scores(
            reference.view().permuted_axes(order),
            prediction.view().permuted_axes(order),
            Spacing::new(order.map(|axis| spacing.zyx_mm()[axis])).unwrap(),
        );
        prop_assert!(all_close(&straight, &turned), "{straight:?} {turned:?}");
    }

    #[test]
    fn label_maps_and_masks_give_the_same_pair((reference, prediction, spacing) in pair()) {
        let (z, y, x) = reference.dim();
        let grid = Grid::axis_aligned(Size::new([z, y, x]).unwrap(), spacing);
        let labels = |mask: &Array3<bool>| Volume::new(mask.mapv(u16::from), grid).unwrap();
        let region = LabelOrRegion::Region(vec![1, 5]);
        let found = MaskPair::of_labels(&labels(&reference), &labels(&prediction), &region, Some(9));
        prop_assert_eq!(found, MaskPair::new(reference.view(), prediction.view(), spacing).unwrap());
    }

    #[test]
    fn a_mask_agrees_with_itself((mask, _, spacing) in pair()) {
        prop_assert_eq!(
            scores(mask.view(), mask.view(), spacing),
            [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
        );
    }
}

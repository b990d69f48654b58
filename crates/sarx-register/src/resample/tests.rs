use super::*;
use ndarray::{Array, s};
use proptest::prelude::*;
use sarx_core::{Size, Spacing};

/// The definition, voxel by voxel, sharing no code with the fast path.
fn reference(
    source: &Volume<f32>,
    target: &Grid,
    target_from_source: &Rigid,
    outside: f32,
) -> Array3<f32> {
    let voxel_from_world = source.grid().affine().inverse().unwrap();
    let source_from_target = target_from_source.inverse();
    let size = source.grid().size.zyx();
    Array::from_shape_fn(target.size.zyx(), |(z, y, x)| {
        let world = target.world_from_index([z as f64, y as f64, x as f64]);
        let [i, j, k] = voxel_from_world.apply(source_from_target.apply(world));
        let index = [k, j, i];
        let inside = (0..3).all(|a| index[a] >= -0.5 && index[a] <= size[a] as f64 - 0.5);
        if !inside {
            return outside;
        }
        let mut sum = 0.0;
        for corner in 0..8usize {
            let (mut weight, mut voxel) = (1.0, [0; 3]);
            for a in 0..3 {
                let at = index[a].clamp(0.0, size[a] as f64 - 1.0);
                let low = at.floor().min(size[a] as f64 - 1.0);
                let up = corner >> a & 1;
                weight *= if up == 1 { at - low } else { 1.0 - (at - low) };
                voxel[a] = (low as usize + up).min(size[a] - 1);
            }
            sum += weight * f64::from(source.voxels()[voxel]);
        }
        sum as f32
    })
}

fn grid(size: [usize; 3], spacing: [f64; 3]) -> Grid {
    Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(spacing).unwrap())
}

/// Values that differ everywhere and are no linear function of the place.
fn image(grid: Grid) -> Volume<f32> {
    let voxels = Array::from_shape_fn(grid.size.zyx(), |(z, y, x)| {
        ((z * 31 + y * 17 + x * 7) % 23) as f32 + 0.25 * x as f32
    });
    Volume::new(voxels, grid).unwrap()
}

fn number(bound: f64) -> impl Strategy<Value = f64> {
    -bound..bound
}

prop_compose! {
    fn any_grid()(
        size in [1usize..7, 1usize..7, 1usize..7],
        spacing in [0.5..6.0, 0.5..3.0, 0.5..3.0],
        turn in [number(1.5), number(1.5), number(1.5)],
        origin in [number(6.0), number(6.0), number(6.0)],
    ) -> Grid {
        let motion = Rigid::about([0.0; 3], turn, origin).unwrap();
        motion.moved(&grid(size, spacing))
    }
}

proptest! {
    #[test]
    fn linear_agrees_with_the_definition(
        from in any_grid(),
        to in any_grid(),
        turn in [number(0.5), number(0.5), number(0.5)],
        shift in [number(4.0), number(4.0), number(4.0)],
    ) {
        let motion = Rigid::about([1.0, 2.0, 3.0], turn, shift).unwrap();
        let source = image(from);
        let found = resample_linear(&source, &to, &motion, -9.0).unwrap();
        let expected = reference(&source, &to, &motion, -9.0);
        for (found, expected) in found.voxels().iter().zip(&expected) {
            prop_assert!((found - expected).abs() < 2e-4, "{found} instead of {expected}");
        }
    }

    #[test]
    fn nearest_is_the_voxel_that_a_place_lies_in(from in any_grid(), to in any_grid()) {
        let source = image(from);
        let back = from.affine().inverse().unwrap();
        let found = resample_nearest(&source, &to, &Rigid::identity(), -9.0).unwrap();
        let inside = coverage(&from, &to, &Rigid::identity()).unwrap();
        for ((z, y, x), &value) in found.voxels().indexed_iter() {
            let [i, j, k] = back.apply(to.world_from_index([z as f64, y as f64, x as f64]));
            let index = [k, j, i].map(|v| (v + 0.5).floor());
            let in_array = (0..3).all(|a| index[a] >= 0.0 && index[a] < from.size.zyx()[a] as f64);
            prop_assert_eq!(inside.voxels()[[z, y, x]], in_array);
            let expected = if in_array { source.voxels()[index.map(|v| v as usize)] } else { -9.0 };
            prop_assert_eq!(value, expected);
        }
    }

    #[test]
    fn its_own_grid_and_a_common_motion_change_nothing(
        from in any_grid(),
        turn in [number(1.0), number(1.0), number(1.0)],
        shift in [number(90.0), number(90.0), number(90.0)],
    ) {
        let source = image(from);
        let same = resample_linear(&source, &from, &Rigid::identity(), f32::NAN).unwrap();
        prop_assert_eq!(same.voxels(), source.voxels());
        // The patient moved and the grid with it: still the same voxels.
        let motion = Rigid::about([5.0, 5.0, 5.0], turn, shift).unwrap();
        let moved = resample_linear(&source, &motion.moved(&from), &motion, f32::NAN).unwrap();
        prop_assert_eq!(moved.voxels(), source.voxels());
    }

    #[test]
    fn flips_and_permutations_are_exact(
        size in [1usize..6, 1usize..6, 1usize..6],
        spacing in [0.3..7.0, 0.3..7.0, 0.3..7.0],
        order in Just(vec![0usize, 1, 2]).prop_shuffle(),
        flip in [any::<bool>(), any::<bool>(), any::<bool>()],
    ) {
        let from = Grid { origin_mm: [-31.7, 12.3, 77.1], ..grid(size, spacing) };
        let source = image(from);
        // Array axis `a` of the target is array axis `order[a]` of the source, reversed where flipped.
        let mut first = [0.0; 3];
        let mut direction = [[0.0; 3]; 3];
        for a in 0..3 {
            let axis = order[a];
            first[axis] = if flip[a] { (size[axis] - 1) as f64 } else { 0.0 };
            direction[2 - axis][2 - a] = if flip[a] { -1.0 } else { 1.0 };
        }
        let target = Grid::new(
            Size::new([size[order[0]], size[order[1]], size[order[2]]]).unwrap(),
            Spacing::new([spacing[order[0]], spacing[order[1]], spacing[order[2]]]).unwrap(),
            direction,
            from.world_from_index(first),
        ).unwrap();
        let mut expected = source.voxels().view().permuted_axes([order[0], order[1], order[2]]);
        for (a, &flip) in flip.iter().enumerate() {
            if flip {
                expected.invert_axis(Axis(a));
            }
        }
        let linear = resample_linear(&source, &target, &Rigid::identity(), f32::NAN).unwrap();
        prop_assert_eq!(linear.voxels().view(), expected);
        let nearest = resample_nearest(&source, &target, &Rigid::identity(), f32::NAN).unwrap();
        prop_assert_eq!(nearest.voxels().view(), expected);
    }
}

#[test]
fn a_known_shift_of_whole_and_half_voxels() {
    let source = image(grid([3, 4, 5], [5.0, 2.0, 1.0]));
    // The body moved by one slice up and half a voxel to the right between source and target.
    let motion = Rigid::about([0.0; 3], [0.0; 3], [0.5, 0.0, 5.0]).unwrap();
    let found = resample_linear(&source, source.grid(), &motion, -1.0).unwrap();
    let v = source.voxels();
    assert!(
        found
            .voxels()
            .slice(s![0, .., ..])
            .iter()
            .all(|&v| v == -1.0)
    );
    assert_eq!(
        found.voxels()[[2, 3, 4]],
        0.5 * (v[[1, 3, 3]] + v[[1, 3, 4]])
    );
    // Half a voxel before the first centre is the edge of the first voxel, which is inside.
    assert_eq!(found.voxels()[[1, 2, 0]], v[[0, 2, 0]]);
}

#[test]
fn one_slice_covers_its_thickness() {
    let slice = image(grid([1, 2, 2], [6.0, 1.0, 1.0]));
    let target = Grid {
        origin_mm: [0.0, 0.0, -4.0],
        ..grid([9, 2, 2], [1.0, 1.0, 1.0])
    };
    let inside = coverage(slice.grid(), &target, &Rigid::identity()).unwrap();
    let covered: Vec<bool> = inside.voxels().slice(s![.., 0, 0]).to_vec();
    // Centres from -4 to 4 mm; the slice reaches from -3 to 3.
    let expected: Vec<bool> = (-4..=4).map(|mm: i32| mm.abs() <= 3).collect();
    assert_eq!(covered, expected);
}

#[test]
fn probabilities_still_sum_to_one_and_match_the_image_path() {
    let from = grid([4, 5, 6], [3.0, 1.0, 1.0]);
    let first = image(from).map(|v| v / 32.0);
    let mut source = Array4::zeros((2, 4, 5, 6));
    source.slice_mut(s![0, .., .., ..]).assign(first.voxels());
    source
        .slice_mut(s![1, .., .., ..])
        .assign(&first.voxels().map(|v| 1.0 - v));
    let target = Rigid::about([2.0; 3], [0.2, -0.1, 0.3], [1.0, -0.7, 2.0])
        .unwrap()
        .moved(&grid([5, 6, 7], [2.0, 1.5, 0.8]));
    let motion = Rigid::about([0.0; 3], [0.0, 0.1, 0.0], [0.3, 0.0, 0.0]).unwrap();
    let found =
        resample_probabilities(source.view(), &from, &target, &motion, &[1.0, 0.0]).unwrap();
    let image = resample_linear(&first, &target, &motion, 1.0).unwrap();
    assert_eq!(found.slice(s![0, .., .., ..]), image.voxels().view());
    for sum in found.sum_axis(Axis(0)) {
        assert!((sum - 1.0).abs() < 1e-6);
    }
    let inside = coverage(&from, &target, &motion).unwrap();
    let n_inside = inside.voxels().iter().filter(|&&v| v).count();
    assert!(n_inside > 20 && n_inside < inside.voxels().len());
}

#[test]
fn what_does_not_fit_is_refused() {
    let from = grid([2, 2, 2], [1.0; 3]);
    let same = Rigid::identity();
    let wrong = Array4::zeros((2, 2, 2, 3));
    let error = resample_probabilities(wrong.view(), &from, &from, &same, &[1.0, 0.0]).unwrap_err();
    assert!(matches!(
        error,
        ResampleError::Shape {
            found: [2, 2, 3],
            ..
        }
    ));
    let right = Array4::zeros((2, 2, 2, 2));
    let error = resample_probabilities(right.view(), &from, &from, &same, &[1.0]).unwrap_err();
    assert_eq!(
        error,
        ResampleError::Outside {
            expected: 2,
            found: 1
        }
    );
    let flat = Grid {
        direction: [[1.0, 1.0, 0.0]; 3],
        ..from
    };
    let error = coverage(&flat, &from, &same).unwrap_err();
    assert_eq!(error, ResampleError::Singular);
}

#[test]
fn an_infinity_does_not_spoil_its_neighbours() {
    let mut source = image(grid([2, 2, 3], [1.0; 3]));
    source.voxels_mut()[[0, 0, 1]] = f32::INFINITY;
    let same = resample_linear(&source, source.grid(), &Rigid::identity(), 0.0).unwrap();
    assert_eq!(same.voxels(), source.voxels());
}

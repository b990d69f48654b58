//! Fused kernels against Burn's operations: values and all gradients.

use super::{ConvGeometry, NormConstants, OpPath, conv3d, norm_act, up_conv3d};
use burn::tensor::{Device, Tensor, TensorData};

/// f32 sums of a few hundred terms in another order.
const TOLERANCE: f32 = 2e-5;

/// Reproducible values around zero.
fn noise<const D: usize>(shape: [usize; D], salt: usize) -> Tensor<D> {
    let value = |i: usize| ((i * 7919 + salt * 104_729) % 2_003) as f32 / 1_001.0 - 1.0;
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff()).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// Output and the gradients of a weighted sum of it.
fn run(
    shapes: ([usize; 5], [usize; 5], usize),
    op: impl Fn(Tensor<5>, Tensor<5>, Tensor<1>) -> Tensor<5>,
) -> [Vec<f32>; 4] {
    let (x, w, b) = (noise(shapes.0, 1), noise(shapes.1, 2), noise([shapes.2], 3));
    let y = op(x.clone(), w.clone(), b.clone());
    let weighting = noise(y.dims(), 4).detach();
    let gradients = (y.clone() * weighting).sum().backward();
    let g = "every input has a gradient";
    let dx = x.grad(&gradients).expect(g);
    let dw = w.grad(&gradients).map_or(Vec::new(), values);
    [
        values(y),
        values(dx),
        dw,
        values(b.grad(&gradients).expect(g)),
    ]
}

fn assert_close(found: &[Vec<f32>; 4], expected: &[Vec<f32>; 4], what: &str) {
    for (part, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "{what}, part {part}");
        let scale = expected.iter().fold(1e-3, |m: f32, v| m.max(v.abs()));
        for (f, e) in found.iter().zip(expected) {
            assert!(
                (f - e).abs() <= TOLERANCE * scale,
                "{what}, part {part}: {f} vs {e}"
            );
        }
    }
}

#[test]
fn convolutions_agree_with_burn() {
    for (size, kernel, stride) in [
        ([3, 8, 9], [1, 3, 3], [1, 1, 1]),
        ([4, 6, 8], [3, 3, 3], [1, 2, 2]),
        ([4, 6, 8], [3, 3, 3], [2, 2, 2]),
        ([5, 7, 3], [3, 3, 3], [2, 2, 2]),
        ([2, 5, 11], [1, 1, 1], [1, 1, 1]),
        ([3, 4, 7], [5, 3, 1], [1, 1, 1]),
        // Slices of 2D networks.
        ([1, 8, 9], [1, 3, 3], [1, 1, 1]),
        ([1, 6, 8], [1, 3, 3], [1, 2, 2]),
        ([1, 5, 3], [1, 3, 3], [1, 2, 1]),
        ([1, 4, 7], [1, 1, 1], [1, 1, 1]),
        // A kernel deeper than the volume sees only padding.
        ([1, 6, 7], [3, 3, 3], [1, 1, 1]),
    ] {
        for (channels_in, channels_out) in [(1, 3), (5, 8), (9, 20)] {
            let [z, y, x] = size;
            let [kz, ky, kx] = kernel;
            let geometry = ConvGeometry {
                stride,
                padding: kernel.map(|k| (k - 1) / 2),
            };
            let shapes = (
                [2, channels_in, z, y, x],
                [channels_out, channels_in, kz, ky, kx],
                channels_out,
            );
            let on = |path| run(shapes, |x, w, b| conv3d(x, w, Some(b), geometry, path));
            let what = format!("{size:?} {kernel:?} {stride:?} {channels_in}->{channels_out}");
            assert_close(&on(OpPath::Fused), &on(OpPath::Composed), &what);
        }
    }
}

#[test]
fn up_convolutions_agree_with_burn() {
    for stride in [[1, 2, 2], [2, 2, 2], [1, 1, 3]] {
        let [sz, sy, sx] = stride;
        for depth in [3, 1] {
            let shapes = ([2, 10, depth, 4, 5], [10, 7, sz, sy, sx], 7);
            let on = |path| run(shapes, |x, w, b| up_conv3d(x, w, b, path));
            let what = format!("{stride:?}, depth {depth}");
            assert_close(&on(OpPath::Fused), &on(OpPath::Composed), &what);
        }
    }
}

#[test]
fn norm_with_activation_agrees_with_burn() {
    for slope in [0.01, 1.0] {
        let constants = NormConstants {
            epsilon: 1e-5,
            slope,
        };
        let weight = |w: Tensor<5>| w.reshape([3]);
        let shapes = ([2, 3, 4, 9, 17], [3, 1, 1, 1, 1], 3);
        let on = |path| run(shapes, |x, w, b| norm_act(x, weight(w), b, constants, path));
        assert_close(
            &on(OpPath::Fused),
            &on(OpPath::Composed),
            &format!("slope {slope}"),
        );
    }
}

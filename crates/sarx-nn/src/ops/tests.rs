//! Operations on the kernels against their composition of Burn's: values and all gradients.

use super::{
    HeadParameters, OpPath, UnitConstants, UnitParameters, add_act, average_pool, head, unit,
    up_conv3d,
};
use crate::FeatureMap;
use burn::tensor::{Device, Tensor, TensorData};

/// Largest difference over largest value: f32 sums of some hundred terms in another order, Winograd.
const TOLERANCE: f32 = 5e-5;

/// Reproducible values around zero; no two of different salts add up to zero, where a leaky ReLU
/// has no gradient.
fn noise<const D: usize>(shape: [usize; D], salt: usize) -> Tensor<D> {
    let value = |i: usize| {
        ((i * 7919 + salt * 104_729) % 2_003) as f32 / 1_001.0 - 1.0 + salt as f32 * 1e-4
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff()).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// Tensors that a test differentiates for.
struct Inputs {
    maps: Vec<Tensor<5>>,
    weight: Tensor<5>,
    vectors: Vec<Tensor<1>>,
}

impl Inputs {
    fn new(maps: &[[usize; 5]], weight: [usize; 5], vectors: &[usize]) -> Self {
        let salted = |i: usize, shape: &[usize; 5]| noise(*shape, i + 1);
        Self {
            maps: maps.iter().enumerate().map(|(i, m)| salted(i, m)).collect(),
            weight: noise(weight, 7),
            vectors: vectors
                .iter()
                .enumerate()
                .map(|(i, &n)| noise([n], i + 11))
                .collect(),
        }
    }

    /// Output and the gradients of a weighted sum of it.
    fn run(&self, op: impl Fn(&Self) -> Tensor<5>) -> Vec<Vec<f32>> {
        let y = op(self);
        let weighting = noise(y.dims(), 4).detach();
        let gradients = (y.clone() * weighting).sum().backward();
        let mut found = vec![values(y)];
        let g = "every input has a gradient";
        found.extend(
            self.maps
                .iter()
                .map(|m| values(m.grad(&gradients).expect(g))),
        );
        found.extend(self.weight.grad(&gradients).map(values));
        found.extend(
            self.vectors
                .iter()
                .map(|v| values(v.grad(&gradients).expect(g))),
        );
        found
    }
}

fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (part, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "{what}, part {part}");
        let scale = expected.iter().fold(5e-2, |m: f32, v| m.max(v.abs()));
        for (f, e) in found.iter().zip(expected) {
            assert!(
                (f - e).abs() <= TOLERANCE * scale,
                "{what}, part {part}: {f} vs {e}, largest {scale}"
            );
        }
    }
}

fn map(x: &Tensor<5>, path: OpPath) -> FeatureMap {
    let plain = FeatureMap::Plain(x.clone());
    match path {
        OpPath::Composed => plain,
        OpPath::Fused => FeatureMap::Blocked(plain.into_blocked()),
    }
}

fn check_unit(
    size: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    channels: [usize; 3],
    slope: f64,
) {
    let ([z, y, x], [kz, ky, kx], [first, second, out]) = (size, kernel, channels);
    let mut shapes = vec![[2, first, z, y, x]];
    if second > 0 {
        shapes.push([2, second, z, y, x]);
    }
    let inputs = Inputs::new(&shapes, [out, first + second, kz, ky, kx], &[out, out, out]);
    let constants = UnitConstants {
        stride,
        epsilon: 1e-5,
        slope,
        packed: None,
    };
    let on = |path: OpPath, as_image: bool| {
        inputs.run(|inputs| {
            let parameters = UnitParameters {
                weight: inputs.weight.clone(),
                bias: Some(inputs.vectors[0].clone()),
                norm_weight: inputs.vectors[1].clone(),
                norm_bias: inputs.vectors[2].clone(),
            };
            let x = match as_image {
                true => FeatureMap::Plain(inputs.maps[0].clone()),
                false => map(&inputs.maps[0], path),
            };
            let skip = inputs.maps.get(1).map(|skip| map(skip, path));
            unit(x, skip, parameters, &constants, path).into_plain()
        })
    };
    let what = format!("{size:?} {kernel:?} {stride:?} {channels:?} slope {slope}");
    let mut expected = on(OpPath::Composed, false);
    // The bias of the convolution has no effect; Burn finds the rounding errors of zero.
    let bias = expected.len() - 3;
    expected[bias].fill(0.0);
    assert_close(&on(OpPath::Fused, false), &expected, &what);
    if second == 0 {
        assert_close(
            &on(OpPath::Fused, true),
            &expected,
            &format!("image {what}"),
        );
    }
}

#[test]
fn units_agree_with_burn() {
    for (size, kernel, stride) in [
        ([3, 8, 9], [1, 3, 3], [1, 1, 1]),
        ([4, 6, 8], [3, 3, 3], [1, 2, 2]),
        ([4, 6, 8], [3, 3, 3], [2, 2, 2]),
        ([5, 7, 3], [3, 3, 3], [2, 2, 2]),
        ([2, 5, 11], [1, 1, 1], [1, 1, 1]),
        ([8, 9, 10], [3, 3, 3], [1, 1, 1]),
        // Slices of 2D networks.
        ([1, 8, 9], [1, 3, 3], [1, 1, 1]),
        ([1, 6, 8], [1, 3, 3], [1, 2, 2]),
        ([1, 5, 3], [1, 3, 3], [1, 2, 1]),
        ([1, 4, 7], [1, 1, 1], [1, 1, 1]),
        // A kernel deeper than the volume sees only padding.
        ([1, 6, 7], [3, 3, 3], [1, 1, 1]),
        // Not known to the kernels: Burn's operations on both paths.
        ([3, 4, 7], [5, 3, 1], [1, 1, 1]),
    ] {
        for channels in [[1, 0, 3], [5, 0, 8], [9, 7, 20], [18, 16, 33]] {
            check_unit(size, kernel, stride, channels, 0.01);
        }
    }
    check_unit([4, 5, 6], [3, 3, 3], [1, 1, 1], [4, 0, 5], 1.0);
}

#[test]
fn up_convolutions_agree_with_burn() {
    for stride in [[1, 2, 2], [2, 2, 2], [1, 1, 3]] {
        let [sz, sy, sx] = stride;
        for depth in [3, 1] {
            let inputs = Inputs::new(&[[2, 18, depth, 4, 5]], [18, 7, sz, sy, sx], &[7]);
            let on = |path| {
                inputs.run(|inputs| {
                    let (x, bias) = (map(&inputs.maps[0], path), inputs.vectors[0].clone());
                    up_conv3d(x, inputs.weight.clone(), bias, None, path).into_plain()
                })
            };
            let what = format!("{stride:?}, depth {depth}");
            assert_close(&on(OpPath::Fused), &on(OpPath::Composed), &what);
        }
    }
}

#[test]
fn heads_agree_with_burn() {
    for (channels, heads) in [(5, 2), (32, 3), (20, 7)] {
        let inputs = Inputs::new(
            &[[2, channels, 3, 4, 9]],
            [heads, channels, 1, 1, 1],
            &[heads],
        );
        let on = |path| {
            inputs.run(|inputs| {
                let (x, bias) = (map(&inputs.maps[0], path), inputs.vectors[0].clone());
                let parameters = HeadParameters {
                    weight: inputs.weight.clone(),
                    bias: Some(bias),
                };
                head(x, parameters, path)
            })
        };
        let what = format!("{channels} channels, {heads} heads");
        assert_close(&on(OpPath::Fused), &on(OpPath::Composed), &what);
    }
}

#[test]
fn sums_and_pools_agree_with_burn() {
    let shape = [2, 19, 4, 6, 8];
    let inputs = Inputs::new(&[shape, shape], [1; 5], &[]);
    let on = |path| {
        inputs.run(|inputs| {
            let (a, b) = (map(&inputs.maps[0], path), map(&inputs.maps[1], path));
            let sum = add_act(a, b, 0.01, path);
            average_pool(sum, [1, 2, 2], path).into_plain()
        })
    };
    assert_close(&on(OpPath::Fused), &on(OpPath::Composed), "sum and pool");
}

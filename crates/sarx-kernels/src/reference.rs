//! The plain meaning of every operation: loops over arrays `[batch, channel, z, y, x]`, sums in f64.
//!
//! Nothing here is fast; the kernels are checked against it.

/// An array `[batch, channel, z, y, x]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The values.
    pub values: Vec<f32>,
    /// Their shape.
    pub shape: [usize; 5],
}

impl Array {
    /// Zeros.
    #[must_use]
    pub fn zeros(shape: [usize; 5]) -> Self {
        Self {
            values: vec![0.0; shape.iter().product()],
            shape,
        }
    }

    fn index(&self, [n, c, z, y, x]: [usize; 5]) -> usize {
        let [_, nc, nz, ny, nx] = self.shape;
        (((n * nc + c) * nz + z) * ny + y) * nx + x
    }

    /// The value at an index.
    ///
    /// # Panics
    ///
    /// If it is outside.
    #[must_use]
    pub fn at(&self, index: [usize; 5]) -> f32 {
        self.values[self.index(index)]
    }
}

fn indices(shape: [usize; 5]) -> impl Iterator<Item = [usize; 5]> {
    let [_, c, z, y, x] = shape;
    (0..shape.iter().product()).map(move |i: usize| {
        [
            i / (c * z * y * x),
            i / (z * y * x) % c,
            i / (y * x) % z,
            i / x % y,
            i % x,
        ]
    })
}

/// Output size of a convolution with padding `(kernel - 1) / 2`.
#[must_use]
pub fn out_size(size: [usize; 3], kernel: [usize; 3], stride: [usize; 3]) -> [usize; 3] {
    [0, 1, 2].map(|a| (size[a] + 2 * ((kernel[a] - 1) / 2) - kernel[a]) / stride[a] + 1)
}

/// Calls `with(x index, weight index, y index)` for every product of a convolution.
fn products(
    (x, weight, y): ([usize; 5], [usize; 5], [usize; 5]),
    stride: [usize; 3],
    mut with: impl FnMut([usize; 5], [usize; 5], [usize; 5]),
) {
    let padding = [2, 3, 4].map(|a| (weight[a] - 1) / 2);
    for at in indices(y) {
        for k in indices([1, x[1], weight[2], weight[3], weight[4]]) {
            let from =
                [0, 1, 2].map(|a| (at[a + 2] * stride[a] + k[a + 2]).wrapping_sub(padding[a]));
            if (0..3).all(|a| from[a] < x[a + 2]) {
                with(
                    [at[0], k[1], from[0], from[1], from[2]],
                    [at[1], k[1], k[2], k[3], k[4]],
                    at,
                );
            }
        }
    }
}

fn conv_shape(x: &Array, weight: &Array, stride: [usize; 3]) -> [usize; 5] {
    let [n, _, z, y, x_] = x.shape;
    let [o, _, kz, ky, kx] = weight.shape;
    let [z, y, x_] = out_size([z, y, x_], [kz, ky, kx], stride);
    [n, o, z, y, x_]
}

/// Convolution with weights `[out, in, kz, ky, kx]` and zero padding `(kernel - 1) / 2`.
#[must_use]
pub fn convolution(x: &Array, weight: &Array, stride: [usize; 3]) -> Array {
    let shape = conv_shape(x, weight, stride);
    let out = Array::zeros(shape);
    let mut sums = vec![0.0_f64; out.values.len()];
    products((x.shape, weight.shape, shape), stride, |a, w, b| {
        sums[out.index(b)] += f64::from(x.at(a)) * f64::from(weight.at(w));
    });
    narrowed(&sums, shape)
}

/// The gradient of [`convolution`] for `x` of that shape, given that of its output.
#[must_use]
pub fn convolution_backward_data(
    gradient: &Array,
    weight: &Array,
    stride: [usize; 3],
    x_shape: [usize; 5],
) -> Array {
    let out = Array::zeros(x_shape);
    let mut sums = vec![0.0_f64; out.values.len()];
    products(
        (x_shape, weight.shape, gradient.shape),
        stride,
        |a, w, b| {
            sums[out.index(a)] += f64::from(gradient.at(b)) * f64::from(weight.at(w));
        },
    );
    narrowed(&sums, x_shape)
}

/// The gradient of [`convolution`] for weights of that shape.
#[must_use]
pub fn convolution_backward_weight(
    x: &Array,
    gradient: &Array,
    stride: [usize; 3],
    weight_shape: [usize; 5],
) -> Array {
    let out = Array::zeros(weight_shape);
    let mut sums = vec![0.0_f64; out.values.len()];
    products(
        (x.shape, weight_shape, gradient.shape),
        stride,
        |a, w, b| {
            sums[out.index(w)] += f64::from(x.at(a)) * f64::from(gradient.at(b));
        },
    );
    narrowed(&sums, weight_shape)
}

fn narrowed(sums: &[f64], shape: [usize; 5]) -> Array {
    Array {
        values: sums.iter().map(|&sum| sum as f32).collect(),
        shape,
    }
}

/// Up-convolution with weights `[in, out, sz, sy, sx]` and kernel = stride, without bias.
#[must_use]
pub fn up_convolution(x: &Array, weight: &Array) -> Array {
    let [n, c, z, y, xx] = x.shape;
    let [_, o, sz, sy, sx] = weight.shape;
    let mut out = Array::zeros([n, o, z * sz, y * sy, xx * sx]);
    for i in indices(out.shape) {
        let from = [i[2] / sz, i[3] / sy, i[4] / sx];
        let tap = [i[2] % sz, i[3] % sy, i[4] % sx];
        let product = |k: usize| {
            f64::from(x.at([i[0], k, from[0], from[1], from[2]]))
                * f64::from(weight.at([k, i[1], tap[0], tap[1], tap[2]]))
        };
        let to = out.index(i);
        out.values[to] = (0..c).map(product).sum::<f64>() as f32;
    }
    out
}

/// Sum of squared differences over sum of squares, as a root: the distance that limits speak of.
#[must_use]
pub fn relative_rms(found: &[f32], expected: &[f32]) -> f64 {
    let square = |v: f64| v * v;
    let difference: f64 = found
        .iter()
        .zip(expected)
        .map(|(&f, &e)| square(f64::from(f) - f64::from(e)))
        .sum();
    let scale: f64 = expected.iter().map(|&e| square(f64::from(e))).sum();
    (difference / scale.max(f64::MIN_POSITIVE)).sqrt()
}

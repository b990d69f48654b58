//! Speed of the direct kernels, in GFLOP/s (best and median of some rounds).
#![expect(clippy::print_stdout, reason = "a program")]

use sarx_kernels::*;
use std::time::Instant;

fn time(flop: f64, rounds: usize, mut f: impl FnMut()) -> (f64, f64) {
    let mut t: Vec<f64> = (0..rounds)
        .map(|_| {
            let s = Instant::now();
            f();
            s.elapsed().as_secs_f64()
        })
        .collect();
    t.sort_by(f64::total_cmp);
    (flop / t[0] / 1e9, flop / t[rounds / 2] / 1e9)
}

fn main() {
    let isa = Isa::best();
    for (ci, co, size, kernel, stride) in [
        (32, 32, [64, 64, 64], [3, 3, 3], [1, 1, 1]),
        (64, 64, [32; 3], [3; 3], [1; 3]),
        (128, 128, [16; 3], [3; 3], [1; 3]),
        (320, 320, [8; 3], [3; 3], [1; 3]),
        (320, 320, [4; 3], [3; 3], [1; 3]),
        (1, 32, [64; 3], [3; 3], [1; 3]),
        (8, 8, [64; 3], [3; 3], [1; 3]),
        (16, 16, [32; 3], [3; 3], [1; 3]),
        (32, 64, [64; 3], [3; 3], [2; 3]),
        (64, 128, [32; 3], [3; 3], [2; 3]),
        (128, 256, [16; 3], [3; 3], [2; 3]),
        (32, 32, [40, 112, 96], [1, 3, 3], [1; 3]),
    ] {
        let shape = FeatureShape {
            batch: 1,
            channels: ci,
            size,
        };
        let taps: usize = kernel.iter().product();
        let x = to_features(&vec![0.5; ci * shape.voxels()], shape);
        let w = vec![0.1; ci * co * taps];
        let out = conv_out_size(size, stride);
        let oshape = FeatureShape {
            batch: 1,
            channels: co,
            size: out,
        };
        let flop = 2.0 * (ci * co * taps * oshape.voxels()) as f64;
        let p = DirectWeights::forward(isa, &w, co, &[ci], kernel);
        let image = PlainImage::new(
            &vec![0.5; ci * shape.voxels()],
            [1, ci, size[0], size[1], size[2]],
        );
        let f = time(flop, 15, || {
            let mut sums = ChannelSums::zeros(oshape);
            if ci == 1 {
                std::hint::black_box(conv_forward_image(
                    isa,
                    &image,
                    &p,
                    co,
                    stride,
                    Some(&mut sums),
                ));
            } else {
                std::hint::black_box(conv_forward(
                    isa,
                    &[Features::new(&x, shape)],
                    &p,
                    co,
                    stride,
                    Some(&mut sums),
                ));
            }
        });
        let p = DirectWeights::transposed(isa, &w, &[ci], co, kernel);
        let g = to_features(&vec![0.5; co * oshape.voxels()], oshape);
        let b = time(flop, 15, || {
            std::hint::black_box(conv_backward_data(
                isa,
                Features::new(&g, oshape),
                &p,
                stride,
                &[shape],
            ));
        });
        println!(
            "{ci:4} -> {co:4} {size:?} k{kernel:?} s{stride:?}: forward {:.0} / {:.0}, data {:.0} / {:.0} GFLOP/s",
            f.0, f.1, b.0, b.1
        );
    }
}

//! Speed of convolutions on this machine, in GFLOP/s of the direct algorithm: best and median.
//!
//! `cargo run --release -p sarx-kernels --example convolution_speed [ROUNDS] [WORD]` runs the lines whose
//! text contains the word.
#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::time::Instant;

use sarx_kernels::{
    ChannelSums, ConvWeights, FeatureShape, Features, Isa, WinogradWeights, to_features,
    winograd_forward,
};

/// A convolution with stride 1.
struct Layer {
    channels_in: usize,
    channels_out: usize,
    size: [usize; 3],
    kernel: [usize; 3],
}

const fn layer(channels_in: usize, channels_out: usize, size: [usize; 3]) -> Layer {
    Layer {
        channels_in,
        channels_out,
        size,
        kernel: [3; 3],
    }
}

const fn flat(channels_in: usize, channels_out: usize, size: [usize; 3]) -> Layer {
    Layer {
        kernel: [1, 3, 3],
        ..layer(channels_in, channels_out, size)
    }
}

/// What the networks of the benchmarks have.
const LAYERS: &[Layer] = &[
    layer(8, 8, [64; 3]),
    layer(16, 16, [32; 3]),
    layer(32, 32, [64; 3]),
    layer(64, 32, [64; 3]),
    layer(64, 64, [32; 3]),
    layer(128, 64, [32; 3]),
    layer(128, 128, [16; 3]),
    layer(256, 256, [8; 3]),
    layer(320, 320, [8; 3]),
    layer(320, 320, [4; 3]),
    layer(320, 320, [10, 14, 12]),
    flat(32, 32, [40, 224, 192]),
    flat(64, 64, [40, 112, 96]),
];

fn main() {
    if let Some(f) = std::env::var("FORCE").ok().and_then(|f| f.parse().ok()) { sarx_kernels::FORCE.store(f, std::sync::atomic::Ordering::Relaxed); }
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(7);
    let word = arguments.next().unwrap_or_default();
    for layer in LAYERS {
        let tiles: &[[usize; 3]] = if layer.kernel[0] == 1 {
            &[[1, 2, 2], [1, 4, 4]]
        } else {
            &[[2, 2, 2], [2, 4, 4], [4, 4, 4]]
        };
        for &tile in tiles {
            winograd(layer, tile, rounds, &word);
        }
    }
}

fn winograd(layer: &Layer, tile: [usize; 3], rounds: usize, word: &str) {
    let name = format!("{} winograd {tile:?}", layer.name());
    if !name.contains(word) {
        return;
    }
    let isa = Isa::best();
    let [x, out] = [layer.channels_in, layer.channels_out].map(|channels| FeatureShape {
        batch: 1,
        channels,
        size: layer.size,
    });
    let values = to_features(&noise(x.channels * x.voxels()), x);
    let taps: usize = layer.kernel.iter().product();
    let weights = noise(taps * x.channels * out.channels);
    let weights = ConvWeights {
        values: &weights,
        channels_out: out.channels,
        channels_in: x.channels,
        kernel: layer.kernel,
        mirrored: false,
    };
    let pack = || WinogradWeights::new(isa, weights, &[x.channels], tile);
    let packed = pack();
    let mut sums = ChannelSums::zeros(out);
    let inputs = [Features::new(&values, x)];
    let seconds = times(rounds, || {
        drop(winograd_forward(isa, &inputs, &packed, Some(&mut sums)));
    });
    let mut room: Vec<std::mem::MaybeUninit<f32>> = Vec::with_capacity(out.len() + 16);
    let off = std::env::var("OFF").ok().and_then(|f| f.parse::<usize>().ok()).map_or(0, |o| ((64 - room.as_ptr() as usize % 64) / 4 + o) % 16);
    unsafe { room.set_len(out.len() + 16) };
    let into = times(rounds, || sarx_kernels::winograd_forward_into(isa, &inputs, &packed, Some(&mut sums), &mut room[off..off + out.len()]));
    let packing = times(rounds, || drop(pack()));
    let flops = (2 * taps * x.channels * out.channels * out.voxels()) as f64;
    print!("into {:.0} {:.0} {:.0} ", flops / into[0] / 1e9, flops / into[1] / 1e9, flops / into[2] / 1e9);
    let [best, median, cpu] = seconds.map(|s| flops / s / 1e9);
    println!(
        "{name:<60} {best:>7.0} {median:>7.0} cpu {cpu:>7.0} GFLOP/s {:>8.2} ms; packed in {:.2} ms, {:.1} MB",
        seconds[0] * 1e3,
        packing[0] * 1e3,
        packed.bytes() as f64 / 1e6
    );
}

impl Layer {
    fn name(&self) -> String {
        let Self {
            channels_in,
            channels_out,
            size,
            kernel,
        } = self;
        format!("{channels_in}->{channels_out} {size:?} kernel {kernel:?}")
    }
}

/// Shortest and median time of a call, seconds.
fn times(rounds: usize, mut call: impl FnMut()) -> [f64; 3] {
    let mut cpu = f64::MAX;
    let mut seconds: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            let c = cpu_time();
            call();
            cpu = cpu.min(cpu_time() - c);
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    [seconds[0], seconds[rounds / 2], cpu / 2.0]
}
fn cpu_time() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Numbers between -1 and 1.
fn noise(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

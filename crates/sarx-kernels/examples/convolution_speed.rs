//! Speed of convolutions on this machine, in GFLOP/s of the direct algorithm: best, median, and from the
//! least time that threads worked; first with a fresh output at every call, then into the same memory.
//!
//! `cargo run --release -p sarx-kernels --example convolution_speed [ROUNDS] [WORD] [ISA]` runs the
//! lines whose text contains the word, with the fastest instruction set or the one that is named.
#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::mem::MaybeUninit;
use std::time::Instant;

use sarx_kernels::{
    ChannelSums, ConvWeights, FeatureShape, Features, Isa, Precision, WinogradWeights, to_features,
    winograd_forward, winograd_forward_into,
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
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(7);
    let word = arguments.next().unwrap_or_default();
    let isa = arguments.next().map_or_else(Isa::best, |name| {
        let named = |isa: &Isa| format!("{isa:?}").eq_ignore_ascii_case(&name);
        let found = Isa::available().into_iter().find(named);
        found.unwrap_or_else(|| panic!("{name} is none of {:?}", Isa::available()))
    });
    for layer in LAYERS {
        let tiles: &[[usize; 3]] = if layer.kernel[0] == 1 {
            &[[1, 2, 2], [1, 4, 4]]
        } else {
            &[[2, 2, 2], [2, 4, 4], [4, 4, 4]]
        };
        for &tile in tiles {
            winograd(isa, layer, tile, rounds, &word);
        }
    }
}

fn winograd(isa: Isa, layer: &Layer, tile: [usize; 3], rounds: usize, word: &str) {
    let name = format!("{} winograd {tile:?}", layer.name());
    if !name.contains(word) {
        return;
    }
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
    let pack = || WinogradWeights::new(isa, weights, &[x.channels], tile, Precision::F32);
    let packed = pack();
    let mut sums = ChannelSums::zeros(out);
    let inputs = [Features::new(&values, x)];
    let fresh = times(rounds, || {
        drop(winograd_forward(isa, &inputs, &packed, Some(&mut sums)));
    });
    let mut room = vec![MaybeUninit::uninit(); out.len()];
    let reused = times(rounds, || {
        winograd_forward_into(isa, &inputs, &packed, Some(&mut sums), &mut room);
    });
    let packing = times(rounds, || drop(pack()));
    print!("{name:<56}");
    layer.print(&fresh);
    layer.print(&reused);
    println!(
        " {:>8.2} ms; packed in {:.2} ms, {:.1} MB",
        fresh.best * 1e3,
        packing.best * 1e3,
        packed.bytes() as f64 / 1e6
    );
}

impl Layer {
    /// Billions of operations per second: best, median, and if all threads had their cores alone.
    fn print(&self, times: &Times) {
        let taps: usize = self.kernel.iter().product();
        let voxels: usize = self.size.iter().product();
        let operations = (2 * taps * self.channels_in * self.channels_out * voxels) as f64 / 1e9;
        let alone = times.cpu / rayon::current_num_threads() as f64;
        let [best, median, alone] = [times.best, times.median, alone].map(|s| operations / s);
        print!(" {best:>5.0} {median:>5.0} {alone:>5.0} |");
    }

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

/// Times of a call, seconds.
struct Times {
    best: f64,
    median: f64,
    /// Least work of all threads.
    cpu: f64,
}

/// Times of `rounds` calls.
fn times(rounds: usize, mut call: impl FnMut()) -> Times {
    let mut cpu = f64::INFINITY;
    let mut seconds: Vec<f64> = (0..rounds)
        .map(|_| {
            let (start, start_cpu) = (Instant::now(), cpu_seconds());
            call();
            cpu = cpu.min(cpu_seconds() - start_cpu);
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    Times {
        best: seconds[0],
        median: seconds[rounds / 2],
        cpu,
    }
}

/// What all threads have worked, seconds: a fair measure where other programs share the processor.
/// Zero where there is no way to know.
fn cpu_seconds() -> f64 {
    #[cfg(target_os = "linux")]
    {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: writes the time that it is given.
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
        assert_eq!(failed, 0, "the clock of the process");
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    }
    #[cfg(not(target_os = "linux"))]
    0.0
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

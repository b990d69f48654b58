//! How fast the gradients of weights and the passes over memory are on this machine.
//!
//! `cargo run --release -p sarx-kernels --example gradient_speed [filter] [isa]`
//!
//! The least of many short rounds counts, as others may use the machine at the same time. The number
//! of threads is rayon's (`RAYON_NUM_THREADS`).
#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use sarx_kernels::{
    ChannelSums, FeatureShape, Features, Isa, NormAct, PooledAllocator, add_act, add_act_backward,
    average_pool, channel_sums_of, conv_backward_weight, from_features_with, head, head_after_norm,
    head_backward, norm_act, norm_act_backward, norm_act_in_place, sum_per_channel,
    to_features_with, up_backward_weight,
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: PooledAllocator = PooledAllocator::new();

/// What is measured.
struct Bench {
    isa: Isa,
    filter: String,
}

/// Input channels, output channels, input size, kernel, stride.
type Conv = (usize, usize, [usize; 3], [usize; 3], [usize; 3]);

const CUBE: [usize; 3] = [3; 3];
const FLAT: [usize; 3] = [1, 3, 3];

const CONVOLUTIONS: [Conv; 16] = [
    (1, 32, [64; 3], CUBE, [1; 3]),
    (4, 32, [64; 3], CUBE, [1; 3]),
    (8, 8, [64; 3], CUBE, [1; 3]),
    (16, 16, [64; 3], CUBE, [1; 3]),
    (32, 32, [64; 3], CUBE, [1; 3]),
    (64, 64, [32; 3], CUBE, [1; 3]),
    (128, 128, [16; 3], CUBE, [1; 3]),
    (256, 256, [8; 3], CUBE, [1; 3]),
    (320, 320, [8; 3], CUBE, [1; 3]),
    (320, 320, [4; 3], CUBE, [1; 3]),
    (32, 32, [40, 112, 96], FLAT, [1; 3]),
    (32, 64, [64; 3], CUBE, [2; 3]),
    (64, 128, [32; 3], CUBE, [2; 3]),
    (128, 256, [16; 3], CUBE, [2; 3]),
    (32, 64, [40, 112, 96], FLAT, [1, 2, 2]),
    (64, 32, [64; 3], [1; 3], [1; 3]),
];

const UP_CONVOLUTIONS: [(usize, usize, [usize; 3], [usize; 3]); 3] = [
    (64, 32, [32; 3], [2; 3]),
    (128, 64, [16; 3], [2; 3]),
    (320, 256, [4; 3], [2; 3]),
];

const MAPS: [(usize, [usize; 3]); 3] = [(32, [64; 3]), (64, [32; 3]), (128, [16; 3])];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let filter = arguments.next().unwrap_or_default();
    let named = arguments.next();
    let isa = Isa::available()
        .into_iter()
        .find(|isa| named.as_ref().is_none_or(|n| *n == format!("{isa:?}")));
    let bench = Bench {
        isa: isa.unwrap_or_else(Isa::best),
        filter,
    };
    println!("{:?}, {} threads", bench.isa, rayon::current_num_threads());
    for conv in CONVOLUTIONS {
        bench.conv(conv);
    }
    for up in UP_CONVOLUTIONS {
        bench.up(up);
    }
    for map in MAPS {
        bench.passes(map);
    }
}

/// Values between -1 and 1.
fn noise(len: usize) -> Vec<f32> {
    (0..len as u32)
        .map(|i| i.wrapping_mul(2_654_435_761) as i32 as f32 / 2.0_f32.powi(31))
        .collect()
}

/// Time that the threads of this program have run, in seconds; zero where Linux does not say.
///
/// Over the number of threads, this is what the work takes on a machine that nobody else uses.
fn cpu_seconds() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let of_thread = |entry: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    threads.filter_map(of_thread).sum::<f64>() / 1e9
}

fn map(isa: Isa, channels: usize, size: [usize; 3]) -> (Vec<f32>, FeatureShape) {
    let shape = FeatureShape {
        batch: 1,
        channels,
        size,
    };
    let values = noise(channels * shape.voxels());
    (to_features_with(isa, &values, shape), shape)
}

impl Bench {
    /// Prints the least time of a call, and what it makes of `amount` (1e9 of it per second).
    fn time<T>(&self, name: &str, amount: f64, unit: &str, mut run: impl FnMut() -> T) {
        if !name.contains(&self.filter) {
            return;
        }
        let threads = rayon::current_num_threads() as f64;
        let (start, mut least, mut least_cpu) = (Instant::now(), f64::MAX, f64::MAX);
        while start.elapsed() < Duration::from_millis(1000) {
            let (start, cpu) = (Instant::now(), cpu_seconds());
            black_box(run());
            least = least.min(start.elapsed().as_secs_f64());
            least_cpu = least_cpu.min((cpu_seconds() - cpu) / threads);
        }
        println!(
            "{name:44} {:9.3} ms {:7.1} G{unit}/s   cpu {:9.3} ms {:7.1} G{unit}/s",
            least * 1e3,
            amount / least / 1e9,
            least_cpu * 1e3,
            amount / least_cpu / 1e9
        );
    }

    fn conv(&self, (channels_in, channels_out, size, kernel, stride): Conv) {
        let out = [0, 1, 2].map(|a| (size[a] - 1) / stride[a] + 1);
        let ((x, x_shape), (gradient, shape)) = (
            map(self.isa, channels_in, size),
            map(self.isa, channels_out, out),
        );
        let taps: usize = kernel.iter().product();
        let flops = 2 * channels_in * channels_out * taps * shape.voxels();
        let name = format!("weight {channels_in}->{channels_out} {size:?} {kernel:?} /{stride:?}");
        self.time(&name, flops as f64, "FLOP", || {
            conv_backward_weight(
                self.isa,
                &[Features::new(&x, x_shape)],
                Features::new(&gradient, shape),
                kernel,
                stride,
            )
        });
    }

    fn up(
        &self,
        (channels_in, channels_out, size, stride): (usize, usize, [usize; 3], [usize; 3]),
    ) {
        let out = [0, 1, 2].map(|a| size[a] * stride[a]);
        let ((x, x_shape), (gradient, shape)) = (
            map(self.isa, channels_in, size),
            map(self.isa, channels_out, out),
        );
        let flops = 2 * channels_in * channels_out * shape.voxels();
        let name = format!("up weight {channels_in}->{channels_out} {size:?} x{stride:?}");
        self.time(&name, flops as f64, "FLOP", || {
            up_backward_weight(
                self.isa,
                Features::new(&x, x_shape),
                Features::new(&gradient, shape),
                stride,
            )
        });
    }

    /// Bytes count as read or written once per map that a pass must touch.
    fn passes(&self, (channels, size): (usize, [usize; 3])) {
        let isa = self.isa;
        let (mut y, shape) = map(isa, channels, size);
        let mut gradient = y.clone();
        let bytes = 4.0 * shape.len() as f64;
        let (weight, bias) = (noise(channels), noise(channels));
        let norm = NormAct {
            weight: &weight,
            bias: &bias,
            epsilon: 1e-5,
            slope: 0.01,
        };
        let sums: ChannelSums = channel_sums_of(isa, Features::new(&y, shape));
        let name = |what: &str| format!("{what} {channels} {size:?}");
        self.time(&name("norm in place"), 2.0 * bytes, "B", || {
            norm_act_in_place(isa, &mut y, shape, &sums, norm);
        });
        let x = Features::new(&y, shape);
        self.time(&name("norm sums"), bytes, "B", || channel_sums_of(isa, x));
        self.time(&name("norm"), 2.0 * bytes, "B", || {
            norm_act(isa, x, &sums, norm)
        });
        self.time(&name("norm backward"), 5.0 * bytes, "B", || {
            norm_act_backward(isa, x, &sums, norm, &mut gradient)
        });
        self.time(&name("add"), 3.0 * bytes, "B", || add_act(isa, x, x, 0.01));
        self.time(&name("add backward"), 3.0 * bytes, "B", || {
            add_act_backward(isa, x, x, 0.01, &mut gradient);
        });
        self.time(&name("pool"), 1.125 * bytes, "B", || {
            average_pool(isa, x, [2; 3])
        });
        self.time(&name("sum per channel"), bytes, "B", || {
            sum_per_channel(isa, x)
        });
        let array = from_features_with(isa, x);
        self.time(&name("to features"), 2.0 * bytes, "B", || {
            to_features_with(isa, &array, shape)
        });
        self.time(&name("from features"), 2.0 * bytes, "B", || {
            from_features_with(isa, x)
        });
        for classes in [2, 5] {
            let (weight, bias) = (noise(classes * channels), noise(classes));
            let of_out = noise(classes * shape.voxels());
            let out_bytes = 4.0 * of_out.len() as f64;
            let name = |what: &str| format!("{what} {channels}->{classes} {size:?}");
            self.time(&name("head"), bytes + out_bytes, "B", || {
                head(isa, x, &weight, &bias)
            });
            self.time(&name("head after norm"), bytes + out_bytes, "B", || {
                head_after_norm(isa, x, &sums, norm, &weight, &bias)
            });
            self.time(&name("head backward"), 2.0 * bytes + out_bytes, "B", || {
                head_backward(isa, x, &weight, &of_out)
            });
        }
    }
}

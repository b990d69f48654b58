//! JPEG-LS, lossless and near-lossless (ITU-T T.87), of one component.
//!
//! Own code: the Rust crates either bind a C++ library or bring a second DICOM stack. Names
//! follow the standard: Ra, Rb, Rc, Rd are the neighbours left, above, above left and above
//! right; A, B, C, N the sums of a context.

use crate::PixelLayout;

/// Orders of run lengths (table A.1, the array J).
const J: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13,
    14, 15,
];
/// Contexts of regular mode; two more are for interrupted runs.
const N_REGULAR: usize = 365;
const CUT: &str = "the stream is cut";

type Fault = &'static str;

/// Decodes one frame to little endian of 8 or 16 bits.
pub(crate) fn decode(packed: &[u8], layout: &PixelLayout) -> Result<Vec<u8>, Fault> {
    let (head, start) = Head::read(packed)?;
    if (head.rows, head.columns) != (layout.rows, layout.columns) || layout.samples != 1 {
        return Err("the stream's size is not the header's");
    }
    if u16::from(head.precision) > layout.bits_allocated || !matches!(layout.bits_allocated, 8 | 16)
    {
        return Err("the stream's precision does not fit the allocated bits");
    }
    let mut scan = Scan::new(&head, &packed[start..])?;
    let columns = usize::from(head.columns);
    let mut frame = Vec::with_capacity(columns * usize::from(head.rows) * 2);
    // One voxel of margin on both sides holds the neighbours beyond the edges (A.2.1).
    let (mut above, mut line) = (vec![0i32; columns + 2], vec![0i32; columns + 2]);
    for _ in 0..head.rows {
        line[0] = above[1];
        above[columns + 1] = above[columns];
        scan.line(&above, &mut line)?;
        for &value in &line[1..=columns] {
            frame.push(value as u8);
            if layout.bits_allocated == 16 {
                frame.push((value >> 8) as u8);
            }
        }
        std::mem::swap(&mut above, &mut line);
    }
    Ok(frame)
}

/// What stands before the coded data.
struct Head {
    precision: u8,
    rows: u16,
    columns: u16,
    near: i32,
    /// MAXVAL, T1, T2, T3, RESET; zero means the default.
    preset: [i32; 5],
}

impl Head {
    /// Reads the markers up to the start of scan; returns where the coded data begin.
    fn read(bytes: &[u8]) -> Result<(Self, usize), Fault> {
        let be16 = |at: usize| -> Result<u16, Fault> {
            let pair = bytes.get(at..at + 2).ok_or(CUT)?;
            Ok(u16::from_be_bytes([pair[0], pair[1]]))
        };
        let byte = |at: usize| -> Result<u8, Fault> { bytes.get(at).copied().ok_or(CUT) };
        if be16(0)? != 0xFFD8 {
            return Err("the stream does not start like JPEG-LS");
        }
        let mut head = Self {
            precision: 0,
            rows: 0,
            columns: 0,
            near: 0,
            preset: [0; 5],
        };
        let mut at = 2;
        loop {
            let marker = be16(at)?;
            let body = at + 4;
            match marker {
                0xFFF7 => {
                    head.precision = byte(body)?;
                    head.rows = be16(body + 1)?;
                    head.columns = be16(body + 3)?;
                    if byte(body + 5)? != 1 || !(2..=16).contains(&head.precision) {
                        return Err("only one component of 2 to 16 bits is decoded");
                    }
                }
                0xFFF8 if byte(body)? == 1 => {
                    for (i, preset) in head.preset.iter_mut().enumerate() {
                        *preset = i32::from(be16(body + 1 + 2 * i)?);
                    }
                }
                0xFFF8 => return Err("mapping tables are not decoded"),
                0xFFDD => return Err("restart intervals are not decoded"),
                0xFFDA => {
                    let n = usize::from(byte(body)?);
                    head.near = i32::from(byte(body + 1 + 2 * n)?);
                    if n != 1 || byte(body + 3 + 2 * n)? != 0 {
                        return Err("interleaved components or point transforms are not decoded");
                    }
                    if head.precision == 0 {
                        return Err("the stream has no frame header");
                    }
                    return Ok((head, at + 2 + usize::from(be16(at + 2)?)));
                }
                0xFF00..=0xFFFE => {}
                _ => return Err("the stream has no scan"),
            }
            at += 2 + usize::from(be16(at + 2)?);
        }
    }
}

/// The sums of one context (A.2, A.8).
#[derive(Clone)]
struct Context {
    a: i32,
    b: i32,
    c: i32,
    n: i32,
}

/// State of decoding.
struct Scan<'a> {
    bits: Bits<'a>,
    max_value: i32,
    near: i32,
    range: i32,
    qbpp: u32,
    limit: u32,
    reset: i32,
    thresholds: [i32; 3],
    /// Regular contexts, then the two of interrupted runs, where `b` counts negative errors.
    contexts: Vec<Context>,
    run_index: usize,
}

impl<'a> Scan<'a> {
    fn new(head: &Head, coded: &'a [u8]) -> Result<Self, Fault> {
        let or = |preset: i32, default: i32| if preset == 0 { default } else { preset };
        let max_value = or(head.preset[0], (1 << head.precision) - 1);
        let near = head.near;
        if max_value >= 1 << head.precision || near > 255.min(max_value / 2) {
            return Err("the parameters of the stream cannot be");
        }
        let defaults = default_thresholds(max_value, near);
        let thresholds = [0, 1, 2].map(|i| or(head.preset[i + 1], defaults[i]));
        let sound = near < thresholds[0]
            && thresholds[0] <= thresholds[1]
            && thresholds[1] <= thresholds[2]
            && thresholds[2] <= max_value;
        let reset = or(head.preset[4], 64);
        if !sound || reset < 3 {
            return Err("the parameters of the stream cannot be");
        }
        let range = (max_value + 2 * near) / (2 * near + 1) + 1;
        let ceil_log2 = |v: i32| 32 - (v - 1).leading_zeros();
        let bpp = ceil_log2(max_value + 1).max(2);
        let context = Context {
            a: 2.max((range + 32) / 64),
            b: 0,
            c: 0,
            n: 1,
        };
        Ok(Self {
            bits: Bits::new(coded),
            max_value,
            near,
            range,
            qbpp: ceil_log2(range),
            limit: 2 * (bpp + bpp.max(8)),
            reset,
            thresholds,
            contexts: vec![context; N_REGULAR + 2],
            run_index: 0,
        })
    }

    /// Decodes a line; `line[0]` and both ends of `above` are set.
    fn line(&mut self, above: &[i32], line: &mut [i32]) -> Result<(), Fault> {
        let columns = line.len() - 2;
        let mut x = 1;
        while x <= columns {
            let (ra, rb, rc, rd) = (line[x - 1], above[x], above[x - 1], above[x + 1]);
            let gradients = [rd - rb, rb - rc, rc - ra];
            if gradients.iter().all(|d| d.abs() <= self.near) {
                x = self.run(above, line, x)?;
            } else {
                line[x] = self.regular(gradients, ra, rb, rc)?;
                x += 1;
            }
        }
        Ok(())
    }

    fn quantize(&self, d: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = match d.abs() {
            a if a <= self.near => 0,
            a if a < t1 => 1,
            a if a < t2 => 2,
            a if a < t3 => 3,
            _ => 4,
        };
        size * d.signum()
    }

    /// Regular mode (A.4 to A.6).
    fn regular(&mut self, d: [i32; 3], ra: i32, rb: i32, rc: i32) -> Result<i32, Fault> {
        let q = d.map(|d| self.quantize(d));
        let index = 81 * q[0] + 9 * q[1] + q[2];
        let sign = if index < 0 { -1 } else { 1 };
        let at = index.unsigned_abs() as usize;
        let predicted = if rc >= ra.max(rb) {
            ra.min(rb)
        } else if rc <= ra.min(rb) {
            ra.max(rb)
        } else {
            ra + rb - rc
        };
        let context = self.contexts[at].clone();
        let predicted = (predicted + sign * context.c).clamp(0, self.max_value);
        let k = golomb_order(context.n, context.a)?;
        let mapped = self.golomb(k, self.limit)?;
        let inverted = self.near == 0 && k == 0 && 2 * context.b <= -context.n;
        let error = match (inverted, mapped & 1) {
            (true, 1) => (mapped - 1) / 2,
            (true, _) => -mapped / 2 - 1,
            (false, 1) => -(mapped + 1) / 2,
            (false, _) => mapped / 2,
        };
        self.update(at, error);
        Ok(self.reconstruct(predicted, sign * error))
    }

    /// Updates the sums of a regular context (A.6.1, A.6.2).
    fn update(&mut self, at: usize, error: i32) {
        let (step, reset) = (2 * self.near + 1, self.reset);
        let context = &mut self.contexts[at];
        context.b += error * step;
        context.a += error.abs();
        if context.n == reset {
            context.a >>= 1;
            context.b >>= 1;
            context.n >>= 1;
        }
        context.n += 1;
        if context.b <= -context.n {
            context.b = (context.b + context.n).max(1 - context.n);
            context.c = (context.c - 1).max(-128);
        } else if context.b > 0 {
            context.b = (context.b - context.n).min(0);
            context.c = (context.c + 1).min(127);
        }
    }

    /// The value from its prediction and error, modulo the range (A.4.5).
    fn reconstruct(&self, predicted: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let mut value = predicted + error * step;
        if value < -self.near {
            value += self.range * step;
        } else if value > self.max_value + self.near {
            value -= self.range * step;
        }
        value.clamp(0, self.max_value)
    }

    /// Run mode (A.7); returns the next column.
    fn run(&mut self, above: &[i32], line: &mut [i32], mut x: usize) -> Result<usize, Fault> {
        let end = line.len() - 1;
        let value = line[x - 1];
        loop {
            let order = J[self.run_index];
            if self.bits.bit()? {
                let length = 1usize << order;
                let filled = length.min(end - x);
                line[x..x + filled].fill(value);
                x += filled;
                if filled == length && self.run_index < 31 {
                    self.run_index += 1;
                }
                if x == end {
                    return Ok(x);
                }
            } else {
                let length = self.bits.take(order)? as usize;
                if length >= end - x {
                    return Err("a run reaches beyond its line");
                }
                line[x..x + length].fill(value);
                x += length;
                line[x] = self.interruption(value, above[x])?;
                self.run_index = self.run_index.saturating_sub(1);
                return Ok(x + 1);
            }
        }
    }

    /// The voxel that ends a run (A.7.2).
    fn interruption(&mut self, ra: i32, rb: i32) -> Result<i32, Fault> {
        let same = (ra - rb).abs() <= self.near;
        let kind = i32::from(same);
        let at = N_REGULAR + usize::from(same);
        let context = self.contexts[at].clone();
        let k = golomb_order(context.n, context.a + if same { context.n >> 1 } else { 0 })?;
        let limit = self.limit - J[self.run_index] - 1;
        let mapped = self.golomb(k, limit)?;
        let total = mapped + kind;
        let odd = total & 1;
        let size = (total + odd) / 2;
        let negative = (k != 0 || 2 * context.b >= context.n) == (odd == 1);
        let error = if negative { -size } else { size };
        let reset = self.reset;
        let context = &mut self.contexts[at];
        context.b += i32::from(error < 0);
        context.a += (mapped + 1 - kind) >> 1;
        if context.n == reset {
            context.a >>= 1;
            context.b >>= 1;
            context.n >>= 1;
        }
        context.n += 1;
        Ok(if same {
            self.reconstruct(ra, error)
        } else {
            self.reconstruct(rb, error * (rb - ra).signum())
        })
    }

    /// A number in the limited Golomb code of order `k` (A.5.3).
    fn golomb(&mut self, k: u32, limit: u32) -> Result<i32, Fault> {
        let most = limit.saturating_sub(self.qbpp + 1);
        let mut zeros = 0;
        while !self.bits.bit()? {
            zeros += 1;
            if zeros > most {
                return Err("a code word is too long");
            }
        }
        let value = if zeros < most {
            (zeros << k) + self.bits.take(k)?
        } else {
            self.bits.take(self.qbpp)? + 1
        };
        // Errors are smaller than the range; larger ones would overflow the sums.
        if value > 2 * self.range as u32 + 2 {
            return Err("an error is larger than the range");
        }
        Ok(value as i32)
    }
}

/// The order of a Golomb code: the least k with `n << k >= a` (A.5.1).
fn golomb_order(n: i32, a: i32) -> Result<u32, Fault> {
    (0..24)
        .find(|&k| i64::from(n) << k >= i64::from(a))
        .ok_or("the sums of a context overflow")
}

/// Thresholds where the stream gives none (C.2.4.1.1.1).
fn default_thresholds(max_value: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, least: i32| {
        if value > max_value || value < least {
            least
        } else {
            value
        }
    };
    let basic = if max_value >= 128 {
        let factor = (max_value.min(4095) + 128) / 256;
        [factor + 2, 4 * factor + 3, 17 * factor + 4].map(|v| (v, 0))
    } else {
        let factor = 256 / (max_value + 1);
        [(3 / factor, 2), (7 / factor, 3), (21 / factor, 4)]
    };
    let t1 = clamp((basic[0].0 + 3 * near).max(basic[0].1), near + 1);
    let t2 = clamp((basic[1].0 + 5 * near).max(basic[1].1), t1);
    let t3 = clamp((basic[2].0 + 7 * near).max(basic[2].1), t2);
    [t1, t2, t3]
}

/// Bits from the highest down; after a byte FF one bit is stuffed (A.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u64,
    n_held: u32,
    after_ff: bool,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            held: 0,
            n_held: 0,
            after_ff: false,
        }
    }

    fn fill(&mut self, n: u32) -> Result<(), Fault> {
        while self.n_held < n {
            let &byte = self.bytes.get(self.at).ok_or(CUT)?;
            if self.after_ff && byte >= 0x80 {
                // A marker: the coded data are over.
                return Err(CUT);
            }
            let width = if self.after_ff { 7 } else { 8 };
            self.held = self.held << width | u64::from(byte);
            self.n_held += width;
            self.after_ff = byte == 0xFF;
            self.at += 1;
        }
        Ok(())
    }

    fn take(&mut self, n: u32) -> Result<u32, Fault> {
        if n == 0 {
            return Ok(0);
        }
        self.fill(n)?;
        self.n_held -= n;
        Ok((self.held >> self.n_held & ((1 << n) - 1)) as u32)
    }

    fn bit(&mut self) -> Result<bool, Fault> {
        self.take(1).map(|bit| bit == 1)
    }
}

//! Weights in the order in which the direct kernel reads them.

use crate::memory::Shared;
use crate::packed::AlignedVec;
use crate::{Isa, LANES};
use rayon::prelude::*;

/// The channels of one block among the channels of all maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: usize,
    /// 1 to 16; the block's other lanes are zero.
    pub(crate) len: usize,
}

/// The blocks of maps that are used as if concatenated.
pub(crate) fn spans(channels: &[usize]) -> Vec<Span> {
    let mut first = 0;
    let mut spans = Vec::new();
    for &channels in channels {
        for from in (0..channels).step_by(LANES) {
            spans.push(Span {
                first: first + from,
                len: (channels - from).min(LANES),
            });
        }
        first += channels;
    }
    spans
}

/// Blocks of output channels that are summed at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) first_block: usize,
    pub(crate) blocks: usize,
    /// Where its weights begin: `[block in][tap][channel in][blocks * 16]`.
    pub(crate) offset: usize,
}

/// Packed weights of a direct convolution.
#[derive(Debug, Clone)]
pub struct DirectWeights {
    values: AlignedVec,
    pub(crate) groups: Vec<Group>,
    pub(crate) spans_in: Vec<Span>,
    pub(crate) n_blocks_out: usize,
    pub(crate) kernel: [usize; 3],
}

impl DirectWeights {
    /// Weights `[out, in, z, y, x]`, for a convolution, or for the data gradient of an up-convolution
    /// (whose weights are `[in, out, ..]` and whose input takes the part of the output).
    ///
    /// `channels_in` are the channels of each input map; together they are the weights' second axis.
    ///
    /// # Panics
    ///
    /// If there are not as many values as the shape says.
    #[must_use]
    pub fn forward(
        isa: Isa,
        values: &[f32],
        channels_out: usize,
        channels_in: &[usize],
        kernel: [usize; 3],
    ) -> Self {
        let (n_in, taps): (usize, usize) = (channels_in.iter().sum(), kernel.iter().product());
        assert_eq!(
            values.len(),
            channels_out * n_in * taps,
            "weights of a convolution"
        );
        Self::pack(isa, &[channels_out], channels_in, kernel, |o, i, tap| {
            values[(o * n_in + i) * taps + tap]
        })
    }

    /// Weights `[in, out, z, y, x]`, for an up-convolution, or for the data gradient of a convolution
    /// (whose weights are `[out, in, ..]` and whose output is now the input).
    ///
    /// `channels_out` are the channels of each map that comes out.
    ///
    /// # Panics
    ///
    /// If there are not as many values as the shape says.
    #[must_use]
    pub fn transposed(
        isa: Isa,
        values: &[f32],
        channels_out: &[usize],
        channels_in: usize,
        kernel: [usize; 3],
    ) -> Self {
        let (n_out, taps): (usize, usize) = (channels_out.iter().sum(), kernel.iter().product());
        assert_eq!(
            values.len(),
            channels_in * n_out * taps,
            "weights of a transposed convolution"
        );
        Self::pack(isa, channels_out, &[channels_in], kernel, |o, i, tap| {
            values[(i * n_out + o) * taps + tap]
        })
    }

    fn pack(
        isa: Isa,
        channels_out: &[usize],
        channels_in: &[usize],
        kernel: [usize; 3],
        at: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let (spans_out, spans_in) = (spans(channels_out), spans(channels_in));
        let n_in: usize = channels_in.iter().sum();
        let taps: usize = kernel.iter().product();
        let mut groups = Vec::new();
        let mut offset = 0;
        for first_block in (0..spans_out.len()).step_by(isa.out_blocks()) {
            let blocks = isa.out_blocks().min(spans_out.len() - first_block);
            groups.push(Group {
                first_block,
                blocks,
                offset,
            });
            offset += blocks * LANES * n_in * taps;
        }
        let mut values = AlignedVec::zeros(offset);
        let to = Shared(values.as_mut_slice().as_mut_ptr());
        let parts = groups
            .iter()
            .flat_map(|group| spans_in.iter().map(move |span| (group, span)));
        parts
            .collect::<Vec<_>>()
            .into_par_iter()
            .for_each(|(group, span)| {
                let width = group.blocks * LANES;
                let from = group.offset + span.first * taps * width;
                // SAFETY: every (group, span) has its own range of `len * taps * width` values.
                let out = unsafe {
                    std::slice::from_raw_parts_mut(to.get().add(from), span.len * taps * width)
                };
                for (block, out_span) in spans_out[group.first_block..][..group.blocks]
                    .iter()
                    .enumerate()
                {
                    for lane in 0..out_span.len {
                        for channel in 0..span.len {
                            for tap in 0..taps {
                                out[(tap * span.len + channel) * width + block * LANES + lane] =
                                    at(out_span.first + lane, span.first + channel, tap);
                            }
                        }
                    }
                }
            });
        Self {
            values,
            groups,
            spans_in,
            n_blocks_out: spans_out.len(),
            kernel,
        }
    }

    /// Memory of the packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
    }

    pub(crate) fn group_values(&self, group: &Group) -> *const f32 {
        self.values.as_slice()[group.offset..].as_ptr()
    }
}

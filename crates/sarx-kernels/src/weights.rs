//! The weights of a convolution as the network stores them, and as seen from its gradient.

/// Weights `[channels_out, channels_in, kz, ky, kx]` of the convolution that is to run.
#[derive(Debug, Clone, Copy)]
pub struct ConvWeights<'a> {
    /// The values as the network stores them.
    pub values: &'a [f32],
    /// Channels that come out.
    pub channels_out: usize,
    /// Channels that go in.
    pub channels_in: usize,
    /// Voxels per axis, `[z, y, x]`.
    pub kernel: [usize; 3],
    /// Stored for the convolution whose data gradient this one is: `[channels_in, channels_out, ..]`
    /// with the taps in reverse order.
    pub mirrored: bool,
}

impl ConvWeights<'_> {
    /// Taps of the kernel.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// One value; taps count with x fastest.
    #[must_use]
    pub fn at(&self, channel_out: usize, channel_in: usize, tap: usize) -> f32 {
        let taps = self.taps();
        if self.mirrored {
            self.values[(channel_in * self.channels_out + channel_out) * taps + taps - 1 - tap]
        } else {
            self.values[(channel_out * self.channels_in + channel_in) * taps + tap]
        }
    }
}

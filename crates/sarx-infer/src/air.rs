//! Tiles that hold nothing but air.
//!
//! Air is what lies outside the body as preprocessing knows it: zero in every channel of the file and not
//! enclosed by anything else. There the normalized image is constant, so a network has nothing to see. An
//! image whose air holds noise has no such voxels, and nothing is skipped.

use ndarray::{Array3, s};
use sarx_core::{LabelMap, Volume};
use sarx_preprocess::{Heads, PreprocessError, Properties, body_mask};
use std::ops::Range;

/// Logit of background in air, and its negative for everything else: softmax and sigmoid are then within
/// 5e-5 of certain. Larger ones would outweigh what the network says of a neighbouring tile.
const CERTAIN: f32 = 10.0;
/// Native voxels around a tile that must be air too: what a cubic spline takes its values from.
const MARGIN: f64 = 2.0;

/// Where the air of a case is, and what its voxels are.
#[derive(Debug, Clone, PartialEq)]
pub struct Air {
    /// `[z, y, x]`, cropped grid.
    body: Array3<bool>,
    /// One per head.
    logits: Vec<f32>,
}

impl Air {
    /// Finds the air of a case.
    ///
    /// - `channels`, `previous`: as they were preprocessed; what a previous stage found is no air
    /// - `heads`: of the network
    ///
    /// # Errors
    ///
    /// [`PreprocessError`] if the channels are not those of the properties.
    pub fn of_case(
        channels: &[&Volume<f32>],
        previous: Option<&LabelMap>,
        properties: &Properties,
        heads: &Heads,
    ) -> Result<Self, PreprocessError> {
        let mut logits = vec![-CERTAIN; heads.count()];
        if let (Heads::Labels { .. }, Some(background)) = (heads, logits.first_mut()) {
            *background = CERTAIN;
        }
        Ok(Self {
            body: body_mask(channels, previous, properties)?,
            logits,
        })
    }

    /// Logits of every voxel of a skipped tile, one per head.
    pub(crate) fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Whether all voxels of a tile are air.
    ///
    /// - `tile`: `[z, y, x]` on the target grid, whose size is `size`
    pub(crate) fn holds(&self, tile: [Range<usize>; 3], size: [usize; 3]) -> bool {
        let (z, y, x) = self.body.dim();
        let native = [z, y, x];
        let [z, y, x] = std::array::from_fn(|axis| {
            let scale = native[axis] as f64 / size[axis] as f64;
            let from = tile[axis].start as f64 * scale - MARGIN;
            let to = tile[axis].end as f64 * scale + MARGIN;
            // Casts saturate at 0.
            from.floor() as usize..(to.ceil() as usize).min(native[axis])
        });
        !self.body.slice(s![z, y, x]).iter().any(|&body| body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn air(logits: Vec<f32>) -> Air {
        let mut body = Array3::from_elem([8, 20, 20], false);
        body[[4, 5, 5]] = true;
        Air { body, logits }
    }

    #[test]
    fn a_tile_is_air_where_no_body_is_in_it_or_near_it() {
        let air = air(Vec::new());
        let size = [8, 20, 20];
        assert!(air.holds([0..8, 0..20, 8..20], size));
        assert!(!air.holds([0..8, 0..20, 7..20], size), "within the margin");
        assert!(!air.holds([0..8, 0..20, 0..10], size));
        // Half as many voxels along x: the body is at 2.5.
        assert!(air.holds([0..8, 0..20, 4..10], [8, 20, 10]));
        assert!(!air.holds([0..8, 0..20, 3..10], [8, 20, 10]));
    }
}

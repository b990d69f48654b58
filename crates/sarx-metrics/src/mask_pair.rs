//! Two masks that are compared, cut to where either of them is.
//!
//! A tumour fills a small part of an image. Surfaces, distances and components depend only on
//! the voxels inside the tight box around both masks: nothing outside is foreground, and the
//! nearest surface voxel is always inside. So everything after the counts works in that box.

use crate::scan::{Scan, scan};
use crate::{Counts, LabelOrRegion};
use ndarray::{Array3, ArrayView3, Zip, s};
use sarx_core::{BoundingBox, Label, LabelMap, Spacing};

/// Reference and prediction in the tight box around both, with the size of their voxels.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskPair {
    /// The reference inside the box, C order `[z, y, x]`.
    pub(crate) reference: Array3<bool>,
    /// The prediction inside the box, C order `[z, y, x]`.
    pub(crate) prediction: Array3<bool>,
    pub(crate) spacing: Spacing,
    pub(crate) emptiness: Option<Emptiness>,
    counts: Counts,
}

/// Which of the two masks hold no voxel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emptiness {
    /// Nothing to find and nothing found.
    BothEmpty,
    /// The prediction is empty, the reference is not.
    Missed,
    /// The reference is empty, the prediction is not.
    FalseAlarm,
}

/// Masks that cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the prediction has {}x{}x{} voxels but the reference {}x{}x{}; bring both onto one grid first",
    .found[0], .found[1], .found[2], .expected[0], .expected[1], .expected[2])]
pub struct MaskPairError {
    /// Size of the reference, `[z, y, x]`.
    pub expected: [usize; 3],
    /// Size of the prediction, `[z, y, x]`.
    pub found: [usize; 3],
}

impl MaskPair {
    /// Takes two masks, `[z, y, x]`.
    ///
    /// # Errors
    ///
    /// [`MaskPairError`] if the sizes differ.
    pub fn new(
        reference: ArrayView3<'_, bool>,
        prediction: ArrayView3<'_, bool>,
        spacing: Spacing,
    ) -> Result<Self, MaskPairError> {
        if reference.dim() != prediction.dim() {
            let [expected, found] = [reference.dim(), prediction.dim()].map(|d| [d.0, d.1, d.2]);
            return Err(MaskPairError { expected, found });
        }
        let mut cells = [0u64; 4];
        Zip::from(reference)
            .and(prediction)
            .for_each(|&r, &p| cells[usize::from(r) * 2 + usize::from(p)] += 1);
        let [tn, fp, fn_, tp] = cells;
        let either = Zip::from(reference)
            .and(prediction)
            .map_collect(|&r, &p| r || p);
        let place = BoundingBox::around(either.view());
        let cut = |mask: ArrayView3<'_, bool>| match place {
            Some(place) => cut(mask, place).as_standard_layout().into_owned(),
            None => Array3::default((0, 0, 0)),
        };
        let counts = Counts { tp, fp, fn_, tn };
        Ok(Self::from_cut(
            cut(reference),
            cut(prediction),
            spacing,
            counts,
        ))
    }

    /// Takes one label or region of two label maps of one size; voxels where the reference
    /// holds `ignore` become background in both masks.
    ///
    /// # Panics
    ///
    /// If the two maps differ in size; compare the grids first.
    #[must_use]
    pub fn of_labels(
        reference: &LabelMap,
        prediction: &LabelMap,
        what: &LabelOrRegion,
        ignore: Option<Label>,
    ) -> Self {
        assert_eq!(
            reference.grid().size,
            prediction.grid().size,
            "maps of one size"
        );
        let (voxels, spacing) = (reference.voxels(), reference.grid().spacing);
        let Scan { counts, place } = scan(reference, prediction, what, ignore);
        let Some(place) = place else {
            let empty = Array3::default((0, 0, 0));
            return Self::from_cut(empty.clone(), empty, spacing, counts);
        };
        let voxels = cut(voxels.view(), place);
        let inside = |label: Label, r: Label| what.contains(label) && Some(r) != ignore;
        let reference = voxels.map(|&r| inside(r, r));
        let prediction = Zip::from(voxels)
            .and(cut(prediction.voxels().view(), place))
            .map_collect(|&r, &p| inside(p, r));
        Self::from_cut(reference, prediction, spacing, counts)
    }

    fn from_cut(
        reference: Array3<bool>,
        prediction: Array3<bool>,
        spacing: Spacing,
        counts: Counts,
    ) -> Self {
        let emptiness = match (counts.n_ref() > 0, counts.n_pred() > 0) {
            (true, true) => None,
            (true, false) => Some(Emptiness::Missed),
            (false, true) => Some(Emptiness::FalseAlarm),
            (false, false) => Some(Emptiness::BothEmpty),
        };
        Self {
            reference,
            prediction,
            spacing,
            emptiness,
            counts,
        }
    }

    /// Voxels by agreement, those outside the box included: as [`Counts::of`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Which masks are empty; `None` if neither is.
    #[must_use]
    pub fn emptiness(&self) -> Option<Emptiness> {
        self.emptiness
    }

    /// The size of the voxels.
    #[must_use]
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// The reference inside the tight box around both masks, `[z, y, x]`.
    #[must_use]
    pub fn reference(&self) -> ArrayView3<'_, bool> {
        self.reference.view()
    }

    /// The prediction inside the same box, `[z, y, x]`.
    #[must_use]
    pub fn prediction(&self) -> ArrayView3<'_, bool> {
        self.prediction.view()
    }
}

fn cut<T>(array: ArrayView3<'_, T>, place: BoundingBox) -> ArrayView3<'_, T> {
    let BoundingBox {
        lower: [z0, y0, x0],
        upper: [z1, y1, x1],
    } = place;
    array.slice_move(s![z0..z1, y0..y1, x0..x1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_is_cut_to_the_joint_box() {
        let mut reference = Array3::from_elem((6, 7, 8), false);
        let mut prediction = reference.clone();
        reference[[1, 2, 3]] = true;
        prediction[[2, 2, 6]] = true;
        let spacing = Spacing::new([3.0, 1.0, 1.0]).unwrap();
        let pair = MaskPair::new(reference.view(), prediction.view(), spacing).unwrap();
        assert_eq!(
            (pair.reference().dim(), pair.prediction().dim()),
            ((2, 1, 4), (2, 1, 4))
        );
        assert!(pair.reference()[[0, 0, 0]] && pair.prediction()[[1, 0, 3]]);
        assert_eq!(pair.emptiness(), None);
    }

    #[test]
    fn masks_of_different_sizes_are_refused() {
        let (a, b) = (Array3::default((1, 2, 3)), Array3::default((3, 2, 1)));
        let spacing = Spacing::new([1.0; 3]).unwrap();
        let error = MaskPair::new(a.view(), b.view(), spacing).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the prediction has 3x2x1 voxels but the reference 1x2x3; bring both onto one grid first"
        );
    }
}

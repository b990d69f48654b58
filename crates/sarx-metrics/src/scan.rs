//! One pass over two label maps: what agrees, and where anything is.
//!
//! For a small tumour this pass over the whole image is most of the work, so it touches each
//! voxel once, row by row, and leaves rows that hold nothing but background after one look.

use crate::{Counts, LabelOrRegion};
use rayon::prelude::*;
use sarx_core::{BoundingBox, Label, LabelMap};

/// What one pass finds.
pub(crate) struct Scan {
    /// As [`Counts::of`].
    pub(crate) counts: Counts,
    /// The tight box around the voxels that are foreground in either map.
    pub(crate) place: Option<BoundingBox>,
}

/// Voxels of one row that are counted in 16 bits, so that eight and more are looked at together.
const RUN: usize = 1 << 15;

/// Scans two maps of one size.
pub(crate) fn scan(
    reference: &LabelMap,
    prediction: &LabelMap,
    what: &LabelOrRegion,
    ignore: Option<Label>,
) -> Scan {
    let ([_, height, width], voxels) = (reference.grid().size.zyx(), reference.voxels());
    let (Some(of_reference), Some(of_prediction)) =
        (voxels.as_slice(), prediction.voxels().as_slice())
    else {
        // A volume is always in C order; were it not, the whole image is a box as right as any.
        return Scan {
            counts: Counts::of(reference, prediction, what, ignore),
            place: Some(BoundingBox::whole(reference.grid().size.zyx())),
        };
    };
    let plane = height * width;
    let found = of_reference
        .par_chunks(plane)
        .zip(of_prediction.par_chunks(plane))
        .enumerate()
        .map(|(z, (reference, prediction))| {
            let mut found = Scan::nothing();
            let rows = reference.chunks(width).zip(prediction.chunks(width));
            for (y, (reference, prediction)) in rows.enumerate() {
                found.add_row([z, y], reference, prediction, what, ignore);
            }
            found
        });
    found.reduce(Scan::nothing, Scan::join)
}

impl Scan {
    fn nothing() -> Self {
        Self {
            counts: Counts::default(),
            place: None,
        }
    }

    fn join(self, other: Self) -> Self {
        Self {
            counts: [self.counts, other.counts].into_iter().sum(),
            place: match (self.place, other.place) {
                (Some(a), Some(b)) => Some(around_both(a, b)),
                (a, b) => a.or(b),
            },
        }
    }

    fn add_row(
        &mut self,
        [z, y]: [usize; 2],
        reference: &[Label],
        prediction: &[Label],
        what: &LabelOrRegion,
        ignore: Option<Label>,
    ) {
        let n = reference.len() as u64;
        let blank = !what.contains(0) && ignore != Some(0);
        if blank && !any_bit(reference) && !any_bit(prediction) {
            self.counts.tn += n;
            return;
        }
        let counted = |label: Label| Some(label) != ignore;
        let counts = match (what, ignore) {
            (&LabelOrRegion::Label(own), None) => {
                count_row(reference, prediction, |label| label == own, |_| true)
            }
            _ => count_row(reference, prediction, |label| what.contains(label), counted),
        };
        self.counts = [self.counts, counts].into_iter().sum();
        let inside = |(&r, &p): (&Label, &Label)| {
            (what.contains(r) || what.contains(p)) && Some(r) != ignore
        };
        let voxels = || reference.iter().zip(prediction);
        if counts.tp + counts.fp + counts.fn_ == 0 {
            return;
        }
        if let (Some(first), Some(last)) = (voxels().position(inside), voxels().rposition(inside)) {
            let row = BoundingBox {
                lower: [z, y, first],
                upper: [z + 1, y + 1, last + 1],
            };
            self.place = Some(self.place.map_or(row, |place| around_both(place, row)));
        }
    }
}

fn any_bit(labels: &[Label]) -> bool {
    labels.iter().fold(0, |bits, label| bits | label) != 0
}

/// Counts without branches.
fn count_row(
    reference: &[Label],
    prediction: &[Label],
    inside: impl Fn(Label) -> bool,
    counted: impl Fn(Label) -> bool,
) -> Counts {
    let mut row = Counts::default();
    for (reference, prediction) in reference.chunks(RUN).zip(prediction.chunks(RUN)) {
        let [mut n, mut n_ref, mut n_pred, mut both] = [0u16; 4];
        for (&r, &p) in reference.iter().zip(prediction) {
            let counts = counted(r);
            let (r, p) = (inside(r) & counts, inside(p) & counts);
            n += u16::from(counts);
            n_ref += u16::from(r);
            n_pred += u16::from(p);
            both += u16::from(r & p);
        }
        let [n, n_ref, n_pred, tp] = [n, n_ref, n_pred, both].map(u64::from);
        row.tp += tp;
        row.fp += n_pred - tp;
        row.fn_ += n_ref - tp;
        row.tn += n + tp - n_ref - n_pred;
    }
    row
}

/// The smallest box that holds both.
pub(crate) fn around_both(a: BoundingBox, b: BoundingBox) -> BoundingBox {
    BoundingBox {
        lower: std::array::from_fn(|axis| a.lower[axis].min(b.lower[axis])),
        upper: std::array::from_fn(|axis| a.upper[axis].max(b.upper[axis])),
    }
}

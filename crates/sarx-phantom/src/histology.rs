//! The five tumours of the published cohort and how many patients have each.

use std::fmt;

/// The tissue type of a tumour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Histology {
    /// Leiomyosarcoma: signal near muscle, the hardest to outline.
    Leiomyosarcoma,
    /// Myxofibrosarcoma: bright, with tails that creep along the fascia.
    Myxofibrosarcoma,
    /// Myxoid liposarcoma: lobulated, very bright on T2.
    MyxoidLiposarcoma,
    /// Undifferentiated pleomorphic sarcoma: an enhancing wall around a necrotic core.
    Ups,
    /// Intramuscular myxoma (benign): fluid-bright on T2, dark with a rim on contrast T1.
    Myxoma,
}

impl Histology {
    /// All histologies, in the order of the published table.
    pub const ALL: [Self; 5] = [
        Self::Leiomyosarcoma,
        Self::Myxofibrosarcoma,
        Self::MyxoidLiposarcoma,
        Self::Ups,
        Self::Myxoma,
    ];

    /// Patients with this tumour among the 299 of the published cohort (PubMed, 4 March 2026,
    /// "Performance of deep learning-based segmentation of soft-tissue sarcoma by MRI sequence,
    /// tumor type and location").
    #[must_use]
    pub fn published_count(self) -> usize {
        match self {
            Self::Leiomyosarcoma => 67,
            Self::Myxofibrosarcoma => 55,
            Self::MyxoidLiposarcoma => 60,
            Self::Ups => 70,
            Self::Myxoma => 47,
        }
    }

    /// The value in `cohort.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Leiomyosarcoma => "leiomyosarcoma",
            Self::Myxofibrosarcoma => "myxofibrosarcoma",
            Self::MyxoidLiposarcoma => "myxoid_liposarcoma",
            Self::Ups => "ups",
            Self::Myxoma => "myxoma",
        }
    }

    /// How many of `n_patients` have each histology: published shares, largest remainder first.
    ///
    /// The counts are in the order of [`Histology::ALL`] and sum to `n_patients`.
    #[must_use]
    pub fn counts(n_patients: usize) -> [usize; 5] {
        let total: usize = Self::ALL.iter().map(|h| h.published_count()).sum();
        let exact = Self::ALL.map(|h| (n_patients * h.published_count()) as f64 / total as f64);
        let mut counts = exact.map(|share| share.floor() as usize);
        let mut by_remainder = [0, 1, 2, 3, 4];
        by_remainder.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
        let missing = n_patients - counts.iter().sum::<usize>();
        for &histology in by_remainder.iter().take(missing) {
            counts[histology] += 1;
        }
        counts
    }

    /// The histology of every patient, spread so that each stretch of the list has about the
    /// shares of the whole: the last patients, which are held out, look like the first.
    #[must_use]
    pub fn sequence(n_patients: usize) -> Vec<Self> {
        let counts = Self::counts(n_patients);
        let mut placed: Vec<(f64, Self)> = Vec::with_capacity(n_patients);
        for (histology, count) in Self::ALL.into_iter().zip(counts) {
            placed.extend((0..count).map(|k| ((k as f64 + 0.5) / count as f64, histology)));
        }
        placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        placed.into_iter().map(|(_, histology)| histology).collect()
    }
}

impl fmt::Display for Histology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_cohort_is_reproduced() {
        assert_eq!(Histology::counts(299), [67, 55, 60, 70, 47]);
        for n in 1..40 {
            assert_eq!(Histology::counts(n).iter().sum::<usize>(), n);
            assert_eq!(Histology::sequence(n).len(), n);
        }
    }

    #[test]
    fn ten_held_out_of_fifty_hold_every_histology() {
        let order = Histology::sequence(50);
        for histology in Histology::ALL {
            assert!(order[40..].contains(&histology), "{histology}");
        }
    }
}

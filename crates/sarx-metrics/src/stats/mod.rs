//! The statistics of a study: tests between models and between strata, effect sizes, agreement.
//!
//! Tests are on ranks, so that an infinite distance (a missed tumour) is simply the worst rank; means,
//! agreement and their intervals need numbers and refuse infinities. NaN is refused everywhere: a
//! score that was not computed has to be left out, and counted, by whoever calls.
//!
//! Two-sided p-values throughout. The tests have been compared with SciPy, scikit-posthocs and
//! pingouin to 1e-9 (`golden/stats.json`).

mod agreement;
mod bootstrap;
mod correlation;
mod effect;
mod error;
mod friedman;
mod holm;
mod kruskal;
mod proportion;
mod ranks;
mod wilcoxon;

pub use agreement::{BlandAltman, Icc, bland_altman, icc};
pub use bootstrap::{MeanInterval, mean_bca};
pub use correlation::{Spearman, spearman};
pub use effect::{cliffs_delta, hodges_lehmann};
pub use error::StatsError;
pub use friedman::{Friedman, friedman};
pub use holm::holm;
pub use kruskal::{DunnPair, KruskalWallis, dunn, kruskal_wallis};
pub use proportion::{Proportion, wilson};
pub use ranks::Ranks;
pub use wilcoxon::{SignedRank, wilcoxon_signed_rank};

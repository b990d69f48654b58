//! The statistics of a study: tests between models and between strata, effect sizes, agreement.
//!
//! Tests are on ranks, so that an infinite distance (a missed tumour) is simply the worst rank; means,
//! agreement and their intervals need numbers and refuse infinities. NaN is refused everywhere: a
//! score that was not computed has to be left out, and counted, by whoever calls.
//!
//! Two-sided p-values throughout. The tests have been compared with SciPy, scikit-posthocs and
//! pingouin to 1e-9 (`golden/stats.json`, `golden/stats_intervals.json`).

mod agreement;
mod bootstrap;
mod correlation;
mod effect;
mod error;
mod f_distribution;
mod friedman;
mod hodges_lehmann;
mod holm;
mod icc;
mod kruskal;
mod median_summary;
mod proportion;
mod ranks;
mod sign_flips;
mod wilcoxon;

pub use agreement::{BlandAltman, bland_altman, bland_altman_percent, bland_altman_ratio};
pub use bootstrap::{MeanInterval, mean_bca, mean_bca_of_resamples};
pub use correlation::{Spearman, spearman};
pub use effect::{cliffs_delta, hodges_lehmann};
pub use error::StatsError;
pub use friedman::{Friedman, friedman};
pub use hodges_lehmann::{HodgesLehmann, MOST_WALSH_PAIRS, hodges_lehmann_interval};
pub use holm::holm;
pub use icc::{Icc, icc, icc_of_raters};
pub use kruskal::{DunnPair, KruskalWallis, dunn, kruskal_wallis};
pub use median_summary::{MedianSummary, median_summary};
pub use proportion::{Proportion, wilson};
pub use ranks::Ranks;
pub use wilcoxon::{
    SignedRank, WilcoxonSpec, ZeroDifferences, wilcoxon_signed_rank, wilcoxon_signed_rank_by,
};

//! One score in several groups of patients.

use super::error::{StatsError, at_least};
use super::{Ranks, holm};
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// Whether some of several groups differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KruskalWallis {
    /// Values of all groups.
    pub n: usize,
    /// The statistic, corrected for ties; chi-squared with groups - 1 degrees.
    pub h: f64,
    /// Degrees of freedom, groups - 1.
    pub dof: usize,
    /// Its p-value.
    pub p: f64,
    /// Effect size, H / (n - 1): 0 none, 1 groups that do not overlap at all.
    pub epsilon_squared: f64,
}

/// Two groups of several, compared after Kruskal and Wallis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DunnPair {
    /// Index of the first group.
    pub first: usize,
    /// Index of the second group.
    pub second: usize,
    /// Difference of mean ranks over its standard error; positive if the first ranks higher.
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// The same adjusted by Holm over all pairs.
    pub p_holm: f64,
}

/// Kruskal and Wallis's test. Source: JASA 47 (1952), ties as in `scipy.stats.kruskal`; effect size: M. Tomczak
/// and E. Tomczak, Trends Sport Sci. 1 (2014).
///
/// # Errors
///
/// [`StatsError`] for fewer than two groups, an empty group, NaN, or values that are all equal.
pub fn kruskal_wallis(groups: &[&[f64]]) -> Result<KruskalWallis, StatsError> {
    let pooled = Pooled::of(groups)?;
    let n = pooled.n;
    let sum: f64 = pooled
        .mean_ranks
        .iter()
        .zip(groups)
        .map(|(mean, group)| mean * mean * group.len() as f64)
        .sum();
    let plain = 12.0 / (n * (n + 1.0)) * sum - 3.0 * (n + 1.0);
    let h = (plain / (1.0 - pooled.ties / (n.powi(3) - n))).max(0.0);
    let degrees = groups.len() as f64 - 1.0;
    Ok(KruskalWallis {
        n: n as usize,
        h,
        dof: groups.len() - 1,
        p: ChiSquared::new(degrees).map_or(f64::NAN, |d| d.sf(h)),
        epsilon_squared: h / (n - 1.0),
    })
}

/// Dunn's test of every pair of groups, adjusted by Holm. Source: O. Dunn, Technometrics 6 (1964), ties
/// as in scikit-posthocs.
///
/// # Errors
///
/// As [`kruskal_wallis`].
pub fn dunn(groups: &[&[f64]]) -> Result<Vec<DunnPair>, StatsError> {
    let pooled = Pooled::of(groups)?;
    let n = pooled.n;
    let variance = (n * (n + 1.0) - pooled.ties / (n - 1.0)) / 12.0;
    let mut pairs = Vec::new();
    for first in 0..groups.len() {
        for second in first + 1..groups.len() {
            let share = 1.0 / groups[first].len() as f64 + 1.0 / groups[second].len() as f64;
            let z =
                (pooled.mean_ranks[first] - pooled.mean_ranks[second]) / (variance * share).sqrt();
            pairs.push(DunnPair {
                first,
                second,
                z,
                p: (2.0 * Normal::standard().cdf(-z.abs())).min(1.0),
                p_holm: 0.0,
            });
        }
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    for (pair, adjusted) in pairs.iter_mut().zip(holm(&p)?) {
        pair.p_holm = adjusted;
    }
    Ok(pairs)
}

/// Ranks over all groups together.
struct Pooled {
    n: f64,
    ties: f64,
    mean_ranks: Vec<f64>,
}

impl Pooled {
    fn of(groups: &[&[f64]]) -> Result<Self, StatsError> {
        at_least(groups.len(), 2)?;
        for group in groups {
            at_least(group.len(), 1)?;
        }
        let all: Vec<f64> = groups
            .iter()
            .flat_map(|group| group.iter().copied())
            .collect();
        let ranks = Ranks::of(&all)?;
        if ranks.groups.len() < 2 {
            return Err(StatsError::AllEqual);
        }
        let mut rest = ranks.ranks.as_slice();
        let mean_ranks = groups.iter().map(|group| {
            let (own, others) = rest.split_at(group.len());
            rest = others;
            own.iter().sum::<f64>() / own.len() as f64
        });
        Ok(Self {
            mean_ranks: mean_ranks.collect(),
            n: all.len() as f64,
            ties: ranks.tie_term(),
        })
    }
}

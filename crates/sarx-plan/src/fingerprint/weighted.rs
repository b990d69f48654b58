//! Exact statistics of more values than fit into memory.
//!
//! Each case counts the same: a voxel of a case with `n` foreground voxels weighs `1 / n`. That
//! is the expectation of nnU-Net's sampling, which draws equally often from each case. Means and
//! deviations are sums; percentiles need the distribution, which is kept as a weight per
//! distinct value. Images hold few of those (scanners write integers). Where there are too many,
//! the upper 16 bits of the value are the bin, and a second pass over the cases resolves the
//! three bins that hold the percentiles to the last bit.

use super::IntensityProperties;
use std::collections::BTreeMap;

/// Above this number of distinct values a channel is binned: some 20 MB of tree.
const MAX_DISTINCT: usize = 1 << 18;
const N_BINS: usize = 1 << 16;
/// Percentiles of the fingerprint, as fractions.
const FRACTIONS: [f64; 3] = [0.005, 0.5, 0.995];
/// Sums of weights are inexact in the last digits; this decides ties for the smaller value.
const RELATIVE_ROUNDING: f64 = 1e-12;

/// A number for each finite float such that numbers order as the floats do.
fn key(value: f32) -> u32 {
    // Adding zero turns -0 into 0.
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

fn value(key: u32) -> f64 {
    let bits = if key >> 31 == 1 {
        key & !(1 << 31)
    } else {
        !key
    };
    f64::from(f32::from_bits(bits))
}

/// The foreground of one channel of one case: what one pass keeps of it.
#[derive(Debug, Clone)]
pub(super) struct CaseValues {
    mean: f64,
    variance: f64,
    n: usize,
    /// Keys in ascending order with their counts.
    counts: Vec<(u32, u32)>,
}

impl CaseValues {
    /// `None` without values.
    pub(super) fn new(values: &[f32]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = values
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / n;
        let mut keys: Vec<u32> = values.iter().map(|&v| key(v)).collect();
        keys.sort_unstable();
        let mut counts: Vec<(u32, u32)> = Vec::new();
        for key in keys {
            match counts.last_mut() {
                Some((last, count)) if *last == key => *count += 1,
                _ => counts.push((key, 1)),
            }
        }
        Some(Self {
            mean,
            variance,
            n: values.len(),
            counts,
        })
    }

    fn weights(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        self.counts
            .iter()
            .map(|&(key, count)| (key, f64::from(count) / self.n as f64))
    }
}

/// All foreground values of one channel, each case with weight 1.
#[derive(Debug)]
pub(super) struct Distribution {
    weights: Weights,
    n_cases: usize,
    sum_mean: f64,
    /// Sum of variance + mean^2 over cases would cancel; means are kept apart (8 bytes a case).
    means: Vec<f64>,
    sum_variance: f64,
    min: u32,
    max: u32,
}

#[derive(Debug)]
enum Weights {
    /// Weight of each distinct value.
    Distinct(BTreeMap<u32, f64>),
    /// Weight of each value of the upper 16 bits.
    Binned(Vec<f64>),
}

impl Distribution {
    pub(super) fn new() -> Self {
        Self {
            weights: Weights::Distinct(BTreeMap::new()),
            n_cases: 0,
            sum_mean: 0.0,
            means: Vec::new(),
            sum_variance: 0.0,
            min: u32::MAX,
            max: 0,
        }
    }

    /// Adds a case. Sums depend on the order of the cases in the last digits.
    pub(super) fn add(&mut self, case: &CaseValues, max_distinct: usize) {
        self.n_cases += 1;
        self.sum_mean += case.mean;
        self.means.push(case.mean);
        self.sum_variance += case.variance;
        if let (Some(&(first, _)), Some(&(last, _))) = (case.counts.first(), case.counts.last()) {
            self.min = self.min.min(first);
            self.max = self.max.max(last);
        }
        for (key, weight) in case.weights() {
            match &mut self.weights {
                Weights::Distinct(map) => *map.entry(key).or_insert(0.0) += weight,
                Weights::Binned(bins) => bins[(key >> 16) as usize] += weight,
            }
            self.bin_if_large(max_distinct);
        }
    }

    fn bin_if_large(&mut self, max_distinct: usize) {
        if let Weights::Distinct(map) = &self.weights
            && map.len() > max_distinct
        {
            let mut bins = vec![0.0; N_BINS];
            for (&key, &weight) in map {
                bins[(key >> 16) as usize] += weight;
            }
            self.weights = Weights::Binned(bins);
        }
    }

    /// Numbers that are kept for the percentiles.
    #[cfg(test)]
    fn n_kept(&self) -> usize {
        match &self.weights {
            Weights::Distinct(map) => map.len(),
            Weights::Binned(bins) => bins.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.n_cases == 0
    }

    /// The bins that a second pass must resolve; `None` if the values are known already.
    pub(super) fn refinement(&self) -> Option<Refinement> {
        let Weights::Binned(bins) = &self.weights else {
            return None;
        };
        let located = FRACTIONS.map(|fraction| {
            let target = self.target(fraction);
            let mut below = 0.0;
            for (bin, weight) in bins.iter().enumerate() {
                if below + weight >= target && *weight > 0.0 {
                    return Located {
                        bin: bin as u32,
                        below,
                    };
                }
                below += weight;
            }
            Located {
                bin: self.max >> 16,
                below,
            }
        });
        Some(Refinement {
            located,
            fine: located.map(|_| vec![0.0; N_BINS]),
        })
    }

    fn target(&self, fraction: f64) -> f64 {
        fraction * self.n_cases as f64 * (1.0 - RELATIVE_ROUNDING)
    }

    /// The statistics; `refinement` is what the second pass found, where there was one.
    pub(super) fn properties(&self, refinement: Option<&Refinement>) -> IntensityProperties {
        let n = self.n_cases as f64;
        let mean = self.sum_mean / n;
        let between = self.means.iter().map(|m| (m - mean).powi(2)).sum::<f64>();
        let [low, median, high] = std::array::from_fn(|which| match (&self.weights, refinement) {
            (Weights::Distinct(map), _) => self.quantile(
                FRACTIONS[which],
                0.0,
                map.iter().map(|(&key, &weight)| (key, weight)),
            ),
            (Weights::Binned(_), Some(refinement)) => {
                let Located { bin, below } = refinement.located[which];
                let fine = refinement.fine[which].iter().enumerate();
                let weights = fine.map(|(low, &weight)| (bin << 16 | low as u32, weight));
                self.quantile(FRACTIONS[which], below, weights)
            }
            (Weights::Binned(_), None) => f64::NAN,
        });
        IntensityProperties {
            max: value(self.max),
            mean,
            median,
            min: value(self.min),
            percentile_00_5: low,
            percentile_99_5: high,
            std: ((self.sum_variance + between) / n).sqrt(),
        }
    }

    /// The smallest value at which the weight of all values up to it reaches the fraction.
    fn quantile(
        &self,
        fraction: f64,
        below: f64,
        weights: impl Iterator<Item = (u32, f64)>,
    ) -> f64 {
        let target = self.target(fraction);
        let mut sum = below;
        let mut last = self.min;
        for (key, weight) in weights.filter(|&(_, weight)| weight > 0.0) {
            sum += weight;
            last = key;
            if sum >= target {
                break;
            }
        }
        value(last)
    }
}

#[derive(Debug, Clone, Copy)]
struct Located {
    bin: u32,
    /// Weight of all bins before it.
    below: f64,
}

/// The second pass: weights of the single values in the three bins that matter.
#[derive(Debug)]
pub(super) struct Refinement {
    located: [Located; 3],
    fine: [Vec<f64>; 3],
}

impl Refinement {
    pub(super) fn add(&mut self, case: &CaseValues) {
        for (key, weight) in case.weights() {
            for (located, fine) in self.located.iter().zip(&mut self.fine) {
                if located.bin == key >> 16 {
                    fine[(key & 0xffff) as usize] += weight;
                }
            }
        }
    }
}

/// The limit that [`Distribution::add`] is given outside tests.
pub(super) const DISTINCT_LIMIT: usize = MAX_DISTINCT;

#[cfg(test)]
mod tests {
    use super::*;
    use sarx_core::NumpyRandom;

    /// Sorts all values with their weights: the plain way.
    fn reference(cases: &[Vec<f32>], fraction: f64) -> f64 {
        let mut all: Vec<(f32, f64)> = cases
            .iter()
            .filter(|case| !case.is_empty())
            .flat_map(|case| case.iter().map(|&v| (v, 1.0 / case.len() as f64)))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = all.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        for &(value, weight) in &all {
            sum += weight;
            if sum >= fraction * total * (1.0 - 1e-12) {
                return f64::from(value);
            }
        }
        f64::from(all.last().unwrap().0)
    }

    fn measured(cases: &[Vec<f32>], max_distinct: usize) -> IntensityProperties {
        let values: Vec<CaseValues> = cases.iter().filter_map(|c| CaseValues::new(c)).collect();
        let mut distribution = Distribution::new();
        for case in &values {
            distribution.add(case, max_distinct);
        }
        let mut refinement = distribution.refinement();
        assert_eq!(refinement.is_some(), max_distinct < 1000);
        if let Some(refinement) = &mut refinement {
            values.iter().for_each(|case| refinement.add(case));
        }
        distribution.properties(refinement.as_ref())
    }

    fn random_cases() -> Vec<Vec<f32>> {
        let mut rng = NumpyRandom::new(7);
        let mut case = |n: usize, scale: f32| -> Vec<f32> {
            (0..n)
                .map(|_| (rng.at_most(1 << 20) as f32 / 1e5 - 3.0) * scale)
                .collect()
        };
        vec![
            case(900, 1.0),
            case(31, 10.0),
            vec![],
            case(4000, 0.1),
            case(1, 5.0),
        ]
    }

    #[test]
    fn percentiles_equal_sorting_everything_in_one_pass_and_in_two() {
        let cases = random_cases();
        for max_distinct in [1 << 18, 10] {
            let found = measured(&cases, max_distinct);
            assert_eq!(found.percentile_00_5, reference(&cases, 0.005));
            assert_eq!(found.median, reference(&cases, 0.5));
            assert_eq!(found.percentile_99_5, reference(&cases, 0.995));
        }
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_number_of_cases() {
        const LIMIT: usize = 20_000;
        let mut rng = NumpyRandom::new(3);
        let mut distribution = Distribution::new();
        let mut largest = 0;
        for case in 0..60 {
            // Hardly a value stands in two cases: half a million distinct ones in all.
            let values: Vec<f32> = (0..9000)
                .map(|_| rng.at_most(1 << 24) as f32 * 1e-3 - case as f32)
                .collect();
            distribution.add(&CaseValues::new(&values).unwrap(), LIMIT);
            largest = largest.max(distribution.n_kept());
        }
        assert!(largest <= LIMIT.max(N_BINS), "{largest} values kept");
        let refinement = distribution.refinement().unwrap();
        assert_eq!(refinement.fine.each_ref().map(Vec::len), [N_BINS; 3]);
    }

    #[test]
    fn every_case_weighs_the_same() {
        // Four voxels of 0 against one of 10: mean of the means 5, deviation 5.
        let found = measured(&[vec![0.0; 4], vec![10.0]], 1000);
        assert_eq!((found.mean, found.std), (5.0, 5.0));
        assert_eq!((found.min, found.max), (0.0, 10.0));
    }

    #[test]
    fn keys_order_as_floats() {
        let values = [f32::MIN, -1.5, -1e-40, 0.0, 1e-40, 1.0, 1.0000001, f32::MAX];
        let keys = values.map(key);
        assert!(keys.is_sorted());
        assert_eq!(keys.map(value), values.map(f64::from));
        assert_eq!(key(-0.0), key(0.0));
    }
}

//! A volume with an interval, from what the same model did in cross-validation.
//!
//! For every validation case the log ratio `ln(reference / predicted)` says by which factor the
//! model was wrong; spread grows with size, so factors are compared and not differences. A new case
//! that is exchangeable with the validation cases has a log ratio below their k-th smallest of n
//! with probability of at least `k / (n + 1)`. So `k = ceil((n + 1) (1 - a / 2))` from above and
//! `floor((n + 1) a / 2)` from below hold it with a probability of at least `1 - a`, whatever the
//! distribution is, and a model that is always too small is corrected by the way.
//!
//! Source: V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World" (2005);
//! Y. Romano, E. Patterson and E. Candes, "Conformalized Quantile Regression", NeurIPS 2019, for
//! tails of their own. With pairs from cross-validation the model that predicts was trained on
//! other cases than the one that is asked; the guarantee is then an approximation (R. Barber and
//! others, "Predictive inference with the jackknife+", Annals of Statistics 49, 2021).

use super::MeasureError;

/// A volume in cross-validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolumePair {
    /// Volume of the reference, ml.
    pub reference_ml: f64,
    /// Volume that the model gave without having seen the case, ml.
    pub predicted_ml: f64,
}

/// The log ratios of a model's validation.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeCalibration {
    /// `ln(reference / predicted)`, ascending; minus infinity where there is no reference.
    log_ratios: Vec<f64>,
    without_prediction: usize,
}

/// A volume and the range in which the reference lies with the given confidence.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct VolumeInterval {
    /// What the model gave, ml.
    pub predicted_ml: f64,
    /// Lower limit, ml; 0 if false alarms were as frequent as the tail.
    pub lower_ml: f64,
    /// Upper limit, ml.
    pub upper_ml: f64,
    /// The least probability with which the interval holds the reference.
    pub confidence: f64,
    /// Validation cases it rests on.
    pub n_cases: usize,
}

impl VolumeCalibration {
    /// Takes the pairs of a cross-validation.
    ///
    /// A case without any predicted voxel says nothing about a volume that was predicted; it is left
    /// out and counted ([`Self::without_prediction`]). A false alarm (no reference) stays in.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Volume`] if a volume is negative or not finite.
    pub fn new(pairs: &[VolumePair]) -> Result<Self, MeasureError> {
        for (index, pair) in pairs.iter().enumerate() {
            require_volume("reference", index, pair.reference_ml)?;
            require_volume("predicted", index, pair.predicted_ml)?;
        }
        let mut log_ratios: Vec<f64> = pairs
            .iter()
            .filter(|p| p.predicted_ml > 0.0)
            .map(|p| (p.reference_ml / p.predicted_ml).ln())
            .collect();
        log_ratios.sort_by(f64::total_cmp);
        Ok(Self {
            without_prediction: pairs.len() - log_ratios.len(),
            log_ratios,
        })
    }

    /// Cases that were left out because nothing was predicted.
    #[must_use]
    pub fn without_prediction(&self) -> usize {
        self.without_prediction
    }

    /// Cases that count.
    #[must_use]
    pub fn n_cases(&self) -> usize {
        self.log_ratios.len()
    }

    /// The interval for a new volume.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Volume`] if the volume is not above 0 or not finite,
    /// [`MeasureError::Confidence`], and [`MeasureError::TooFewCases`] below [`least_cases`].
    pub fn interval(
        &self,
        predicted_ml: f64,
        confidence: f64,
    ) -> Result<VolumeInterval, MeasureError> {
        let least = least_cases(confidence)?;
        require_volume("new", 0, predicted_ml)?;
        if predicted_ml == 0.0 {
            return Err(MeasureError::Volume {
                what: "new",
                index: 0,
                found: predicted_ml,
            });
        }
        let n = self.n_cases();
        if n < least {
            return Err(MeasureError::TooFewCases {
                found: n,
                least,
                confidence,
            });
        }
        let rank = rank_from_below(n, confidence);
        let factor = |rank: usize| self.log_ratios[rank - 1].exp();
        Ok(VolumeInterval {
            predicted_ml,
            lower_ml: predicted_ml * factor(rank),
            upper_ml: predicted_ml * factor(n + 1 - rank),
            confidence,
            n_cases: n,
        })
    }
}

/// How many validation cases an interval needs: `(n + 1) a / 2` must reach 1, so 39 cases for a
/// confidence of 0.95, 19 for 0.9, 9 for 0.8. Below it the interval would be all volumes.
///
/// # Errors
///
/// [`MeasureError::Confidence`] if it is not between 0 and 1.
pub fn least_cases(confidence: f64) -> Result<usize, MeasureError> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(MeasureError::Confidence { found: confidence });
    }
    // 2 / (1 - 0.9) is 20.000000000000004.
    Ok(((2.0 / (1.0 - confidence)) * (1.0 - 1e-12)).ceil() as usize - 1)
}

/// The rank of the lower limit among `n`, from 1; 0 if there are too few.
fn rank_from_below(n: usize, confidence: f64) -> usize {
    ((n + 1) as f64 * (1.0 - confidence) / 2.0 * (1.0 + 1e-12)).floor() as usize
}

fn require_volume(what: &'static str, index: usize, found: f64) -> Result<(), MeasureError> {
    if found.is_finite() && found >= 0.0 {
        Ok(())
    } else {
        Err(MeasureError::Volume { what, index, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::distr::{Distribution, Uniform};
    use rand_chacha::ChaCha8Rng;

    fn pair(reference_ml: f64, predicted_ml: f64) -> VolumePair {
        VolumePair {
            reference_ml,
            predicted_ml,
        }
    }

    #[test]
    fn the_least_number_of_cases_is_the_first_that_gives_an_interval() {
        for (confidence, least) in [(0.95, 39), (0.9, 19), (0.8, 9), (0.5, 3)] {
            assert_eq!(least_cases(confidence).unwrap(), least);
            assert_eq!(rank_from_below(least, confidence), 1);
            assert_eq!(rank_from_below(least - 1, confidence), 0);
            let pairs = vec![pair(2.0, 1.0); least];
            let of = |n: usize| {
                VolumeCalibration::new(&pairs[..n])
                    .unwrap()
                    .interval(10.0, confidence)
            };
            // Always half of the truth: the interval is the double.
            let found = of(least).unwrap();
            assert!((found.lower_ml - 20.0).abs() < 1e-12 && (found.upper_ml - 20.0).abs() < 1e-12);
            let error = MeasureError::TooFewCases {
                found: least - 1,
                least,
                confidence,
            };
            assert_eq!(of(least - 1), Err(error));
        }
    }

    #[test]
    fn misses_are_counted_and_false_alarms_open_the_interval_downwards() {
        let mut pairs = vec![pair(1.0, 1.0); 19];
        pairs.push(pair(4.0, 0.0));
        let found = VolumeCalibration::new(&pairs).unwrap();
        assert_eq!((found.n_cases(), found.without_prediction()), (19, 1));
        pairs[0] = pair(0.0, 3.0);
        let found = VolumeCalibration::new(&pairs).unwrap();
        assert_eq!(found.interval(5.0, 0.9).unwrap().lower_ml, 0.0);
        assert!(matches!(
            found.interval(0.0, 0.9),
            Err(MeasureError::Volume { what: "new", .. })
        ));
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            let error = VolumeCalibration::new(&[pair(1.0, 1.0), pair(bad, 1.0)]);
            assert!(matches!(error, Err(MeasureError::Volume { index: 1, .. })));
        }
        for bad in [0.0, 1.0, f64::NAN] {
            assert!(matches!(
                found.interval(1.0, bad),
                Err(MeasureError::Confidence { .. })
            ));
        }
    }

    #[test]
    fn new_cases_are_covered_as_often_as_promised() {
        // Skewed, biased factors; 4000 cohorts, each with one new case.
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let unit = Uniform::new(0.0f64, 1.0).unwrap();
        let mut draw = |predicted: f64| {
            let u: f64 = unit.sample(&mut rng);
            // Exponential factors about 0.8: long tail upwards.
            pair(predicted * (0.8 - 0.3 * (1.0 - u).ln()), predicted)
        };
        for (n, confidence) in [(39, 0.95), (60, 0.9), (25, 0.8)] {
            let cohorts = 4000;
            let mut covered = 0;
            for cohort in 0..cohorts {
                let size = 1.0 + f64::from(cohort % 100);
                let pairs: Vec<_> = (0..n).map(|_| draw(size)).collect();
                let new = draw(size);
                let found = VolumeCalibration::new(&pairs)
                    .unwrap()
                    .interval(new.predicted_ml, confidence)
                    .unwrap();
                covered += i32::from((found.lower_ml..=found.upper_ml).contains(&new.reference_ml));
            }
            let share = f64::from(covered) / f64::from(cohorts);
            // Exactly 1 - 2 rank / (n + 1), within four standard errors.
            let exact = 1.0 - 2.0 * rank_from_below(n, confidence) as f64 / (n + 1) as f64;
            let error = (exact * (1.0 - exact) / f64::from(cohorts)).sqrt();
            println!("{n} cases, {confidence}: {share} covered, {exact} expected");
            assert!(exact >= confidence - 1e-12);
            assert!((share - exact).abs() < 4.0 * error, "{share} {exact}");
        }
    }
}

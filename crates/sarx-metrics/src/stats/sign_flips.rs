//! The exact distribution of a sum of ranks whose signs are coin flips.
//!
//! Under the hypothesis of no difference each patient's difference is as likely to be positive
//! as negative, whatever its size. The sum of the ranks of positive differences is then a sum of
//! independent terms, rank or 0, and its distribution is built one rank at a time. It holds for
//! any ranks: ties, and ranks that begin after those of zeros (Pratt).

/// P(sum = s) at index s, for whole ranks each taken with probability one half.
///
/// Probabilities are only added and halved, so each is accurate to a relative n roundings, up
/// to underflow. Work and memory are n and one times the sum of all ranks.
pub(super) fn distribution(ranks: &[usize]) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    let mut probability = vec![0.0; total + 1];
    probability[0] = 1.0;
    let mut reached = 0;
    for &rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = sum.checked_sub(rank).map_or(0.0, |s| probability[s]);
            probability[sum] = 0.5 * (probability[sum] + with);
        }
    }
    probability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_ranks_by_hand() {
        let found = distribution(&[1, 2, 3, 4]);
        let counts = [1, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1].map(|c| f64::from(c) / 16.0);
        assert_eq!(found, counts);
        assert_eq!(distribution(&[]), [1.0]);
        assert_eq!(distribution(&[3, 3]), [0.25, 0.0, 0.0, 0.5, 0.0, 0.0, 0.25]);
    }

    #[test]
    fn all_of_it_is_one_for_many_ranks() {
        let ranks: Vec<usize> = (1..=200).collect();
        let found = distribution(&ranks);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(found[0], 0.5_f64.powi(200));
    }
}

//! Ranks with ties.

use super::error::{StatsError, numbers};

/// Mid-ranks of values, from 1: equal values share the mean of the ranks that they take up.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    /// One rank per value, in the order of the values.
    pub ranks: Vec<f64>,
    /// Sizes of the groups of equal values, smallest values first; 1 for a value of its own.
    pub groups: Vec<usize>,
}

impl Ranks {
    /// Ranks values; infinity is the largest.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotANumber`].
    pub fn of(values: &[f64]) -> Result<Self, StatsError> {
        numbers(values)?;
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut ranks = vec![0.0; values.len()];
        let mut groups = Vec::new();
        // Minus zero is zero: chunks are of equal numbers, not of equal bits.
        let mut first = 0;
        for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let middle = first as f64 + (group.len() as f64 + 1.0) / 2.0;
            group.iter().for_each(|&at| ranks[at] = middle);
            groups.push(group.len());
            first += group.len();
        }
        Ok(Self { ranks, groups })
    }

    /// Sum of `t^3 - t` over the groups of `t` equal values.
    #[must_use]
    pub fn tie_term(&self) -> f64 {
        let of_group = |&t: &usize| (t as f64).powi(3) - t as f64;
        self.groups.iter().map(of_group).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_ranks() {
        let found = Ranks::of(&[3.0, f64::INFINITY, 1.0, 3.0, -0.0, 0.0, f64::INFINITY]).unwrap();
        assert_eq!(found.ranks, [4.5, 6.5, 3.0, 4.5, 1.5, 1.5, 6.5]);
        assert_eq!(found.groups, [2, 1, 2, 2]);
        assert_eq!(found.tie_term(), 18.0);
        assert_eq!(Ranks::of(&[]).unwrap().ranks, [0.0; 0]);
        assert_eq!(
            Ranks::of(&[1.0, f64::NAN]),
            Err(StatsError::NotANumber { index: 1 })
        );
    }
}

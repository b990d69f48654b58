//! A share of the cases, so that several processes can segment one folder.

/// Every `count`th case from case `id` on, in their order, as nnU-Net's
/// `-num_parts` and `-part_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    id: usize,
    count: usize,
}

/// A part that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "part {id} of {count} does not exist; parts are numbered from 0 to one less than their number"
)]
pub struct PartError {
    /// Which part was asked for.
    pub id: usize,
    /// Number of parts.
    pub count: usize,
}

impl Part {
    /// All cases.
    pub const WHOLE: Self = Self { id: 0, count: 1 };

    /// Part `id` of `count`.
    ///
    /// # Errors
    ///
    /// [`PartError`] if `id` is not below `count`.
    pub fn new(id: usize, count: usize) -> Result<Self, PartError> {
        if id < count {
            Ok(Self { id, count })
        } else {
            Err(PartError { id, count })
        }
    }

    /// Whether it is all there is.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// The cases of this part.
    #[must_use]
    pub fn of<T>(self, cases: Vec<T>) -> Vec<T> {
        let own = cases.into_iter().skip(self.id);
        own.step_by(self.count).collect()
    }

    /// What distinguishes files of this part.
    pub(super) fn suffix(self) -> String {
        if self.is_whole() {
            String::new()
        } else {
            format!("_part_{}_of_{}", self.id, self.count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_the_cases_without_gap_or_overlap() {
        let cases = [0, 1, 2, 3, 4, 5, 6];
        let parts: Vec<_> = (0..3).map(|id| Part::new(id, 3).unwrap()).collect();
        let taken: Vec<Vec<i32>> = parts.iter().map(|part| part.of(cases.to_vec())).collect();
        assert_eq!(taken, [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
        assert_eq!(Part::WHOLE.of(cases.to_vec()).len(), 7);
        assert!(Part::new(0, 20).unwrap().of(Vec::<i32>::new()).is_empty());
        assert_eq!(Part::new(3, 3), Err(PartError { id: 3, count: 3 }));
        assert!(Part::new(0, 0).is_err());
        assert_eq!(parts[1].suffix(), "_part_1_of_3");
    }
}

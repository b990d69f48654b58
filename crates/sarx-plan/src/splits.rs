//! Which cases train and which validate.
//!
//! nnU-Net's five folds are drawn with a fixed seed, so everybody who knows the case names has
//! the same ones. They stand in `splits_final.json`, which a user may replace by his own, for
//! example to keep all cases of a patient together.
//!
//! Source: nnU-Net v2 `utilities/crossval_split.py`, `nnUNetTrainer.do_split`.

use crate::document::{self, DocumentError};
use sarx_core::{CaseId, CaseIdError, NumpyRandom};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Seed of nnU-Net's folds.
const SEED: u32 = 12345;
/// Number of nnU-Net's folds.
const N_FOLDS: usize = 5;

/// One fold: cases to train on and cases to validate on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Cases to train on.
    pub train: Vec<CaseId>,
    /// Cases to validate on.
    pub val: Vec<CaseId>,
}

/// The name of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fold {
    /// One of the splits, from 0.
    Index(usize),
    /// Train on every case; validation is on the same cases and says nothing.
    All,
}

/// `0` or `all`; a model's folder is `fold_` and this.
impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::All => f.write_str("all"),
        }
    }
}

impl FromStr for Fold {
    type Err = SplitsError;

    fn from_str(text: &str) -> Result<Self, SplitsError> {
        match text {
            "all" => Ok(Self::All),
            _ => text
                .parse()
                .map(Self::Index)
                .map_err(|_| SplitsError::FoldName {
                    found: text.to_owned(),
                }),
        }
    }
}

/// The folds of a dataset; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits(Vec<Split>);

/// Splits that cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitsError {
    /// The file is missing, no JSON, or cannot be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A case name that cannot be.
    #[error("{source}: {path:?}")]
    CaseName {
        /// What is wrong with it.
        source: CaseIdError,
        /// The file.
        path: PathBuf,
    },
    /// The list is empty.
    #[error("the file holds no fold: {path:?}")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Fewer cases than folds.
    #[error(
        "{found} cases cannot be split into {expected} folds; write splits_final.json by hand or train on fold \"all\""
    )]
    TooFewCases {
        /// Number of folds.
        expected: usize,
        /// Number of cases.
        found: usize,
    },
    /// A case would validate what it trained.
    #[error("fold {fold} has {} both in train and in val", .cases.join(", "))]
    Overlap {
        /// The fold.
        fold: usize,
        /// The cases.
        cases: Vec<String>,
    },
    /// A case stands twice in a list.
    #[error("fold {fold} lists {case:?} twice in {list}")]
    Repeated {
        /// The fold.
        fold: usize,
        /// `train` or `val`.
        list: &'static str,
        /// The case.
        case: String,
    },
    /// A case that the dataset does not have.
    #[error("fold {fold} names {}, which the dataset does not have", .cases.join(", "))]
    UnknownCases {
        /// The fold.
        fold: usize,
        /// The cases.
        cases: Vec<String>,
    },
    /// Nothing to train on.
    #[error("fold {fold} has no training case")]
    NoTraining {
        /// The fold.
        fold: usize,
    },
    /// The fold does not exist.
    #[error(
        "fold {fold} does not exist: splits hold folds 0 to {last}; to train on every case say \"all\""
    )]
    MissingFold {
        /// What was asked for.
        fold: usize,
        /// The last one that exists.
        last: usize,
    },
    /// The name of a fold is no number.
    #[error("fold {found:?} is neither a number nor \"all\"")]
    FoldName {
        /// What was asked for.
        found: String,
    },
}

impl Splits {
    /// Folds as they are given. Check them against the dataset with [`Splits::check`].
    #[must_use]
    pub fn new(folds: Vec<Split>) -> Self {
        Self(folds)
    }

    /// nnU-Net's five folds.
    ///
    /// # Determinism
    ///
    /// Depends on the names only, not on their order.
    ///
    /// # Errors
    ///
    /// [`SplitsError::TooFewCases`] below five cases.
    ///
    /// # Source
    ///
    /// scikit-learn's `KFold(n_splits=5, shuffle=True, random_state=12345)` on sorted names.
    pub fn five_fold(cases: &[CaseId]) -> Result<Self, SplitsError> {
        let cases: Vec<CaseId> = cases
            .iter()
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let n = cases.len();
        if n < N_FOLDS {
            return Err(SplitsError::TooFewCases {
                expected: N_FOLDS,
                found: n,
            });
        }
        let order = NumpyRandom::new(SEED).permutation(n);
        let mut fold_of = vec![0; n];
        let mut start = 0;
        for fold in 0..N_FOLDS {
            // The first folds take what is left over.
            let end = start + n / N_FOLDS + usize::from(fold < n % N_FOLDS);
            for &case in &order[start..end] {
                fold_of[case] = fold;
            }
            start = end;
        }
        let side = |fold: usize, val: bool| {
            let wanted = |&(at, _): &(usize, &CaseId)| (fold_of[at] == fold) == val;
            cases
                .iter()
                .enumerate()
                .filter(wanted)
                .map(|(_, case)| case.clone())
                .collect()
        };
        Ok(Self(
            (0..N_FOLDS)
                .map(|fold| Split {
                    train: side(fold, false),
                    val: side(fold, true),
                })
                .collect(),
        ))
    }

    /// Reads `splits_final.json`. Check it against the dataset with [`Splits::check`].
    ///
    /// # Errors
    ///
    /// [`SplitsError`] if the file is no list of splits or a case name cannot be one.
    pub fn read(path: &Path) -> Result<Self, SplitsError> {
        let schema: Vec<SplitSchema> = document::read(path)?;
        if schema.is_empty() {
            return Err(SplitsError::Empty {
                path: path.to_owned(),
            });
        }
        let names = |names: Vec<String>| {
            names
                .into_iter()
                .map(CaseId::new)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|source| SplitsError::CaseName {
                    source,
                    path: path.to_owned(),
                })
        };
        schema
            .into_iter()
            .map(|split| {
                Ok(Split {
                    train: names(split.train)?,
                    val: names(split.val)?,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Writes `splits_final.json`.
    ///
    /// # Errors
    ///
    /// [`SplitsError`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SplitsError> {
        let names = |cases: &[CaseId]| cases.iter().map(CaseId::to_string).collect();
        let schema: Vec<SplitSchema> = self
            .0
            .iter()
            .map(|split| SplitSchema {
                train: names(&split.train),
                val: names(&split.val),
            })
            .collect();
        Ok(document::write(path, &schema)?)
    }

    /// Checks every fold against the cases of the dataset.
    ///
    /// # Errors
    ///
    /// [`SplitsError`]: a case in both lists or twice in one, a case that the dataset does not
    /// have, or a fold without training cases.
    pub fn check(&self, cases: &[CaseId]) -> Result<(), SplitsError> {
        let known: BTreeSet<&CaseId> = cases.iter().collect();
        for (fold, split) in self.0.iter().enumerate() {
            let train = unique(fold, "train", &split.train)?;
            let val = unique(fold, "val", &split.val)?;
            let names = |set: Vec<&CaseId>| set.into_iter().map(CaseId::to_string).collect();
            let unknown: Vec<_> = train
                .union(&val)
                .filter(|case| !known.contains(**case))
                .copied()
                .collect();
            if !unknown.is_empty() {
                return Err(SplitsError::UnknownCases {
                    fold,
                    cases: names(unknown),
                });
            }
            let both: Vec<_> = train.intersection(&val).copied().collect();
            if !both.is_empty() {
                return Err(SplitsError::Overlap {
                    fold,
                    cases: names(both),
                });
            }
            if train.is_empty() {
                return Err(SplitsError::NoTraining { fold });
            }
        }
        Ok(())
    }

    /// All folds.
    #[must_use]
    pub fn folds(&self) -> &[Split] {
        &self.0
    }

    /// One fold; for [`Fold::All`] every case on both sides.
    ///
    /// nnU-Net answers a fold that does not exist with a random split of 80:20; here it is an
    /// error, because a typing mistake would silently train on other cases.
    ///
    /// # Errors
    ///
    /// [`SplitsError::MissingFold`] names the folds that exist.
    pub fn fold(&self, fold: Fold, cases: &[CaseId]) -> Result<Split, SplitsError> {
        match fold {
            Fold::All => Ok(Split {
                train: cases.to_vec(),
                val: cases.to_vec(),
            }),
            Fold::Index(index) => self.0.get(index).cloned().ok_or(SplitsError::MissingFold {
                fold: index,
                last: self.0.len().saturating_sub(1),
            }),
        }
    }
}

fn unique<'a>(
    fold: usize,
    list: &'static str,
    cases: &'a [CaseId],
) -> Result<BTreeSet<&'a CaseId>, SplitsError> {
    let mut seen = BTreeSet::new();
    for case in cases {
        if !seen.insert(case) {
            return Err(SplitsError::Repeated {
                fold,
                list,
                case: case.to_string(),
            });
        }
    }
    Ok(seen)
}

#[derive(Serialize, Deserialize)]
struct SplitSchema {
    train: Vec<String>,
    val: Vec<String>,
}

#[cfg(test)]
mod tests;

//! What is scored: one label, or several labels taken as one region.
//!
//! Keys in `summary.json` are Python's text of an integer or a tuple: `1`, `(1, 2)`, `(1,)`.

use sarx_core::Label;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// One label, or a union of labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelOrRegion {
    /// Voxels with this label.
    Label(Label),
    /// Voxels with any of these labels.
    Region(Vec<Label>),
}

/// A key that is neither an integer nor a tuple of integers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{key:?} names no label or region; expected a form like 1, (1, 2) or (1,) with labels from 0 to 65535"
)]
pub struct LabelOrRegionError {
    /// What was found.
    pub key: String,
}

impl LabelOrRegion {
    /// The labels that belong to it.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        match self {
            Self::Label(label) => std::slice::from_ref(label),
            Self::Region(labels) => labels,
        }
    }

    /// Whether voxels with this label belong to it.
    #[must_use]
    #[inline]
    pub fn contains(&self, label: Label) -> bool {
        match self {
            Self::Label(own) => *own == label,
            Self::Region(labels) => labels.contains(&label),
        }
    }

    /// Whether it is plain background, which nnU-Net leaves out of `foreground_mean`.
    #[must_use]
    pub fn is_background(&self) -> bool {
        *self == Self::Label(0)
    }
}

impl fmt::Display for LabelOrRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "{label}"),
            Self::Region(labels) => {
                f.write_str("(")?;
                for (i, label) in labels.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{label}")?;
                }
                f.write_str(if labels.len() == 1 { ",)" } else { ")" })
            }
        }
    }
}

impl FromStr for LabelOrRegion {
    type Err = LabelOrRegionError;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        let error = || LabelOrRegionError {
            key: key.to_owned(),
        };
        let parse = |text: &str| text.trim().parse::<Label>().map_err(|_| error());
        let Some(inner) = key.strip_prefix('(').and_then(|k| k.strip_suffix(')')) else {
            return parse(key).map(Self::Label);
        };
        let inner = inner.strip_suffix(',').unwrap_or(inner);
        inner
            .split(',')
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self::Region)
    }
}

impl Serialize for LabelOrRegion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LabelOrRegion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        key.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_pythons_text_and_read_back() {
        for (region, key) in [
            (LabelOrRegion::Label(3), "3"),
            (LabelOrRegion::Region(vec![1]), "(1,)"),
            (LabelOrRegion::Region(vec![1, 2, 3]), "(1, 2, 3)"),
        ] {
            assert_eq!(region.to_string(), key);
            assert_eq!(key.parse(), Ok(region));
        }
    }

    #[test]
    fn other_keys_are_refused() {
        for bad in ["", "()", "(,)", "(1, x)", "-1", "65536", "(1"] {
            assert_eq!(
                bad.parse::<LabelOrRegion>(),
                Err(LabelOrRegionError {
                    key: bad.to_owned()
                })
            );
        }
    }
}

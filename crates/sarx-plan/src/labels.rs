//! What the numbers in a label map mean.
//!
//! nnU-Net knows two ways: *labels* (every voxel has one class; a softmax head per class,
//! background included) and *regions* (named unions of labels that may overlap; a sigmoid head
//! per region, background without a head). [`LabelScheme`] holds either and answers the same
//! questions for both.
//!
//! Source: nnU-Net v2 `utilities/label_handling/label_handling.py`, `LabelManager`.

mod error;

pub use error::LabelsError;

use sarx_core::Label;
use std::fmt;

/// The value of one entry of `labels` in dataset.json.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LabelValue {
    /// One label.
    One(Label),
    /// A union of labels.
    Union(Vec<Label>),
}

impl LabelValue {
    /// The labels that belong to it.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        match self {
            Self::One(label) => std::slice::from_ref(label),
            Self::Union(labels) => labels,
        }
    }

    /// Whether a voxel with this label belongs to it.
    #[must_use]
    pub fn contains(&self, label: Label) -> bool {
        self.labels().contains(&label)
    }

    fn is_background(&self) -> bool {
        !self.labels().is_empty() && self.labels().iter().all(|&label| label == 0)
    }
}

/// The key that nnU-Net uses in summary.json: `2`, `(1, 2, 3)`, `(1,)`.
impl fmt::Display for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(label) => write!(f, "{label}"),
            Self::Union(labels) if labels.len() == 1 => write!(f, "({},)", labels[0]),
            Self::Union(labels) => {
                let text: Vec<String> = labels.iter().map(Label::to_string).collect();
                write!(f, "({})", text.join(", "))
            }
        }
    }
}

/// A label or region with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its name in dataset.json.
    pub name: String,
    /// The labels that belong to it.
    pub value: LabelValue,
}

/// Labels, regions and the ignore label of a dataset, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelScheme {
    entries: Vec<Region>,
    all_labels: Vec<Label>,
    ignore: Option<Label>,
    regions: Option<Vec<Region>>,
    regions_class_order: Vec<Label>,
}

impl LabelScheme {
    /// Checks `labels` (in the order of the file) and `regions_class_order` of a dataset.json.
    ///
    /// Like nnU-Net, regions are used as soon as one entry is a list of more than one label;
    /// otherwise `regions_class_order` has no meaning. Stricter than nnU-Net in two points that
    /// nnU-Net only checks on demand or not at all: labels must be consecutive, and
    /// `regions_class_order` may hold declared labels only.
    ///
    /// # Errors
    ///
    /// [`LabelsError`] says which rule is broken and what the value must be.
    pub fn new(
        entries: Vec<(String, LabelValue)>,
        regions_class_order: Option<Vec<Label>>,
    ) -> Result<Self, LabelsError> {
        let entries: Vec<Region> = entries
            .into_iter()
            .map(|(name, value)| Region { name, value })
            .collect();
        check_names(&entries)?;
        check_background(&entries)?;
        let all_labels = all_labels(&entries);
        let ignore = checked_ignore(&entries, &all_labels)?;
        check_consecutive(&all_labels)?;
        if all_labels.len() < 2 {
            return Err(LabelsError::NoForeground);
        }
        let has_regions = entries
            .iter()
            .any(|e| matches!(&e.value, LabelValue::Union(l) if l.len() > 1));
        let (regions, order) = if has_regions {
            let (regions, order) = checked_regions(&entries, regions_class_order, &all_labels)?;
            (Some(regions), order)
        } else {
            (None, Vec::new())
        };
        Ok(Self {
            entries,
            all_labels,
            ignore,
            regions,
            regions_class_order: order,
        })
    }

    /// Number of entries in dataset.json, background and ignore included. The planner's memory
    /// estimate counts these.
    #[must_use]
    pub fn n_entries(&self) -> usize {
        self.entries.len()
    }

    /// All entries as declared, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Region] {
        &self.entries
    }

    /// Whether heads are regions (sigmoid) and not labels (softmax).
    #[must_use]
    pub fn has_regions(&self) -> bool {
        self.regions.is_some()
    }

    /// Every label but ignore, ascending, 0 included.
    #[must_use]
    pub fn all_labels(&self) -> &[Label] {
        &self.all_labels
    }

    /// Every label but background and ignore, ascending.
    #[must_use]
    pub fn foreground_labels(&self) -> &[Label] {
        &self.all_labels[1..]
    }

    /// The label of voxels without a reference.
    #[must_use]
    pub fn ignore_label(&self) -> Option<Label> {
        self.ignore
    }

    /// Whether a label map may hold this value.
    #[must_use]
    pub fn declares(&self, label: Label) -> bool {
        self.all_labels.binary_search(&label).is_ok() || self.ignore == Some(label)
    }

    /// What is scored and painted, in the order of the heads: the regions without background, or
    /// one entry per foreground label.
    #[must_use]
    pub fn foreground(&self) -> Vec<Region> {
        match &self.regions {
            Some(regions) => regions.clone(),
            None => self
                .foreground_labels()
                .iter()
                .map(|&label| Region {
                    name: self.name(label),
                    value: LabelValue::One(label),
                })
                .collect(),
        }
    }

    /// Foreground regions in the order of their heads; `None` where heads are labels.
    #[must_use]
    pub fn regions(&self) -> Option<&[Region]> {
        self.regions.as_deref()
    }

    /// The label each region's head paints, in the order of the heads; later ones paint over
    /// earlier ones. Empty where heads are labels.
    #[must_use]
    pub fn regions_class_order(&self) -> &[Label] {
        &self.regions_class_order
    }

    /// Number of network outputs: regions without background, or labels with background.
    #[must_use]
    pub fn n_heads(&self) -> usize {
        self.regions
            .as_ref()
            .map_or(self.all_labels.len(), Vec::len)
    }

    /// The declared name of a label; the number itself where only unions name it.
    #[must_use]
    pub fn name(&self, label: Label) -> String {
        self.entries
            .iter()
            .find(|entry| entry.value.labels() == [label])
            .map_or_else(|| label.to_string(), |entry| entry.name.clone())
    }
}

fn check_names(entries: &[Region]) -> Result<(), LabelsError> {
    for (at, entry) in entries.iter().enumerate() {
        if entries[..at]
            .iter()
            .any(|earlier| earlier.name == entry.name)
        {
            return Err(LabelsError::DuplicateName {
                name: entry.name.clone(),
            });
        }
        if entry.value.labels().is_empty() {
            return Err(LabelsError::EmptyRegion {
                name: entry.name.clone(),
            });
        }
    }
    Ok(())
}

fn check_background(entries: &[Region]) -> Result<(), LabelsError> {
    match entries
        .iter()
        .find(|entry| entry.name == "background")
        .map(|entry| &entry.value)
    {
        None => Err(LabelsError::NoBackground {
            found: entries.iter().map(|entry| entry.name.clone()).collect(),
        }),
        Some(LabelValue::Union(found)) => Err(LabelsError::BackgroundIsList {
            found: found.clone(),
        }),
        Some(&LabelValue::One(0)) => Ok(()),
        Some(&LabelValue::One(found)) => Err(LabelsError::BackgroundNotZero { found }),
    }
}

fn all_labels(entries: &[Region]) -> Vec<Label> {
    let mut labels: Vec<Label> = entries
        .iter()
        .filter(|entry| entry.name != "ignore")
        .flat_map(|entry| entry.value.labels().iter().copied())
        .collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

fn checked_ignore(entries: &[Region], all_labels: &[Label]) -> Result<Option<Label>, LabelsError> {
    let Some(entry) = entries.iter().find(|entry| entry.name == "ignore") else {
        return Ok(None);
    };
    let found = match &entry.value {
        LabelValue::One(label) => *label,
        LabelValue::Union(found) => {
            return Err(LabelsError::IgnoreIsList {
                found: found.clone(),
            });
        }
    };
    let expected = all_labels.last().map_or(0, |&label| u32::from(label) + 1);
    if u32::from(found) == expected {
        Ok(Some(found))
    } else {
        Err(LabelsError::IgnoreNotLast { expected, found })
    }
}

fn check_consecutive(all_labels: &[Label]) -> Result<(), LabelsError> {
    match all_labels.windows(2).find(|pair| pair[1] != pair[0] + 1) {
        None => Ok(()),
        Some(pair) => Err(LabelsError::NotConsecutive {
            missing: pair[0] + 1,
            found: all_labels.to_vec(),
        }),
    }
}

fn checked_regions(
    entries: &[Region],
    order: Option<Vec<Label>>,
    all_labels: &[Label],
) -> Result<(Vec<Region>, Vec<Label>), LabelsError> {
    let regions: Vec<Region> = entries
        .iter()
        .filter(|entry| entry.name != "ignore" && !entry.value.is_background())
        .cloned()
        .collect();
    let order = order.ok_or(LabelsError::NoRegionOrder {
        n_regions: regions.len(),
    })?;
    if order.len() != regions.len() {
        let (expected, found) = (regions.len(), order.len());
        return Err(LabelsError::RegionOrderLength { expected, found });
    }
    if let Some(&found) = order.iter().find(|label| !all_labels.contains(label)) {
        let declared = all_labels.to_vec();
        return Err(LabelsError::RegionOrderUndeclared { found, declared });
    }
    Ok((regions, order))
}

#[cfg(test)]
mod tests;

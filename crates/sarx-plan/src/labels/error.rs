//! Which rule of the labels is broken.

use sarx_core::Label;

/// `labels` or `regions_class_order` of dataset.json is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsError {
    /// No entry is called background.
    #[error("labels declare no \"background\" (they declare {}); add \"background\": 0", quoted(.found))]
    NoBackground {
        /// Names that are declared.
        found: Vec<String>,
    },
    /// Background is not 0.
    #[error("background is label {found}; it must be 0")]
    BackgroundNotZero {
        /// Its value.
        found: Label,
    },
    /// Background is a list.
    #[error("background is the list {found:?}; it must be the single number 0")]
    BackgroundIsList {
        /// Its value.
        found: Vec<Label>,
    },
    /// The ignore label is a list.
    #[error("the ignore label is the list {found:?}; it must be a single number")]
    IgnoreIsList {
        /// Its value.
        found: Vec<Label>,
    },
    /// The ignore label is not the one after the highest label.
    #[error("the ignore label is {found}; it must be {expected}, one more than the highest label")]
    IgnoreNotLast {
        /// What it must be.
        expected: u32,
        /// What it is.
        found: Label,
    },
    /// A region without labels.
    #[error("label {name:?} is an empty list; a region needs at least one label")]
    EmptyRegion {
        /// Name of the region.
        name: String,
    },
    /// There are regions but no order to paint them in.
    #[error(
        "labels declare {n_regions} regions but regions_class_order is missing; list one label per region"
    )]
    NoRegionOrder {
        /// Number of regions without background.
        n_regions: usize,
    },
    /// The order has another length than the list of regions.
    #[error(
        "regions_class_order holds {found} labels for {expected} regions; list one label per region"
    )]
    RegionOrderLength {
        /// Number of regions without background.
        expected: usize,
        /// Length of the order.
        found: usize,
    },
    /// The order paints a label that is not declared.
    #[error("regions_class_order holds {found}; declared labels are {declared:?}")]
    RegionOrderUndeclared {
        /// The label.
        found: Label,
        /// All declared labels.
        declared: Vec<Label>,
    },
    /// A number is skipped.
    #[error(
        "labels {found:?} are not consecutive: {missing} is missing; they must be 0, 1, 2, ..."
    )]
    NotConsecutive {
        /// The first number that is skipped.
        missing: Label,
        /// All declared labels.
        found: Vec<Label>,
    },
    /// One name is declared twice.
    #[error("label {name:?} is declared twice")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Only background is declared.
    #[error("labels declare only background; there is nothing to segment")]
    NoForeground,
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

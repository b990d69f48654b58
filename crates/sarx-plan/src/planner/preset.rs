//! The constants that tell planners apart.

use crate::plans::Network;

/// Everything a planner decides by itself; the rest follows from the data.
///
/// The size of a network at work is measured as nnU-Net does: in numbers of feature map voxels
/// of one patch, not in bytes. A *reference* is the size that fits into `reference_memory_gb`
/// at the reference batch size.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Short name, as on the command line.
    pub name: &'static str,
    /// Name of the plans, and stem of their file.
    pub plans_name: String,
    /// Class name of the planner on file.
    pub planner_class: &'static str,
    /// Which network.
    pub network: Network,
    /// Features at full resolution; they double with each stage.
    pub base_features: usize,
    /// Limit of the features of a 2D network.
    pub max_features_2d: usize,
    /// Limit of the features of a 3D network.
    pub max_features_3d: usize,
    /// Convolutions or blocks of each encoder stage; the last entry repeats.
    pub n_per_encoder_stage: &'static [usize],
    /// Convolutions of each decoder stage.
    pub n_per_decoder_stage: usize,
    /// Feature map voxels of one 2D patch at `reference_memory_gb` and a batch of 12.
    pub reference_2d: f64,
    /// Feature map voxels of one 3D patch at `reference_memory_gb` and a batch of 2.
    pub reference_3d: f64,
    /// Memory that the references stand for, GB.
    pub reference_memory_gb: f64,
    /// Memory to plan for, GB; scales the references.
    pub memory_gb: f64,
    /// Largest part of the dataset's voxels that one batch may hold.
    pub max_dataset_covered: f64,
    /// Whether the patch may grow until a batch of the smallest size, 2, fills the memory. The
    /// residual presets instead stop at the reference itself.
    pub patch_for_smallest_batch: bool,
    /// Whether 2d and 3d_fullres use the preprocessed cases of nnU-Net's default plans, which
    /// are the same, whatever these plans are called.
    pub shares_default_cases: bool,
    /// Target spacing of 3d_fullres in the axis order of the files, mm, instead of the rule.
    pub target_spacing_mm: Option<[f64; 3]>,
    /// Leave the axes in the order of the files.
    pub suppress_transpose: bool,
}

/// Reference batch sizes of all presets.
pub(super) const REFERENCE_BATCH_2D: f64 = 12.0;
pub(super) const REFERENCE_BATCH_3D: f64 = 2.0;
/// Smallest batch of all presets.
pub(super) const MIN_BATCH: f64 = 2.0;

impl Preset {
    /// nnU-Net's default planner.
    ///
    /// Source: nnU-Net v2 `default_experiment_planner.py`, `ExperimentPlanner`.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            name: "plain",
            plans_name: "nnUNetPlans".to_owned(),
            planner_class: "ExperimentPlanner",
            network: Network::PlainConvUnet,
            base_features: 32,
            max_features_2d: 512,
            max_features_3d: 320,
            n_per_encoder_stage: &[2],
            n_per_decoder_stage: 2,
            reference_2d: 85e6,
            reference_3d: 560e6,
            reference_memory_gb: 8.0,
            memory_gb: 8.0,
            max_dataset_covered: 0.05,
            patch_for_smallest_batch: true,
            shares_default_cases: false,
            target_spacing_mm: None,
            suppress_transpose: false,
        }
    }

    /// nnU-Net's first planner for residual encoders: 8 GB, and the default planner's limit of 5 %
    /// of the dataset per batch. Its successor is [`Preset::resenc_m`].
    ///
    /// Source: nnU-Net v2 `resencUNet_planner.py`, `ResEncUNetPlanner`.
    #[must_use]
    pub fn resenc() -> Self {
        Self {
            name: "resenc",
            plans_name: "nnUNetResEncUNetPlans".to_owned(),
            planner_class: "ResEncUNetPlanner",
            max_dataset_covered: 0.05,
            ..Self::resenc_m()
        }
    }

    /// The residual encoder for 8 GB.
    ///
    /// Source: nnU-Net v2 `residual_encoder_unet_planners.py`, `nnUNetPlannerResEncM`.
    #[must_use]
    pub fn resenc_m() -> Self {
        Self {
            name: "resenc-m",
            plans_name: "nnUNetResEncUNetMPlans".to_owned(),
            planner_class: "nnUNetPlannerResEncM",
            network: Network::ResidualEncoderUnet,
            n_per_encoder_stage: &[1, 3, 4, 6],
            n_per_decoder_stage: 1,
            reference_2d: 135e6,
            reference_3d: 680e6,
            max_dataset_covered: 1.0,
            patch_for_smallest_batch: false,
            shares_default_cases: true,
            ..Self::plain()
        }
    }

    /// The residual encoder for 24 GB.
    ///
    /// Source: nnU-Net v2 `residual_encoder_unet_planners.py`, `nnUNetPlannerResEncL`.
    #[must_use]
    pub fn resenc_l() -> Self {
        Self {
            name: "resenc-l",
            plans_name: "nnUNetResEncUNetLPlans".to_owned(),
            planner_class: "nnUNetPlannerResEncL",
            reference_2d: 380e6,
            reference_3d: 2100e6,
            reference_memory_gb: 24.0,
            memory_gb: 24.0,
            ..Self::resenc_m()
        }
    }

    /// The residual encoder for 40 GB.
    ///
    /// Source: nnU-Net v2 `residual_encoder_unet_planners.py`, `nnUNetPlannerResEncXL`.
    #[must_use]
    pub fn resenc_xl() -> Self {
        Self {
            name: "resenc-xl",
            plans_name: "nnUNetResEncUNetXLPlans".to_owned(),
            planner_class: "nnUNetPlannerResEncXL",
            reference_2d: 560e6,
            reference_3d: 3600e6,
            reference_memory_gb: 40.0,
            memory_gb: 40.0,
            ..Self::resenc_m()
        }
    }

    /// Our own preset for machines without a GPU: the plain U-Net with a quarter of the features
    /// (8 to 80) and a reference of 16 million feature map voxels, a thirty-fifth of the default.
    ///
    /// On sarcoma-like grids (slices of 3 to 7 mm) that gives patches from about 16x64x64 to
    /// 24x96x96. The 2D reference makes a step as much work as one in 3D: 12 patches of it are as
    /// large as 2 of the 3D reference.
    #[must_use]
    pub fn small() -> Self {
        let reference_3d = 16e6;
        Self {
            name: "small",
            plans_name: "sarxSmallPlans".to_owned(),
            planner_class: "SarxSmallPlanner",
            base_features: 8,
            max_features_2d: 80,
            max_features_3d: 80,
            reference_2d: reference_3d * REFERENCE_BATCH_3D / REFERENCE_BATCH_2D,
            reference_3d,
            reference_memory_gb: 1.0,
            memory_gb: 1.0,
            shares_default_cases: true,
            ..Self::plain()
        }
    }

    /// All presets.
    #[must_use]
    pub fn all() -> [Self; 6] {
        [
            Self::plain(),
            Self::resenc(),
            Self::resenc_m(),
            Self::resenc_l(),
            Self::resenc_xl(),
            Self::small(),
        ]
    }

    pub(super) fn reference(&self, n_axes: usize) -> f64 {
        let reference = if n_axes == 2 {
            self.reference_2d
        } else {
            self.reference_3d
        };
        reference * (self.memory_gb / self.reference_memory_gb)
    }

    pub(super) fn reference_batch(n_axes: usize) -> f64 {
        if n_axes == 2 {
            REFERENCE_BATCH_2D
        } else {
            REFERENCE_BATCH_3D
        }
    }

    /// Whether a patch with this estimate must shrink.
    pub(super) fn is_too_large(&self, estimate: f64, n_axes: usize) -> bool {
        let at_batch = if self.patch_for_smallest_batch {
            estimate / Self::reference_batch(n_axes) * MIN_BATCH
        } else {
            estimate
        };
        at_batch > self.reference(n_axes)
    }

    pub(super) fn data_identifier(&self, configuration: &str) -> String {
        let shared = self.shares_default_cases && configuration != "3d_lowres";
        let plans_name = if shared {
            "nnUNetPlans"
        } else {
            &self.plans_name
        };
        format!("{plans_name}_{configuration}")
    }

    pub(super) fn features(&self, n_stages: usize, n_axes: usize) -> Vec<usize> {
        let max = if n_axes == 2 {
            self.max_features_2d
        } else {
            self.max_features_3d
        };
        let double = |f: &usize| Some(f.saturating_mul(2));
        std::iter::successors(Some(self.base_features), double)
            .map(|features| features.min(max))
            .take(n_stages)
            .collect()
    }

    pub(super) fn n_per_stage(&self, n_stages: usize) -> Vec<usize> {
        let last = self.n_per_encoder_stage.last().copied().unwrap_or(1);
        let list = self.n_per_encoder_stage.iter().copied();
        list.chain(std::iter::repeat(last)).take(n_stages).collect()
    }
}

//! A model of a few hundred weights as nnU-Net would have written it, to be damaged at will.

use sarx_core::Silent;
use sarx_model::nnunet::{
    DEFAULT_TRAINER, ExportRequest, ExportedFold, TrainingRecord, export_model,
};
use sarx_model::{ModelError, ModelFolder, TrainingFacts, WeightsKind};
use sarx_nn::{DeviceChoice, NamedArray, Unet, WeightsFile};
use sarx_plan::{DatasetJson, Fold, Plans};
use sarx_torch::{PickleDict, PickleValue, TorchArchive, TorchArchiveWriter};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

pub(crate) const CONFIGURATION: &str = "3d_fullres";

/// A folder that vanishes with the test.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A model of sarx with folds 0 (final and best) and all (final), and the same for nnU-Net.
    pub(crate) fn new() -> Self {
        Self::of(&plans(), CONFIGURATION)
    }

    /// The same of other plans.
    pub(crate) fn of(plans: &Value, configuration: &str) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let plans = Plans::from_json(plans.as_object().unwrap().clone()).unwrap();
        let dataset_path = bench.path("dataset.json");
        std::fs::write(&dataset_path, dataset().to_string()).unwrap();
        let dataset = DatasetJson::read(&dataset_path).unwrap();
        let facts = TrainingFacts {
            slice_axes: BTreeMap::from([("axial".to_owned(), 2)]),
            mirror_axes: None,
        };
        let model =
            ModelFolder::create(&bench.path("ours"), &plans, &dataset, configuration, facts)
                .unwrap();
        std::fs::write(bench.path("ours/dataset_fingerprint.json"), "{}").unwrap();
        for (seed, (fold, kind)) in weights().into_iter().enumerate() {
            let unet = model
                .unet_config()
                .init(&DeviceChoice::Cpu.inference(), seed as u64 + 1)
                .unwrap();
            bench.write_weights(&model, fold, kind, unet.named_parameters());
        }
        bench.export(&model, "theirs", DEFAULT_TRAINER);
        bench
    }

    fn write_weights(
        &self,
        model: &ModelFolder,
        fold: Fold,
        kind: WeightsKind,
        arrays: Vec<NamedArray>,
    ) {
        let path = model.weights_path(fold, kind);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = WeightsFile {
            arrays,
            metadata: BTreeMap::new(),
        };
        std::fs::write(path, file.to_bytes().unwrap()).unwrap();
    }

    pub(crate) fn export(&self, model: &ModelFolder, out: &str, trainer_name: &str) {
        let folds: Vec<ExportedFold> = weights()
            .into_iter()
            .map(|(fold, kind)| ExportedFold {
                fold,
                kind,
                record: record(),
            })
            .collect();
        let request = ExportRequest {
            model,
            folds: &folds,
            trainer_name,
            out: &self.path(out),
        };
        export_model(&request, &Silent).unwrap();
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(crate) fn open(&self, relative: &str) -> Result<ModelFolder, ModelError> {
        ModelFolder::open(&self.path(relative))
    }

    /// Loads fold 0 of the model that nnU-Net would have written.
    pub(crate) fn load(&self) -> Result<Unet, ModelError> {
        let device = DeviceChoice::Cpu.inference();
        self.open("theirs")?
            .load_fold(Fold::Index(0), WeightsKind::Final, &device)
    }

    /// The text of the error of [`Bench::load`], causes included.
    pub(crate) fn fault(&self) -> String {
        let error = self.load().expect_err("must be refused");
        let mut text = error.to_string();
        let mut next = std::error::Error::source(&error);
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        text
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.path("theirs/fold_0/checkpoint_final.pth")
    }

    /// Changes the checkpoint of fold 0. Tensors may be changed through the writer.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut PickleDict, &mut TorchArchiveWriter)) {
        edit(&self.checkpoint(), change);
    }

    pub(crate) fn edit_json(&self, relative: &str, change: impl FnOnce(&mut Value)) {
        let path = self.path(relative);
        let mut document = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut document);
        std::fs::write(path, document.to_string()).unwrap();
    }
}

/// Reads a checkpoint, changes it, writes it again. Tensors that shared numbers still do.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut PickleDict, &mut TorchArchiveWriter)) {
    let mut archive = TorchArchive::open(File::open(path).unwrap()).unwrap();
    let PickleValue::Dict(mut content) = archive.value().unwrap() else {
        panic!("a checkpoint is a dictionary")
    };
    let mut writer = TorchArchiveWriter::new();
    let mut known = BTreeMap::new();
    let weights = content.get("network_weights").unwrap().as_dict().unwrap();
    let mut copied = PickleDict::default();
    for (key, value) in weights.iter() {
        let tensor = value.as_tensor().unwrap();
        let copy = known.entry(tensor.storage.key.clone()).or_insert_with(|| {
            let values = archive.floats(tensor).unwrap();
            writer.tensor(&tensor.shape, values).unwrap()
        });
        copied.insert(key.as_str().unwrap(), copy.clone());
    }
    content.insert("network_weights", copied);
    change(&mut content, &mut writer);
    write_archive(path, &content.into(), &writer);
}

pub(crate) fn write_archive(path: &Path, value: &PickleValue, writer: &TorchArchiveWriter) {
    let mut out = std::io::Cursor::new(Vec::new());
    writer.write("checkpoint_final", value, &mut out).unwrap();
    std::fs::write(path, out.into_inner()).unwrap();
}

/// Changes `network_weights`.
pub(crate) fn weights_of(content: &mut PickleDict, change: impl FnOnce(&mut PickleDict)) {
    let Some(PickleValue::Dict(mut weights)) = content.remove("network_weights") else {
        panic!("there are weights")
    };
    change(&mut weights);
    content.insert("network_weights", weights);
}

pub(crate) fn weights() -> Vec<(Fold, WeightsKind)> {
    vec![
        (Fold::Index(0), WeightsKind::Final),
        (Fold::Index(0), WeightsKind::Best),
        (Fold::All, WeightsKind::Final),
    ]
}

pub(crate) fn record() -> TrainingRecord {
    let logging = json!({"train_losses": [0.5, -0.25], "mean_fg_dice": [0.5, null]});
    TrainingRecord {
        n_epochs: Some(2),
        best_ema: Some(0.5),
        learning_rate: Some(0.005),
        logging: logging.as_object().unwrap().clone(),
    }
}

pub(crate) fn dataset() -> Value {
    json!({
        "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "tumour": 1},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    })
}

/// The same on slices: patches of 8 x 8 voxels, kernels with two axes.
pub(crate) fn plans_of_slices() -> Value {
    let mut plans = plans();
    let mut configuration = plans["configurations"][CONFIGURATION].take();
    for key in ["patch_size", "median_image_size_in_voxels", "spacing"] {
        drop_z(&mut configuration[key]);
    }
    let arguments = &mut configuration["architecture"]["arch_kwargs"];
    for key in ["kernel_sizes", "strides"] {
        let stages = arguments[key].as_array_mut().unwrap();
        stages.iter_mut().for_each(drop_z);
    }
    arguments["conv_op"] = "torch.nn.modules.conv.Conv2d".into();
    arguments["norm_op"] = "torch.nn.modules.instancenorm.InstanceNorm2d".into();
    plans["configurations"] = json!({"2d": configuration});
    plans
}

fn drop_z(axes: &mut Value) {
    axes.as_array_mut().unwrap().remove(0);
}

/// A residual encoder of three stages for patches of 4 x 8 x 8 voxels.
pub(crate) fn plans() -> Value {
    serde_json::from_str(include_str!("plans.json")).unwrap()
}

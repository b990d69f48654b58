//! Files that nnU-Net and PyTorch wrote.

use crate::bench::{Bench, CONFIGURATION, write_archive};
use sarx_core::Silent;
use sarx_model::nnunet::import_model;
use sarx_model::{ModelFolder, WeightsKind};
use sarx_nn::{DeviceChoice, Unet, WeightsFile, image_tensor};
use sarx_plan::Fold;
use sarx_torch::{PickleDict, PickleValue, TorchArchive, TorchArchiveWriter};
use serde_json::{Value, json};
use std::fs::File;

/// f32 sums over a few thousand terms in another order than PyTorch's.
const LOGITS_TOLERANCE: f64 = 1e-5;

#[test]
fn a_folder_of_nnunet_opens_in_place() {
    let Some(path) = sarx_testkit::shared("oracle/t1_axial/model") else {
        return;
    };
    let model = ModelFolder::open(&path).unwrap();
    let origin = model.manifest().origin.clone().unwrap();
    assert_eq!(origin.trainer_name, "nnUNetTrainerShort");
    assert_eq!(model.mirror_axes(), [0, 1, 2]);
    assert_eq!(model.configuration().name, CONFIGURATION);
    let record = model
        .training_record(Fold::Index(0), WeightsKind::Final)
        .unwrap()
        .unwrap();
    assert_eq!(record.n_epochs, Some(20));
    assert_eq!(record.logging.len(), 8);
    for list in record.logging.values() {
        assert_eq!(list.as_array().map(Vec::len), Some(20));
    }
    // NumPy scalars in the file: the best moving average is the best of its list.
    let ema = record.logging["ema_fg_dice"].as_array().unwrap();
    let best = ema.iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    assert_eq!(record.best_ema, Some(best));
    let bench = tempfile::tempdir().unwrap();
    let out = bench.path().join("model");
    import_model(&model, &out, &Silent).unwrap();
    let imported = ModelFolder::open(&out).unwrap();
    assert_eq!(
        network(&imported).named_parameters(),
        network(&model).named_parameters()
    );
}

fn network(model: &ModelFolder) -> Unet {
    let device = DeviceChoice::Cpu.inference();
    model
        .load_fold(Fold::Index(0), WeightsKind::Final, &device)
        .unwrap()
}

/// A folder of nnU-Net around a state dict that `torch.save` wrote.
fn folder_around(bench: &Bench, name: &str, folder: &std::path::Path) {
    let read = |ending: &str| File::open(folder.join(format!("{name}{ending}"))).unwrap();
    let arguments: Value = serde_json::from_reader(read(".json")).unwrap();
    bench.edit_json("theirs/dataset.json", |dataset| {
        dataset["labels"] = json!({"background": 0, "tumour": 1, "oedema": 2});
    });
    bench.edit_json("theirs/plans.json", |plans| {
        let configuration = &mut plans["configurations"][CONFIGURATION];
        configuration["patch_size"] = json!([8, 32, 32]);
        let architecture = &mut configuration["architecture"];
        let own = architecture["arch_kwargs"].as_object_mut().unwrap();
        for key in ["n_stages", "features_per_stage", "kernel_sizes", "strides"] {
            own[key] = arguments[key].clone();
        }
        own["n_conv_per_stage_decoder"] = arguments["decoder"].clone();
        own.remove("n_blocks_per_stage");
        let (class, depth) = match name {
            "plain" => ("PlainConvUNet", "n_conv_per_stage"),
            _ => ("ResidualEncoderUNet", "n_blocks_per_stage"),
        };
        own.insert(depth.to_owned(), arguments["blocks"].clone());
        architecture["network_class_name"] = class.into();
    });
    let mut archive = TorchArchive::open(read("_state_dict.pth")).unwrap();
    let value = archive.value().unwrap();
    let mut writer = TorchArchiveWriter::new();
    let weights: PickleDict = value
        .as_dict()
        .unwrap()
        .iter()
        .map(|(key, value)| {
            let tensor = value.as_tensor().unwrap();
            let values = archive.floats(tensor).unwrap();
            let copy = writer.tensor(&tensor.shape, values).unwrap();
            (key.as_str().unwrap(), copy)
        })
        .collect();
    let init: PickleDict = [("configuration", CONFIGURATION)].into_iter().collect();
    let mut content = PickleDict::default();
    content.insert("network_weights", weights);
    content.insert("init_args", init);
    content.insert("trainer_name", "nnUNetTrainer");
    content.insert("inference_allowed_mirroring_axes", PickleValue::None);
    write_archive(&bench.checkpoint(), &content.into(), &writer);
}

#[test]
fn state_dicts_of_torch_give_its_logits() {
    let Some(folder) = sarx_testkit::shared("oracle/network") else {
        return;
    };
    for name in ["plain", "resenc"] {
        let bench = Bench::new();
        folder_around(&bench, name, &folder);
        let unet = bench.load().unwrap();
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).unwrap();
        let tensors = WeightsFile::from_bytes(&bytes).unwrap().arrays;
        let tensor = |name: &str| tensors.iter().find(|array| array.name == name).unwrap();
        let input = tensor("input");
        let shape = input.shape.clone().try_into().unwrap();
        let device = DeviceChoice::Cpu.inference();
        let logits = unet.forward(image_tensor(input.values.clone(), shape, &device));
        let found: Vec<f32> = logits.into_data().try_into_vec().unwrap();
        let expected = &tensor("logits.0").values;
        let square = |value: f32| f64::from(value).powi(2);
        let error: f64 = found.iter().zip(expected).map(|(f, e)| square(f - e)).sum();
        let norm: f64 = expected.iter().map(|&e| square(e)).sum();
        let relative = (error / norm).sqrt();
        assert!(relative <= LOGITS_TOLERANCE, "{name}: {relative}");
    }
}

//! Out to nnU-Net and in again.

use crate::bench::{Bench, edit, plans_of_slices, record, weights, weights_of};
use sarx_core::Silent;
use sarx_model::nnunet::import_model;
use sarx_model::{
    ModelError, ModelFolder, PretrainedWeights, TrainingFacts, WeightsFormat, WeightsKind,
};
use sarx_nn::{DeviceChoice, NamedArray};
use sarx_plan::Fold;
use sarx_torch::{PickleDict, PickleValue, TorchArchive};
use std::fs::File;

fn parameters(model: &ModelFolder, fold: Fold, kind: WeightsKind) -> Vec<NamedArray> {
    let device = DeviceChoice::Cpu.inference();
    model
        .load_fold(fold, kind, &device)
        .unwrap()
        .named_parameters()
}

#[test]
fn weights_survive_export_and_import_bit_for_bit() {
    let bench = Bench::new();
    let theirs = bench.open("theirs").unwrap();
    assert_eq!(theirs.weights_format(), WeightsFormat::Torch);
    import_model(&theirs, &bench.path("again"), &Silent).unwrap();
    let (ours, again) = (bench.open("ours").unwrap(), bench.open("again").unwrap());
    assert_eq!(again.weights_format(), WeightsFormat::Safetensors);
    assert_eq!(theirs.all_weights().unwrap(), weights());
    assert_eq!(again.all_weights().unwrap(), weights());
    for (fold, kind) in weights() {
        let expected = parameters(&ours, fold, kind);
        assert_eq!(parameters(&theirs, fold, kind), expected);
        assert_eq!(parameters(&again, fold, kind), expected);
        assert_eq!(again.training_record(fold, kind).unwrap(), Some(record()));
    }
    assert_eq!(again.plans(), ours.plans());
    assert_eq!(again.manifest().plans_hash, ours.manifest().plans_hash);
    assert!(bench.path("again/dataset_fingerprint.json").exists());
}

#[test]
fn an_export_of_an_import_is_the_same_file() {
    let bench = Bench::new();
    let theirs = bench.open("theirs").unwrap();
    import_model(&theirs, &bench.path("again"), &Silent).unwrap();
    bench.export(&bench.open("again").unwrap(), "out", "nnUNetTrainer");
    for file in [
        "fold_0/checkpoint_final.pth",
        "fold_all/checkpoint_final.pth",
        "plans.json",
    ] {
        let read = |folder: &str| std::fs::read(bench.path(folder).join(file)).unwrap();
        assert_eq!(read("theirs"), read("out"), "{file}");
    }
}

#[test]
fn a_checkpoint_has_what_nnunet_reads() {
    let bench = Bench::new();
    let mut archive = TorchArchive::open(File::open(bench.checkpoint()).unwrap()).unwrap();
    let value = archive.value().unwrap();
    let content = value.as_dict().unwrap();
    let keys: Vec<&str> = content.iter().filter_map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "network_weights",
            "optimizer_state",
            "grad_scaler_state",
            "logging",
            "_best_ema",
            "current_epoch",
            "init_args",
            "trainer_name",
            "inference_allowed_mirroring_axes"
        ]
    );
    let dict = |key: &str| content.get(key).unwrap().as_dict().unwrap();
    let arguments = dict("init_args");
    assert_eq!(arguments.get("fold"), Some(&0i64.into()));
    assert_eq!(
        arguments.get("configuration").unwrap().as_str(),
        Some("3d_fullres")
    );
    assert!(
        arguments
            .get("plans")
            .unwrap()
            .as_dict()
            .unwrap()
            .get("configurations")
            .is_some()
    );
    assert!(
        matches!(arguments.get("device"), Some(PickleValue::Device(device)) if device.kind == "cpu")
    );
    let axes = [0i64, 1, 2].map(PickleValue::Int).to_vec();
    assert_eq!(
        content.get("inference_allowed_mirroring_axes"),
        Some(&PickleValue::Tuple(axes))
    );
    let dice = dict("logging")
        .get("mean_fg_dice")
        .unwrap()
        .as_items()
        .unwrap();
    assert!(dice[1].as_f64().unwrap().is_nan());
    let groups = dict("optimizer_state")
        .get("param_groups")
        .unwrap()
        .as_items()
        .unwrap();
    let group = groups[0].as_dict().unwrap();
    let model = bench.open("ours").unwrap();
    let n_parameters = model.unet_config().parameter_shapes().len();
    assert_eq!(
        group.get("params").unwrap().as_items().unwrap().len(),
        n_parameters
    );
    assert_eq!(group.get("lr").unwrap().as_f64(), Some(0.005));
}

#[test]
fn networks_on_slices_have_kernels_of_two_axes_on_the_other_side() {
    let bench = Bench::of(&plans_of_slices(), "2d");
    let mut archive = TorchArchive::open(File::open(bench.checkpoint()).unwrap()).unwrap();
    let value = archive.value().unwrap();
    let content = value.as_dict().unwrap();
    let tensors = content.get("network_weights").unwrap().as_dict().unwrap();
    let shape = |key: &str| tensors.get(key).unwrap().as_tensor().unwrap().shape.clone();
    assert_eq!(
        shape("encoder.stages.2.blocks.0.conv1.conv.weight"),
        [4, 3, 3, 3]
    );
    assert_eq!(shape("decoder.transpconvs.0.weight"), [4, 3, 2, 2]);
    assert_eq!(shape("decoder.seg_layers.1.weight"), [2, 2, 1, 1]);
    let axes = [0i64, 1].map(PickleValue::Int).to_vec();
    assert_eq!(
        content.get("inference_allowed_mirroring_axes"),
        Some(&PickleValue::Tuple(axes))
    );
    let (ours, theirs) = (bench.open("ours").unwrap(), bench.open("theirs").unwrap());
    assert_eq!(
        (theirs.patch(), theirs.mirror_axes()),
        ([1, 8, 8], vec![1, 2])
    );
    for (fold, kind) in weights() {
        assert_eq!(
            parameters(&theirs, fold, kind),
            parameters(&ours, fold, kind)
        );
    }
    import_model(&theirs, &bench.path("again"), &Silent).unwrap();
    assert_eq!(bench.open("again").unwrap().mirror_axes(), [1, 2]);
    // As weights to begin from.
    let begin = PretrainedWeights::read(&bench.path("theirs/fold_0")).unwrap();
    assert_eq!(begin.path, bench.checkpoint());
    assert_eq!(
        begin.arrays,
        parameters(&ours, Fold::Index(0), WeightsKind::Final)
    );
}

#[test]
fn mirroring_is_what_the_first_fold_allows() {
    let bench = Bench::new();
    assert_eq!(bench.open("ours").unwrap().mirror_axes(), [0, 1, 2]);
    assert_eq!(bench.open("theirs").unwrap().mirror_axes(), [0, 1, 2]);
    let axes = |value: PickleValue| {
        bench.edit(|content, _| content.insert("inference_allowed_mirroring_axes", value));
        bench.open("theirs").map(|model| model.mirror_axes())
    };
    assert_eq!(axes(PickleValue::None).unwrap(), [0; 0]);
    assert_eq!(
        axes(PickleValue::Tuple(vec![2i64.into(), 1i64.into()])).unwrap(),
        [1, 2]
    );
    let four = axes(PickleValue::Tuple(vec![3i64.into()]));
    assert!(matches!(
        four,
        Err(ModelError::MirroringAxis {
            axis: 3,
            n_axes: 3,
            ..
        })
    ));
    let twice = axes(PickleValue::List(vec![1i64.into(), 1i64.into()]));
    assert!(matches!(twice, Err(ModelError::Checkpoint { .. })));
    assert!(axes("xyz".into()).is_err());
    bench.edit(|content, _| drop(content.remove("inference_allowed_mirroring_axes")));
    let model = bench.open("theirs").unwrap();
    assert_eq!(model.mirror_axes(), [0; 0]);
    // And it survives the import.
    import_model(&model, &bench.path("again"), &Silent).unwrap();
    assert_eq!(bench.open("again").unwrap().mirror_axes(), [0; 0]);
}

#[test]
fn wrapped_names_and_lone_aliases_are_understood() {
    let bench = Bench::new();
    let expected = parameters(
        &bench.open("ours").unwrap(),
        Fold::Index(0),
        WeightsKind::Final,
    );
    bench.edit(|content, _| {
        weights_of(content, |weights| {
            let renamed: PickleDict = weights
                .iter()
                .filter(|(key, _)| {
                    key.as_str().unwrap().contains("all_modules")
                        || !key.as_str().unwrap().contains(".conv.")
                })
                .map(|(key, value)| {
                    (
                        format!("module._orig_mod.{}", key.as_str().unwrap()),
                        value.clone(),
                    )
                })
                .collect();
            *weights = renamed;
        });
    });
    assert_eq!(bench.load().unwrap().named_parameters(), expected);
}

#[test]
fn plans_of_older_releases_are_converted() {
    let bench = Bench::new();
    bench.edit_json("theirs/plans.json", |plans| {
        let configuration = plans["configurations"]["3d_fullres"]
            .as_object_mut()
            .unwrap();
        let arguments = configuration.remove("architecture").unwrap()["arch_kwargs"].clone();
        for (old, new) in [
            ("n_conv_per_stage_encoder", "n_blocks_per_stage"),
            ("n_conv_per_stage_decoder", "n_conv_per_stage_decoder"),
            ("pool_op_kernel_sizes", "strides"),
            ("conv_kernel_sizes", "kernel_sizes"),
        ] {
            configuration.insert(old.to_owned(), arguments[new].clone());
        }
        configuration.insert("UNet_class_name".to_owned(), "ResidualEncoderUNet".into());
        configuration.insert("UNet_base_num_features".to_owned(), 2.into());
        configuration.insert("unet_max_num_features".to_owned(), 4.into());
        configuration.insert("num_pool_per_axis".to_owned(), serde_json::json!([1, 2, 2]));
    });
    // Features are then 2, 4, 4: another network, so only the plans can be read.
    let model = bench.open("theirs").unwrap();
    assert_eq!(model.unet_config().features_per_stage, [2, 4, 4]);
    let error = bench.load().unwrap_err();
    assert!(matches!(error, ModelError::Weights { .. }), "{error}");
    bench.edit_json("theirs/plans.json", |plans| {
        plans["configurations"]["3d_fullres"]["UNet_class_name"] = "Generic_UNet".into();
    });
    let error = bench.open("theirs").unwrap_err().to_string();
    assert!(
        error.contains("Generic_UNet") && error.contains("PlainConvUNet"),
        "{error}"
    );
}

#[test]
fn only_the_best_weights_are_enough_to_know_a_model() {
    let bench = Bench::new();
    std::fs::remove_file(bench.checkpoint()).unwrap();
    std::fs::remove_dir_all(bench.path("theirs/fold_all")).unwrap();
    let model = bench.open("theirs").unwrap();
    assert_eq!(
        model.all_weights().unwrap(),
        [(Fold::Index(0), WeightsKind::Best)]
    );
    edit(&bench.path("theirs/fold_0/checkpoint_best.pth"), |_, _| {});
    assert!(!parameters(&model, Fold::Index(0), WeightsKind::Best).is_empty());
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let bench = Bench::new();
    let theirs = bench.open("theirs").unwrap();
    for out in ["ours", "theirs", "dataset.json"] {
        let error = import_model(&theirs, &bench.path(out), &Silent).unwrap_err();
        assert!(matches!(error, ModelError::NotEmpty { .. }), "{error}");
    }
    // Training the same plans into nnU-Net's folder would hide its weights.
    let (plans, dataset) = (theirs.plans(), theirs.dataset());
    let folder = bench.path("theirs");
    let error = ModelFolder::create(
        &folder,
        plans,
        dataset,
        "3d_fullres",
        TrainingFacts::default(),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("checkpoint of nnU-Net")
    );
    assert!(!folder.join("manifest.json").exists());
    std::fs::create_dir(bench.path("empty")).unwrap();
    import_model(&theirs, &bench.path("empty"), &Silent).unwrap();
}

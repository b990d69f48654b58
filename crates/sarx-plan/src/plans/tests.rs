//! Files of nnU-Net, inheritance, old forms and everything that must be refused.

use super::*;
use serde_json::json;
use std::path::PathBuf;

/// All plans files of the oracle.
fn oracle_files() -> Vec<PathBuf> {
    let Some(folder) = sarx_testkit::shared("oracle") else {
        return Vec::new();
    };
    let mut files = vec![
        folder.join("t1_axial/nnUNetPlans.json"),
        folder.join("t1_axial/nnUNetPlansSmall.json"),
        folder.join("t1_axial/model/plans.json"),
        folder.join("t1_axial_varied/model/plans.json"),
    ];
    for dataset in std::fs::read_dir(folder.join("plans")).unwrap() {
        for file in std::fs::read_dir(dataset.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .contains("Plans")
            {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn what_is_read_is_written_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("plans.json");
    for path in oracle_files() {
        let plans = Plans::read(&path).unwrap();
        plans.write(&copy).unwrap();
        let parse =
            |path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
        assert_eq!(parse(&path), parse(&copy), "{}", path.display());
        for name in plans.configuration_names() {
            plans.configuration(name).unwrap();
        }
    }
}

/// Equal with numbers by value: nnU-Net writes whole medians as integers now and then.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.keys().eq(b.keys()) && a.iter().all(|(key, value)| same(value, &b[key]))
        }
        (a, b) => a == b,
    }
}

#[test]
fn a_typed_configuration_turns_back_into_its_json() {
    for path in oracle_files()
        .into_iter()
        .filter(|path| path.ends_with("nnUNetPlans.json"))
    {
        let plans = Plans::read(&path).unwrap();
        for name in ["2d", "3d_fullres"] {
            let map = plans.configuration(name).unwrap().to_map().unwrap();
            let expected = &plans.to_json()["configurations"][name];
            assert!(
                same(expected, &Value::Object(map)),
                "{name} of {}",
                path.display()
            );
        }
    }
}

fn configuration() -> Value {
    let resampling = |is_seg, order: u8| json!({"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": null});
    let function = "resample_data_or_seg_to_shape";
    json!({
        "data_identifier": "nnUNetPlans_3d_fullres", "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2, "patch_size": [8, 16, 16],
        "median_image_size_in_voxels": [9.0, 20.5, 20.0], "spacing": [3.0, 1.0, 1.0],
        "normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [false],
        "resampling_fn_data": function, "resampling_fn_seg": function,
        "resampling_fn_data_kwargs": resampling(false, 3),
        "resampling_fn_seg_kwargs": resampling(true, 1),
        "resampling_fn_probabilities": function,
        "resampling_fn_probabilities_kwargs": resampling(false, 1),
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": 2, "features_per_stage": [8, 16],
                "conv_op": "torch.nn.modules.conv.Conv3d",
                "kernel_sizes": [[1, 3, 3], [3, 3, 3]], "strides": [[1, 1, 1], [1, 2, 2]],
                "n_conv_per_stage": [2, 2], "n_conv_per_stage_decoder": [2], "conv_bias": true,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": true},
                "dropout_op": null, "dropout_op_kwargs": null,
                "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": true}
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]
        },
        "batch_dice": false
    })
}

fn document(configurations: Value) -> Map<String, Value> {
    let document = json!({
        "dataset_name": "Dataset001_A", "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [3.0, 1.0, 1.0],
        "original_median_shape_after_transp": [9, 20, 20],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0],
        "configurations": configurations,
        "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": {
            "max": 9.0, "mean": 4.0, "median": 4.0, "min": 0.0,
            "percentile_00_5": 0.5, "percentile_99_5": 8.5, "std": 2.0
        }}
    });
    document.as_object().unwrap().clone()
}

fn plans(configurations: Value) -> Plans {
    Plans::from_json(document(configurations)).unwrap()
}

#[test]
fn plans_for_a_reader_that_turns_axes_are_refused() {
    let with = |name: &str| {
        let mut document = document(json!({}));
        document.insert("image_reader_writer".to_owned(), json!(name));
        Plans::from_json(document)
    };
    assert_eq!(
        with("NibabelIO").unwrap().image_reader().class_name(),
        "NibabelIO"
    );
    for name in ["NibabelIOWithReorient", "SimpleITKIOWithReorient", "MyIO"] {
        let error = with(name).unwrap_err();
        assert!(matches!(error, PlansError::Reader { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

fn error_of(plans: &Plans, name: &str) -> ConfigurationError {
    match plans.configuration(name).unwrap_err() {
        PlansError::Configuration { source, .. } => source,
        other => panic!("{other}"),
    }
}

/// The error after one value of a sound configuration was changed.
fn error_with(pointer: &str, value: Value) -> ConfigurationError {
    let mut broken = configuration();
    *broken.pointer_mut(pointer).unwrap() = value;
    error_of(&plans(json!({"3d_fullres": broken})), "3d_fullres")
}

#[test]
fn a_child_overlays_its_parents_keys() {
    let plans = plans(json!({
        "3d_fullres": configuration(),
        "bs4": {"inherits_from": "3d_fullres", "batch_size": 4},
        "cascade": {"inherits_from": "bs4", "previous_stage": "3d_lowres"},
    }));
    let cascade = plans.configuration("cascade").unwrap();
    assert_eq!(
        (cascade.batch_size, cascade.previous_stage.as_deref()),
        (4, Some("3d_lowres"))
    );
    assert_eq!(cascade.name, "cascade");
    assert_eq!(plans.configuration("3d_fullres").unwrap().batch_size, 2);
    assert_eq!(plans.foreground_intensities()[0].std, 2.0);
}

#[test]
fn circles_and_missing_parents_are_told() {
    let plans = plans(json!({
        "a": {"inherits_from": "b"}, "b": {"inherits_from": "a"}, "c": {"inherits_from": "x"},
    }));
    let ConfigurationError::InheritanceCycle { chain } = error_of(&plans, "a") else {
        panic!()
    };
    assert_eq!(chain, ["a", "b", "a"]);
    assert!(matches!(
        error_of(&plans, "c"),
        ConfigurationError::MissingParent { parent, .. } if parent == "x"
    ));
    let ConfigurationError::Missing { existing } = error_of(&plans, "2d") else {
        panic!()
    };
    assert_eq!(existing, ["a", "b", "c"]);
}

#[test]
fn names_that_sarx_does_not_have_are_told() {
    for (pointer, value) in [
        ("/architecture/network_class_name", "my.nets.SwinUNETR"),
        ("/architecture/arch_kwargs/norm_op", "torch.nn.BatchNorm3d"),
        ("/architecture/arch_kwargs/nonlin", "torch.nn.GELU"),
        (
            "/architecture/arch_kwargs/conv_op",
            "torch.nn.modules.conv.Conv2d",
        ),
        ("/normalization_schemes/0", "MyNormalization"),
        ("/resampling_fn_data", "resample_torch_fornnunet"),
        ("/resampling_fn_seg", "no_resampling_hack"),
        ("/preprocessor_name", "MyPreprocessor"),
    ] {
        match error_with(pointer, json!(value)) {
            ConfigurationError::UnknownName { found, .. } => assert_eq!(found, value),
            other => panic!("{pointer}: {other}"),
        }
    }
}

#[test]
fn values_out_of_range_are_told() {
    for (pointer, value, key) in [
        (
            "/architecture/arch_kwargs/strides/1",
            json!([1, 0, 2]),
            "strides",
        ),
        (
            "/architecture/arch_kwargs/kernel_sizes/1",
            json!([3, 2, 3]),
            "kernel_sizes",
        ),
        ("/spacing/0", json!(-1.0), "spacing"),
        ("/batch_size", json!(0), "batch_size"),
        (
            "/resampling_fn_data_kwargs/order",
            json!(9),
            "resampling_fn_data_kwargs order",
        ),
    ] {
        match error_with(pointer, value) {
            ConfigurationError::OutOfRange { key: found, .. } => assert_eq!(found, key),
            other => panic!("{pointer}: {other}"),
        }
    }
    for (pointer, value, key) in [
        (
            "/architecture/arch_kwargs/features_per_stage",
            json!([8]),
            "features_per_stage",
        ),
        (
            "/architecture/arch_kwargs/strides/1",
            json!([1, 2]),
            "strides",
        ),
        ("/use_mask_for_norm", json!([]), "use_mask_for_norm"),
        ("/spacing", json!([1.0]), "spacing"),
    ] {
        match error_with(pointer, value) {
            ConfigurationError::Length { key: found, .. } => assert_eq!(found, key),
            other => panic!("{pointer}: {other}"),
        }
    }
    let error = error_with("/patch_size", json!([8, 15, 16]));
    assert_eq!(
        error.to_string(),
        "patch_size of axis 1 is 15; it must be a multiple of the product of the strides"
    );
    let dropout = error_with(
        "/architecture/arch_kwargs/dropout_op",
        json!("torch.nn.Dropout3d"),
    );
    assert!(matches!(dropout, ConfigurationError::Unsupported { .. }));
}

#[test]
fn arguments_that_would_change_the_network_are_not_ignored() {
    let mut broken = configuration();
    broken["architecture"]["arch_kwargs"]["squeeze_excitation"] = json!(true);
    let error = error_of(&plans(json!({"a": broken})), "a");
    assert!(error.to_string().contains("squeeze_excitation"), "{error}");
}

#[test]
fn single_numbers_stand_for_all_stages() {
    let mut short = configuration();
    short["architecture"]["arch_kwargs"]["n_conv_per_stage"] = json!(2);
    short["architecture"]["arch_kwargs"]["strides"] = json!([1, [1, 2, 2]]);
    let expected = plans(json!({"a": configuration()}))
        .configuration("a")
        .unwrap();
    assert_eq!(
        plans(json!({"a": short})).configuration("a").unwrap(),
        expected
    );
}

#[test]
fn plans_without_architecture_are_converted() {
    let mut old = configuration();
    let map = old.as_object_mut().unwrap();
    map.remove("architecture");
    map.insert("UNet_class_name".to_owned(), json!("PlainConvUNet"));
    map.insert("UNet_base_num_features".to_owned(), json!(8));
    map.insert("unet_max_num_features".to_owned(), json!(12));
    map.insert("n_conv_per_stage_encoder".to_owned(), json!([2, 2]));
    map.insert("n_conv_per_stage_decoder".to_owned(), json!([2]));
    map.insert("num_pool_per_axis".to_owned(), json!([0, 1, 1]));
    map.insert(
        "pool_op_kernel_sizes".to_owned(),
        json!([[1, 1, 1], [1, 2, 2]]),
    );
    map.insert(
        "conv_kernel_sizes".to_owned(),
        json!([[1, 3, 3], [3, 3, 3]]),
    );
    let mut expected = plans(json!({"a": configuration()}))
        .configuration("a")
        .unwrap();
    expected.architecture.features_per_stage = vec![8, 12];
    assert_eq!(
        plans(json!({"a": old.clone()})).configuration("a").unwrap(),
        expected
    );
    old["UNet_class_name"] = json!("MyUNet");
    assert!(matches!(
        error_of(&plans(json!({"a": old})), "a"),
        ConfigurationError::UnknownName { found, .. } if found == "MyUNet"
    ));
}

#[test]
fn axis_orders_must_be_permutations_that_undo_each_other() {
    let mut broken = document(json!({}));
    broken["transpose_forward"] = json!([0, 0, 1]);
    let error = Plans::from_json(broken).unwrap_err();
    assert!(matches!(
        error,
        PlansError::NotPermutation {
            key: "transpose_forward",
            ..
        }
    ));
    let mut broken = document(json!({}));
    broken["transpose_backward"] = json!([2, 0, 1]);
    assert!(matches!(
        Plans::from_json(broken).unwrap_err(),
        PlansError::NotInverse { .. }
    ));
}

#[test]
fn planning_again_keeps_configurations_made_by_hand() {
    let older = plans(json!({"2d": {"old": 1}, "mine": {"inherits_from": "3d_fullres"}}));
    let mut newer = plans(json!({"2d": {"new": 1}, "3d_fullres": configuration()}));
    newer.keep_custom_configurations(&older);
    let names: Vec<&str> = newer.configuration_names().collect();
    assert_eq!(names, ["2d", "3d_fullres", "mine"]);
    assert_eq!(newer.to_json()["configurations"]["2d"], json!({"new": 1}));
}

#[test]
fn a_broken_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plans.json");
    std::fs::write(&path, "{\"dataset_name\": 3}").unwrap();
    let error = Plans::read(&path).unwrap_err();
    assert!(error.to_string().contains("plans.json"), "{error}");
    std::fs::write(&path, "{\n\n,").unwrap();
    assert!(
        Plans::read(&path)
            .unwrap_err()
            .to_string()
            .starts_with("line 3")
    );
}

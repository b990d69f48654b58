//! Every configuration of every plans file that nnU-Net wrote gives a network and a preprocessor.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sarx_model::{preprocess_spec, previous_labels, store_identity, unet_config};
use sarx_nn::EncoderKind;
use sarx_plan::{DatasetJson, Network, Plans};
use std::collections::BTreeMap;

const PRESETS: [&str; 4] = [
    "nnUNetPlans",
    "nnUNetResEncUNetMPlans",
    "nnUNetResEncUNetLPlans",
    "nnUNetResEncUNetXLPlans",
];

#[test]
fn networks_of_all_configurations() {
    let Some(root) = sarx_testkit::shared("oracle/plans") else {
        return;
    };
    let mut seen = BTreeMap::<String, usize>::new();
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        let dataset = DatasetJson::read(&folder.join("dataset.json")).unwrap();
        for preset in PRESETS {
            let plans = Plans::read(&folder.join(format!("{preset}.json"))).unwrap();
            for name in plans.configuration_names() {
                check(&plans, name, &dataset);
                *seen.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    for name in ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"] {
        assert!(seen.get(name).is_some_and(|&n| n > 0), "{name}: {seen:?}");
    }
}

fn check(plans: &Plans, name: &str, dataset: &DatasetJson) {
    let configuration = plans.configuration(name).unwrap();
    let unet = unet_config(&configuration, dataset).unwrap();
    preprocess_spec(plans, &configuration, dataset).unwrap();
    let labels = previous_labels(&configuration, dataset).unwrap();
    assert_eq!(unet.input_channels, dataset.n_channels() + labels.len());
    let is_cascade = name == "3d_cascade_fullres";
    // Labels, not regions, and neither background nor ignore.
    let foreground = dataset.labels().foreground_labels().len();
    assert_eq!(labels.len(), if is_cascade { foreground } else { 0 });
    let flat = |axes: &[usize; 3]| axes[0] == 1;
    if name == "2d" {
        assert!(unet.kernel_sizes.iter().all(flat) && unet.strides.iter().all(flat));
    }
    let is_residual = matches!(unet.encoder, EncoderKind::Residual { .. });
    let planned = configuration.architecture.network == Network::ResidualEncoderUnet;
    assert_eq!(is_residual, planned);
    // A cascade's cases are those of the configuration that it inherits from.
    let store = store_identity(plans, &configuration, dataset).unwrap();
    let expected = if is_cascade { "3d_fullres" } else { name };
    assert_eq!(store.configuration, expected);
}

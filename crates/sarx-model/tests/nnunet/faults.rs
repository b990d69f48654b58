//! What can be wrong with a model of nnU-Net: each a clear error that names the thing.

use crate::bench::{Bench, weights_of, write_archive};
use sarx_model::{ModelError, WeightsKind};
use sarx_nn::DeviceChoice;
use sarx_plan::Fold;
use sarx_torch::{GlobalName, PickleDict, PickleValue, TorchArchiveWriter, write_pickle};
use serde_json::json;

const HEAD: &str = "decoder.seg_layers.1.bias";
const UNIT: &str = "encoder.stages.2.blocks.0.conv1";

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn missing_extra_and_misshapen_tensors() {
    let bench = Bench::new();
    bench.edit(|content, _| weights_of(content, |w| drop(w.remove(HEAD))));
    has(&bench.fault(), &[HEAD, "missing", "checkpoint_final.pth"]);

    let bench = Bench::new();
    bench.edit(|content, writer| {
        let extra = writer.tensor(&[2], vec![0.0; 2]).unwrap();
        weights_of(content, |w| {
            w.insert(format!("{UNIT}.norm.running_mean"), extra)
        });
    });
    has(
        &bench.fault(),
        &[&format!("{UNIT}.norm.running_mean"), "does not belong"],
    );

    let bench = Bench::new();
    bench.edit(|content, writer| {
        let wide = writer.tensor(&[3], vec![0.0; 3]).unwrap();
        weights_of(content, |w| w.insert(HEAD, wide));
    });
    has(&bench.fault(), &[HEAD, "[3]", "[2]"]);

    let bench = Bench::new();
    bench.edit(|content, _| weights_of(content, |w| w.insert(HEAD, 7i64)));
    has(&bench.fault(), &[HEAD, "an integer"]);
}

#[test]
fn an_alias_with_other_numbers() {
    let bench = Bench::new();
    let alias = format!("decoder.{UNIT}.all_modules.1.weight");
    bench.edit(|content, writer| {
        let same = writer.tensor(&[4], vec![1.0; 4]).unwrap();
        weights_of(content, |w| w.insert(alias.clone(), same));
    });
    // The same numbers in another place are the same tensor.
    bench.load().unwrap();
    bench.edit(|content, writer| {
        let other = writer.tensor(&[4], vec![1.0, 1.0, 1.0, 1.5]).unwrap();
        weights_of(content, |w| w.insert(alias.clone(), other));
    });
    has(
        &bench.fault(),
        &[&alias, &format!("{UNIT}.norm.weight"), "other numbers"],
    );
}

#[test]
fn a_checkpoint_of_another_architecture() {
    let bench = Bench::new();
    bench.edit_json("theirs/plans.json", |plans| {
        let arguments = &mut plans["configurations"]["3d_fullres"]["architecture"];
        arguments["network_class_name"] = "a.b.PlainConvUNet".into();
        let arguments = &mut arguments["arch_kwargs"];
        arguments["n_conv_per_stage"] = json!([2, 2, 2]);
        arguments
            .as_object_mut()
            .unwrap()
            .remove("n_blocks_per_stage");
    });
    has(
        &bench.fault(),
        &["do not fit", "encoder.stages.0.0.convs.0.conv.weight"],
    );
}

#[test]
fn plans_that_name_what_is_not_known() {
    let bench = Bench::new();
    bench.edit_json("theirs/plans.json", |plans| {
        plans["configurations"]["3d_fullres"]["architecture"]["network_class_name"] =
            "nets.Primus".into();
    });
    has(
        &bench.fault(),
        &["nets.Primus", "PlainConvUNet", "3d_fullres"],
    );

    let bench = Bench::new();
    bench.edit_json("theirs/plans.json", |plans| {
        plans["configurations"]["3d_fullres"]["normalization_schemes"] =
            json!(["ZScoreNormalization", "HistogramNormalization"]);
    });
    has(
        &bench.fault(),
        &["HistogramNormalization", "normalization_schemes"],
    );

    let bench = Bench::new();
    bench.edit(|content, _| {
        let Some(PickleValue::Dict(mut arguments)) = content.remove("init_args") else {
            panic!("there are arguments")
        };
        arguments.insert("configuration", "3d_lowres");
        content.insert("init_args", arguments);
    });
    has(&bench.fault(), &["3d_lowres", "3d_fullres"]);
}

#[test]
fn a_wrong_number_of_channels() {
    let bench = Bench::new();
    bench.edit_json("theirs/dataset.json", |dataset| {
        dataset["channel_names"] = json!({"0": "T1"});
    });
    has(&bench.fault(), &["2 channels", "1"]);

    // Plans and dataset.json agree, the weights do not.
    bench.edit_json("theirs/plans.json", |plans| {
        let configuration = &mut plans["configurations"]["3d_fullres"];
        configuration["normalization_schemes"] = json!(["ZScoreNormalization"]);
        configuration["use_mask_for_norm"] = json!([false]);
    });
    has(
        &bench.fault(),
        &[
            "encoder.stem.convs.0.conv.weight",
            "[2, 2, 1, 3, 3]",
            "[2, 1, 1, 3, 3]",
        ],
    );
}

#[test]
fn folds_that_do_not_exist_and_folds_of_another_configuration() {
    let bench = Bench::new();
    let model = bench.open("theirs").unwrap();
    let device = DeviceChoice::Cpu.inference();
    let error = model
        .load_fold(Fold::Index(3), WeightsKind::Final, &device)
        .unwrap_err();
    has(&error.to_string(), &["fold 3", "0, all", "fold_3"]);
    crate::bench::edit(
        &bench.path("theirs/fold_all/checkpoint_final.pth"),
        |content, _| {
            let arguments: PickleDict = [("configuration", "2d")].into_iter().collect();
            content.insert("init_args", arguments);
        },
    );
    let error = model
        .load_fold(Fold::All, WeightsKind::Final, &device)
        .unwrap_err();
    assert!(matches!(error, ModelError::OtherConfiguration { .. }));
    has(&error.to_string(), &["\"2d\"", "\"3d_fullres\""]);
}

#[test]
fn checkpoints_that_are_none() {
    let bench = Bench::new();
    let whole = std::fs::read(bench.checkpoint()).unwrap();
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(bench.checkpoint(), &whole[..length]).unwrap();
        has(
            &bench.fault(),
            &["cannot be read", "checkpoint_final.pth", "zip"],
        );
    }
    std::fs::write(bench.checkpoint(), b"just text").unwrap();
    has(&bench.fault(), &["not a whole zip"]);
    let bare = write_pickle(&PickleDict::default().into()).unwrap();
    std::fs::write(bench.checkpoint(), bare).unwrap();
    has(&bench.fault(), &["bare pickle", "torch.save"]);
    let writer = TorchArchiveWriter::new();
    write_archive(&bench.checkpoint(), &3i64.into(), &writer);
    has(&bench.fault(), &["none of nnU-Net's", "an integer"]);
    write_archive(&bench.checkpoint(), &PickleDict::default().into(), &writer);
    has(&bench.fault(), &["none of nnU-Net's", "init_args"]);
}

#[test]
fn foreign_code_in_a_checkpoint() {
    let bench = Bench::new();
    let system = GlobalName {
        module: "os".into(),
        name: "system".into(),
    };
    bench.edit(|content, _| content.insert("epoch_hook", PickleValue::Global(Box::new(system))));
    has(
        &bench.fault(),
        &[
            "checkpoint_final.pth",
            "refused to run foreign code",
            "os.system",
            "nothing was run",
        ],
    );
}

#[test]
fn a_tensor_with_a_short_storage() {
    let bench = Bench::new();
    bench.edit(|content, writer| {
        let mut short = writer.tensor(&[1], vec![0.0]).unwrap();
        short.shape = vec![2];
        short.storage.count = 2;
        weights_of(content, |w| w.insert(HEAD, short));
    });
    has(&bench.fault(), &[HEAD, "holds 4 bytes", "says 8"]);
}

#[test]
fn weights_that_are_no_numbers_are_loaded() {
    // Prediction says so when the network's output is not finite.
    let bench = Bench::new();
    bench.edit(|content, writer| {
        let nan = writer.tensor(&[2], vec![f32::NAN; 2]).unwrap();
        weights_of(content, |w| w.insert(HEAD, nan));
    });
    let parameters = bench.load().unwrap().named_parameters();
    let head = parameters.iter().find(|array| array.name == HEAD).unwrap();
    assert!(head.values.iter().all(|value| value.is_nan()));
}

#[test]
fn half_a_thousand_mutated_checkpoints_never_panic() {
    let bench = Bench::new();
    let whole = std::fs::read(bench.checkpoint()).unwrap();
    let mut state = 7u64;
    let mut below = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % n
    };
    let mut n_refused = 0;
    for _ in 0..500 {
        let mut bytes = whole.clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            match below(3) {
                0 => bytes[at] = below(256) as u8,
                1 => drop(bytes.drain(at..(at + 8).min(whole.len()).min(bytes.len()))),
                _ => bytes.insert(at, below(256) as u8),
            }
        }
        std::fs::write(bench.checkpoint(), bytes).unwrap();
        n_refused += usize::from(bench.load().is_err());
    }
    assert!(n_refused > 250, "{n_refused}");
}

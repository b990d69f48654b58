//! Logits, loss and gradients against nnU-Net's own networks (shared/oracle/network).

use burn::module::Module;
use sarx_nn::{
    DeepSupervisionLoss, DeviceChoice, EncoderKind, LossConfig, NamedArray, OpPath, Target,
    TrainState, Unet, UnetConfig, WeightsFile, image_tensor, target_tensor,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// f32 sums over a few thousand terms in another order than PyTorch's.
const LOGITS_TOLERANCE: f64 = 1e-5;
const LOSS_TOLERANCE: f32 = 1e-5;
const GRADIENT_TOLERANCE: f64 = 1e-4;

struct Oracle {
    config: UnetConfig,
    tensors: BTreeMap<String, NamedArray>,
}

fn sizes(value: &Value) -> Vec<usize> {
    let list = value.as_array().expect("a list");
    list.iter()
        .map(|v| v.as_u64().expect("a size") as usize)
        .collect()
}

fn triples(value: &Value) -> Vec<[usize; 3]> {
    let list = value.as_array().expect("a list of lists").iter();
    list.map(|v| sizes(v).try_into().expect("three sizes"))
        .collect()
}

fn oracle(name: &str) -> Option<Oracle> {
    let folder = sarx_testkit::shared("oracle/network")?;
    let json = std::fs::read(folder.join(format!("{name}.json"))).expect("arguments");
    let json: Value = serde_json::from_slice(&json).expect("json");
    let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).expect("tensors");
    let file = WeightsFile::from_bytes(&bytes).expect("safetensors");
    let blocks = sizes(&json["blocks"]);
    let config = UnetConfig {
        input_channels: json["in_channels"].as_u64().expect("a number") as usize,
        n_heads: json["heads"].as_u64().expect("a number") as usize,
        features_per_stage: sizes(&json["features_per_stage"]),
        kernel_sizes: triples(&json["kernel_sizes"]),
        strides: triples(&json["strides"]),
        encoder: match name {
            "plain" => EncoderKind::Plain {
                n_conv_per_stage: blocks,
            },
            _ => EncoderKind::Residual {
                n_blocks_per_stage: blocks,
            },
        },
        n_conv_per_stage_decoder: sizes(&json["decoder"]),
        conv_bias: true,
        norm_epsilon: 1e-5,
        leaky_slope: 0.01,
    };
    let tensors = file
        .arrays
        .into_iter()
        .map(|array| (array.name.clone(), array))
        .collect();
    Some(Oracle { config, tensors })
}

impl Oracle {
    fn unet(&self, op_path: OpPath) -> Unet {
        let device = DeviceChoice::Cpu.training();
        let unet = self.config.init(&device, 0).expect("good configuration");
        let with_prefix = self.tensors.iter().filter_map(|(name, array)| {
            let name = name.strip_prefix("weights.")?.to_owned();
            Some(NamedArray {
                name,
                ..array.clone()
            })
        });
        let unet = unet
            .with_parameters(with_prefix.collect())
            .expect("nnU-Net's names and shapes");
        unet.with_op_path(op_path)
    }

    fn image(&self) -> sarx_nn::Tensor<5> {
        let input = &self.tensors["input"];
        let shape = input.shape.clone().try_into().expect("5 axes");
        image_tensor(input.values.clone(), shape, &DeviceChoice::Cpu.training())
    }

    fn targets(&self) -> Vec<sarx_nn::Tensor<4, sarx_nn::Int>> {
        let n_heads = self.config.n_stages() - 1;
        let arrays = (0..n_heads).map(|i| &self.tensors[&format!("target.{i}")]);
        arrays
            .map(|array| {
                let labels: Vec<i16> = array.values.iter().map(|&v| v as i16).collect();
                let shape = [
                    array.shape[0],
                    array.shape[2],
                    array.shape[3],
                    array.shape[4],
                ];
                target_tensor(&labels, shape, &DeviceChoice::Cpu.inference())
            })
            .collect()
    }

    fn loss(&self) -> DeepSupervisionLoss {
        let target = Target::Labels {
            n_labels: self.config.n_heads,
        };
        let config = LossConfig {
            target,
            ignore_label: None,
            batch_dice: false,
        };
        DeepSupervisionLoss::new(config, self.config.n_stages() - 1)
    }
}

fn relative_rms(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let error: f64 = pairs.map(|(f, e)| f64::from(f - e).powi(2)).sum();
    let norm: f64 = expected.iter().map(|&e| f64::from(e).powi(2)).sum();
    (error / norm.max(1e-20)).sqrt()
}

fn values<const D: usize>(tensor: sarx_nn::Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// Collects gradients in the order of the parameters.
struct Gradients<'a>(&'a burn::tensor::Gradients, Vec<Option<Vec<f32>>>);

impl burn::module::ModuleVisitor for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<sarx_nn::Tensor<D>>) {
        self.1.push(param.val().grad(self.0).map(values));
    }
}

fn check(name: &str, op_path: OpPath) {
    let Some(oracle) = oracle(name) else { return };
    let unet = oracle.unet(op_path);
    let logits = unet.forward_deep(oracle.image());
    for (i, logits) in logits.iter().enumerate() {
        let error = relative_rms(
            &values(logits.clone()),
            &oracle.tensors[&format!("logits.{i}")].values,
        );
        assert!(error <= LOGITS_TOLERANCE, "{name} head {i}: {error}");
    }
    let full = relative_rms(
        &values(unet.forward(oracle.image())),
        &oracle.tensors["logits.0"].values,
    );
    assert!(full <= LOGITS_TOLERANCE, "{name} forward: {full}");

    let loss = oracle
        .loss()
        .with_op_path(op_path)
        .forward(&logits, &oracle.targets())
        .expect("matching targets");
    let expected = oracle.tensors["loss"].values[0];
    let found = loss.clone().into_scalar::<f32>();
    assert!(
        (found - expected).abs() <= LOSS_TOLERANCE,
        "{name}: {found} vs {expected}"
    );

    let gradients = loss.backward();
    let mut collected = Gradients(&gradients, Vec::new());
    unet.visit(&mut collected);
    for ((parameter, _), found) in unet.parameter_shapes().iter().zip(collected.1) {
        let expected = &oracle.tensors[&format!("grads.{parameter}")].values;
        let Some(found) = found else {
            // The head of weight 0 is not looked at.
            assert!(
                parameter.starts_with("decoder.seg_layers.0"),
                "no gradient: {parameter}"
            );
            assert!(expected.iter().all(|&g| g == 0.0));
            continue;
        };
        if parameter.ends_with(".conv.bias") {
            // The norm removes what a bias adds: the true gradient is 0, both sides hold noise.
            assert!(found.iter().all(|g| g.abs() < 1e-5), "{parameter}");
            continue;
        }
        let error = relative_rms(&found, expected);
        assert!(error <= GRADIENT_TOLERANCE, "{name} {parameter}: {error}");
    }
}

#[test]
fn plain_network_composed() {
    check("plain", OpPath::Composed);
}

#[test]
fn plain_network_fused() {
    check("plain", OpPath::Fused);
}

#[test]
fn residual_network_composed() {
    check("resenc", OpPath::Composed);
}

#[test]
fn residual_network_fused() {
    check("resenc", OpPath::Fused);
}

#[test]
fn names_are_those_of_nnunet_without_aliases() {
    for name in ["plain", "resenc"] {
        let Some(oracle) = oracle(name) else { return };
        let ours: Vec<String> = oracle
            .unet(OpPath::Fused)
            .parameter_shapes()
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        let folder = sarx_testkit::shared("oracle/network").expect("found before");
        let json = std::fs::read(folder.join(format!("{name}.json"))).expect("arguments");
        let json: Value = serde_json::from_slice(&json).expect("json");
        let keys = json["keys"]
            .as_array()
            .expect("keys")
            .iter()
            .filter_map(Value::as_str);
        let mut theirs: Vec<&str> = keys
            .filter(|key| !key.contains("all_modules") && !key.starts_with("decoder.encoder"))
            .collect();
        let mut sorted = ours.clone();
        sorted.sort();
        theirs.sort_unstable();
        assert_eq!(sorted, theirs, "{name}");
    }
}

#[test]
fn a_step_lowers_the_loss() {
    let Some(oracle) = oracle("plain") else {
        return;
    };
    let mut state = TrainState::new(oracle.unet(OpPath::Fused));
    let mut step = || {
        let report = state.step(oracle.image(), &oracle.targets(), &oracle.loss(), 0.01);
        report.expect("finite").loss
    };
    let first = step();
    let last = (0..3).map(|_| step()).last().expect("three steps");
    assert!(last < first, "{first} -> {last}");
}

//! Names of tensors: nnU-Net stores most of them two or four times.
//!
//! A unit holds its convolution and its norm as `conv` and `norm` and again in the list
//! `all_modules`, and the decoder holds the encoder once more. All four names mean one tensor.

/// What wrappers of torch put in front of every name (data-parallel training, `torch.compile`).
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
/// Place in `all_modules` and the name it stands for.
const MODULES: [(&str, &str); 2] = [(".all_modules.0.", ".conv."), (".all_modules.1.", ".norm.")];

/// The one name of a tensor, whatever alias it has in the file. Names that follow no pattern stay
/// as they are, and are later refused as foreign to the network.
pub(super) fn canonical(key: &str) -> String {
    let mut name = key;
    while let Some(rest) = WRAPPERS.iter().find_map(|w| name.strip_prefix(w)) {
        name = rest;
    }
    let name = match name.strip_prefix("decoder.encoder.") {
        Some(rest) => format!("encoder.{rest}"),
        None => name.to_owned(),
    };
    for (module, part) in MODULES {
        if let Some((unit, parameter)) = name.rsplit_once(module) {
            return format!("{unit}{part}{parameter}");
        }
    }
    name
}

/// The keys of nnU-Net's state dict in its order: for each the index of the parameter it means.
///
/// `parameters` are the canonical names in the network's order, encoder first.
pub(super) fn state_dict_keys(parameters: &[String]) -> Vec<(String, usize)> {
    let mut keys = Vec::with_capacity(4 * parameters.len());
    let n_encoder = parameters
        .iter()
        .take_while(|name| name.starts_with("encoder."))
        .count();
    units(parameters, 0..n_encoder, &mut keys);
    let again: Vec<(String, usize)> = keys
        .iter()
        .map(|(key, index)| (format!("decoder.{key}"), *index))
        .collect();
    keys.extend(again);
    units(parameters, n_encoder..parameters.len(), &mut keys);
    keys
}

/// Each unit, followed by its aliases.
fn units(parameters: &[String], range: std::ops::Range<usize>, keys: &mut Vec<(String, usize)>) {
    let mut aliases: Vec<(String, usize)> = Vec::new();
    let mut current = None;
    for index in range {
        let name = &parameters[index];
        let unit = unit(name).map(|(unit, _)| unit);
        if unit != current {
            keys.append(&mut aliases);
            current = unit;
        }
        keys.push((name.clone(), index));
        aliases.extend(unit_alias(name).map(|alias| (alias, index)));
    }
    keys.append(&mut aliases);
}

/// The unit that a parameter belongs to, and the place of its part in `all_modules`.
fn unit(name: &str) -> Option<(&str, usize)> {
    let (part, _) = name.rsplit_once('.')?;
    let (unit, part) = part.rsplit_once('.')?;
    match part {
        "conv" => Some((unit, 0)),
        "norm" => Some((unit, 1)),
        _ => None,
    }
}

fn unit_alias(name: &str) -> Option<String> {
    let (unit, place) = unit(name)?;
    let (_, parameter) = name.rsplit_once('.')?;
    Some(format!("{unit}.all_modules.{place}.{parameter}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn wrappers_and_aliases_fall_away() {
        let name = "encoder.stages.0.0.convs.1.norm.bias";
        for alias in [
            name,
            "module.encoder.stages.0.0.convs.1.norm.bias",
            "module._orig_mod.decoder.encoder.stages.0.0.convs.1.all_modules.1.bias",
            "encoder.stages.0.0.convs.1.all_modules.1.bias",
        ] {
            assert_eq!(canonical(alias), name);
        }
        let skip = "encoder.stages.1.blocks.0.skip.1.conv.weight";
        assert_eq!(
            canonical("decoder.encoder.stages.1.blocks.0.skip.1.all_modules.0.weight"),
            skip
        );
        for own in ["decoder.seg_layers.0.weight", "x.all_modules.2.weight", ""] {
            assert_eq!(canonical(own), own);
        }
    }

    #[test]
    fn keys_have_the_order_of_nnunet() {
        for network in ["plain", "resenc"] {
            let Some(path) = sarx_testkit::shared(&format!("oracle/network/{network}.json")) else {
                return;
            };
            let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let theirs: Vec<&str> = document["keys"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            // Their own order without aliases is the network's order.
            let mut parameters: Vec<String> = Vec::new();
            for key in &theirs {
                let name = canonical(key);
                if !parameters.contains(&name) {
                    parameters.push(name);
                }
            }
            let ours = state_dict_keys(&parameters);
            let keys: Vec<&str> = ours.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, theirs, "{network}");
            for (key, index) in &ours {
                assert_eq!(canonical(key), parameters[*index]);
            }
        }
    }
}

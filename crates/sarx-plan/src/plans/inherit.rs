//! Configurations that take everything they do not say from another one.

use super::ConfigurationError;
use serde_json::{Map, Value};

/// Overlays a configuration's keys on those of the one it inherits from, recursively.
/// Only top-level keys are overlaid, as in nnU-Net.
pub(super) fn resolve(
    configurations: Option<&Map<String, Value>>,
    name: &str,
) -> Result<Map<String, Value>, ConfigurationError> {
    let mut layers = Vec::new();
    let mut chain: Vec<String> = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(current) = next {
        let found = configurations.and_then(|all| all.get(&current));
        let Some(map) = found.and_then(Value::as_object) else {
            return Err(missing(configurations, current, chain.is_empty()));
        };
        let cycle = chain.contains(&current);
        chain.push(current);
        if cycle {
            return Err(ConfigurationError::InheritanceCycle { chain });
        }
        layers.push(map);
        next = match map.get("inherits_from") {
            None => None,
            Some(Value::String(parent)) => Some(parent.clone()),
            Some(other) => {
                return Err(ConfigurationError::Unsupported {
                    key: "inherits_from".to_owned(),
                    found: other.to_string(),
                    supported: "it must be the name of one configuration",
                });
            }
        };
    }
    let mut resolved = Map::new();
    for layer in layers.into_iter().rev() {
        for (key, value) in layer.iter().filter(|(key, _)| *key != "inherits_from") {
            resolved.insert(key.clone(), value.clone());
        }
    }
    Ok(resolved)
}

fn missing(
    configurations: Option<&Map<String, Value>>,
    name: String,
    is_first: bool,
) -> ConfigurationError {
    let existing = configurations
        .into_iter()
        .flat_map(Map::keys)
        .cloned()
        .collect();
    if is_first {
        ConfigurationError::Missing { existing }
    } else {
        ConfigurationError::MissingParent {
            parent: name,
            existing,
        }
    }
}

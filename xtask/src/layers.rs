//! Holds the two tables of ARCHITECTURE.md against `cargo metadata`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Crates outside the layers, with the reason.
const OUTSIDE: [&str; 2] = [
    "xtask",        // no part of the product
    "sarx-testkit", // development dependency only, see `dev_only`
];

/// Returns every fault as one line of text.
pub(crate) fn check(root: &Path) -> Vec<String> {
    match (tables(root), packages(root)) {
        (Ok((layers, fences)), Ok(packages)) => faults(&layers, &fences, &packages),
        (tables, packages) => tables.err().into_iter().chain(packages.err()).collect(),
    }
}

/// A package and what it depends on: (name, is it a development dependency).
type Package = (String, Vec<(String, bool)>);
type Layers = BTreeMap<String, u32>;
type Fences = BTreeMap<String, BTreeSet<String>>;

fn faults(layers: &Layers, fences: &Fences, packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, dependencies) in packages {
        if OUTSIDE.contains(&name.as_str()) {
            continue;
        }
        let Some(layer) = layers.get(name) else {
            faults.push(format!(
                "{name} is not in the layer table of ARCHITECTURE.md"
            ));
            continue;
        };
        for (dependency, dev) in dependencies {
            if let Some(below) = layers.get(dependency)
                && below >= layer
                && !dev
            {
                faults.push(format!(
                    "{name} (layer {layer}) imports {dependency} (layer {below}); arrows point down"
                ));
            }
            if dependency == "sarx-testkit" && !dev {
                faults.push(format!("{name} ships sarx-testkit; it is for tests only"));
            }
            if let Some(allowed) = fences.get(dependency)
                && !allowed.contains(name)
            {
                faults.push(format!("{name} imports {dependency}, which is fenced"));
            }
        }
    }
    let present: BTreeSet<&String> = packages.iter().map(|(name, _)| name).collect();
    for name in layers.keys().filter(|name| !present.contains(name)) {
        faults.push(format!(
            "ARCHITECTURE.md lists {name}, which is not in the workspace"
        ));
    }
    faults
}

fn tables(root: &Path) -> Result<(Layers, Fences), String> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md"))
        .map_err(|e| format!("ARCHITECTURE.md: {e}"))?;
    let mut layers = Layers::new();
    let mut fences = Fences::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`').to_owned();
        if let Ok(layer) = cells[1].parse() {
            layers.insert(name, layer);
        } else if cells.len() == 2 {
            let allowed = cells[1]
                .split(',')
                .map(|c| c.trim().trim_matches('`').to_owned());
            fences.insert(name, allowed.collect());
        }
    }
    if layers.is_empty() || fences.is_empty() {
        return Err("ARCHITECTURE.md has lost its layer table or its fence table".to_owned());
    }
    Ok((layers, fences))
}

fn packages(root: &Path) -> Result<Vec<Package>, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells its children where it is"
    )]
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|e| {
        format!(
            "cargo metadata: {e}: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(array(&metadata["packages"])
        .iter()
        .map(|package| {
            let dependencies = array(&package["dependencies"])
                .iter()
                .map(|d| (text(&d["name"]), d["kind"] == "dev"))
                .collect();
            (text(&package["name"]), dependencies)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_keeps_its_layers() {
        let faults = check(&crate::root());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn an_upward_arrow_a_fence_and_a_stranger_are_found() {
        let layers = Layers::from([("low".into(), 1), ("high".into(), 2), ("gone".into(), 3)]);
        let fences = Fences::from([("burn".into(), BTreeSet::from(["high".into()]))]);
        let packages = [
            (
                "low".into(),
                vec![("high".into(), false), ("burn".into(), false)],
            ),
            (
                "high".into(),
                vec![("low".into(), false), ("burn".into(), false)],
            ),
            ("stranger".into(), vec![]),
        ];
        assert_eq!(faults(&layers, &fences, &packages).len(), 4);
        let tests_may_look_up = [
            ("low".into(), vec![("high".into(), true)]),
            ("high".into(), vec![]),
            ("gone".into(), vec![]),
        ];
        assert!(faults(&layers, &fences, &tests_may_look_up).is_empty());
    }
}

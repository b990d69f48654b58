//! `postprocessing.json`: nnU-Net's content, and ours beside it.
//!
//! nnU-Net's are `input_folder`, `postprocessed` (both with `mean` and `foreground_mean`),
//! `postprocessing_fns` and `postprocessing_kwargs`; a file of its own has nothing else and is
//! read as well. Ours are `schema_version`, `rules` and `tried`.

use super::{FolderMeans, FoundPostprocessing, KeepLargest, PostprocessError, PostprocessingRules};
use sarx_core::Label;
use sarx_metrics::{LabelOrRegion, NnunetMean};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

/// The version of the rules that this build writes and reads.
pub const RULES_SCHEMA_VERSION: u64 = 1;

/// The only clean-up that nnU-Net knows.
const FUNCTION: &str = "remove_all_but_largest_component_from_segmentation";

impl PostprocessingRules {
    /// Reads rules: a file of ours, or nnU-Net's `postprocessing.json`.
    ///
    /// # Errors
    ///
    /// [`PostprocessError`] if the file cannot be read, is no rules file, or has another version.
    pub fn read(path: &Path) -> Result<Self, PostprocessError> {
        let text = std::fs::read_to_string(path).map_err(|source| PostprocessError::ReadRules {
            path: path.to_owned(),
            source,
        })?;
        let bad = |what: String| PostprocessError::Rules {
            what,
            path: path.to_owned(),
        };
        // nnU-Net writes the bare word NaN, which is not JSON.
        let document: Value =
            serde_json::from_str(&without_nan(&text)).map_err(|e| bad(e.to_string()))?;
        match document.get("schema_version") {
            Some(found) if *found != RULES_SCHEMA_VERSION => Err(PostprocessError::RulesVersion {
                found: found.to_string(),
                path: path.to_owned(),
            }),
            Some(_) => own_rules(&document).map_err(bad),
            None => nnunet_rules(&document).map_err(bad),
        }
    }

    fn to_value(&self) -> Value {
        self.steps.iter().map(KeepLargest::to_value).collect()
    }
}

impl KeepLargest {
    fn to_value(&self) -> Value {
        let names: Vec<String> = self.of.iter().map(ToString::to_string).collect();
        json!({"keep_largest_component_of": names})
    }

    /// nnU-Net's argument: a label, a region, or a list of either.
    fn nnunet_argument(&self) -> Value {
        let one = |what: &LabelOrRegion| match what {
            LabelOrRegion::Label(label) => json!(label),
            LabelOrRegion::Region(labels) => json!(labels),
        };
        match self.of.as_slice() {
            [what] => one(what),
            several => several.iter().map(one).collect(),
        }
    }
}

impl FoundPostprocessing {
    /// Writes the rules with the scores that speak for them.
    ///
    /// # Errors
    ///
    /// [`PostprocessError`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PostprocessError> {
        let steps = &self.rules.steps;
        let document = json!({
            "input_folder": means(&self.before),
            "postprocessed": means(&self.after),
            "postprocessing_fns": vec![FUNCTION; steps.len()],
            "postprocessing_kwargs": steps
                .iter()
                .map(|step| json!({"labels_or_regions": step.nnunet_argument()}))
                .collect::<Value>(),
            "rules": self.rules.to_value(),
            "schema_version": RULES_SCHEMA_VERSION,
            "tried": self.trials.iter().map(|trial| {
                let mut value = trial.rule.to_value();
                value["dice_before"] = number(trial.dice_before);
                value["dice_after"] = number(trial.dice_after);
                value["accepted"] = json!(trial.accepted);
                value
            }).collect::<Value>(),
        });
        sarx_io::write_atomic(path, |out| {
            let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
            let mut serializer = serde_json::Serializer::with_formatter(&mut *out, formatter);
            document.serialize(&mut serializer)?;
            out.write_all(b"\n")
        })?;
        Ok(())
    }
}

/// JSON has no NaN; an undefined score is null.
fn number(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        Value::Null
    }
}

fn means(means: &FolderMeans) -> Value {
    let fields = |mean: &NnunetMean| serde_json::to_value(mean).unwrap_or(Value::Null);
    let per_label: Map<String, Value> = means
        .labels
        .iter()
        .map(|(what, mean)| (what.to_string(), fields(mean)))
        .collect();
    json!({"foreground_mean": fields(&means.foreground), "mean": per_label})
}

fn own_rules(document: &Value) -> Result<PostprocessingRules, String> {
    let rules = document["rules"]
        .as_array()
        .ok_or("it has no list \"rules\"")?;
    let mut steps = Vec::with_capacity(rules.len());
    for rule in rules {
        let names = rule["keep_largest_component_of"].as_array();
        let names = names.ok_or_else(|| format!("{rule} is no rule of this version"))?;
        let parse = |name: &Value| {
            let name = name.as_str().ok_or_else(|| format!("{name} is no label"))?;
            name.parse::<LabelOrRegion>().map_err(|e| e.to_string())
        };
        steps.push(step(names.iter().map(parse).collect::<Result<_, _>>()?)?);
    }
    Ok(PostprocessingRules { steps })
}

fn nnunet_rules(document: &Value) -> Result<PostprocessingRules, String> {
    let functions = document["postprocessing_fns"].as_array();
    let arguments = document["postprocessing_kwargs"].as_array();
    let (Some(functions), Some(arguments)) = (functions, arguments) else {
        return Err("it has neither a schema_version nor nnU-Net's postprocessing_fns".to_owned());
    };
    if functions.len() != arguments.len() {
        return Err("postprocessing_fns and postprocessing_kwargs differ in length".to_owned());
    }
    let mut steps = Vec::with_capacity(functions.len());
    for (function, arguments) in functions.iter().zip(arguments) {
        if function != FUNCTION {
            return Err(format!(
                "the function {function} is not known; known is {FUNCTION}"
            ));
        }
        if arguments
            .get("background_label")
            .is_some_and(|label| *label != 0)
        {
            return Err("background_label is not 0".to_owned());
        }
        let of = &arguments["labels_or_regions"];
        // A tuple and a list of labels are one thing in JSON; their union is the same.
        let of = match of.as_array() {
            Some(several) => several
                .iter()
                .map(label_or_region)
                .collect::<Result<_, _>>()?,
            None => vec![label_or_region(of)?],
        };
        steps.push(step(of)?);
    }
    Ok(PostprocessingRules { steps })
}

fn step(of: Vec<LabelOrRegion>) -> Result<KeepLargest, String> {
    if of.is_empty() || of.iter().any(|what| what.labels().is_empty()) {
        return Err("a rule names no label".to_owned());
    }
    if of.iter().any(|what| what.contains(0)) {
        return Err("a rule names 0, the background, which cannot be cleaned".to_owned());
    }
    Ok(KeepLargest { of })
}

fn label_or_region(value: &Value) -> Result<LabelOrRegion, String> {
    let label = |value: &Value| {
        let label = value.as_u64().and_then(|n| Label::try_from(n).ok());
        label.ok_or_else(|| format!("{value} is no label"))
    };
    Ok(match value.as_array() {
        Some(labels) => LabelOrRegion::Region(labels.iter().map(label).collect::<Result<_, _>>()?),
        None => LabelOrRegion::Label(label(value)?),
    })
}

/// Python's NaN as null. The words of the file hold no such word otherwise: keys are labels,
/// scores and names of functions.
fn without_nan(text: &str) -> String {
    text.replace(": NaN", ": null")
}

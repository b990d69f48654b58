//! `inference_instructions.txt`: how to predict with the winner, as a shell script whose lines can
//! also be pasted one by one.

use super::{BestError, Candidate, Contender};
use sarx_infer::FoundPostprocessing;
use sarx_plan::{Fold, Plans};
use std::path::{Path, PathBuf};

/// Name of the file.
pub(super) const FILE: &str = "inference_instructions.txt";

/// The flag of `sarx predict` that takes the folder of the previous stage's segmentations.
const PREVIOUS_STAGE_FLAG: &str = "--previous";

const HEAD: &str = "\
# How to predict with the best configuration. Set the two folders and paste the lines, or say
#     INPUT_FOLDER=images OUTPUT_FOLDER=predictions sh inference_instructions.txt
case $- in *i*) ;; *) set -e ;; esac
: \"${INPUT_FOLDER:=INPUT_FOLDER}\"
: \"${OUTPUT_FOLDER:=OUTPUT_FOLDER}\"
";

pub(super) fn text(
    models: &[Candidate],
    folds: &[Fold],
    best: &Contender,
    postprocessing: &FoundPostprocessing,
    rules_file: &Path,
) -> Result<String, BestError> {
    let mut text = HEAD.to_owned();
    text.push_str(&format!(
        "\n# {}: mean foreground Dice {:.4} in cross-validation, {:.4} after postprocessing\n",
        best.name, best.dice, postprocessing.after.foreground.dice.0
    ));
    let averaged = best.members.len() > 1;
    let mut outputs = Vec::new();
    let mut stages_done: Vec<String> = Vec::new();
    for (number, &index) in best.members.iter().enumerate() {
        let model = &models[index];
        let output = if averaged {
            format!("\"$OUTPUT_FOLDER\"_model_{}", number + 1)
        } else {
            "\"$OUTPUT_FOLDER\"".to_owned()
        };
        let mut more = String::new();
        if let Some(configuration) = model.previous_stage()? {
            let stage = Stage::find(model, &configuration, models);
            // Two cascades of different plans have different first stages.
            let plans = word(model.plans.plans_name());
            let folder = format!("\"$OUTPUT_FOLDER\"_{plans}_{}", word(&configuration));
            if !stages_done.contains(&folder) {
                text.push_str(&stage.note);
                text.push_str(&predict(&stage.shown, folds, &folder, ""));
                stages_done.push(folder.clone());
            }
            more.push_str(&format!(" {PREVIOUS_STAGE_FLAG} {folder}"));
        }
        if averaged {
            more.push_str(" --save-probabilities");
        }
        text.push_str(&predict(&quoted(&model.path), folds, &output, &more));
        outputs.push(output);
    }
    if averaged {
        text.push_str(&format!(
            "sarx ensemble --input {} --output \"$OUTPUT_FOLDER\"\n",
            outputs.join(" ")
        ));
    }
    if postprocessing.rules.steps.is_empty() {
        text.push_str("# no postprocessing: none improved the cross-validation\n");
    } else {
        text.push_str(&format!(
            "sarx postprocess apply --input \"$OUTPUT_FOLDER\" --output \"$OUTPUT_FOLDER\"_postprocessed --rules {}\n",
            quoted(rules_file)
        ));
    }
    Ok(text)
}

fn predict(model: &str, folds: &[Fold], output: &str, more: &str) -> String {
    let folds: Vec<String> = folds.iter().map(Fold::to_string).collect();
    format!(
        "sarx predict --model {model} --input \"$INPUT_FOLDER\" --output {output} --folds {}{more}\n",
        folds.join(" ")
    )
}

/// The model of a cascade's previous stage.
struct Stage {
    shown: String,
    note: String,
}

impl Stage {
    /// Among the models that were compared, or beside the model in its folder.
    fn find(model: &Candidate, configuration: &str, models: &[Candidate]) -> Self {
        let stage_of = |plans: &Plans| plans.configuration(configuration).ok();
        let fits = |other: &Candidate| {
            other.configuration == configuration
                && other.plans.plans_name() == model.plans.plans_name()
                && stage_of(&other.plans) == stage_of(&model.plans)
        };
        let beside = || {
            let entries = std::fs::read_dir(model.path.parent()?).ok()?;
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            let mut opened = paths.iter().filter_map(|path| Candidate::open(path).ok());
            opened.find(fits)
        };
        let found = models.iter().find(|other| fits(other)).cloned();
        match found.or_else(beside) {
            Some(stage) => Self {
                shown: quoted(&stage.path),
                note: format!("# the previous stage of the cascade, {configuration}\n"),
            },
            None => Self {
                shown: "\"$PREVIOUS_STAGE_MODEL\"".to_owned(),
                note: format!(
                    "# the previous stage of the cascade: no model of {configuration} was found beside {}; say where it is\n\
                     : \"${{PREVIOUS_STAGE_MODEL:?the model folder of {configuration}}}\"\n",
                    model.name
                ),
            },
        }
    }
}

/// A name as a part of a shell word.
fn word(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(safe).collect()
}

/// A path as one shell word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+');
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_one_shell_word() {
        assert_eq!(quoted(Path::new("/a/b-c_1.2")), "/a/b-c_1.2");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
        assert_eq!(word("3d lowres"), "3d_lowres");
    }
}

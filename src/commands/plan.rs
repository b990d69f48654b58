//! `sarx plan`: fingerprint, plans and splits of a dataset, or plans from a fingerprint.

use super::open_dataset;
use crate::args::{PlanArgs, PresetName};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result};
use sarx_core::Progress;
use sarx_plan::{
    CaseReader, Dataset, DatasetJson, Fingerprint, Plans, Preset, Splits, SplitsError, explain,
    measure, plan,
};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) fn run(args: &PlanArgs, console: &Console) -> Result<Outcome> {
    let preset = asked_preset(args, console)?;
    let (fingerprint, dataset_json, plans, path) =
        match (&args.dataset, &args.fingerprint, &args.dataset_json) {
            (Some(folder), ..) => plan_dataset(folder, &args.out, &preset, console)?,
            (None, Some(fingerprint), Some(dataset_json)) => {
                let fingerprint = Fingerprint::read(fingerprint)?;
                let dataset_json = DatasetJson::read(dataset_json)?;
                let name = args
                    .dataset_json
                    .as_deref()
                    .map(folder_name)
                    .unwrap_or_default();
                let plans = plan(&name, &dataset_json, &fingerprint, &preset)?;
                plans.write(&args.out)?;
                (fingerprint, dataset_json, plans, args.out.clone())
            }
            // The command line asks for one or the other.
            _ => anyhow::bail!("a dataset, or --fingerprint and --dataset-json, is needed"),
        };
    let mut text = format!("plans: {}", path.display());
    let explanation = args
        .explain
        .then(|| explain(&dataset_json, &fingerprint, &preset))
        .transpose()?;
    if let Some(explanation) = &explanation {
        text = format!("{explanation}\n{text}");
    }
    let json = json!({
        "plans": path,
        "plans_name": plans.plans_name(),
        "configurations": plans.configuration_names().collect::<Vec<_>>(),
        "explanation": explanation,
    });
    Ok(Outcome::done(json, text))
}

/// The preset with what the flags change in it.
fn asked_preset(args: &PlanArgs, console: &Console) -> Result<Preset> {
    let mut preset = preset(args.preset);
    preset.target_spacing_mm = match args.target_spacing.as_deref() {
        None => None,
        Some(&[z, y, x]) => Some([z, y, x]),
        Some(found) => anyhow::bail!(
            "--target-spacing takes three numbers, {} were given",
            found.len()
        ),
    };
    if let Some(gb) = args.gpu_memory_gb {
        if gb != preset.memory_gb && args.plans_name.is_none() {
            console.warn(&format!(
                "preset {} is made for {} GB and these plans are for {gb} GB under the same name \
                 ({}); --plans-name keeps them apart",
                preset.name, preset.memory_gb, preset.plans_name
            ));
        }
        preset.memory_gb = gb;
    }
    if let Some(name) = &args.plans_name {
        preset.plans_name.clone_from(name);
    }
    Ok(preset)
}

type Planned = (Fingerprint, DatasetJson, Plans, PathBuf);

/// Plans a dataset into a folder of preprocessed data; what is there is kept if it agrees.
pub(super) fn plan_dataset(
    folder: &Path,
    out: &Path,
    preset: &Preset,
    console: &Console,
) -> Result<Planned> {
    let dataset = open_dataset(folder)?;
    let fingerprint = measure(&dataset, &CaseReader::new(dataset.json()), console)?;
    let mut plans = plan(&dataset.name(), dataset.json(), &fingerprint, preset)?;
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the folder: {:?}", out.display().to_string()))?;
    refuse_other_dataset(out, dataset.json())?;
    let path = out.join(format!("{}.json", plans.plans_name()));
    if path.exists() {
        plans.keep_custom_configurations(&Plans::read(&path)?);
    }
    let splits_path = out.join("splits_final.json");
    if !splits_path.exists() {
        let own = folder.join("splits_final.json");
        write_splits(&dataset, &own, &splits_path, console)?;
    }
    dataset.json().write(&out.join("dataset.json"))?;
    fingerprint.write(&out.join("dataset_fingerprint.json"))?;
    plans.write(&path)?;
    Ok((fingerprint, dataset.json().clone(), plans, path))
}

/// The dataset's own splits if it has some, else nnU-Net's five folds.
fn write_splits(dataset: &Dataset, own: &Path, target: &Path, console: &Console) -> Result<()> {
    let ids = dataset.case_ids()?;
    let splits = if own.exists() {
        Splits::read(own)
    } else {
        Splits::five_fold(&ids)
    };
    match splits {
        Ok(splits) => {
            splits.check(&ids)?;
            Ok(splits.write(target)?)
        }
        Err(error @ SplitsError::TooFewCases { .. }) => {
            console.warn(&error.to_string());
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// A folder that was planned for other channels or labels is not written over.
fn refuse_other_dataset(out: &Path, dataset: &DatasetJson) -> Result<()> {
    if out.join("manifest.json").exists() {
        anyhow::bail!(
            "the folder holds a trained model; choose another, nothing was changed: {:?}",
            out.display().to_string()
        );
    }
    let path = out.join("dataset.json");
    if !path.exists() {
        return Ok(());
    }
    let found = DatasetJson::read(&path)?;
    if found.labels() != dataset.labels() || found.channel_names() != dataset.channel_names() {
        anyhow::bail!(
            "the folder holds plans of another dataset (other channels or labels); choose another \
             folder, nothing was changed: {:?}",
            out.display().to_string()
        );
    }
    Ok(())
}

/// The name of a dataset is the name of the folder that its dataset.json lies in.
fn folder_name(dataset_json: &Path) -> String {
    let absolute = dataset_json
        .canonicalize()
        .unwrap_or_else(|_| dataset_json.to_owned());
    let folder = absolute.parent().and_then(Path::file_name);
    folder
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The constants behind a name.
pub(super) fn preset(name: PresetName) -> Preset {
    match name {
        PresetName::Plain => Preset::plain(),
        PresetName::Resenc => Preset::resenc(),
        PresetName::ResencM => Preset::resenc_m(),
        PresetName::ResencL => Preset::resenc_l(),
        PresetName::ResencXl => Preset::resenc_xl(),
        PresetName::Small => Preset::small(),
    }
}

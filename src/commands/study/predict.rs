//! A trained model's segmentations: of the validation cases, gathered from the folds, and of the external
//! test set by all folds together.

use super::Study;
use crate::outcome::{error_chain, of_case};
use anyhow::Result;
use sarx_infer::{
    FolderRequest, Part, PredictOptions, Predictor, ProbabilityFile, ProbabilityFormat,
    predict_folder,
};
use sarx_model::ModelFolder;
use sarx_plan::{Fold, discover_images, label_files};
use sarx_study::assemble::{FILE_ENDING, place};
use sarx_study::design::ModelSpec;
use sarx_study::results::scores::StudySet;

impl Study<'_> {
    /// Gathers the validation cases and predicts the external ones; the cases that failed.
    pub(super) fn predict(&self, model: &ModelSpec) -> Result<Vec<String>> {
        self.gather(model)?;
        if self.design.split.external().is_empty() {
            return Ok(Vec::new());
        }
        let folders = self.folders.model(&model.name);
        let trained = ModelFolder::open(&folders.model())?;
        let images = folders.dataset().join("imagesTs");
        let cases = discover_images(&images, FILE_ENDING, trained.dataset().n_channels())?;
        if cases.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = model.training.folds.numbers(self.design.split.n_folds());
        let options = PredictOptions {
            folds: numbers.into_iter().map(Fold::Index).collect(),
            ..PredictOptions::default()
        };
        let output = folders.predictions(StudySet::External);
        std::fs::create_dir_all(&output)?;
        let request = FolderRequest {
            model: &trained,
            cases: &cases,
            output: &output,
            previous: None,
            options: &options,
            probabilities: self.is_member(model).then_some(ProbabilityFormat::Compact),
            part: Part::new(0, 1)?,
            keep_existing: true,
            stop: self.stop,
        };
        let predictor = Predictor::load(&trained, &options, self.device.inference())?;
        let result = predict_folder(&request, &predictor, self.console)?;
        let failed = result.failed.iter();
        let text = |(case, error): &(_, _)| {
            let case: &sarx_core::CaseId = case;
            let error: &sarx_infer::PredictError = error;
            format!(
                "model {}: {}",
                model.name,
                of_case(case.as_str(), &error_chain(error))
            )
        };
        Ok(failed.map(text).collect())
    }

    /// The segmentations of all folds in one folder.
    fn gather(&self, model: &ModelSpec) -> Result<()> {
        let folders = self.folders.model(&model.name);
        let target = folders.predictions(StudySet::CrossValidation);
        std::fs::create_dir_all(&target)?;
        for fold in model.training.folds.numbers(self.design.split.n_folds()) {
            let validation = folders.fold(fold).join("validation");
            for (case, path) in label_files(&validation, FILE_ENDING)? {
                place(&path, &target.join(format!("{case}{FILE_ENDING}")))?;
                if let Some(file) = ProbabilityFile::of_case(&validation, &case) {
                    place(&file.path, &file.format.path(&target, &case))?;
                }
            }
        }
        Ok(())
    }
}

//! The page of a study: what the files of its models say, with pictures.

use super::Study;
use crate::commands::train::curve;
use anyhow::{Context, Result};
use sarx_study::design::{FoldChoice, ModelSpec};
use sarx_study::policy::{Policy, PolicyEvaluation};
use sarx_study::results::scores::{ScoreGrid, ScoreTable, StudySet};
use sarx_study::results::tables::StudyTables;
use sarx_study::slice_pictures;
use sarx_study::study_page::{
    AlignmentCounts, GalleryCase, MethodsFacts, ModelCurve, StudyPageInput, gallery_cases,
    render_study,
};
use sarx_train::read_training_log;
use std::io::Write;

/// Cases of each kind per model.
const N_EACH: usize = 1;

impl Study<'_> {
    /// Writes `report.html`.
    pub(super) fn page(
        &self,
        scores: &ScoreTable,
        tables: &StudyTables,
        policy: Option<(&Policy, &PolicyEvaluation)>,
        warnings: &[String],
    ) -> Result<()> {
        let input = StudyPageInput {
            tables,
            scores,
            policy,
            methods: &self.methods()?,
            curves: &self.curves()?,
            gallery: &self.gallery(scores)?,
            warnings,
        };
        let page = render_study(&input)?;
        Ok(sarx_io::write_atomic(&self.folders.report(), |file| {
            file.write_all(page.as_bytes())
        })?)
    }

    fn methods(&self) -> Result<MethodsFacts> {
        let file = &self.design.file;
        let trained: Vec<&ModelSpec> = self
            .design
            .models
            .iter()
            .filter(|model| model.is_trained())
            .collect();
        let first = trained
            .first()
            .context("a study trains at least one model")?;
        let training = &first.training;
        let external = match (&file.split.external, &file.split.temporal) {
            (Some(rule), _) => Some(format!("{} = {}", rule.column, rule.value)),
            (None, Some(rule)) => Some(format!("{} from {}", rule.column, rule.from)),
            (None, None) => None,
        };
        Ok(MethodsFacts {
            versions: vec![("sarx".to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
            machine: vec![
                ("device".to_owned(), self.device.to_string()),
                (
                    "threads".to_owned(),
                    rayon::current_num_threads().to_string(),
                ),
            ],
            seeds: vec![
                ("split".to_owned(), file.split.seed),
                ("training".to_owned(), training.seed),
            ],
            preset: training.preset.clone(),
            configuration: training.configuration.clone(),
            epochs: training.epochs,
            iterations_per_epoch: training.iterations,
            folds: self.design.split.n_folds(),
            folds_trained: match &training.folds {
                FoldChoice::All => Vec::new(),
                FoldChoice::Some(numbers) => numbers.clone(),
            },
            initial_weights: Some("random".to_owned()),
            checkpoint: Some("final".to_owned()),
            external_rule: external,
            alignment: file.alignment.method.name().to_owned(),
            aligned: self.aligned()?,
            common_grid: file.common.series.clone(),
            excluded: Vec::new(),
        })
    }

    /// How channels came onto their grids, from `cases.csv` of all models.
    fn aligned(&self) -> Result<Option<AlignmentCounts>> {
        let mut counts = AlignmentCounts {
            by_header: 0,
            registered: 0,
            failed: 0,
        };
        for model in &self.design.models {
            let path = self.folders.model(&model.name).table();
            if !path.exists() {
                continue;
            }
            let mut table = csv::Reader::from_path(&path)?;
            let column = table.headers()?.iter().position(|name| name == "alignment");
            for row in table.records() {
                match column.and_then(|at| row.as_ref().ok()?.get(at)) {
                    Some("header" | "same grid") => counts.by_header += 1,
                    Some("registered") => counts.registered += 1,
                    Some("failed") => counts.failed += 1,
                    _ => {}
                }
            }
        }
        Ok((counts.by_header + counts.registered + counts.failed > 0).then_some(counts))
    }

    fn curves(&self) -> Result<Vec<ModelCurve>> {
        let mut curves = Vec::new();
        let n_folds = self.design.split.n_folds();
        for model in self.design.models.iter().filter(|model| model.is_trained()) {
            for fold in model.training.folds.numbers(n_folds) {
                let log = self
                    .folders
                    .model(&model.name)
                    .fold(fold)
                    .join("training_log.jsonl");
                if !log.exists() {
                    continue;
                }
                let records = read_training_log(&log, usize::MAX)?;
                curves.push(ModelCurve {
                    model: model.name.clone(),
                    fold,
                    curve: curve(&records),
                });
            }
        }
        Ok(curves)
    }

    /// Pictures on the common grid: of the external set where there is one, else of the cross-validation.
    fn gallery(&self, scores: &ScoreTable) -> Result<Vec<GalleryCase>> {
        let mut gallery = Vec::new();
        for model in &self.design.models {
            for set in [StudySet::External, StudySet::CrossValidation] {
                let cases = gallery_cases(scores, &model.name, set, ScoreGrid::Common, N_EACH);
                for (kind, row) in &cases {
                    let patient = self
                        .design
                        .patient(&row.patient)
                        .context("a row has a patient")?;
                    let common = self
                        .common_series(patient)
                        .context("a scored patient has a common series")?;
                    let name = format!("{}{}", row.patient, sarx_study::assemble::FILE_ENDING);
                    let prediction = self.folders.model(&model.name).common(set).join(name);
                    let pictures = slice_pictures(
                        &sarx_io::read_image(common.image)?.volume,
                        &sarx_io::read_labels(common.label)?.labels,
                        &sarx_io::read_labels(&prediction)?.labels,
                    )?;
                    gallery.push(GalleryCase {
                        kind: *kind,
                        model: model.name.clone(),
                        case: row.case.clone(),
                        grid: ScoreGrid::Common,
                        pictures,
                    });
                }
                if !cases.is_empty() {
                    break;
                }
            }
        }
        Ok(gallery)
    }
}

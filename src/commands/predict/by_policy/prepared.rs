//! A patient made ready for the networks of one model: every series on the grid that its network wants.
//!
//! Channels are made as for training ([`put`], [`put_aligned`]). Series that cannot be registered refuse a model, and the
//! policy is asked for the next best; a model that needs the same pair of series is not tried.

use super::networks::Networks;
use super::patients::PatientInput;
use crate::commands::fusion::{Placing, placings};
use crate::outcome::error_chain;
use anyhow::{Context, Result, bail};
use sarx_core::CaseId;
use sarx_plan::CaseFiles;
use sarx_study::assemble::{
    Alignment, AlignmentRecord, AssembleFault, FILE_ENDING, put, put_aligned,
};
use sarx_study::design::ModelKind;
use sarx_study::policy::{Choice, Policy, PolicyModel, PolicyNetwork};
use std::path::{Path, PathBuf};

/// A patient with the model and its input.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) patient: &'a PatientInput,
    /// The patient's name while networks work.
    pub(super) case: CaseId,
    pub(super) choice: Choice,
    pub(super) model: &'a PolicyModel,
    /// As in the model.
    pub(super) networks: Vec<PreparedNetwork<'a>>,
    /// Of a late fusion: where the image of each network lies.
    pub(super) placings: Vec<Placing>,
    /// Better models that could not be used, the best first.
    pub(super) refused: Vec<Refused>,
}

/// The input of one network.
#[derive(Debug)]
pub(super) struct PreparedNetwork<'a> {
    pub(super) network: &'a PolicyNetwork,
    pub(super) channels: Vec<Channel>,
    pub(super) files: CaseFiles,
}

/// Where a channel comes from.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) series: String,
    pub(super) image: PathBuf,
    pub(super) alignment: AlignmentRecord,
}

/// A model that cannot be used, since two series cannot be brought together.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) model: String,
    pub(super) fixed: String,
    pub(super) moving: String,
    pub(super) reason: String,
}

/// The input of a model, or why there is none.
type Input<'a> = std::result::Result<(Vec<PreparedNetwork<'a>>, Vec<Placing>), Refused>;

impl<'a> Prepared<'a> {
    /// The best model whose series can be brought together. Files are made below `work`.
    pub(super) fn of(
        policy: &'a Policy,
        networks: &Networks,
        patient: &'a PatientInput,
        case: CaseId,
        work: &Path,
    ) -> Result<Self> {
        let mut refused: Vec<Refused> = Vec::new();
        loop {
            let without: Vec<&str> = refused.iter().map(|one| one.model.as_str()).collect();
            let (site, available) = (patient.site.as_deref(), patient.series.names());
            let choice = match policy.choose_without(site, &available, &without) {
                Ok(choice) => choice,
                Err(error) if refused.is_empty() => return Err(error.into()),
                Err(_) => bail!("no model is left: {}", told(&refused)),
            };
            let model = policy.model(&choice.model);
            let model = model.context("the policy knows its models")?;
            let pairs = model.alignments();
            let same = |one: &&Refused| pairs.contains(&(one.fixed.as_str(), one.moving.as_str()));
            if let Some(before) = refused.iter().find(same) {
                let model = choice.model;
                refused.push(Refused {
                    model,
                    ..before.clone()
                });
                continue;
            }
            let making = Making {
                model,
                networks,
                patient,
                case: &case,
                alignment: policy.alignment,
                work,
            };
            match making.input(&choice)? {
                Err(refusal) => refused.push(refusal),
                Ok((networks, placings)) => {
                    return Ok(Self {
                        patient,
                        case,
                        choice,
                        model,
                        networks,
                        placings,
                        refused,
                    });
                }
            }
        }
    }

    /// Whether probabilities of several networks are put together.
    pub(super) fn is_fused(&self) -> bool {
        self.model.kind == ModelKind::Late
    }

    /// Why this model, beginning with the better ones that were refused.
    pub(super) fn reason(&self) -> String {
        if self.refused.is_empty() {
            return self.choice.reason.clone();
        }
        format!("{} {}", told(&self.refused), self.choice.reason)
    }
}

/// Refused models in words.
fn told(refused: &[Refused]) -> String {
    let one = |refused: &Refused| {
        format!(
            "{} cannot be used, since series {} cannot be registered to {}: {}.",
            refused.model, refused.moving, refused.fixed, refused.reason
        )
    };
    refused.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// What the input of a model is made from.
struct Making<'a, 'b> {
    model: &'a PolicyModel,
    networks: &'b Networks,
    patient: &'a PatientInput,
    case: &'b CaseId,
    alignment: Alignment,
    work: &'b Path,
}

impl<'a> Making<'a, '_> {
    fn input(&self, choice: &Choice) -> Result<Input<'a>> {
        let mut ready = Vec::new();
        for network in &self.model.networks {
            // A pooled network sees the one series that was chosen.
            let series: &[String] = match self.model.kind {
                ModelKind::Pooled => &choice.series,
                _ => &network.series,
            };
            match self.network(network, series)? {
                Ok(prepared) => ready.push(prepared),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        if self.model.kind != ModelKind::Late {
            return Ok(Ok((ready, Vec::new())));
        }
        let firsts = ready.iter().filter_map(|one| one.channels.first());
        let (series, images): (Vec<&str>, Vec<PathBuf>) = firsts
            .map(|channel| (channel.series.as_str(), channel.image.clone()))
            .unzip();
        match placings(&images, &self.alignment) {
            Ok(placings) => Ok(Ok((ready, placings))),
            Err((at, fault)) => Ok(Err(self.refused(series[0], series[at], fault)?)),
        }
    }

    fn network(
        &self,
        network: &'a PolicyNetwork,
        series: &[String],
    ) -> Result<std::result::Result<PreparedNetwork<'a>, Refused>> {
        let folder = self.networks.place(network, self.work)?.join("images");
        std::fs::create_dir_all(&folder).context("cannot make a folder for the work")?;
        let mut channels: Vec<Channel> = Vec::new();
        let mut paths = Vec::new();
        for (at, name) in series.iter().enumerate() {
            let image = self.image(name)?;
            let target = folder.join(format!("{}_{at:04}{FILE_ENDING}", self.case));
            let alignment = match channels.first() {
                None => put(&image, &target, false).map(|()| AlignmentRecord::reference()),
                Some(first) => put_aligned(&first.image, &image, &target, &self.alignment),
            };
            let alignment = match alignment {
                Ok(alignment) => alignment,
                Err(fault) => return Ok(Err(self.refused(&series[0], name, fault)?)),
            };
            paths.push(target);
            channels.push(Channel {
                series: name.clone(),
                image,
                alignment,
            });
        }
        Ok(Ok(PreparedNetwork {
            network,
            channels,
            files: CaseFiles {
                id: self.case.clone(),
                channels: paths,
                label: None,
            },
        }))
    }

    /// The patient's image of a series, if its header can be read: later its name would be that of a temporary file.
    fn image(&self, series: &str) -> Result<PathBuf> {
        let image = self.patient.series.images.get(series);
        let image = image.with_context(|| format!("the patient has no series {series}"))?;
        sarx_io::read_header(image).with_context(|| format!("series {series}"))?;
        Ok(image.clone())
    }

    /// A registration that is refused refuses the model; every other fault is the patient's.
    fn refused(&self, fixed: &str, moving: &str, fault: AssembleFault) -> Result<Refused> {
        match fault {
            AssembleFault::Register(why) => Ok(Refused {
                model: self.model.name.clone(),
                fixed: fixed.to_owned(),
                moving: moving.to_owned(),
                reason: error_chain(&why),
            }),
            other => Err(other).with_context(|| format!("series {moving}")),
        }
    }
}

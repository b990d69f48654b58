//! Every table in long form.

use super::TableFile;
use crate::csv_text::{csv_line, csv_number};
use crate::results::tables::{Cases, Share, StudyTables};
use sarx_metrics::ScoreFloat;

/// One line under construction.
struct Line(Vec<String>);

impl Line {
    fn of(cases: &Cases) -> Self {
        Self(vec![
            cases.set.name().to_owned(),
            cases.population.name().to_owned(),
            cases.group.by().to_owned(),
            cases.group.value().to_owned(),
        ])
    }

    fn texts<'a>(mut self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.extend(texts.into_iter().map(str::to_owned));
        self
    }

    fn counts(mut self, counts: impl IntoIterator<Item = usize>) -> Self {
        self.0.extend(counts.into_iter().map(|n| n.to_string()));
        self
    }

    fn numbers(mut self, numbers: impl IntoIterator<Item = ScoreFloat>) -> Self {
        self.0.extend(numbers.into_iter().map(|n| csv_number(n.0)));
        self
    }

    fn flag(mut self, flag: bool) -> Self {
        self.0.push(flag.to_string());
        self
    }

    fn share(self, share: &Share) -> Self {
        self.counts([share.count, share.of])
            .numbers([share.share, share.low, share.high])
    }
}

/// The columns that say which cases a line stands for.
const CASES: &str = "set,population,by,value";

fn file(stem: &str, header: &str, lines: impl IntoIterator<Item = Line>) -> TableFile {
    let mut text = format!("{header}\n");
    for line in lines {
        text.push_str(&csv_line(line.0.iter().map(String::as_str)));
    }
    TableFile {
        name: format!("{stem}.csv"),
        text,
    }
}

pub(super) fn csv_files(tables: &StudyTables) -> Vec<TableFile> {
    vec![
        cohort(tables),
        summary(tables),
        model_levels(tables),
        model_tests(tables),
        model_pairs(tables),
        strata_levels(tables),
        strata_tests(tables),
        strata_pairs(tables),
        best_models(tables),
        volumes(tables),
        detection(tables),
    ]
}

fn cohort(tables: &StudyTables) -> TableFile {
    let lines = tables.cohort.iter().flat_map(|cohort| {
        cohort.histologies.iter().flat_map(move |line| {
            let places = cohort.sites.iter().zip(&line.by_site);
            places.map(move |(site, n)| {
                Line(vec![cohort.set.name().to_owned()])
                    .texts([line.histology.as_str()])
                    .flag(line.benign)
                    .texts([site.stratum.as_str(), site.site.as_str()])
                    .counts([*n])
            })
        })
    });
    file("cohort", "set,histology,benign,stratum,site,n", lines)
}

fn summary(tables: &StudyTables) -> TableFile {
    let lines = tables.summaries.iter().flat_map(|row| {
        row.cells.iter().map(move |cell| {
            Line::of(&row.cases)
                .texts([row.grid.name(), row.model.as_str()])
                .counts([row.n_patients, row.n_missing, row.n_cases, row.n_failed])
                .counts([row.n_missed, row.n_no_overlap, row.n_false_alarm])
                .texts([cell.metric.name()])
                .counts([cell.n, cell.n_undefined, cell.n_infinite])
                .flag(cell.few)
                .numbers([cell.median, cell.q1, cell.q3, cell.median_low])
                .numbers([cell.median_high, cell.mean, cell.mean_low, cell.mean_high])
        })
    });
    let header = format!(
        "{CASES},grid,model,n_patients,n_missing,n_cases,n_failed,n_missed,n_no_overlap,n_false_alarm,metric,n,n_undefined,n_infinite,few,median,q1,q3,median_low,median_high,mean,mean_low,mean_high"
    );
    file("summary", &header, lines)
}

fn model_levels(tables: &StudyTables) -> TableFile {
    let lines = tables.between_models.iter().flat_map(|comparison| {
        comparison.metrics.iter().flat_map(move |by| {
            by.levels.iter().map(move |level| {
                Line::of(&comparison.cases)
                    .texts([by.metric.name(), level.model.as_str()])
                    .counts([by.n, by.n_undefined, level.n_infinite])
                    .numbers([level.median, level.q1, level.q3, level.mean])
                    .numbers([level.mean_rank])
            })
        })
    });
    let header =
        format!("{CASES},metric,model,n,n_undefined,n_infinite,median,q1,q3,mean,mean_rank");
    file("model_levels", &header, lines)
}

fn model_tests(tables: &StudyTables) -> TableFile {
    let lines = tables.between_models.iter().flat_map(|comparison| {
        comparison.metrics.iter().map(move |by| {
            let models = comparison.models.join(" ");
            let left_out = comparison.left_out.join(" ");
            let line = Line::of(&comparison.cases)
                .texts([models.as_str(), left_out.as_str()])
                .counts([comparison.n_patients, comparison.n_compared])
                .counts([comparison.n_missing, comparison.n_failed])
                .flag(comparison.few)
                .texts([by.metric.name()])
                .counts([by.n, by.n_undefined]);
            match (&by.friedman, &by.untested) {
                (Some(test), _) => line
                    .numbers([test.chi_squared, test.f])
                    .counts(test.degrees)
                    .numbers([test.p])
                    .texts([""]),
                (None, why) => line.texts(["", "", "", "", "", why.as_deref().unwrap_or("")]),
            }
        })
    });
    let header = format!(
        "{CASES},models,left_out,n_patients,n_compared,n_missing,n_failed,few,metric,n,n_undefined,friedman_chi_squared,iman_davenport_f,df1,df2,p,untested"
    );
    file("model_tests", &header, lines)
}

fn model_pairs(tables: &StudyTables) -> TableFile {
    let lines = tables.between_models.iter().flat_map(|comparison| {
        comparison.metrics.iter().flat_map(move |by| {
            by.pairs.iter().map(move |pair| {
                Line::of(&comparison.cases)
                    .texts([by.metric.name(), pair.a.as_str(), pair.b.as_str()])
                    .counts([pair.n, pair.n_equal, pair.n_infinite])
                    .numbers([pair.difference, pair.rank_biserial, pair.p, pair.p_holm])
            })
        })
    });
    let header = format!(
        "{CASES},metric,a,b,n,n_equal,n_infinite,hodges_lehmann_a_minus_b,rank_biserial,p,p_holm"
    );
    file("model_pairs", &header, lines)
}

fn strata_levels(tables: &StudyTables) -> TableFile {
    let lines = tables.between_strata.iter().flat_map(|comparison| {
        comparison.metrics.iter().flat_map(move |by| {
            let strata = comparison.strata.iter().zip(&by.levels);
            strata.map(move |(size, level)| {
                Line(vec![comparison.set.name().to_owned()])
                    .texts([comparison.model.as_str(), by.metric.name()])
                    .texts([size.stratum.as_str()])
                    .counts([level.n, level.n_undefined, size.n_missing, size.n_failed])
                    .flag(size.few)
                    .numbers([level.median, level.q1, level.q3])
            })
        })
    });
    let header = "set,model,metric,stratum,n,n_undefined,n_missing,n_failed,few,median,q1,q3";
    file("strata_levels", header, lines)
}

fn strata_tests(tables: &StudyTables) -> TableFile {
    let lines = tables.between_strata.iter().flat_map(|comparison| {
        comparison.metrics.iter().map(move |by| {
            let line = Line(vec![comparison.set.name().to_owned()])
                .texts([comparison.model.as_str(), by.metric.name()]);
            match (&by.kruskal_wallis, &by.untested) {
                (Some(test), _) => line
                    .numbers([test.h])
                    .counts([test.degrees])
                    .numbers([test.p, test.epsilon_squared])
                    .texts([""]),
                (None, why) => line.texts(["", "", "", "", why.as_deref().unwrap_or("")]),
            }
        })
    });
    let header = "set,model,metric,kruskal_wallis_h,df,p,epsilon_squared,untested";
    file("strata_tests", header, lines)
}

fn strata_pairs(tables: &StudyTables) -> TableFile {
    let lines = tables.between_strata.iter().flat_map(|comparison| {
        comparison.metrics.iter().flat_map(move |by| {
            by.pairs.iter().map(move |pair| {
                Line(vec![comparison.set.name().to_owned()])
                    .texts([comparison.model.as_str(), by.metric.name()])
                    .texts([pair.a.as_str(), pair.b.as_str()])
                    .numbers([pair.z, pair.p, pair.p_holm, pair.cliffs_delta])
            })
        })
    });
    let header = "set,model,metric,a,b,dunn_z,p,p_holm,cliffs_delta";
    file("strata_pairs", header, lines)
}

fn best_models(tables: &StudyTables) -> TableFile {
    let lines = tables.best_models.iter().flat_map(|best| {
        best.best_first.iter().zip(1..).map(move |(level, place)| {
            Line::of(&best.cases)
                .texts([best.metric.name()])
                .counts([best.n, best.n_left_out])
                .flag(best.few)
                .counts([place])
                .texts([level.model.as_str()])
                .numbers([level.median, level.mean_rank, best.p_holm_best_second])
        })
    });
    let header =
        format!("{CASES},metric,n,n_left_out,few,place,model,median,mean_rank,p_holm_best_second");
    file("best_models", &header, lines)
}

fn volumes(tables: &StudyTables) -> TableFile {
    let lines = tables.volumes.iter().map(|v| {
        Line(vec![v.set.name().to_owned()])
            .texts([v.model.as_str()])
            .counts([v.n, v.n_missing, v.n_failed, v.n_undefined])
            .flag(v.few)
            .numbers([v.bias_ml])
            .numbers(v.bias_interval_ml)
            .numbers([v.limits_ml[0]])
            .numbers(v.lower_interval_ml)
            .numbers([v.limits_ml[1]])
            .numbers(v.upper_interval_ml)
            .numbers([v.icc])
            .numbers(v.icc_interval)
            .counts([v.n_dice])
            .numbers([v.dice_by_volume_rho, v.dice_by_volume_p])
    });
    let header = "set,model,n,n_missing,n_failed,n_undefined,few,bias_ml,bias_low_ml,bias_high_ml,lower_limit_ml,lower_limit_low_ml,lower_limit_high_ml,upper_limit_ml,upper_limit_low_ml,upper_limit_high_ml,icc_2_1,icc_low,icc_high,n_dice,spearman_dice_volume,spearman_p";
    file("volumes", header, lines)
}

fn detection(tables: &StudyTables) -> TableFile {
    let lines = tables.detection.iter().map(|d| {
        Line::of(&d.cases)
            .texts([d.grid.name(), d.model.as_str()])
            .counts([d.n_patients, d.n_missing, d.n_cases, d.n_failed])
            .counts([d.n_uncounted])
            .flag(d.few)
            .counts([d.lesions_missed, d.lesions_false])
            .share(&d.found)
            .share(&d.correct)
            .share(&d.complete_misses)
    });
    let share = |name: &str| format!("{name},{name}_of,{name}_share,{name}_low,{name}_high");
    let header = format!(
        "{CASES},grid,model,n_patients,n_missing,n_cases,n_failed,n_uncounted,few,lesions_missed,lesions_false,{},{},{}",
        share("lesions_found"),
        share("lesions_correct"),
        share("complete_misses")
    );
    file("detection", &header, lines)
}

//! What a hospital does with a study that has been run: its policy on the folders of new patients.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::harness::{Bench, bytes_below};
use ndarray::Array3;
use sarx_core::{Grid, Volume};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const SERIES: [&str; 3] = ["t1_axial", "t1_sagittal", "t2_axial"];
const MODELS: [&str; 6] = [
    "t1_axial",
    "t1_sagittal",
    "t2_axial",
    "t1_t2",
    "t1_planes_pooled",
    "t1_planes_late",
];

/// A patient of the external test set.
struct Patient {
    name: String,
    site: String,
    images: BTreeMap<&'static str, PathBuf>,
}

impl Patient {
    fn held_out(bench: &Bench) -> Self {
        let mut table = csv::Reader::from_path(bench.path("cohort/cohort.csv")).unwrap();
        let columns = table.headers().unwrap().clone();
        let row = table
            .records()
            .map(Result::unwrap)
            .find(|row| row.iter().any(|field| field == "test"))
            .unwrap();
        let field = |name: &str| {
            let at = columns.iter().position(|column| column == name).unwrap();
            row[at].to_owned()
        };
        let image = |series: &'static str| (series, bench.path("cohort").join(field(series)));
        Self {
            name: field("patient"),
            site: field("site"),
            images: SERIES.map(image).into(),
        }
    }

    /// Puts an image of the patient into a folder.
    fn copy(&self, series: &str, to: &Path) {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&self.images[series], to).unwrap();
    }
}

/// A policy that prefers one model wherever it can be used, beside the study's own.
fn preferring(bench: &Bench, model: &str) -> String {
    let mut policy = bench.read_json("study-out/policy.json");
    for cell in policy["choices"].as_array_mut().unwrap() {
        let mut all = vec![cell["choice"].clone()];
        all.extend(cell["runners_up"].as_array().unwrap().clone());
        all.sort_by_key(|candidate| candidate["model"] != model);
        cell["choice"] = all.remove(0);
        cell["runners_up"] = Value::Array(all);
    }
    let path = format!("study-out/prefer_{model}.json");
    bench.write_json(&path, &policy);
    path
}

fn labels(path: &Path) -> Array3<u16> {
    sarx_io::read_labels(path).unwrap().labels.voxels().clone()
}

/// The only patient of a result.
fn patient(done: &Value) -> &Value {
    assert_eq!(done["patients"].as_array().unwrap().len(), 1);
    &done["patients"][0]
}

pub(crate) fn is_predicted_with_what_the_study_chose(bench: &Bench) {
    let held_out = Patient::held_out(bench);
    let folder = bench.path("clinic").join(&held_out.name);
    held_out.copy("t1_axial", &folder.join("t1_axial.nii.gz"));
    held_out.copy("t1_sagittal", &folder.join("Dataset102_T1Sagittal.nii.gz"));
    held_out.copy("t2_axial", &folder.join("T2 axial.nii.gz"));
    fs::write(folder.join("notes.txt"), "").unwrap();
    every_model_predicts_as_in_the_study(bench, &held_out);
    the_choice_is_told_and_no_name_is_logged(bench, &held_out);
    t2_takes_over(bench, &held_out);
    what_is_refused(bench, &held_out);
    a_refused_registration_gives_way(bench, &held_out);
    a_folder_of_patients(bench, &held_out);
}

/// The same files go through the same networks, grids and weights as those of the external test set.
fn every_model_predicts_as_in_the_study(bench: &Bench, held_out: &Patient) {
    let name = &held_out.name;
    let mut distinct = Vec::new();
    for model in MODELS {
        let policy = preferring(bench, model);
        let out = format!("next_{model}");
        let done = bench.done(&format!(
            "predict --policy {policy} --input clinic/{name} --output {out}"
        ));
        assert_eq!(patient(&done)["model"], model);
        let case = match model {
            "t1_planes_pooled" => format!("{name}__t1_axial"),
            _ => name.clone(),
        };
        let study = format!("study-out/models/{model}/predictions/external/{case}.nii.gz");
        let (found, expected) = (
            labels(&bench.path(&format!("{out}/{name}.nii.gz"))),
            labels(&bench.path(&study)),
        );
        assert_eq!(found, expected, "{model}");
        if !distinct.contains(&found) {
            distinct.push(found);
        }
        let record = bench.read_json(&format!("{out}/{name}.policy.json"));
        let kind = match model {
            "t1_t2" => "channels",
            "t1_planes_pooled" => "pooled",
            "t1_planes_late" => "late",
            _ => "single",
        };
        assert_eq!(
            (&record["kind"], &record["version"]),
            (&json!(kind), &json!(1))
        );
        let networks = record["networks"].as_array().unwrap();
        match kind {
            "late" => {
                assert_eq!(networks[1]["network"], "t1_sagittal");
                assert_eq!(networks[1]["weight"], 0.5);
                assert!(networks[1]["placing"]["covered"].as_f64().unwrap() > 0.0);
            }
            "channels" => {
                let second = &networks[0]["channels"][1];
                assert_eq!(
                    (&second["series"], &second["file"]),
                    (&json!("t2_axial"), &json!("T2 axial.nii.gz"))
                );
                assert!(second["alignment"]["covered"].as_f64().unwrap() > 0.0);
            }
            _ => assert_eq!(networks.len(), 1),
        }
        // Nothing but the segmentation and its record stays.
        assert_eq!(bytes_below(&bench.path(&out)).len(), 2, "{model}");
    }
    // The networks are hardly trained, but they do not all say the same.
    assert!(distinct.len() > 3, "{} kinds of labels", distinct.len());
    // And as that model alone.
    fs::create_dir_all(bench.path("one")).unwrap();
    held_out.copy("t1_axial", &bench.path("one/case_0000.nii.gz"));
    bench.done("predict --model study-out/models/t1_axial/model --input one --output one_out");
    assert_eq!(
        labels(&bench.path("one_out/case.nii.gz")),
        labels(&bench.path(&format!("next_t1_axial/{name}.nii.gz")))
    );
}

fn the_choice_is_told_and_no_name_is_logged(bench: &Bench, held_out: &Patient) {
    let (name, site) = (&held_out.name, &held_out.site);
    let line =
        |more: &str| format!("predict --policy study-out/policy.json --input clinic/{name} {more}");
    let done = bench.done(&line(&format!(
        "--output told --site {site} --log log.jsonl"
    )));
    let told = patient(&done);
    assert_eq!(
        (&told["patient"], &told["site"]),
        (&json!(name), &json!(site))
    );
    assert_eq!(
        told["stratum"],
        json!(site),
        "init makes every site a stratum"
    );
    let series: Vec<&String> = told["series"].as_object().unwrap().keys().collect();
    assert_eq!(series, SERIES);
    assert_eq!(
        told["ignored"],
        json!([{"file": "notes.txt", "reason": "no image by its ending"}])
    );
    assert!(
        told["reason"]
            .as_str()
            .unwrap()
            .contains(&format!("Stratum {site}"))
    );
    assert_eq!(told["output"], format!("told/{name}.nii.gz"));
    let record = bench.read_json(&format!("told/{name}.policy.json"));
    assert_eq!(record["reason"], told["reason"]);
    assert_eq!(record["policy_sha256"], done["policy_sha256"]);
    assert_eq!(record["policy_sha256"].as_str().unwrap().len(), 64);
    let log = fs::read_to_string(bench.path("log.jsonl")).unwrap();
    assert!(
        log.contains("stage begins") && !log.contains(name.as_str()),
        "{log}"
    );

    let elsewhere = bench.done(&line("--output elsewhere --site neck"));
    let elsewhere = patient(&elsewhere);
    assert_eq!(elsewhere["stratum"], Value::Null);
    assert!(
        elsewhere["reason"]
            .as_str()
            .unwrap()
            .contains("\"neck\" is in no stratum")
    );
    let unknown = bench.done(&line("--output elsewhere"));
    let unknown = patient(&unknown)["reason"].as_str().unwrap().to_owned();
    assert!(unknown.contains("No site was given"), "{unknown}");
}

/// Missing T1 is normal.
fn t2_takes_over(bench: &Bench, held_out: &Patient) {
    held_out.copy("t2_axial", &bench.path("clinic/t2_only/t2_axial.nii.gz"));
    // With a policy and its models in another place.
    for (path, bytes) in bytes_below(&bench.path("study-out")) {
        let within = path.strip_prefix(bench.path("study-out")).unwrap();
        let mut parts = within.iter().skip(2);
        let is_model =
            within.starts_with("models") && parts.next().is_some_and(|part| part == "model");
        if is_model || within == Path::new("policy.json") {
            let to = bench.path("hospital").join(within);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
    }
    let done =
        bench.done("predict --policy hospital/policy.json --input clinic/t2_only --output t2");
    let told = patient(&done);
    assert_eq!(told["model"], "t2_axial");
    assert_eq!(told["runners_up"], json!([]));
    let reason = told["reason"].as_str().unwrap();
    assert!(
        reason.contains("t2_axial is the only model that these series allow"),
        "{reason}"
    );
    let best = bench.read_json("study-out/policy.json")["fallback"][0]["model"].clone();
    if best != "t2_axial" {
        assert!(reason.contains("it would be"), "{reason}");
    }
    assert_eq!(
        labels(&bench.path("t2/t2_only.nii.gz")),
        labels(&bench.path(&format!("next_t2_axial/{}.nii.gz", held_out.name)))
    );
}

fn what_is_refused(bench: &Bench, held_out: &Patient) {
    let name = &held_out.name;
    let line = |input: &str| {
        format!("predict --policy study-out/policy.json --input {input} --output refused")
    };
    held_out.copy("t2_axial", &bench.path("odd/dwi.nii.gz"));
    let words = [
        "no model can be used with the series (none)",
        "t1_t2 needs t1_axial, t2_axial",
    ];
    bench.refused(&line("odd"), &words);
    bench.refused(
        &line("odd"),
        &["t1_planes_pooled needs t1_axial or t1_sagittal"],
    );
    bench.refused(
        &line("odd --series t3=odd/dwi.nii.gz"),
        &["no series \"t3\""],
    );
    bench.refused(
        &line("odd --series t2_axial=odd/gone.nii.gz"),
        &["t2_axial is not there"],
    );
    // A name that says nothing can be said.
    let said = bench.done("predict --policy study-out/policy.json --input odd --output said --series t2_axial=odd/dwi.nii.gz");
    assert_eq!(patient(&said)["model"], "t2_axial");
    fs::create_dir_all(bench.path("empty")).unwrap();
    bench.refused(&line("empty"), &["no image", "t1_axial.nii.gz"]);
    held_out.copy("t2_axial", &bench.path("twice/t2_axial.nii.gz"));
    held_out.copy("t2_axial", &bench.path("twice/T2Axial.nii.gz"));
    bench.refused(&line("twice"), &["two files are series \"t2_axial\""]);
    let input = format!("clinic/{name}");
    bench.refused(
        &format!("predict --policy study-out/policy.json --input {input} --output {input}"),
        &["same folder"],
    );

    // A policy without its models, of another study, or of an older version.
    let policy = bench.read_json("study-out/policy.json");
    bench.write_json("alone/policy.json", &policy);
    let alone = format!("predict --policy alone/policy.json --input {input} --output refused");
    bench.refused(
        &alone,
        &[
            "t1_axial: its model folder is missing",
            "alone/models/t1_axial/model",
        ],
    );
    let mut other = policy.clone();
    for model in other["models"].as_array_mut().unwrap() {
        model["networks"][0]["plans_hash"] = json!("another");
    }
    bench.write_json("study-out/other.json", &other);
    let other = format!("predict --policy study-out/other.json --input {input} --output refused");
    bench.refused(&other, &["model of another study"]);
    let mut older = policy;
    older["schema_version"] = json!(1);
    bench.write_json("study-out/older.json", &older);
    let older = format!("predict --policy study-out/older.json --input {input} --output refused");
    bench.refused(&older, &["version 1", "sarx study report"]);
    assert!(!bench.path("refused").exists(), "nothing was predicted");

    for conflict in [
        "--policy p.json --model m",
        "--policy p.json --folds 0",
        "--policy p.json --continue",
        "--policy p.json --site thigh --cohort c.csv",
        "--model m --site thigh",
        "--model m --series t1=a.nii.gz",
        "--policy p.json --series t1",
        "",
    ] {
        let line = format!("predict --input a --output b {conflict}");
        let status = bench.command(&line).output().unwrap().status;
        assert_eq!(status.code(), Some(2), "{line}");
        assert!(
            bench.command(&line).output().unwrap().stdout.is_empty(),
            "{line}: not by clap"
        );
    }
}

/// An image far away in which there is nothing to align.
fn a_refused_registration_gives_way(bench: &Bench, held_out: &Patient) {
    for (preferred, series) in [("t1_t2", "t2_axial"), ("t1_planes_late", "t1_sagittal")] {
        let folder = bench.path("far").join(preferred);
        held_out.copy("t1_axial", &folder.join("t1_axial.nii.gz"));
        let image = sarx_io::read_image(&held_out.images[series]).unwrap();
        let [x, y, z] = image.volume.grid().origin_mm;
        let grid = Grid {
            origin_mm: [x + 5000.0, y, z],
            ..*image.volume.grid()
        };
        let flat = Volume::filled(grid, 7.0_f32);
        sarx_io::write_image(&folder.join(format!("{series}.nrrd")), &flat, None).unwrap();
        let policy = preferring(bench, preferred);
        let done = bench.done(&format!(
            "predict --policy {policy} --input far/{preferred} --output far_out"
        ));
        let told = patient(&done);
        let model = told["model"].as_str().unwrap();
        assert_ne!(model, preferred);
        let reason = told["reason"].as_str().unwrap();
        let words = format!(
            "{preferred} cannot be used, since series {series} cannot be registered to t1_axial"
        );
        assert!(reason.starts_with(&words), "{reason}");
        assert!(reason.contains(&format!("{model} is the ")), "{reason}");
        let refused = &told["refused"][0];
        assert_eq!(
            (&refused["model"], &refused["fixed"], &refused["moving"]),
            (&json!(preferred), &json!("t1_axial"), &json!(series))
        );
    }
}

fn a_folder_of_patients(bench: &Bench, held_out: &Patient) {
    let (name, site) = (&held_out.name, &held_out.site);
    fs::create_dir_all(bench.path("clinic/broken")).unwrap();
    fs::write(bench.path("clinic/broken/t2_axial.nii.gz"), "no image").unwrap();
    held_out.copy("t2_axial", &bench.path("clinic/unfit/dwi.nii.gz"));
    let answer = bench.sarx(
        "predict --policy study-out/policy.json --input clinic --output clinic/out --cohort cohort/cohort.csv",
    );
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let failed = answer.json["failed"].to_string();
    assert_eq!(
        answer.json["failed"].as_array().unwrap().len(),
        2,
        "{failed}"
    );
    assert!(
        failed.contains("broken") && failed.contains("series t2_axial"),
        "{failed}"
    );
    assert!(
        failed.contains("unfit") && failed.contains("no model can be used"),
        "{failed}"
    );
    let patients = answer.json["patients"].as_array().unwrap();
    let of = |patient: &str| {
        patients
            .iter()
            .find(|one| one["patient"] == patient)
            .unwrap()
    };
    assert_eq!(patients.len(), 2);
    assert_eq!(of(name)["site"], json!(site));
    assert_eq!(of("t2_only")["site"], Value::Null);
    assert_eq!(of("t2_only")["model"], "t2_axial");
    assert_eq!(
        labels(&bench.path(&format!("clinic/out/{name}.nii.gz"))),
        labels(&bench.path(&format!("told/{name}.nii.gz")))
    );
    let line = "predict --policy study-out/policy.json --input clinic --output clinic/out --series t2_axial=odd/dwi.nii.gz";
    bench.refused(line, &["folders of several"]);
}

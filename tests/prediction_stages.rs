//! Cases of a folder that are read, predicted and written at the same time: order, failures, Ctrl-C; and air
//! that is skipped.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;
use ndarray::{Array3, s};
use sarx_core::{Grid, Size, Volume};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

const IMAGES: &str = "cohort/Dataset101_T1Axial/imagesTs";
const CASES: [&str; 4] = ["sts_005", "sts_006", "sts_007", "sts_008"];

/// A tiny model and four cases that it has not seen.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.tiny_dataset(9, 4);
    let trained = bench.done(&bench.train_line("model", "--no-validation"));
    let share = |value: &Value| value["loader_wait_share"].as_f64().unwrap();
    let ratio =
        |value: &Value| value["waited_s"].as_f64().unwrap() / value["duration_s"].as_f64().unwrap();
    for value in [&trained, &trained["last"]] {
        assert!((0.0..=1.0).contains(&share(value)));
        assert!((share(value) - ratio(value)).abs() < 1e-9);
    }
    bench
}

fn segmentation(bench: &Bench, folder: &str, case: &str) -> Vec<u8> {
    std::fs::read(bench.path(&format!("{folder}/{case}.nii.gz"))).unwrap()
}

#[test]
fn cases_on_their_way_at_once_keep_their_order_their_bytes_and_their_failures() {
    let bench = bench();
    let line =
        |out: &str| format!("predict --model model --no-mirroring --input {IMAGES} --output {out}");
    let all = bench.done(&line("all"));
    assert_eq!(all["done"], json!(CASES));
    let with_threads = Command::new(env!("CARGO_BIN_EXE_sarx"))
        .current_dir(bench.path("."))
        .args(["--threads", "3", "--quiet"])
        .args(line("threads").split_whitespace())
        .status();
    assert!(with_threads.unwrap().success());
    assert_eq!(
        bench.read_json("all/prediction.json"),
        bench.read_json("threads/prediction.json")
    );
    for case in CASES {
        let image = format!("{IMAGES}/{case}_0000.nii.gz");
        bench.write_json("list.json", &json!([{"images": [image], "output": case}]));
        bench.done(&format!(
            "predict --model model --no-mirroring --input-list list.json --output {case}"
        ));
        let alone = segmentation(&bench, case, case);
        assert_eq!(segmentation(&bench, "all", case), alone, "{case}");
        assert_eq!(segmentation(&bench, "threads", case), alone, "{case}");
    }

    // One case that cannot be read, and one that cannot be written.
    let image = bench.path(&format!("{IMAGES}/sts_006_0000.nii.gz"));
    std::fs::write(image, b"no image").unwrap();
    let target = bench.path("all/sts_007.nii.gz");
    std::fs::remove_file(&target).unwrap();
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("in the way"), b"").unwrap();
    let answer = bench.sarx(&line("all"));
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert_eq!(answer.json["done"], json!(["sts_005", "sts_008"]));
    let failed: Vec<&str> = answer.json["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed[0].contains("sts_006") && failed[1].contains("sts_007"));
    let record = bench.read_json("all/prediction.json");
    assert_eq!(
        (&record["complete"], &record["failed"][1]["case"]),
        (&json!(true), &json!("sts_007"))
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_whole_cases_and_a_record_to_continue_from() {
    let bench = bench();
    let line = |out: &str| {
        format!("predict --model model --no-mirroring --input {IMAGES} --step 0.4 --output {out}")
    };
    bench.done(&line("undisturbed"));
    let mut child = bench.start(&line("stopped"));
    let first = bench.path("stopped/sts_005.nii.gz");
    let begun = Instant::now();
    while !first.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no case");
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let record = bench.read_json("stopped/prediction.json");
    assert_eq!(record["complete"], false);
    let done = record["done"].as_array().unwrap().clone();
    assert!((1..4).contains(&done.len()), "{done:?}");
    let continued = bench.done(&format!("{} --continue", line("stopped")));
    assert_eq!(continued["kept"], json!(done));
    for case in CASES {
        let bytes = segmentation(&bench, "stopped", case);
        assert_eq!(bytes, segmentation(&bench, "undisturbed", case), "{case}");
    }
}

/// The image beside twice as much air, and one voxel in the far corner that keeps the air from being cropped.
fn widen(bench: &Bench, case: &str) {
    let image = sarx_io::read_image(&bench.path(&format!("{IMAGES}/{case}_0000.nii.gz"))).unwrap();
    let grid = *image.volume.grid();
    let [z, y, x] = grid.size.zyx();
    let mut wide = Array3::zeros([z, y, 3 * x]);
    wide.slice_mut(s![.., .., ..x])
        .assign(image.volume.voxels());
    wide[[z - 1, y - 1, 3 * x - 1]] = 1.0;
    let size = Size::new([z, y, 3 * x]).unwrap();
    let wide = Volume::new(wide, Grid { size, ..grid }).unwrap();
    std::fs::create_dir_all(bench.path("wide")).unwrap();
    let path = bench.path(&format!("wide/{case}_0000.nii.gz"));
    sarx_io::write_image(&path, &wide, None).unwrap();
}

#[test]
fn air_is_skipped_and_counted_when_it_is_asked_for() {
    let bench = bench();
    for case in &CASES[..2] {
        widen(&bench, case);
    }
    let line = |more: &str| format!("predict --model model --no-mirroring --input wide {more}");
    let plain = bench.done(&line("--output plain"));
    assert_eq!(plain["skipped_tiles"], Value::Null);
    let skipped = bench.done(&line("--output skipped --skip-air"));
    let record = bench.read_json("skipped/prediction.json");
    assert_eq!(record["skipped_tiles"], skipped["skipped_tiles"]);
    for case in &CASES[..2] {
        assert!(record["skipped_tiles"][case].as_u64().unwrap() > 10);
        let labels = |folder: &str| {
            let path = bench.path(&format!("{folder}/{case}.nii.gz"));
            sarx_io::read_labels(&path).unwrap().labels.into_voxels()
        };
        let (plain, skipped) = (labels("plain"), labels("skipped"));
        let x = plain.dim().2;
        // Where the body is nothing changes; in the middle of the air there is background.
        let body = s![.., .., ..x / 3];
        assert_eq!(plain.slice(body), skipped.slice(body));
        let air = skipped.slice(s![.., .., x / 2..x * 3 / 4]);
        assert!(air.iter().all(|&label| label == 0));
    }
    // One folder holds one kind.
    bench.refused(&line("--output skipped --continue"), &["another"]);
    // Noise is no air.
    let line =
        format!("predict --model model --no-mirroring --input {IMAGES} --output noise --skip-air");
    assert_eq!(bench.done(&line)["skipped_tiles"]["sts_007"], 0);
}

#[test]
fn products_of_16_bits_give_the_same_labels_and_another_folder() {
    let bench = bench();
    let line = |more: &str| format!("predict --model model --input {IMAGES} {more}");
    bench.done(&line("--output exact"));
    bench.done(&line("--output rounded --precision bf16"));
    let record = bench.read_json("rounded/prediction.json");
    assert_eq!(record["made_by"]["precision"], "bf16");
    let (mut n_voxels, mut n_other) = (0, 0);
    for case in &CASES {
        let labels = |folder: &str| {
            let path = bench.path(&format!("{folder}/{case}.nii.gz"));
            sarx_io::read_labels(&path).unwrap().labels.into_voxels()
        };
        let (exact, rounded) = (labels("exact"), labels("rounded"));
        n_voxels += exact.len();
        n_other += exact.iter().zip(&rounded).filter(|(a, b)| a != b).count();
    }
    assert!(
        n_other * 100 < n_voxels,
        "{n_other} of {n_voxels} voxels differ"
    );
    bench.refused(
        &line("--output exact --continue --precision bf16"),
        &["another"],
    );
}

//! Tiles of air that are skipped change no label: a model of nnU-Net on its own cases, which here lie beside
//! twice as much air (shared/oracle).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array3, s};
use sarx_core::{Grid, Size, Volume};
use sarx_infer::{PredictOptions, Predictor, predict_case};
use sarx_model::ModelFolder;
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseReader, discover_images};

/// The image beside air, and one voxel in the far corner that keeps the air from being cropped.
fn beside_air(image: &Volume<f32>) -> Volume<f32> {
    let grid = *image.grid();
    let [z, y, x] = grid.size.zyx();
    let mut wide = Array3::zeros([z, y, 3 * x]);
    wide.slice_mut(s![.., .., ..x]).assign(image.voxels());
    wide[[z - 1, y - 1, 3 * x - 1]] = 1.0;
    let size = Size::new([z, y, 3 * x]).unwrap();
    Volume::new(wide, Grid { size, ..grid }).unwrap()
}

#[test]
fn skipped_air_changes_no_label() {
    let Some(folder) = sarx_testkit::shared("oracle/t1_axial") else {
        return;
    };
    let model = ModelFolder::open(&folder.join("model")).unwrap();
    let predictor = |skip_air| {
        let options = PredictOptions {
            mirroring: false,
            skip_air,
            ..PredictOptions::default()
        };
        Predictor::load(&model, &options, DeviceChoice::Cpu.inference()).unwrap()
    };
    let (plain, skipping) = (predictor(false), predictor(true));
    let images = folder.join("raw/imagesTs");
    let cases = discover_images(&images, ".nii.gz", 1).unwrap();
    let mut n_foreground = 0;
    for files in &cases {
        let case = CaseReader::new(model.dataset()).read_case(files).unwrap();
        let channels = [beside_air(&case.channels[0])];
        let predict =
            |predictor| predict_case(&model, predictor, &channels, None, false, |_| true).unwrap();
        let (expected, found) = (predict(&plain), predict(&skipping));
        let differ = expected.labels.voxels().iter().zip(found.labels.voxels());
        let n_different = differ.filter(|(a, b)| a != b).count();
        eprintln!(
            "{}: {} tiles skipped, {n_different} of {} voxels differ",
            files.id,
            found.skipped_tiles,
            expected.labels.voxels().len()
        );
        assert_eq!(expected.skipped_tiles, 0);
        assert!(found.skipped_tiles > 0);
        assert_eq!(n_different, 0, "{}", files.id);
        let foreground = found.labels.voxels().iter().filter(|&&label| label > 0);
        n_foreground += foreground.count();
    }
    assert!(n_foreground > 0, "there is something to be lost");
}

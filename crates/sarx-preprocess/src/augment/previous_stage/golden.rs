//! The transforms of a cascade's previous stage against batchgeneratorsv2 with the same parameters.
//!
//! `golden/cascade.json` is written by `golden/make_cascade.py`.

use super::super::morphology::Ball;
use super::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    shape: [usize; 3],
    previous: Vec<i16>,
    masks: String,
    morphology: Vec<MorphologyResult>,
    removals: Vec<RemovalResult>,
    balls: Vec<BallResult>,
}

#[derive(Deserialize)]
struct MorphologyResult {
    operator: String,
    radius: f64,
    label: usize,
    masks: String,
}

#[derive(Deserialize)]
struct RemovalResult {
    label: usize,
    place: f64,
    masks: String,
}

#[derive(Deserialize)]
struct BallResult {
    radius: f64,
    voxels: usize,
    rows: Vec<usize>,
}

fn golden() -> (Golden, Array4<bool>) {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../golden/cascade.json")).unwrap();
    let previous = Array3::from_shape_vec(golden.shape, golden.previous.clone()).unwrap();
    let masks = masks_of(previous.view(), &[1, 2]);
    (golden, masks)
}

fn text(masks: &Array4<bool>) -> String {
    masks.iter().map(|&v| if v { '1' } else { '0' }).collect()
}

#[test]
fn one_mask_per_label() {
    let (golden, masks) = golden();
    assert_eq!(text(&masks), golden.masks);
}

#[test]
fn morphology_of_all_operators_and_radii() {
    let (golden, masks) = golden();
    assert_eq!(golden.morphology.len(), 40);
    for result in golden.morphology {
        let operator = match result.operator.as_str() {
            "dilation" => Operator::Dilation,
            "erosion" => Operator::Erosion,
            "closing" => Operator::Closing,
            _ => Operator::Opening,
        };
        let mut found = masks.clone();
        Morphology {
            label: result.label,
            operator,
            radius: result.radius,
        }
        .apply(&mut found);
        let what = format!("{operator:?} {} of {}", result.radius, result.label);
        assert!(text(&found) == result.masks, "{what}");
    }
}

#[test]
fn components_that_are_removed() {
    let (golden, masks) = golden();
    for result in golden.removals {
        let mut found = masks.clone();
        Removal {
            label: result.label,
            place: result.place,
        }
        .apply(&mut found);
        assert!(
            text(&found) == result.masks,
            "{} {}",
            result.label,
            result.place
        );
        assert_ne!(found, masks);
    }
}

#[test]
fn balls_of_any_radius() {
    for BallResult {
        radius,
        voxels,
        rows,
    } in golden().0.balls
    {
        let ball = Ball::new(radius);
        let found: Vec<usize> = (ball.rows.iter())
            .map(|row| (row.last - row.first + 1) as usize)
            .collect();
        assert_eq!(found, rows, "radius {radius}");
        assert_eq!(found.iter().sum::<usize>(), voxels);
    }
}

//! Series of different bodies, and noise: how many of their registrations are refused, as all should be.
//!
//! `cargo run --release -p sarx-register --example strangers` registers every series with those of the other
//! patients and prints what was accepted, and the sums.
#![expect(clippy::print_stdout, reason = "it is what the example is for")]

#[path = "../tests/pairs/mod.rs"]
mod pairs;

use sarx_phantom::{MatrixSize, Series};
use sarx_register::{RegisterError, RegisterSpec, register};

fn main() {
    let mut pairs = pairs::phantom(MatrixSize::Small, 5, &[(Series::T1Axial, Series::T2Axial)]);
    pairs.extend(pairs::neck());
    pairs.extend(pairs::knee());
    let (mut n_tried, mut n_accepted) = (0, 0);
    let (mut best_stranger, mut worst_friend) = (0.0f64, f64::INFINITY);
    for (i, a) in pairs.iter().enumerate() {
        for (k, b) in pairs.iter().enumerate() {
            let is_friend = i == k;
            let moving = [("first", &b.fixed), ("second", &b.moving)];
            for (which, moving) in moving.into_iter().skip(usize::from(is_friend)) {
                let result = register(&a.fixed, moving, &RegisterSpec::default());
                let quality = match &result {
                    Ok(registration) => Some(registration.quality),
                    Err(RegisterError::Unreliable { registration, .. }) => {
                        Some(registration.quality)
                    }
                    Err(_) => None,
                };
                let gain = quality.map_or(0.0, |q| q.information_gain);
                if is_friend {
                    worst_friend = worst_friend.min(gain);
                    if let Err(error) = &result {
                        println!("refused although of one patient: {}: {error}", a.name);
                    }
                    continue;
                }
                n_tried += 1;
                best_stranger = best_stranger.max(gain);
                if let Ok(registration) = &result {
                    n_accepted += 1;
                    println!(
                        "accepted: {} with the {which} of {}: {registration:?}",
                        a.name, b.name
                    );
                }
            }
        }
    }
    println!("{n_accepted} of {n_tried} pairs of strangers were accepted");
    println!(
        "information gain: strangers at most {best_stranger:.2}, one patient at least {worst_friend:.2}"
    );
}

//! Muscle compartments as weighted Voronoi cells around their axes, with fat between.

use crate::shapes::{Capsule, Point};

/// The axis of one muscle; muscles made of several axes share a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MuscleAxis {
    pub(crate) id: u8,
    pub(crate) axis: Capsule,
    /// The larger, the thicker the muscle grows against its neighbours, mm.
    pub(crate) weight: f64,
    /// Beyond this distance from the axis is no muscle, mm.
    pub(crate) reach: f64,
}

/// The compartment at a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compartment {
    pub(crate) id: u8,
    /// About how far the border to the next compartment is, mm.
    pub(crate) border: f64,
}

/// The nearest muscle of a list, or `None` where no muscle reaches.
pub(crate) fn compartment_at(muscles: &[MuscleAxis], p: Point) -> Option<Compartment> {
    let mut best = (f64::INFINITY, 0.0, 0u8, 0.0);
    let mut second = (f64::INFINITY, 0.0);
    for muscle in muscles {
        let d2 = muscle.axis.axis_distance2(p);
        let power = d2 - muscle.weight * muscle.weight;
        if power < best.0 {
            if muscle.id != best.2 {
                second = (best.0, best.1);
            }
            best = (power, d2, muscle.id, muscle.reach);
        } else if power < second.0 && muscle.id != best.2 {
            second = (power, d2);
        }
    }
    let distance = best.1.sqrt();
    if !best.0.is_finite() || distance > best.3 {
        return None;
    }
    // Between two axes the power distances differ by 2 * (axes' distance) * (border distance).
    let between = distance + second.1.sqrt();
    let border = if second.0.is_finite() && between > 0.0 {
        (second.0 - best.0) / (2.0 * between)
    } else {
        f64::INFINITY
    };
    Some(Compartment {
        id: best.2,
        border: border.min(best.3 - distance),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn muscle(id: u8, x: f64, weight: f64) -> MuscleAxis {
        let axis = Capsule::new([x, 0.0, -50.0], [x, 0.0, 50.0], (0.0, 0.0));
        MuscleAxis {
            id,
            axis,
            weight,
            reach: 40.0,
        }
    }

    #[test]
    fn the_border_lies_midway_and_its_distance_is_right() {
        let pair = [muscle(1, -10.0, 5.0), muscle(2, 10.0, 5.0)];
        let found = compartment_at(&pair, [-4.0, 0.0, 0.0]).unwrap();
        assert_eq!(found.id, 1);
        assert!((found.border - 4.0).abs() < 1e-9);
        assert!(compartment_at(&pair, [0.0, 60.0, 0.0]).is_none());
    }

    #[test]
    fn pieces_of_one_muscle_have_no_border() {
        let pair = [muscle(1, -10.0, 5.0), muscle(1, 10.0, 5.0)];
        assert!(compartment_at(&pair, [0.0, 0.0, 0.0]).unwrap().border > 20.0);
    }
}

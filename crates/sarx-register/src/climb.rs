//! The climb to the nearest maximum of the mutual information: BFGS with backtracking.
//!
//! The six numbers are millimetres: a translation, and a rotation vector times the body's radius, so that
//! equal steps move the body about equally far. They count from the motion at which the climb starts:
//! `p` goes to `R(w) (T(p) - c) + c + t` with `c` where the start puts the body's centre.
//!
//! Source: Nocedal and Wright, "Numerical Optimization", algorithms 3.1 (backtracking) and 6.1 (BFGS).

use crate::Rigid;
use crate::information::{Comparison, Information};
use crate::vector::{Vector, add, cross, dot, norm, scale};

type Six = [f64; 6];

/// How a climb steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stride {
    /// Length of the first step, mm.
    pub(crate) first_mm: f64,
    /// No step is longer, mm.
    pub(crate) longest_mm: f64,
    /// Steps shorter than this end the climb, mm.
    pub(crate) shortest_mm: f64,
    /// At most so many steps.
    pub(crate) n_steps: usize,
}

/// Armijo's condition: a step must gain at least this part of what the slope promises.
const LEAST_GAIN: f64 = 1e-4;

/// Halvings of a step before it is given up.
const HALVINGS: usize = 8;

/// Where a climb came out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summit {
    pub(crate) moving_from_fixed: Rigid,
    pub(crate) information: Information,
}

/// Climbs from `start`; `None` if too little of the images overlaps there.
///
/// `centre` (fixed space, mm) and `radius_mm` are the body's.
pub(crate) fn climb(
    comparison: &Comparison<'_>,
    start: &Rigid,
    (centre, radius_mm): (Vector, f64),
    stride: &Stride,
) -> Option<Summit> {
    let hill = Hill {
        comparison,
        start,
        pivot: start.apply(centre),
        radius_mm,
    };
    let mut here = hill.at([0.0; 6])?;
    let mut inverse = Inverse::scaled(stride.first_mm / length(here.slope).max(1e-300));
    let mut is_fresh = true;
    for _ in 0..stride.n_steps {
        let mut step = inverse.times(here.slope);
        if inner(step, here.slope) <= 0.0 {
            inverse = Inverse::scaled(stride.first_mm / length(here.slope).max(1e-300));
            is_fresh = true;
            step = inverse.times(here.slope);
        }
        let long = length(step);
        if long > stride.longest_mm {
            step = step.map(|v| v * stride.longest_mm / long);
        }
        let Some((next, taken)) = hill.backtrack(&here, step, stride.shortest_mm) else {
            break;
        };
        let turn: Six = std::array::from_fn(|i| here.slope[i] - next.slope[i]);
        if is_fresh && inner(taken, turn) > 0.0 {
            // The first matrix of the right size: Nocedal and Wright, formula 6.20.
            inverse = Inverse::scaled(inner(taken, turn) / inner(turn, turn));
            is_fresh = false;
        }
        inverse.update(taken, turn);
        here = next;
        if length(taken) < stride.shortest_mm {
            break;
        }
    }
    Some(Summit {
        moving_from_fixed: here.motion,
        information: here.information,
    })
}

/// The measure as a function of six numbers.
struct Hill<'a> {
    comparison: &'a Comparison<'a>,
    start: &'a Rigid,
    pivot: Vector,
    radius_mm: f64,
}

/// A place on the hill.
#[derive(Clone, Copy)]
struct Spot {
    at: Six,
    motion: Rigid,
    information: Information,
    /// Per mm.
    slope: Six,
}

impl Hill<'_> {
    fn at(&self, at: Six) -> Option<Spot> {
        let [tx, ty, tz, ..] = at;
        let turn = [at[3], at[4], at[5]].map(|v| v / self.radius_mm);
        let motion = Rigid::turn(self.pivot, turn, [tx, ty, tz]).after(self.start);
        let pivot = add(self.pivot, [tx, ty, tz]);
        let information = self.comparison.evaluate(&motion, pivot)?;
        let [force, torque] = information.slope;
        let torque = scale(left_jacobian_transposed(turn, torque), 1.0 / self.radius_mm);
        Some(Spot {
            at,
            motion,
            information,
            slope: std::array::from_fn(|i| if i < 3 { force[i] } else { torque[i - 3] }),
        })
    }

    /// The first of a step, its half, its quarter, ... that gains enough; with the step taken.
    fn backtrack(&self, here: &Spot, step: Six, shortest_mm: f64) -> Option<(Spot, Six)> {
        let promised = inner(step, here.slope);
        let mut factor = 1.0;
        for _ in 0..HALVINGS {
            let taken = step.map(|v| v * factor);
            if length(taken) < 0.1 * shortest_mm {
                return None;
            }
            let there = self.at(std::array::from_fn(|i| here.at[i] + taken[i]));
            if let Some(there) = there {
                let gain = there.information.mutual - here.information.mutual;
                if gain >= LEAST_GAIN * factor * promised {
                    return Some((there, taken));
                }
            }
            factor *= 0.5;
        }
        None
    }
}

/// The transposed left Jacobian of a rotation vector `w` times `v`: how a change of the vector turns.
///
/// Source: Sola, Deray, Atchuthan 2018, "A micro Lie theory", formula 145. With `J = I + a [w] + b [w]^2`
/// its transpose is `I - a [w] + b [w]^2`.
fn left_jacobian_transposed(w: Vector, v: Vector) -> Vector {
    let angle = norm(w);
    let (a, b) = if angle < 1e-4 {
        (0.5, 1.0 / 6.0)
    } else {
        let square = angle * angle;
        (
            (1.0 - angle.cos()) / square,
            (angle - angle.sin()) / (square * angle),
        )
    };
    let once = cross(w, v);
    add(v, add(scale(once, -a), scale(cross(w, once), b)))
}

/// The matrix of BFGS: about the inverse of the measure's (negated) second derivatives.
struct Inverse([Six; 6]);

impl Inverse {
    fn scaled(factor: f64) -> Self {
        Self(std::array::from_fn(|i| {
            std::array::from_fn(|k| if i == k { factor } else { 0.0 })
        }))
    }

    fn times(&self, v: Six) -> Six {
        self.0.map(|row| inner(row, v))
    }

    /// `H = (I - r s y') H (I - r y s') + r s s'` with `r = 1 / (s' y)`; left out where the hill does not bend
    /// down along the step.
    fn update(&mut self, s: Six, y: Six) {
        let bend = inner(s, y);
        if bend <= 1e-10 * length(s) * length(y) {
            return;
        }
        let r = 1.0 / bend;
        let hy = self.times(y);
        let factor = r * (1.0 + r * inner(y, hy));
        for i in 0..6 {
            for k in 0..6 {
                self.0[i][k] += factor * s[i] * s[k] - r * (hy[i] * s[k] + s[i] * hy[k]);
            }
        }
    }
}

fn inner(a: Six, b: Six) -> f64 {
    let (first, last) = (
        dot([a[0], a[1], a[2]], [b[0], b[1], b[2]]),
        dot([a[3], a[4], a[5]], [b[3], b[4], b[5]]),
    );
    first + last
}

fn length(a: Six) -> f64 {
    inner(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::{sub, times};

    #[test]
    fn the_jacobian_tells_how_a_changed_rotation_vector_turns() {
        let (w, p) = ([0.3, -0.5, 0.2], [10.0, 20.0, -5.0]);
        // A linear measure g . p: its slope along the rotation vector is J' (p x g) for turned p.
        let g = [0.4, -0.2, 0.9];
        let turned = times(&Rigid::turn([0.0; 3], w, [0.0; 3]).rotation(), p);
        let slope = left_jacobian_transposed(w, cross(turned, g));
        for axis in 0..3 {
            let at = |step: f64| {
                let mut w = w;
                w[axis] += step;
                dot(g, times(&Rigid::turn([0.0; 3], w, [0.0; 3]).rotation(), p))
            };
            let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((slope[axis] - expected).abs() < 1e-6, "{axis}");
        }
        // Near zero it is the identity, without a jump where the series takes over.
        let near = left_jacobian_transposed([1.1e-4, 0.0, 0.0], p);
        let nearer = left_jacobian_transposed([0.9e-4, 0.0, 0.0], p);
        assert!(norm(sub(near, nearer)) < 1e-3 && norm(sub(near, p)) < 1e-2);
    }

    #[test]
    fn bfgs_learns_the_curvature_of_a_bowl() {
        let curvature = [1.0, 4.0, 9.0, 2.0, 0.5, 3.0];
        let mut inverse = Inverse::scaled(1.0);
        for k in 0..6 {
            let mut s = [0.0; 6];
            s[k] = 0.7;
            inverse.update(s, std::array::from_fn(|i| curvature[i] * s[i]));
        }
        let ones = inverse.times(curvature);
        assert!(ones.iter().all(|v| (v - 1.0).abs() < 1e-12), "{ones:?}");
    }
}

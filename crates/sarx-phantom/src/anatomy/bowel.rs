//! Loops of bowel: tubes along seeded walks inside the abdominal cavity.

use crate::shapes::{Point, Tube, add, scale, unit};
use crate::tissue::Tissue;
use rand::{Rng, RngExt};

/// One stretch of bowel.
#[derive(Debug, Clone)]
pub(crate) struct Loop {
    tube: Tube,
    wall_mm: f64,
    content: Tissue,
    /// Gas fills the tube where the distance to the wall on top exceeds this; infinite if none.
    gas_above: f64,
}

impl Loop {
    /// The tissue of this loop at a point, if it is there.
    pub(crate) fn tissue_at(&self, p: Point) -> Option<Tissue> {
        let d = self.tube.depth(p)?;
        if d > -self.wall_mm {
            Some(Tissue::BowelWall)
        } else if p[1] > self.gas_above {
            Some(Tissue::Gas)
        } else {
            Some(self.content)
        }
    }
}

/// Draws small bowel between the heights given and the colon around it.
pub(crate) fn draw_bowel(rng: &mut impl Rng) -> Vec<Loop> {
    let mut loops = Vec::new();
    let starts: [Point; 14] = [
        [-42.0, 44.0, 72.0],
        [30.0, 40.0, 78.0],
        [-6.0, 30.0, 84.0],
        [-64.0, 30.0, 118.0],
        [0.0, 52.0, 112.0],
        [58.0, 34.0, 126.0],
        [28.0, 46.0, 146.0],
        [-36.0, 48.0, 156.0],
        [-70.0, 22.0, 164.0],
        [46.0, 44.0, 184.0],
        [2.0, 54.0, 192.0],
        [-50.0, 40.0, 206.0],
        [66.0, 30.0, 210.0],
        [-20.0, 50.0, 232.0],
    ];
    for start in starts {
        let radius = rng.random_range(9.5..14.0);
        let content = if rng.random_bool(0.85) {
            Tissue::BowelContent
        } else {
            Tissue::Gas
        };
        loops.push(Loop {
            tube: Tube::through(&walk(start, radius, rng)),
            wall_mm: rng.random_range(2.0..3.0),
            content,
            gas_above: f64::INFINITY,
        });
    }
    let colon: [&[Point]; 3] = [
        &[
            [92.0, 10.0, 84.0],
            [98.0, 2.0, 150.0],
            [94.0, 0.0, 220.0],
            [80.0, 20.0, 250.0],
        ],
        &[
            [-90.0, 10.0, 250.0],
            [-100.0, -8.0, 190.0],
            [-96.0, 2.0, 120.0],
            [-70.0, 16.0, 80.0],
        ],
        &[
            [-70.0, 16.0, 80.0],
            [-40.0, 10.0, 66.0],
            [-14.0, -20.0, 64.0],
            [0.0, -40.0, 40.0],
        ],
    ];
    for path in colon {
        let radius = rng.random_range(15.0..20.0);
        let points: Vec<_> = path
            .iter()
            .map(|&p| {
                (
                    add(p, wobble(5.0, rng)),
                    radius * rng.random_range(0.75..1.1),
                )
            })
            .collect();
        let height = path.iter().map(|p| p[1]).sum::<f64>() / path.len() as f64;
        loops.push(Loop {
            tube: Tube::through(&points),
            wall_mm: rng.random_range(2.2..3.2),
            content: Tissue::Stool,
            gas_above: height + radius * rng.random_range(0.0..0.9),
        });
    }
    loops
}

/// Five steps in the plane of the mesentery, turning back and forth.
fn walk(start: Point, radius: f64, rng: &mut impl Rng) -> Vec<(Point, f64)> {
    let mut at = add(start, wobble(10.0, rng));
    let mut heading = unit(wobble(1.0, rng));
    let mut points = vec![(at, radius)];
    for _ in 0..5 {
        let pull = scale([start[0] - at[0], start[1] - at[1], start[2] - at[2]], 0.02);
        heading = unit(add(add(heading, wobble(1.0, rng)), pull));
        at = add(at, scale(heading, rng.random_range(20.0..32.0)));
        points.push((at, radius * rng.random_range(0.8..1.2)));
    }
    points
}

fn wobble(size: f64, rng: &mut impl Rng) -> Point {
    std::array::from_fn(|_| rng.random_range(-size..size))
}

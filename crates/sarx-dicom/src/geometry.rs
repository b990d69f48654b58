//! From DICOM's LPS+ positions to a grid in RAS+, and back.

/// Changes LPS+ to RAS+ or back: the first two axes point the other way.
#[must_use]
pub(crate) fn flip([x, y, z]: [f64; 3]) -> [f64; 3] {
    [-x, -y, z]
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn length(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

fn scaled(a: [f64; 3], factor: f64) -> [f64; 3] {
    a.map(|v| v * factor)
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// Unit directions of a slice: along a row, along a column, and their cross product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axes {
    pub(crate) row: [f64; 3],
    pub(crate) column: [f64; 3],
    pub(crate) normal: [f64; 3],
}

impl Axes {
    /// How far from unit length and from a right angle the six numbers may be. They are rounded in
    /// files, to four digits at worst.
    const TOLERANCE: f64 = 1e-3;

    /// The axes of an image orientation, or `None` if it is not two perpendicular unit vectors.
    pub(crate) fn new(orientation: [f64; 6]) -> Option<Self> {
        let [a, b, c, d, e, f] = orientation;
        let (row, column) = ([a, b, c], [d, e, f]);
        let (n_row, n_column) = (length(row), length(column));
        let sound = (n_row - 1.0).abs() < Self::TOLERANCE
            && (n_column - 1.0).abs() < Self::TOLERANCE
            && dot(row, column).abs() < Self::TOLERANCE;
        if !sound {
            return None;
        }
        let (row, column) = (scaled(row, 1.0 / n_row), scaled(column, 1.0 / n_column));
        let normal = cross(row, column);
        let normal = scaled(normal, 1.0 / length(normal));
        Some(Self {
            row,
            column,
            normal,
        })
    }

    /// The matrix of a grid in RAS+: its columns are the file axes x (along a row), y (along a
    /// column) and z (along the normal).
    pub(crate) fn direction(&self) -> [[f64; 3]; 3] {
        let columns = [self.row, self.column, self.normal].map(flip);
        std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row]))
    }

    /// What lies off the normal through `origin`, mm.
    pub(crate) fn off_normal_mm(&self, origin: [f64; 3], position: [f64; 3]) -> f64 {
        let step = minus(position, origin);
        dot(step, self.row).hypot(dot(step, self.column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_of_an_axial_slice_points_to_the_head() {
        let axes = Axes::new([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]).unwrap();
        assert_eq!(axes.normal, [0.0, 0.0, 1.0]);
        assert_eq!(
            axes.direction(),
            [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
        );
        assert!(Axes::new([1.0, 0.0, 0.0, 0.1, 1.0, 0.0]).is_none());
    }
}

//! Three-vectors and 3x3 matrices (`m[row][column]`) of f64.

pub(crate) type Vector = [f64; 3];
pub(crate) type Matrix = [[f64; 3]; 3];

pub(crate) fn add(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|i| a[i] + b[i])
}

pub(crate) fn sub(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(crate) fn scale(a: Vector, factor: f64) -> Vector {
    a.map(|v| v * factor)
}

pub(crate) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn norm(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

pub(crate) fn times(m: &Matrix, v: Vector) -> Vector {
    m.map(|row| dot(row, v))
}

/// The transposed matrix times a vector.
pub(crate) fn transposed_times(m: &Matrix, v: Vector) -> Vector {
    std::array::from_fn(|col| m[0][col] * v[0] + m[1][col] * v[1] + m[2][col] * v[2])
}

pub(crate) fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

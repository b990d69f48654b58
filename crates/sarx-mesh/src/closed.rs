//! Whether triangles make a closed, oriented manifold.

/// What is wrong with a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotClosed {
    /// A triangle names a vertex twice or one that does not exist.
    #[error("triangle {triangle} has no three vertices of its own")]
    Degenerate {
        /// Its index.
        triangle: usize,
    },
    /// Two triangles run along an edge in the same direction: an edge of more than two triangles,
    /// or two that are turned against each other.
    #[error("two triangles run from vertex {from} to {to}", from = .edge[0], to = .edge[1])]
    Twice {
        /// The vertices, in this direction.
        edge: [u32; 2],
    },
    /// No triangle comes back along an edge.
    #[error("no triangle comes back along the edge from vertex {from} to {to}", from = .edge[0], to = .edge[1])]
    Open {
        /// The vertices, in this direction.
        edge: [u32; 2],
    },
    /// The triangles around a vertex are several fans that meet in a point.
    #[error("several sheets meet in vertex {vertex}")]
    Pinched {
        /// The vertex.
        vertex: u32,
    },
}

/// Checks that every edge belongs to exactly two triangles that run along it in opposite directions,
/// and that the triangles around every vertex are one fan.
///
/// # Errors
///
/// [`NotClosed`] names the first fault.
pub fn require_closed(n_vertices: usize, triangles: &[[u32; 3]]) -> Result<(), NotClosed> {
    let mut edges = Vec::with_capacity(3 * triangles.len());
    for (index, &[a, b, c]) in triangles.iter().enumerate() {
        let exist = [a, b, c].iter().all(|&v| (v as usize) < n_vertices);
        if a == b || b == c || c == a || !exist {
            return Err(NotClosed::Degenerate { triangle: index });
        }
        edges.extend([([a, b], c), ([b, c], a), ([c, a], b)]);
    }
    edges.sort_unstable();
    if let Some(pair) = edges.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(NotClosed::Twice { edge: pair[0].0 });
    }
    for &([a, b], _) in &edges {
        if edges.binary_search_by_key(&[b, a], |e| e.0).is_err() {
            return Err(NotClosed::Open { edge: [a, b] });
        }
    }
    // Edges are sorted by where they begin: those of one vertex lie together.
    for around in edges.chunk_by(|p, q| p.0[0] == q.0[0]) {
        let vertex = around[0].0[0];
        // From the edge to `v`, the triangle's third vertex is where the next edge of the fan ends.
        let next = |v: u32| {
            around
                .binary_search_by_key(&[vertex, v], |e| e.0)
                .map(|i| around[i].1)
        };
        let first = around[0].0[1];
        let mut at = first;
        let mut seen = 0;
        while let Ok(after) = next(at) {
            seen += 1;
            at = after;
            if at == first || seen > around.len() {
                break;
            }
        }
        if seen != around.len() {
            return Err(NotClosed::Pinched { vertex });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TETRAHEDRON: [[u32; 3]; 4] = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]];

    #[test]
    fn each_fault_is_found() {
        assert_eq!(require_closed(4, &TETRAHEDRON), Ok(()));
        let open = require_closed(4, &TETRAHEDRON[..3]);
        assert!(matches!(open, Err(NotClosed::Open { .. })));
        let mut turned = TETRAHEDRON;
        turned[0].swap(0, 1);
        assert!(matches!(
            require_closed(4, &turned),
            Err(NotClosed::Twice { .. })
        ));
        // Two tetrahedra that share vertex 3.
        let mut two = TETRAHEDRON.to_vec();
        two.extend(TETRAHEDRON.map(|t| t.map(|v| v + 3)));
        assert_eq!(
            require_closed(7, &two),
            Err(NotClosed::Pinched { vertex: 3 })
        );
        for bad in [[0, 0, 1], [0, 1, 9]] {
            assert_eq!(
                require_closed(4, &[bad]),
                Err(NotClosed::Degenerate { triangle: 0 })
            );
        }
    }
}

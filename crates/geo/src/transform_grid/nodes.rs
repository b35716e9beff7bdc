//! The nodes of patches, each asked of PROJ once.

use std::collections::HashMap;

use super::{CELL, FINEST};

/// The nodes of the coarsest step, row by row.
pub(super) struct Lattice {
    pub(super) cols: usize,
    pub(super) xs: Vec<f64>,
    pub(super) ys: Vec<f64>,
}

/// Nodes by their places among those of the finest step. A step's nodes are every second of the next, and neighbours
/// share those of their common edge; positions are the same to the bit, since a step is a power of two of the next and
/// three thirds of it are whole.
pub(super) struct Nodes<'l> {
    coarsest: &'l Lattice,
    /// Index in the lists below.
    known: HashMap<(usize, usize), usize>,
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl<'l> Nodes<'l> {
    pub(super) fn new(coarsest: &'l Lattice) -> Self {
        Self { coarsest, known: HashMap::new(), xs: Vec::new(), ys: Vec::new() }
    }

    /// True where a node is asked for the first time: its position must be learned next, in this order.
    pub(super) fn wants(&mut self, node: (usize, usize)) -> bool {
        if self.coarse(node).is_some() {
            return false;
        }
        let next = self.known.len();
        *self.known.entry(node).or_insert(next) == next
    }

    /// The positions of the nodes that were wanted since the last time.
    pub(super) fn learn(&mut self, xs: Vec<f64>, ys: Vec<f64>) {
        self.xs.extend(xs);
        self.ys.extend(ys);
    }

    /// The position of a node; NaN where it has no image.
    pub(super) fn at(&self, node: (usize, usize)) -> (f64, f64) {
        if let Some(at) = self.coarse(node) {
            return (self.coarsest.xs[at], self.coarsest.ys[at]);
        }
        self.known.get(&node).map_or((f64::NAN, f64::NAN), |&at| (self.xs[at], self.ys[at]))
    }

    fn coarse(&self, (row, col): (usize, usize)) -> Option<usize> {
        const STEP: usize = CELL / FINEST;
        (row % STEP == 0 && col % STEP == 0).then(|| row / STEP * self.coarsest.cols + col / STEP)
    }
}

/// Rows and columns of the places of an `n × n` lattice.
pub(super) fn lattice(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |j| (0..n).map(move |i| (j, i)))
}

//! Rings with few vertices and a known error.

use geo_types::LineString;

use super::{Frame, STEPS};

/// No ring of more vertices than this is looked at.
const LONGEST: usize = 20_000;
/// So many vertices are few: what a scene needs whose edges are straight elsewhere and curved in lon/lat.
const FEW: usize = 8;
/// With few vertices, an error of so many steps is not made smaller by more of them.
const COARSE: f64 = 48.0;
/// No ring needs a smaller error.
const FINE: f64 = 4.0;
/// No ring has more vertices.
const MANY: usize = 32;

/// A ring with few vertices.
pub(super) struct Simple {
    pub(super) vertices: Vec<[u16; 2]>,
    /// In steps.
    pub(super) error: f64,
}

impl Simple {
    /// The ring with as few vertices as an error allows that is small for their number.
    pub(super) fn of(ring: &LineString, frame: &Frame) -> Option<Self> {
        let mut points: Vec<(f64, f64)> = ring.0.iter().map(|c| frame.place(c.x, c.y)).collect();
        points.dedup();
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if points.len() > LONGEST {
            return None;
        }
        // A vertex far from another one is a corner, and corners stay.
        let first = *points.first()?;
        let far = |p: &(f64, f64)| (p.0 - first.0).abs().max((p.1 - first.1).abs());
        let (corner, _) = points.iter().enumerate().max_by(|a, b| far(a.1).total_cmp(&far(b.1)))?;
        points.rotate_left(corner);
        points.push(points[0]);

        let fine = Self::within(&points, FINE);
        if fine.vertices.len() <= FEW {
            return Some(fine);
        }
        let mut best = Self::within(&points, COARSE);
        if best.vertices.len() <= FEW {
            let (mut low, mut high) = (FINE, COARSE);
            for _ in 0..4 {
                let middle = f64::midpoint(low, high);
                let tried = Self::within(&points, middle);
                if tried.vertices.len() <= FEW {
                    (best, high) = (tried, middle);
                } else {
                    low = middle;
                }
            }
            return Some(best);
        }
        let mut allowed = COARSE;
        while best.vertices.len() > MANY && allowed < STEPS {
            allowed *= 2.0;
            best = Self::within(&points, allowed);
        }
        Some(best)
    }

    /// The closed ring with each edge as long as it goes without an error above `allowed`.
    fn within(points: &[(f64, f64)], allowed: f64) -> Self {
        let last = points.len() - 1;
        let mut simple = Self { vertices: Vec::new(), error: 0.0 };
        let mut from = 0;
        while from < last || simple.vertices.is_empty() {
            // Longer and longer, then the last step by halves.
            let (mut to, mut step, mut longer) = ((from + 1).min(last), 1, true);
            let mut error = chain_error(&points[from..=to], f64::INFINITY).unwrap_or(f64::INFINITY);
            while step > 0 {
                let further = (to + step).min(last);
                if let Some(within) = chain_error(&points[from..=further], allowed).filter(|_| further > to) {
                    (to, error) = (further, within);
                    step = if longer { step * 2 } else { step / 2 };
                } else {
                    (step, longer) = (step / 2, false);
                }
            }
            simple.vertices.push(rounded(points[from]));
            simple.error = simple.error.max(error);
            if to == last {
                break;
            }
            from = to;
        }
        simple
    }
}

/// The greatest distance of these points from the straight edge between the vertices that stand for the first and the
/// last; `None` where it is above `allowed`.
fn chain_error(points: &[(f64, f64)], allowed: f64) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let (a, b) = (rounded(*first).map(f64::from), rounded(*last).map(f64::from));
    let mut worst = 0.0_f64;
    for point in points {
        worst = worst.max(distance(*point, a, b));
        if worst > allowed {
            return None;
        }
    }
    Some(worst)
}

/// The vertex of an outline nearest to a point.
fn rounded((x, y): (f64, f64)) -> [u16; 2] {
    [whole(x), whole(y)]
}

/// How far a point is from its nearest point of an edge: the greater difference of both coordinates.
fn distance((x, y): (f64, f64), [ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> f64 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((x - ax) * dx + (y - ay) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - ax - along * dx).abs().max((y - ay - along * dy).abs())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
pub(super) fn whole(x: f64) -> u16 {
    x.round() as u16
}

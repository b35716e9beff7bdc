//! Rings moved from one CRS to another, with as many points as their curved edges need.

use geo_types::{Coord, LineString};

use crate::Transform;

/// How far an edge may lie from its true course, as a fraction of the ring's extent.
const TOLERANCE: f64 = 1e-5;
/// Each pass cuts an edge into four; 4⁵ pieces are the most one edge becomes.
const PASSES: usize = 5;
/// A ring grows no further than this.
const MOST_POINTS: usize = 200_000;

/// How distances between images are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// x and y alike.
    Planar,
    /// Degrees on a sphere: longitudes go round, and shrink towards the poles.
    LonLat,
}

/// A ring in its new CRS.
pub(crate) struct Traced {
    /// Images in order; the first is not repeated at the end. Points without an image are left out.
    pub(crate) points: Vec<Coord>,
    /// True where some points have no image.
    pub(crate) broken: bool,
    /// True where neighbouring points stay far apart however finely an edge is cut: the ring crosses a seam of
    /// the target CRS.
    pub(crate) torn: bool,
}

#[derive(Clone, Copy)]
struct Vertex {
    from: Coord,
    to: Coord,
    /// True where the edge that starts here needs another look.
    open: bool,
}

fn finite(c: Coord) -> bool {
    c.x.is_finite() && c.y.is_finite()
}

fn between(a: Coord, b: Coord, t: f64) -> Coord {
    Coord { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t }
}

fn project(points: &[Coord], transform: &Transform) -> Vec<Coord> {
    let mut xs: Vec<f64> = points.iter().map(|c| c.x).collect();
    let mut ys: Vec<f64> = points.iter().map(|c| c.y).collect();
    transform.apply(&mut xs, &mut ys);
    xs.into_iter().zip(ys).map(|(x, y)| Coord { x, y }).collect()
}

/// `lon` moved by whole turns to within 180° of `near`.
pub(crate) fn unwrap(lon: f64, near: f64) -> f64 {
    lon - ((lon - near) / 360.0).round() * 360.0
}

impl Space {
    /// `c` as seen from `origin`, in units that mean the same along both axes.
    fn local(self, origin: Coord, c: Coord) -> (f64, f64) {
        match self {
            Self::Planar => (c.x - origin.x, c.y - origin.y),
            Self::LonLat => {
                let scale = f64::midpoint(origin.y, c.y).to_radians().cos();
                ((unwrap(c.x, origin.x) - origin.x) * scale, c.y - origin.y)
            }
        }
    }

    fn distance(self, a: Coord, b: Coord) -> f64 {
        let (x, y) = self.local(a, b);
        x.hypot(y)
    }

    /// How far `c` lies from the straight edge `a`–`b`.
    fn deviation(self, a: Coord, b: Coord, c: Coord) -> f64 {
        let (bx, by) = self.local(a, b);
        let (cx, cy) = self.local(a, c);
        let length = bx * bx + by * by;
        let t = if length > 0.0 { ((cx * bx + cy * by) / length).clamp(0.0, 1.0) } else { 0.0 };
        (cx - t * bx).hypot(cy - t * by)
    }
}

/// The ring in the target CRS. Edges are straight in the source CRS; points are added until no edge lies farther
/// from its true course than 1e-5 of the ring's extent.
pub(crate) fn trace(ring: &LineString, transform: &Transform, space: Space) -> Traced {
    let mut corners: Vec<Coord> = ring.0.clone();
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    let images = project(&corners, transform);
    let mut ring: Vec<Vertex> =
        corners.into_iter().zip(images).map(|(from, to)| Vertex { from, to, open: true }).collect();
    let mut extent = 0.0;
    for pass in 0..PASSES {
        let n = ring.len();
        let open: Vec<usize> = (0..n).filter(|&i| ring[i].open).collect();
        if open.is_empty() || n > MOST_POINTS {
            break;
        }
        let cuts: Vec<Coord> = open
            .iter()
            .flat_map(|&i| {
                let (a, b) = (ring[i].from, ring[(i + 1) % n].from);
                [0.25, 0.5, 0.75].map(|t| between(a, b, t))
            })
            .collect();
        let images = project(&cuts, transform);
        extent = f64::max(extent, spread(ring.iter().map(|v| v.to).chain(images.iter().copied()), space));
        let tolerance = extent * TOLERANCE;
        let mut next = Vec::with_capacity(n + cuts.len());
        let mut looked_at = open.iter().zip(cuts.chunks_exact(3).zip(images.chunks_exact(3))).peekable();
        for (i, vertex) in ring.iter().enumerate() {
            let Some((_, (from, to))) = looked_at.next_if(|(at, _)| **at == i) else {
                next.push(*vertex);
                continue;
            };
            let (a, b) = (vertex.to, ring[(i + 1) % n].to);
            let images = to.iter().filter(|c| finite(**c)).count();
            let split = match (finite(a), finite(b), images) {
                (true, true, 3) => {
                    let pieces = [(a, to[0]), (to[0], to[1]), (to[1], to[2]), (to[2], b)]
                        .map(|(from, to)| space.distance(from, to));
                    // Over a seam all points may lie on one line, but one piece is as long as all of it.
                    let leap = pieces.iter().copied().fold(0.0, f64::max);
                    to.iter().any(|&c| space.deviation(a, b, c) > tolerance)
                        || (leap > 0.05 * extent && leap > 0.6 * pieces.iter().sum::<f64>())
                }
                // An edge without any image is looked at twice, in case its middle has one.
                (false, false, 0) => pass == 0,
                _ => true,
            };
            next.push(Vertex { open: split, ..*vertex });
            if split {
                next.extend(from.iter().zip(to).map(|(&from, &to)| Vertex { from, to, open: true }));
            }
        }
        ring = next;
    }
    let n = ring.len();
    let torn = (0..n).any(|i| {
        let (a, b) = (ring[i].to, ring[(i + 1) % n].to);
        ring[i].open && finite(a) && finite(b) && space.distance(a, b) > 0.05 * extent
    });
    let broken = ring.iter().any(|v| !finite(v.to));
    Traced { points: ring.into_iter().map(|v| v.to).filter(|c| finite(*c)).collect(), broken, torn }
}

/// The diagonal of the box around `points`, as seen from the first of them.
fn spread(points: impl Iterator<Item = Coord>, space: Space) -> f64 {
    let mut points = points.filter(|c| finite(*c));
    let Some(origin) = points.next() else { return 0.0 };
    let (mut low, mut high) = ((0.0_f64, 0.0_f64), (0.0_f64, 0.0_f64));
    for c in points {
        let (x, y) = space.local(origin, c);
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    (high.0 - low.0).hypot(high.1 - low.1)
}

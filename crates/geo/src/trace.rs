//! Rings moved from one CRS to another, with as many points as their curved edges need.

use geo_types::{Coord, LineString};

use crate::Transform;

/// How far an edge may lie from its true course, as a fraction of the ring's extent.
const TOLERANCE: f64 = 1e-5;
/// Each pass cuts an edge into four; 4⁵ pieces are the most one edge becomes.
const PASSES: usize = 5;
/// A ring grows no further than this.
const MOST_POINTS: usize = 200_000;
/// An edge of even curvature becomes no more pieces than this at once; a longer one is cut and looked at again.
const MOST_PIECES: f64 = 64.0;

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

    /// Into how many equal pieces the edge `a`–`b` is cut so that none lies farther than `tolerance` from its course,
    /// where the images of its quarter points show that it curves evenly. A parabola lies 3/4 as far from its chord at
    /// the quarters as in the middle, and in n pieces n² times closer. `None` where the curve is another, or too long.
    fn even_pieces(self, a: Coord, b: Coord, quarters: &[Coord], tolerance: f64) -> Option<f64> {
        let &[first, middle, last] = quarters else { return None };
        let [d1, d2, d3] = [first, middle, last].map(|c| self.deviation(a, b, c));
        let uneven = f64::max((d1 - 0.75 * d2).abs(), (d3 - 0.75 * d2).abs()) / d2;
        let steps = [(a, first), (first, middle), (middle, last), (last, b)].map(|(from, to)| self.distance(from, to));
        let whole = steps.iter().sum::<f64>();
        // With a cubic part that shifts the quarters by `uneven`, an end curves 8 times that much more than the middle.
        let pieces = (d2 / tolerance * (1.1 + 8.0 * uneven)).sqrt().ceil();
        (uneven < 0.1 && steps.iter().all(|s| (s - 0.25 * whole).abs() < 0.05 * whole) && pieces <= MOST_PIECES)
            .then_some(pieces)
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
    let mut even = Vec::new();
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
            let pieces = if split { space.even_pieces(a, b, to, tolerance) } else { None };
            next.push(Vertex { open: split && pieces.is_none(), ..*vertex });
            match pieces {
                Some(pieces) if pieces > 4.0 => even.push((next.len() - 1, pieces)),
                _ if split => {
                    let open = pieces.is_none();
                    next.extend(from.iter().zip(to).map(|(&from, &to)| Vertex { from, to, open }));
                }
                _ => {}
            }
        }
        ring = if even.is_empty() { next } else { cut_evenly(&next, even.drain(..), transform) };
    }
    let n = ring.len();
    let torn = (0..n).any(|i| {
        let (a, b) = (ring[i].to, ring[(i + 1) % n].to);
        ring[i].open && finite(a) && finite(b) && space.distance(a, b) > 0.05 * extent
    });
    let broken = ring.iter().any(|v| !finite(v.to));
    Traced { points: ring.into_iter().map(|v| v.to).filter(|c| finite(*c)).collect(), broken, torn }
}

/// The ring with the edges that start at these vertices cut into so many equal pieces, which need no other look.
fn cut_evenly(ring: &[Vertex], edges: impl Iterator<Item = (usize, f64)>, transform: &Transform) -> Vec<Vertex> {
    let mut cuts = Vec::new();
    let mut ends = Vec::new();
    for (at, pieces) in edges {
        let (a, b) = (ring[at].from, ring[(at + 1) % ring.len()].from);
        let mut piece = 1.0;
        while piece < pieces {
            cuts.push(between(a, b, piece / pieces));
            piece += 1.0;
        }
        ends.push((at, cuts.len()));
    }
    let images = project(&cuts, transform);
    let mut new = cuts.into_iter().zip(images).map(|(from, to)| Vertex { from, to, open: false });
    let mut ends = ends.into_iter().peekable();
    let mut out = Vec::with_capacity(ring.len() + new.len());
    let mut taken = 0;
    for (at, vertex) in ring.iter().enumerate() {
        out.push(*vertex);
        if let Some((_, end)) = ends.next_if(|(edge, _)| *edge == at) {
            out.extend(new.by_ref().take(end - taken));
            taken = end;
        }
    }
    out
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Crs;

    #[test]
    fn no_edge_lies_farther_from_its_course_than_it_may() {
        // A Sentinel-2 tile, a wide scene in Lambert's conic of Europe, a tile near the pole, and a world-wide strip.
        for (code, left, bottom, size) in [
            (32633, 300_000.0, 4_500_000.0, 109_800.0),
            (32633, 166_000.0, 8_900_000.0, 500_000.0),
            (3034, 2_500_000.0, 1_200_000.0, 3_000_000.0),
            (3577, -1_500_000.0, -4_000_000.0, 100_000.0),
            (6933, -16_000_000.0, 1_000_000.0, 900_000.0),
            (3413, 200_000.0, 100_000.0, 1_000_000.0),
        ] {
            let transform = Transform::new(&Crs::epsg(code).unwrap(), &Crs::lonlat().unwrap()).unwrap();
            let corner = |x: f64, y: f64| Coord { x: left + size * x, y: bottom + size * y };
            let corners = [corner(0.0, 0.0), corner(1.0, 0.1), corner(1.0, 1.0), corner(0.0, 0.9)];
            let traced = trace(&LineString::new(corners.to_vec()), &transform, Space::LonLat);
            assert!(!traced.broken && !traced.torn, "{code}");
            let extent = spread(traced.points.iter().copied(), Space::LonLat);
            // Dense points along the true course, each against all edges of the ring.
            let n = traced.points.len();
            for (at, a) in corners.iter().enumerate() {
                let dense: Vec<Coord> =
                    (1..400).map(|i| between(*a, corners[(at + 1) % 4], f64::from(i) / 400.0)).collect();
                for c in project(&dense, &transform) {
                    let edges = (0..n).map(|i| (traced.points[i], traced.points[(i + 1) % n]));
                    let off = edges.map(|(a, b)| Space::LonLat.deviation(a, b, c)).fold(f64::INFINITY, f64::min);
                    // Near a pole the extent depends a little on the point it is seen from.
                    assert!(off <= 1.1 * TOLERANCE * extent, "{code}: {off} of {extent} with {n} points");
                }
            }
            assert!(n < 400, "{code}: {n} points");
        }
    }
}

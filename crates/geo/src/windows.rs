//! Which pixels of a warp's source and destination have to do with each other.

use crate::geobox::index;
use crate::{BoundingBox, Shape, Window};

/// Moves positions from destination to source pixels, in place; NaN where one has no image.
pub(crate) type Move<'m> = dyn Fn(&mut [f64], &mut [f64]) + 'm;

/// Cells are cut no smaller than this: below, every pixel is looked at.
const LEAF: usize = 8;
/// How finely the edge of a source is followed where its image is flat: in so many cells along the window asked for.
pub(crate) const FINE: usize = 256;
/// The same where a window somewhat too wide will do.
pub(crate) const ROUGH: usize = 32;
/// A cell without an image is cut down to this where the map's rim may run through it: between two of its points a rim of
/// any usual radius enters such a cell by less than a pixel.
const RIM: usize = 64;
/// Along each side of the window asked for, this many cells to begin with.
const ROOT_CELLS: usize = 8;
/// A rough cell is off the source when it is this many times its own extent away.
const FAR: f64 = 10.0;
/// Source positions this far outside the image (in pixels) still count: rounding must not lose an edge.
const EDGE: f64 = 1e-3;

/// The parts of the source image and of `window` that hold all pairs of a destination pixel and the source pixel that
/// its centre or its area lies on; without kernel padding. `None` where there is no such pair.
///
/// `window` is cut into cells. A cell whose image under the transform is smooth is bounded by nine points of it and twice
/// their distance from a bilinear surface; it is taken, dropped, or cut into four where it lies on the image's edge. A
/// cell on a seam, a pole or the edge of the projection's domain is cut down to pixels, unless its points are all far
/// from the source. A cell of whose points none has an image is dropped where none around it has one either. `hints` are
/// positions in destination pixels known to lie on the source. With fewer cells along its side (`edge`) a window on the
/// source's edge is wider.
pub(crate) fn warp_windows(
    transform: &Move<'_>,
    image: Shape,
    window: Window,
    hints: &[(f64, f64)],
    edge: usize,
) -> Option<(BoundingBox, Window)> {
    if window.is_empty() || image.is_empty() {
        return None;
    }
    let image = BoundingBox::new(-EDGE, -EDGE, index(image.cols) + EDGE, index(image.rows) + EDGE);
    let mut found = Found { image, src: None, dst: None };
    let fine = (window.rows.max(window.cols) / edge).max(LEAF);
    let side = |n: usize| n.div_ceil(ROOT_CELLS).max(LEAF);
    let (rows, cols) = (side(window.rows), side(window.cols));
    let mut cells: Vec<Window> = (0..window.rows)
        .step_by(rows)
        .flat_map(|r| {
            (0..window.cols).step_by(cols).map(move |c| {
                Window::new(window.row + r, window.col + c, rows.min(window.rows - r), cols.min(window.cols - c))
            })
        })
        .collect();
    let mut first = true;
    while !cells.is_empty() {
        let verdicts = look(transform, &image, &cells);
        let mut next = Vec::new();
        // Cells that lie on the source whole go first: they often cover what the others could add.
        for (cell, verdict) in cells.iter().zip(&verdicts) {
            if let Verdict::Inside(bbox) = verdict {
                found.add(*bbox, *cell);
            }
        }
        let nowhere = cells.iter().zip(&verdicts).filter(|(cell, verdict)| is_large_nowhere(**cell, verdict));
        let mut rims = rims(transform, nowhere.map(|(cell, _)| *cell)).into_iter();
        for (cell, verdict) in cells.iter().zip(verdicts) {
            let rim = is_large_nowhere(*cell, &verdict) && rims.next().unwrap_or(true);
            let hinted = || hints.iter().any(|&(x, y)| holds(*cell, x, y));
            let small = cell.rows <= LEAF && cell.cols <= LEAF;
            match verdict {
                Verdict::Inside(_) => {}
                Verdict::Edge { bbox, .. } if found.covers(bbox, *cell) => {}
                Verdict::Edge { bbox, flat } if small || (flat && cell.rows.max(cell.cols) <= fine) => {
                    found.add(bbox, *cell);
                }
                Verdict::Edge { .. } => next.extend(quarters(*cell)),
                Verdict::Outside if !hinted() => {}
                Verdict::Nowhere if !first && !rim && !hinted() => {}
                _ if small => found.add_pixels(transform, *cell),
                _ => next.extend(quarters(*cell)),
            }
        }
        first = false;
        cells = next;
    }
    found.src.zip(found.dst)
}

enum Verdict {
    /// The whole cell lies on the source.
    Inside(BoundingBox),
    /// Part of it may; `flat` where the box is hardly wider than the nine points.
    Edge { bbox: BoundingBox, flat: bool },
    /// Nothing of it does.
    Outside,
    /// No point looked at has an image.
    Nowhere,
    /// Too rough to tell.
    Rough,
}

fn is_large_nowhere(cell: Window, verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Nowhere) && cell.rows.max(cell.cols) > RIM
}

/// Of cells without an image, whether one of the points around, half a cell away, has one: the map's rim may then enter the
/// cell between the points that were looked at.
fn rims(transform: &Move<'_>, cells: impl Iterator<Item = Window>) -> Vec<bool> {
    const AROUND: usize = 16;
    let around = |k: u8| (f64::from(k % 5) / 2.0 - 0.5, f64::from(k / 5) / 2.0 - 0.5);
    let inner = |u: f64, v: f64| (0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v);
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = cells
        .flat_map(|cell| {
            (0..25_u8)
                .map(around)
                .filter(|&(u, v)| !inner(u, v))
                .map(move |(u, v)| (index(cell.col) + u * index(cell.cols), index(cell.row) + v * index(cell.rows)))
        })
        .unzip();
    if !xs.is_empty() {
        transform(&mut xs, &mut ys);
    }
    xs.chunks_exact(AROUND).map(|xs| xs.iter().any(|x| x.is_finite())).collect()
}

struct Found {
    image: BoundingBox,
    src: Option<BoundingBox>,
    dst: Option<Window>,
}

impl Found {
    fn add(&mut self, bbox: BoundingBox, cell: Window) {
        let bbox = clip(bbox, self.image);
        self.src = Some(self.src.map_or(bbox, |b| b.union(bbox)));
        self.dst = Some(self.dst.map_or(cell, |w| around(w, cell)));
    }

    fn covers(&self, bbox: BoundingBox, cell: Window) -> bool {
        let bbox = clip(bbox, self.image);
        self.src.is_some_and(|b| b.union(bbox) == b) && self.dst.is_some_and(|w| around(w, cell) == w)
    }

    /// Looks at every pixel of a small cell: its corners and its centre.
    fn add_pixels(&mut self, transform: &Move<'_>, cell: Window) {
        let (w, h) = (2 * cell.cols + 1, 2 * cell.rows + 1);
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = (0..h)
            .flat_map(|j| (0..w).map(move |i| (index(cell.col) + index(i) / 2.0, index(cell.row) + index(j) / 2.0)))
            .unzip();
        transform(&mut xs, &mut ys);
        let half = (self.image.width() / 2.0, self.image.height() / 2.0);
        for row in 0..cell.rows {
            for col in 0..cell.cols {
                let point =
                    |j: usize, i: usize| (xs[(2 * row + j) * w + 2 * col + i], ys[(2 * row + j) * w + 2 * col + i]);
                let points = [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)].map(|(j, i)| point(j, i));
                let pixel = Window::new(cell.row + row, cell.col + col, 1, 1);
                let Some(bbox) = BoundingBox::around(points) else { continue };
                if bbox.width() < half.0 && bbox.height() < half.1 {
                    if bbox.touches(self.image) {
                        self.add(bbox, pixel);
                    }
                    continue;
                }
                // The pixel lies on a seam: its box says nothing, its points do.
                for (x, y) in points {
                    let point = BoundingBox::new(x, y, x, y);
                    if x.is_finite() && point.touches(self.image) {
                        self.add(point, pixel);
                    }
                }
            }
        }
    }
}

fn clip(a: BoundingBox, to: BoundingBox) -> BoundingBox {
    BoundingBox {
        left: a.left.max(to.left),
        bottom: a.bottom.max(to.bottom),
        right: a.right.min(to.right),
        top: a.top.min(to.top),
    }
}

fn around(a: Window, b: Window) -> Window {
    let (row, col) = (a.row.min(b.row), a.col.min(b.col));
    Window::new(row, col, a.row_end().max(b.row_end()) - row, a.col_end().max(b.col_end()) - col)
}

fn holds(cell: Window, x: f64, y: f64) -> bool {
    x >= index(cell.col) && x <= index(cell.col_end()) && y >= index(cell.row) && y <= index(cell.row_end())
}

fn quarters(cell: Window) -> impl Iterator<Item = Window> {
    let cut = |n: usize| if n > LEAF { n.div_ceil(2) } else { n };
    let (rows, cols) = (cut(cell.rows), cut(cell.cols));
    (0..cell.rows).step_by(rows).flat_map(move |r| {
        (0..cell.cols)
            .step_by(cols)
            .map(move |c| Window::new(cell.row + r, cell.col + c, rows.min(cell.rows - r), cols.min(cell.cols - c)))
    })
}

/// Nine points of each cell, all at once.
fn look(transform: &Move<'_>, image: &BoundingBox, cells: &[Window]) -> Vec<Verdict> {
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = cells
        .iter()
        .flat_map(|cell| {
            (0..9_u8).map(|k| {
                let (u, v) = (f64::from(k % 3) / 2.0, f64::from(k / 3) / 2.0);
                (index(cell.col) + u * index(cell.cols), index(cell.row) + v * index(cell.rows))
            })
        })
        .unzip();
    transform(&mut xs, &mut ys);
    xs.chunks_exact(9).zip(ys.chunks_exact(9)).map(|(xs, ys)| judge(xs, ys, image)).collect()
}

fn judge(xs: &[f64], ys: &[f64], image: &BoundingBox) -> Verdict {
    let finite = xs.iter().filter(|x| x.is_finite()).count();
    if finite == 0 {
        return Verdict::Nowhere;
    }
    let Some(bbox) = BoundingBox::around(xs.iter().copied().zip(ys.iter().copied())) else { return Verdict::Nowhere };
    // A rough cell most of whose points are known, and all far off by their own spread, is no reason to look at each of its
    // pixels. The map's edge may be steep (a pole of a cylinder grows like a root), so far is far.
    let rough = || {
        let (dx, dy) = (FAR * bbox.width() + image.width(), FAR * bbox.height() + image.height());
        let reach = BoundingBox::new(bbox.left - dx, bbox.bottom - dy, bbox.right + dx, bbox.top + dy);
        if finite >= 6 && !reach.touches(*image) { Verdict::Outside } else { Verdict::Rough }
    };
    if finite < 9 {
        return rough();
    }
    // Too far from the surface through the corners to be bounded by it.
    let (ex, ey) = (bend(xs), bend(ys));
    if ex > 0.25 * bbox.width() + 0.5 || ey > 0.25 * bbox.height() + 0.5 {
        return rough();
    }
    let pad = |e: f64| 2.0 * e + 1e-6;
    let bbox = BoundingBox {
        left: bbox.left - pad(ex),
        right: bbox.right + pad(ex),
        bottom: bbox.bottom - pad(ey),
        top: bbox.top + pad(ey),
    };
    if !bbox.touches(*image) {
        Verdict::Outside
    } else if bbox.union(*image) == *image {
        Verdict::Inside(bbox)
    } else {
        Verdict::Edge { bbox, flat: ex < 0.01 * bbox.width() + 0.1 && ey < 0.01 * bbox.height() + 0.1 }
    }
}

/// How far the middles of edges and cell lie from the bilinear surface through the four corners.
fn bend(v: &[f64]) -> f64 {
    let mean = |a: f64, b: f64| f64::midpoint(a, b);
    let centre = (v[0] + v[2] + v[6] + v[8]) / 4.0;
    [v[1] - mean(v[0], v[2]), v[3] - mean(v[0], v[6]), v[5] - mean(v[2], v[8]), v[7] - mean(v[6], v[8]), v[4] - centre]
        .into_iter()
        .fold(0.0, |worst: f64, d| worst.max(d.abs()))
}

//! Overlap: how a source and a destination grid relate.

use serde::{Deserialize, Serialize};

use crate::geobox::index;
use crate::pixel_transform::{PixelTransform, full_turn};
use crate::windows::{FINE, ROUGH, warp_windows};
use crate::{Affine, BoundingBox, CrsError, GeoBox, PixelMap, Resampling, Shape, TransformGrid, Window};

/// What has to be done to source pixels to become destination pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum OverlapKind {
    /// Copy: no resampling. Destination pixel `i` (of the whole destination, along columns and rows alike) covers the source
    /// pixels `shrink·i + offset .. shrink·(i + 1) + offset`. With `shrink` 1 it is that pixel. With more, nearest takes
    /// `floor((i + 0.5)·shrink) + offset`; other modes may copy only from an overview of exactly that shrink whose
    /// pixels the offset falls between, and otherwise resample by [`Relation::linear`].
    Paste {
        /// Offset in source columns.
        col: i64,
        /// Offset in source rows.
        row: i64,
        /// How many source pixels a destination pixel has on a side.
        shrink: u32,
    },
    /// Resample: same CRS. From destination to source pixels.
    Linear(Affine),
    /// Reproject and resample.
    Warp,
}

/// What the pixels of a destination window need of a source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// The source pixels that are needed, kernel padding included.
    pub src_window: Window,
    /// The destination pixels that get something.
    pub dst_window: Window,
    /// How.
    pub kind: OverlapKind,
    /// The largest integer factor the source may be reduced and still be finer than asked; 1 or more.
    pub shrink: u32,
    /// Source pixels a destination pixel covers, along destination columns and rows.
    pub scale: (f64, f64),
}

/// The part of the relation of two grids that holds for every window of the destination: fixed once for a whole source
/// and a whole destination, so that results do not depend on how the destination is cut into chunks.
#[derive(Debug, Clone)]
pub struct Relation {
    kind: OverlapKind,
    shrink: u32,
    scale: (f64, f64),
    resampling: Resampling,
    image: Shape,
    whole: Shape,
    linear: Option<Affine>,
    transform: PixelTransform,
    /// Positions in destination pixels that lie on the source.
    hints: Vec<(f64, f64)>,
}

/// A shift may be this far from a whole pixel and still be pasted, for other modes than nearest.
const PASTE_TOLERANCE: f64 = 1e-4;
/// A scale this close below an integer counts as that integer.
const SHRINK_TOLERANCE: f64 = 1e-3;
/// Nearest takes a position this close below a pixel's edge for the edge (pixels): rounding in an affine must not
/// decide.
pub const NEAREST_TOLERANCE: f64 = 1e-6;
/// Points along each side of the lattices that look for common ground.
const LATTICE: u32 = 9;

/// How `src` relates to the whole destination `dst`.
///
/// # Errors
/// Where PROJ knows no transform between the two CRSs.
pub fn relate(src: &GeoBox, dst: &GeoBox, resampling: Resampling) -> Result<Relation, CrsError> {
    let transform = PixelTransform::new(src, dst)?;
    let base = Relation {
        kind: OverlapKind::Warp,
        shrink: 1,
        scale: (1.0, 1.0),
        resampling,
        image: src.shape,
        whole: dst.shape,
        linear: None,
        transform,
        hints: Vec::new(),
    };
    if src.crs == dst.crs
        && let Some(linear) = linear(src, dst)
    {
        let scale = scale_of(linear);
        let shrink = shrink_of(scale);
        let kind = paste(linear, src.shape, dst.shape, resampling).unwrap_or(OverlapKind::Linear(linear));
        return Ok(Relation { kind, shrink, scale, linear: Some(linear), ..base });
    }
    let back = PixelTransform::new(dst, src)?;
    let mut hints = common_points(&base.transform, &back, src.shape, dst.shape.whole());
    // A strip of common ground may slip through both lattices.
    let strip = if hints.is_empty() { base.warp_windows(dst.shape.whole(), FINE) } else { None };
    if let Some((_, window)) = strip {
        hints = common_points(&base.transform, &back, src.shape, window);
    }
    let middle = strip.map(|(_, w)| (index(w.col) + index(w.cols) / 2.0, index(w.row) + index(w.rows) / 2.0));
    let places = if hints.is_empty() { middle.as_slice() } else { &hints };
    // The finest scale wherever the two were seen to meet: the source is finer than asked everywhere.
    let scale = places
        .iter()
        .filter_map(|&(x, y)| local_scale(&base.transform, x, y))
        .min_by(|a, b| a.0.min(a.1).total_cmp(&b.0.min(b.1)))
        .unwrap_or((1.0, 1.0));
    Ok(Relation { shrink: shrink_of(scale), scale, hints, ..base })
}

/// What the whole of `dst` needs of `src`; `None` where they share no ground.
///
/// # Errors
/// Where PROJ knows no transform between the two CRSs.
pub fn overlap(src: &GeoBox, dst: &GeoBox, resampling: Resampling) -> Result<Option<Overlap>, CrsError> {
    Ok(relate(src, dst, resampling)?.overlap(dst.shape.whole()))
}

impl Relation {
    /// How source pixels become destination pixels.
    #[must_use]
    pub const fn kind(&self) -> OverlapKind {
        self.kind
    }

    /// The largest integer factor the source may be reduced and still be finer than asked; 1 or more.
    #[must_use]
    pub const fn shrink(&self) -> u32 {
        self.shrink
    }

    /// Source pixels a destination pixel covers, along destination columns and rows.
    #[must_use]
    pub const fn scale(&self) -> (f64, f64) {
        self.scale
    }

    /// From destination to source pixels, where both grids share a CRS and one affine does.
    #[must_use]
    pub const fn linear(&self) -> Option<Affine> {
        self.linear
    }

    /// From destination to source pixels, exactly, whatever the kind.
    #[must_use]
    pub const fn transform(&self) -> &PixelTransform {
        &self.transform
    }

    /// What the pixels of `window` (of the whole destination) need of the source; `None` where they share no ground.
    #[must_use]
    pub fn overlap(&self, window: Window) -> Option<Overlap> {
        let (src_window, dst_window) = self.windows(window)?;
        Some(Overlap { src_window, dst_window, kind: self.kind, shrink: self.shrink, scale: self.scale })
    }

    /// The source window that the pixels of `window` (of the whole destination) need, kernel padding included, and the
    /// part of `window` that gets something; `None` where they share no ground. No pixel that contributes is missed; a few
    /// that do not may be in.
    #[must_use]
    pub fn windows(&self, window: Window) -> Option<(Window, Window)> {
        let window = window.intersection(self.whole.whole())?;
        match (self.kind, self.linear) {
            (OverlapKind::Paste { col, row, shrink }, _) => self.paste_windows(col, row, shrink, window),
            (_, Some(linear)) => self.linear_windows(linear, window),
            _ => {
                let (bbox, dst) = self.warp_windows(window, FINE)?;
                Some((self.padded(bbox)?, dst))
            }
        }
    }

    /// As [`Relation::windows`], asking `map` (one that covers `window`) where PROJ would be asked: many times cheaper, for
    /// the many windows of one map. They miss nothing either, and are somewhat wider where the source ends.
    #[must_use]
    pub fn windows_on(&self, map: &PixelMap, window: Window) -> Option<(Window, Window)> {
        if self.linear.is_some() {
            return self.windows(window);
        }
        let window = window.intersection(self.whole.whole())?;
        let (bbox, dst) = warp_windows(&|xs, ys| map.points(xs, ys), self.image, window, &self.hints, ROUGH)?;
        Some((self.padded(bbox)?, dst))
    }

    /// The part of the whole destination in which the source may have pixels: none that it has is missed, some more may be
    /// in. `None` where they share no ground.
    #[must_use]
    pub fn reach(&self) -> Option<Window> {
        let whole = self.whole.whole();
        if self.linear.is_some() { Some(self.windows(whole)?.1) } else { Some(self.warp_windows(whole, ROUGH)?.1) }
    }

    fn warp_windows(&self, window: Window, edge: usize) -> Option<(BoundingBox, Window)> {
        warp_windows(&|xs, ys| self.transform.apply(xs, ys), self.image, window, &self.hints, edge)
    }

    /// Where the pixels of `window` (of the whole destination) lie in the source, fast.
    #[must_use]
    pub fn pixel_map(&self, window: Window) -> PixelMap {
        match self.linear {
            Some(linear) => PixelMap::Linear(linear),
            None => PixelMap::Grid(TransformGrid::new(&self.transform, window)),
        }
    }

    fn paste_windows(&self, col: i64, row: i64, shrink: u32, window: Window) -> Option<(Window, Window)> {
        let nearest = self.resampling == Resampling::Nearest;
        let axis = |offset: i64, from: usize, n: usize, size: usize| -> Option<(usize, usize, usize, usize)> {
            let step = i64::from(shrink);
            let (from, n, size) = (signed(from), signed(n), signed(size));
            // Nearest needs the pixel it picks, other modes any pixel of the block.
            let (low, high) = if nearest { (step / 2, step / 2) } else { (0, step - 1) };
            let first = (-(offset + high)).div_euclid(step) + i64::from((-(offset + high)).rem_euclid(step) != 0);
            let last = (size - 1 - offset - low).div_euclid(step);
            let (first, last) = (first.max(from), last.min(from + n - 1));
            if first > last {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, reason = "a kernel radius times a shrink")]
            let pad = if shrink == 1 { 0 } else { (self.resampling.radius() * f64::from(shrink)).ceil() as i64 };
            let start = (first * step + offset - pad).max(0);
            let end = ((last + 1) * step + offset + pad).min(size);
            let (dst, dst_n) = (usize::try_from(first).ok()?, usize::try_from(last - first + 1).ok()?);
            Some((usize::try_from(start).ok()?, usize::try_from(end - start).ok()?, dst, dst_n))
        };
        let (src_col, src_cols, dst_col, dst_cols) = axis(col, window.col, window.cols, self.image.cols)?;
        let (src_row, src_rows, dst_row, dst_rows) = axis(row, window.row, window.rows, self.image.rows)?;
        Some((Window::new(src_row, src_col, src_rows, src_cols), Window::new(dst_row, dst_col, dst_rows, dst_cols)))
    }

    fn linear_windows(&self, linear: Affine, window: Window) -> Option<(Window, Window)> {
        let back = linear.inverse()?;
        // The area of a pixel that is turned is the box around it, which reaches farther than the pixel.
        let turned = self.resampling.is_area() && (linear.b != 0.0 || linear.d != 0.0);
        let (x, y) =
            if turned { (linear.a.abs() + linear.b.abs(), linear.d.abs() + linear.e.abs()) } else { (0.0, 0.0) };
        let image = BoundingBox::new(-x, -y, index(self.image.cols) + x, index(self.image.rows) + y);
        // A pixel counts if more than a millionth of it lies inside: grids that touch share nothing.
        let dst = outward(hull(back, image), -1e-6)?.intersection(window)?;
        Some((self.padded(hull(linear, box_of(dst)))?, dst))
    }

    /// The source window around `bbox`, with room for the kernel at the coarsest level that may be read.
    fn padded(&self, bbox: BoundingBox) -> Option<Window> {
        let radius = if self.resampling == Resampling::Nearest { 0.0 } else { self.resampling.radius() };
        let pad = radius * f64::from(self.shrink) + 1e-3;
        outward(bbox, pad)?.intersection(self.image.whole())
    }
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn box_of(w: Window) -> BoundingBox {
    BoundingBox::new(index(w.col), index(w.row), index(w.col_end()), index(w.row_end()))
}

fn hull(affine: Affine, b: BoundingBox) -> BoundingBox {
    let corners = [(b.left, b.bottom), (b.right, b.bottom), (b.left, b.top), (b.right, b.top)];
    let (x, y) = affine.apply(b.left, b.bottom);
    corners.iter().fold(BoundingBox::new(x, y, x, y), |hull, &(x, y)| {
        let (x, y) = affine.apply(x, y);
        hull.union(BoundingBox::new(x, y, x, y))
    })
}

/// The pixels that a box touches when it is `pad` wider on every side; what lies below zero is left out.
fn outward(b: BoundingBox, pad: f64) -> Option<Window> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..2^52")]
    let clamp = |v: f64| v.clamp(0.0, 4.5e15) as usize;
    let (row, col) = (clamp((b.bottom - pad).floor()), clamp((b.left - pad).floor()));
    let (row_end, col_end) = (clamp((b.top + pad).ceil()), clamp((b.right + pad).ceil()));
    (row < row_end && col < col_end).then(|| Window::new(row, col, row_end - row, col_end - col))
}

/// From destination to source pixels of one CRS; `None` where the destination reaches the source on more than one turn of
/// the Earth, so that no single affine does.
fn linear(src: &GeoBox, dst: &GeoBox) -> Option<Affine> {
    let to_src = src.affine.inverse()?;
    let Some(size) = full_turn(src) else { return Some(to_src.after(dst.affine)) };
    let (s, d) = (src.bounding_box(), dst.bounding_box());
    let hair = src.affine.a.abs().min(dst.affine.a.abs()) * 1e-6;
    let mut turns = (-2_i8..=2)
        .map(|k| f64::from(k) * size)
        .filter(|turn| (d.right + turn).min(s.right) - (d.left + turn).max(s.left) > hair);
    let turn = turns.next().unwrap_or(0.0);
    turns.next().is_none().then(|| to_src.after(Affine::translation(turn, 0.0)).after(dst.affine))
}

/// Lengths of the destination pixel in source pixels: the diagonal of S where the linear part is rotation · shear · S.
fn scale_of(a: Affine) -> (f64, f64) {
    let x = a.a.hypot(a.d);
    (x, a.determinant().abs() / x)
}

fn shrink_of(scale: (f64, f64)) -> u32 {
    let s = scale.0.min(scale.1);
    if !s.is_finite() {
        return 1;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=2^30")]
    let shrink = (s + SHRINK_TOLERANCE).floor().clamp(1.0, 1_073_741_824.0) as u32;
    shrink
}

fn local_scale(transform: &PixelTransform, x: f64, y: f64) -> Option<(f64, f64)> {
    let (mut xs, mut ys) = ([x - 0.5, x + 0.5, x, x], [y, y, y - 0.5, y + 0.5]);
    transform.apply(&mut xs, &mut ys);
    let a = Affine::new(xs[1] - xs[0], xs[3] - xs[2], 0.0, ys[1] - ys[0], ys[3] - ys[2], 0.0);
    let scale = scale_of(a);
    (scale.0.is_finite() && scale.1.is_finite() && scale.0 > 0.0).then_some(scale)
}

/// Lattice points of the source, and of `window` of the destination, as positions in destination pixels that lie inside
/// both.
fn common_points(there: &PixelTransform, back: &PixelTransform, src: Shape, window: Window) -> Vec<(f64, f64)> {
    let lattice = |w: Window| -> (Vec<f64>, Vec<f64>) {
        let at = |i: u32, from: usize, n: usize| index(from) + index(n) * (f64::from(i) + 0.5) / f64::from(LATTICE);
        (0..LATTICE).flat_map(|j| (0..LATTICE).map(move |i| (at(i, w.col, w.cols), at(j, w.row, w.rows)))).unzip()
    };
    let inside = |x: f64, y: f64, b: BoundingBox| BoundingBox::new(x, y, x, y).touches(b);
    let (mut xs, mut ys) = lattice(src.whole());
    back.apply(&mut xs, &mut ys);
    let more = lattice(window);
    xs.extend(more.0);
    ys.extend(more.1);
    let (xs, ys): (Vec<f64>, Vec<f64>) = xs.into_iter().zip(ys).filter(|&(x, y)| inside(x, y, box_of(window))).unzip();
    let mut seen = (xs.clone(), ys.clone());
    there.apply(&mut seen.0, &mut seen.1);
    let seen = seen.0.into_iter().zip(seen.1);
    let image = box_of(src.whole());
    xs.into_iter().zip(ys).zip(seen).filter(|&(_, (x, y))| inside(x, y, image)).map(|(p, _)| p).collect()
}

/// The paste that does exactly what resampling would, where there is one.
fn paste(a: Affine, src: Shape, dst: Shape, resampling: Resampling) -> Option<OverlapKind> {
    let n = a.a.round();
    // Pixels past 2^20 source pixels are no pictures of anything.
    if !(1.0..=1_048_576.0).contains(&n) || (a.e - n).abs() > 0.5 {
        return None;
    }
    // The destination pixels that lie on the source: there, and nowhere else, must the paste hold.
    let image = BoundingBox::new(0.0, 0.0, index(src.cols), index(src.rows));
    let window = outward(hull(a.inverse()?, image), 0.0)?.intersection(dst.whole())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 <= n <= 2^20")]
    let shrink = n as u32;
    let half = f64::from(shrink / 2);
    let nearest = resampling == Resampling::Nearest;
    let offset = |col: f64, row: f64| {
        let (x, y) = a.apply(col, row);
        if nearest {
            // The pixel under the centre, counted from the one that a paste without offset takes.
            let pick = |v: f64, i: f64| Some((v + NEAREST_TOLERANCE).floor() - (i - 0.5) * n - half);
            Some((pick(x, col)?, pick(y, row)?))
        } else {
            let whole = |v: f64| ((v - v.round()).abs() <= PASTE_TOLERANCE).then(|| v.round());
            Some((whole(x - col * n)?, whole(y - row * n)?))
        }
    };
    let b = box_of(window);
    // Nearest looks at centres, other modes at edges.
    let inset = if nearest { 0.5 } else { 0.0 };
    let (left, right, top, bottom) = (b.left + inset, b.right - inset, b.bottom + inset, b.top - inset);
    let first = offset(left, top)?;
    for (col, row) in [(right, top), (left, bottom), (right, bottom)] {
        if offset(col, row)? != first {
            return None;
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of pixels, far below 2^63")]
    let (col, row) = (first.0 as i64, first.1 as i64);
    Some(OverlapKind::Paste { col, row, shrink })
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "small whole numbers are exact in f64")]
mod tests {
    use super::*;
    use crate::Crs;

    fn grid(code: u32, left: f64, top: f64, size: f64, n: usize) -> GeoBox {
        let affine = Affine::new(size, 0.0, left, 0.0, -size, top);
        GeoBox::new(Shape::new(n, n), affine, Crs::epsg(code).unwrap()).unwrap()
    }

    #[test]
    fn shifted_grid_is_pasted() {
        let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 100);
        let dst = grid(32633, 600_200.0, 4_700_100.0, 10.0, 100);
        let found = overlap(&src, &dst, Resampling::Bilinear).unwrap().unwrap();
        assert_eq!(found.kind, OverlapKind::Paste { col: 20, row: -10, shrink: 1 });
        assert_eq!(found.src_window, Window::new(0, 20, 90, 80));
        assert_eq!(found.dst_window, Window::new(10, 0, 90, 80));
        assert_eq!((found.shrink, found.scale), (1, (1.0, 1.0)));
    }

    #[test]
    fn touching_grids_share_nothing() {
        let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 100);
        let dst = grid(32633, 601_000.0, 4_700_000.0, 10.0, 100);
        for mode in Resampling::ALL {
            assert_eq!(overlap(&src, &dst, mode).unwrap(), None, "{mode}");
        }
    }

    #[test]
    fn part_of_a_pixel_is_pasted_for_nearest_only() {
        let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 100);
        let dst = grid(32633, 600_004.0, 4_700_004.0, 10.0, 100);
        let nearest = relate(&src, &dst, Resampling::Nearest).unwrap();
        assert_eq!(nearest.kind(), OverlapKind::Paste { col: 0, row: 0, shrink: 1 });
        let bilinear = relate(&src, &dst, Resampling::Bilinear).unwrap();
        assert!(matches!(bilinear.kind(), OverlapKind::Linear(_)));
    }

    #[test]
    fn drift_over_the_window_forbids_pasting() {
        // 0.9 pixels of drift over 1000: odc-geo would paste it.
        let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 1000);
        let dst = grid(32633, 600_000.0, 4_700_000.0, 10.009, 1000);
        for mode in [Resampling::Nearest, Resampling::Bilinear] {
            assert!(matches!(relate(&src, &dst, mode).unwrap().kind(), OverlapKind::Linear(_)), "{mode}");
        }
        // Over 40 pixels nearest sees nothing of it.
        let small = grid(32633, 600_000.0, 4_700_000.0, 10.009, 40);
        assert!(matches!(relate(&src, &small, Resampling::Nearest).unwrap().kind(), OverlapKind::Paste { .. }));
    }

    #[test]
    fn flipped_and_rotated_grids_are_not_pasted() {
        let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 100);
        for affine in [
            Affine::new(10.0, 0.0, 600_000.0, 0.0, 10.0, 4_699_000.0),
            Affine::new(0.0, 10.0, 600_000.0, -10.0, 0.0, 4_700_000.0),
            Affine::new(10.0, 0.1, 600_000.0, 0.1, -10.0, 4_700_000.0),
        ] {
            let dst = GeoBox::new(Shape::new(100, 100), affine, src.crs.clone()).unwrap();
            let found = overlap(&src, &dst, Resampling::Nearest).unwrap().unwrap();
            assert!(matches!(found.kind, OverlapKind::Linear(_)), "{affine:?}");
        }
    }

    #[test]
    fn integer_shrink_is_pasted_in_blocks() {
        let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 1000);
        let dst = grid(32633, 600_000.0, 4_700_000.0, 40.0, 250);
        let found = overlap(&src, &dst, Resampling::Nearest).unwrap().unwrap();
        assert_eq!(found.kind, OverlapKind::Paste { col: 0, row: 0, shrink: 4 });
        assert_eq!((found.shrink, found.src_window), (4, src.shape.whole()));
        let wide = grid(32633, 600_000.0, 4_700_000.0, 39.0, 250);
        assert_eq!(relate(&src, &wide, Resampling::Nearest).unwrap().shrink(), 3);
    }

    #[test]
    fn paste_of_nearest_is_what_sampling_gives() {
        for (size, shift) in [(10.0, 3.0), (10.0, -5.0), (30.0, 7.0), (20.0, 6.0), (20.0, -4.0), (10.001, 0.5)] {
            let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 200);
            let dst = grid(32633, 600_000.0 + shift, 4_700_000.0 + shift, size, 60);
            let relation = relate(&src, &dst, Resampling::Nearest).unwrap();
            let OverlapKind::Paste { col, row, shrink } = relation.kind() else { panic!("{size} {shift}") };
            let (src_window, dst_window) = relation.windows(dst.shape.whole()).unwrap();
            let step = i64::from(shrink);
            for i in 0..60_usize {
                let (x, y) = relation.linear().unwrap().apply(index(i) + 0.5, index(i) + 0.5);
                let pasted = (step * signed(i) + step / 2 + col, step * signed(i) + step / 2 + row);
                assert_eq!((x + NEAREST_TOLERANCE).floor(), pasted.0 as f64, "{size} {shift} column {i}");
                assert_eq!((y + NEAREST_TOLERANCE).floor(), pasted.1 as f64, "{size} {shift} row {i}");
                let inside = (0..200).contains(&pasted.0);
                assert_eq!(inside, (dst_window.col..dst_window.col_end()).contains(&i));
                if inside {
                    let at = usize::try_from(pasted.0).unwrap();
                    assert!((src_window.col..src_window.col_end()).contains(&at));
                }
            }
        }
    }

    #[test]
    fn longitudes_of_another_turn_are_found() {
        let crs = Crs::lonlat().unwrap();
        let era5 = Affine::new(0.25, 0.0, -0.125, 0.0, -0.25, 90.125);
        let era5 = GeoBox::new(Shape::new(721, 1440), era5, crs.clone()).unwrap();
        let west = Affine::new(0.25, 0.0, -10.125, 0.0, -0.25, 50.125);
        let inside = GeoBox::new(Shape::new(20, 20), west, crs.clone()).unwrap();
        let found = overlap(&era5, &inside, Resampling::Nearest).unwrap().unwrap();
        assert_eq!(found.kind, OverlapKind::Paste { col: 1400, row: 160, shrink: 1 });
        // Over Greenwich the source is in two pieces: no one affine does, the map leaps.
        let over = GeoBox::new(Shape::new(20, 80), west, crs).unwrap();
        let relation = relate(&era5, &over, Resampling::Bilinear).unwrap();
        assert_eq!(relation.kind(), OverlapKind::Warp);
        let (src, dst) = relation.windows(over.shape.whole()).unwrap();
        assert_eq!((src.cols, dst), (1440, over.shape.whole()));
        let (mut xs, mut ys) = (vec![0.0; 80], vec![0.0; 80]);
        relation.pixel_map(dst).row(3, 0..80, &mut xs, &mut ys);
        for (i, x) in xs.iter().enumerate() {
            assert!((x - ((1400 + i) % 1440) as f64 - 0.5).abs() < 1e-9 && (ys[i] - 163.5).abs() < 1e-9, "{i}: {x}");
        }
        // From a projected grid just west of Greenwich.
        let utm = grid(32630, 600_000.0, 5_500_000.0, 1000.0, 50);
        let found = overlap(&era5, &utm, Resampling::Nearest).unwrap().unwrap();
        assert!(found.src_window.col > 1430 && found.dst_window == utm.shape.whole(), "{found:?}");
    }

    #[test]
    fn kernel_has_its_padding() {
        let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 1000);
        let dst = grid(32633, 603_005.0, 4_695_005.0, 10.0, 100);
        for (mode, first, n) in
            [(Resampling::Average, 300, 101), (Resampling::Bilinear, 299, 103), (Resampling::Lanczos, 297, 107)]
        {
            let found = overlap(&src, &dst, mode).unwrap().unwrap();
            assert_eq!((found.src_window.col, found.src_window.cols), (first, n), "{mode}");
        }
    }

    #[test]
    fn warp_scale_does_not_depend_on_the_chunk() {
        let src = grid(32633, 600_000.0, 5_600_000.0, 10.0, 10_980);
        let dst = GeoBox::from_bbox(
            BoundingBox::new(4_700_000.0, 2_850_000.0, 4_960_000.0, 3_110_000.0),
            Crs::epsg(3035).unwrap(),
            crate::Resolution::square(100.0),
            crate::Anchor::Edge,
        )
        .unwrap();
        let relation = relate(&src, &dst, Resampling::Average).unwrap();
        assert_eq!(relation.kind(), OverlapKind::Warp);
        assert!((relation.scale().0 - 10.0).abs() < 0.05, "{:?}", relation.scale());
        let whole = relation.overlap(dst.shape.whole()).unwrap();
        let mut seen = 0;
        for chunk in dst.shape.whole().tiles(Shape::new(512, 512)) {
            if let Some(part) = relation.overlap(chunk) {
                assert_eq!(part.shrink, whole.shrink);
                assert!(chunk.intersection(part.dst_window) == Some(part.dst_window));
                seen += 1;
            }
        }
        assert!(seen > 3);
    }
}

//! Grids and overlaps are those of odc-geo 0.5.3, but where we mean to differ.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::many_single_char_names,
    reason = "a test may fail, and its numbers are small"
)]

use cube_geo::{Affine, Anchor, BoundingBox, Crs, GeoBox, OverlapKind, Resampling, Resolution, Shape, Window, relate};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    from_bbox: Vec<FromBbox>,
    zoom_out: Vec<ZoomOut>,
    overlap: Vec<OverlapCase>,
}

#[derive(Deserialize)]
struct Grid {
    crs: Crs,
    shape: [usize; 2],
    affine: [f64; 6],
}

#[derive(Deserialize)]
struct FromBbox {
    bbox: [f64; 4],
    resolution: f64,
    anchor: String,
    grid: Grid,
}

#[derive(Deserialize)]
struct ZoomOut {
    grid: Grid,
    factor: f64,
    out: Grid,
}

#[derive(Deserialize)]
struct OverlapCase {
    src: Grid,
    dst: Grid,
    nearest: bool,
    paste: bool,
    shrink: u32,
    scale: [f64; 2],
    src_window: [usize; 4],
    dst_window: [usize; 4],
}

impl Grid {
    fn geobox(&self) -> GeoBox {
        let [a, b, c, d, e, f] = self.affine;
        let shape = Shape::new(self.shape[0], self.shape[1]);
        GeoBox::new(shape, Affine::new(a, b, c, d, e, f), self.crs.clone()).unwrap()
    }
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("odc_geo_cases.json")).unwrap()
}

fn assert_same(got: &GeoBox, want: &GeoBox, case: usize) {
    assert_eq!(got.shape, want.shape, "case {case}: {got}, odc-geo has {want}");
    assert_eq!(got.crs, want.crs);
    for ((x, y), (want_x, want_y)) in got.corners().into_iter().zip(want.corners()) {
        // A millionth of a pixel: odc-geo rounds in another order.
        let hair = want.affine.a * 1e-6;
        assert!((x - want_x).abs() < hair && (y - want_y).abs() < hair, "case {case}: {got}, odc-geo has {want}");
    }
}

#[test]
fn from_bbox_snaps_as_odc_geo_does() {
    for (i, case) in cases().from_bbox.iter().enumerate() {
        let [left, bottom, right, top] = case.bbox;
        let anchor = match case.anchor.as_str() {
            "edge" => Anchor::Edge,
            "center" => Anchor::Center,
            _ => Anchor::Floating,
        };
        let bbox = BoundingBox::new(left, bottom, right, top);
        let got = GeoBox::from_bbox(bbox, case.grid.crs.clone(), Resolution::square(case.resolution), anchor).unwrap();
        assert_same(&got, &case.grid.geobox(), i);
    }
}

#[test]
fn zoom_out_is_that_of_odc_geo() {
    for (i, case) in cases().zoom_out.iter().enumerate() {
        assert_same(&case.grid.geobox().zoom_out(case.factor), &case.out.geobox(), i);
    }
}

fn window([row, col, rows, cols]: [usize; 4]) -> Option<Window> {
    Some(Window::new(row, col, rows, cols)).filter(|w| !w.is_empty())
}

fn grown(w: Window, by: usize) -> Window {
    let (row, col) = (w.row.saturating_sub(by), w.col.saturating_sub(by));
    Window::new(row, col, w.row_end() + by - row, w.col_end() + by - col)
}

fn holds(a: Window, b: Window) -> bool {
    a.intersection(b) == Some(b)
}

#[test]
fn overlaps_are_those_of_odc_geo() {
    let mut pasted = 0;
    for (i, case) in cases().overlap.iter().enumerate() {
        let (src, dst) = (case.src.geobox(), case.dst.geobox());
        let mode = if case.nearest { Resampling::Nearest } else { Resampling::Bilinear };
        let relation = relate(&src, &dst, mode).unwrap();
        let found = relation.overlap(dst.shape.whole());
        let (Some(src_window), Some(dst_window)) = (window(case.src_window), window(case.dst_window)) else {
            // odc-geo finds nothing; we may keep a strip of cells along the edge.
            assert!(found.is_none_or(|f| f.dst_window.rows.min(f.dst_window.cols) <= 16), "case {i}: {found:?}");
            continue;
        };
        let Some(found) = found else {
            // odc-geo pads by a pixel, and so sees grids meet that only touch.
            assert!(dst_window.rows.min(dst_window.cols) <= 2, "case {i}: odc-geo finds {dst_window}");
            continue;
        };
        let same_crs = src.crs == dst.crs;
        // Ours is the finest scale found over the overlap, theirs that at its middle.
        let tolerance = if same_crs { 1e-9 } else { 0.02 };
        for (got, want) in [(found.scale.0, case.scale[0]), (found.scale.1, case.scale[1])] {
            assert!(
                (got / want - 1.0).abs() < tolerance,
                "case {i}: scale {:?}, odc-geo {:?}",
                found.scale,
                case.scale
            );
        }
        let middle = case.scale[0].min(case.scale[1]);
        assert!(
            found.shrink == case.shrink
                || (!same_crs && found.shrink + 1 == case.shrink && middle.fract() < 0.02 * middle),
            "case {i}: shrink {}, odc-geo {}",
            found.shrink,
            case.shrink
        );
        match found.kind {
            OverlapKind::Paste { shrink, .. } => {
                // odc-geo pastes a shrunk source only where its blocks line up, and nearest moved by up to half a block.
                assert!(case.paste || shrink > 1, "case {i}");
                assert_eq!(shrink, case.shrink, "case {i}");
                if shrink == 1 {
                    assert_eq!((found.src_window, found.dst_window), (src_window, dst_window), "case {i}");
                    pasted += 1;
                    continue;
                }
            }
            OverlapKind::Linear(_) | OverlapKind::Warp => {
                // Their tolerance for other modes than nearest is 0.05 pixels, ours 1e-4.
                assert!(!case.paste || !case.nearest, "case {i}: {:?}", found.kind);
            }
        }
        let slack = if same_crs { 2 } else { 9 };
        assert!(
            holds(grown(dst_window, slack), found.dst_window),
            "case {i}: {}, odc-geo {dst_window}",
            found.dst_window
        );
        // Their window has one pixel of padding and covers destination pixels off the source too; ours has what the kernel
        // needs at the level that may be read. `windows_miss_nothing.rs` shows that ours is large enough.
        let slack = (f64::from(case.shrink) * 2.0 + middle.max(1.0) * 10.0).ceil() as usize;
        assert!(
            holds(grown(src_window, slack), found.src_window),
            "case {i}: {}, odc-geo {src_window}",
            found.src_window
        );
    }
    assert!(pasted > 20, "{pasted}");
}

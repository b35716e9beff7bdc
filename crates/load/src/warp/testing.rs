//! What the tests of several kernels share.

use super::area::Corners;
use super::{Row, SourceWindow, Unlike};

const IMAGE: [u8; 8] = [10, 20, 30, 40, 50, 60, 0, 80];

/// Two destination pixels that each cover `width` by 2 source pixels of an image of 4 × 2, from the left; 0 is nodata.
pub(super) fn area(
    kernel: impl FnOnce(SourceWindow<'_, u8>, &Unlike<u8>, Corners<'_>, &mut Row<'_, u8>),
    width: f64,
) -> Vec<u8> {
    let source = SourceWindow { pixels: &IMAGE, rows: 2, cols: 4, first: (0.0, 0.0) };
    let xs: Vec<f64> = (0..3).map(|i| f64::from(i) * width).collect();
    let corners = Corners { top: (&xs, &[0.0; 3]), bottom: (&xs, &[2.0; 3]), torn: f64::INFINITY };
    let (mut pixels, mut filled) = (vec![0; 2], vec![0; 2]);
    kernel(source, &Unlike(0), corners, &mut Row { pixels: &mut pixels, filled: &mut filled, nodata: Some(0) });
    pixels
}

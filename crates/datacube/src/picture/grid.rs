//! Panels in a grid, each with a frame and degrees, beside one key.

use std::ops::Range;

use cube_geo::GeoBox;

use super::bar::Key;
use super::canvas::{Anchor, BLACK, Canvas, FRAME, Rect, SCALE, float, single};
use super::degrees::{Degree, Edge, EdgeDegrees, turned};
use super::text::{Fonts, TextStyle, whole};
use super::{Colour, Picture, PictureError};

/// A map without its colours.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    pub(crate) geobox: &'a GeoBox,
}

/// Most panels of one picture.
pub(crate) const MOST_PANELS: usize = 120;

const TITLE: TextStyle = TextStyle::bold(13.0);
const PANEL_TITLE: TextStyle = TextStyle::regular(11.0);
const SMALL: TextStyle = TextStyle::regular(9.0);
const MARGIN: f32 = 14.0;
const TICK: f32 = 4.0;
/// Between panels, along x and y; titles and labels come on top.
const GAP: (f32, f32) = (18.0, 10.0);
/// Room for a panel's title.
const PANEL_HEAD: f32 = 18.0;
/// Room for the degrees under a panel.
const DEGREES_UNDER: f32 = 18.0;
/// The whole grid fits into this where panels do not become too small.
const ROOM: (f32, f32) = (860.0, 600.0);
/// As [`ROOM`], for one panel.
const ONE: (f32, f32) = (560.0, 480.0);
const SMALLEST_PANEL: f32 = 130.0;
const NARROWEST_PICTURE: f32 = 380.0;

/// Draws maps. `paint` gives the pixels of a panel, row by row, for a width and height in pixels.
///
/// # Errors
/// Where there is no panel, there are too many, or a GeoBox is empty or has no place on the Earth.
pub(crate) fn draw(
    frames: &[Frame<'_>],
    title: &str,
    key: &Key,
    paint: impl Fn(usize, usize, usize) -> Vec<Colour>,
) -> Result<Picture, PictureError> {
    let Some(first) = frames.first() else {
        return Err(PictureError::Empty { what: "no panel".to_owned() });
    };
    if frames.len() > MOST_PANELS {
        return Err(PictureError::TooManyPanels { count: frames.len(), most: MOST_PANELS });
    }
    if let Some(frame) = frames.iter().find(|f| f.geobox.shape.is_empty()) {
        return Err(PictureError::Empty { what: format!("the map {:?} has {}", frame.title, frame.geobox.shape) });
    }
    let degrees = frames.iter().map(|f| Degrees::of(f.geobox)).collect::<Result<Vec<_>, _>>()?;
    let fonts = Fonts::new()?;
    let shared = frames.iter().all(|f| f.geobox == first.geobox);
    let layout = Layout::new(frames, &fonts, &degrees, shared, key.width(&fonts));
    let lines = fonts.wrap(title, TITLE, layout.width - 2.0 * MARGIN);
    let head = if lines.is_empty() { MARGIN } else { MARGIN + 8.0 + 17.0 * float(lines.len()) };
    let mut canvas = Canvas::new(layout.width, head + layout.height + MARGIN, fonts)?;
    for (i, line) in lines.iter().enumerate() {
        canvas.text(line, TITLE, (layout.width / 2.0, MARGIN + 6.0 + 17.0 * float(i)), Anchor::Middle, BLACK);
    }
    for (i, frame) in frames.iter().enumerate() {
        let cell = layout.cell(i, head);
        let rect = inside(cell, ratio(frame.geobox)).snapped();
        let (width, height) = (whole((rect.width * SCALE).round()), whole((rect.height * SCALE).round()));
        canvas.image(rect.x, rect.y, width, &paint(i, width, height));
        canvas.stroke_rect(rect, 0.8, FRAME);
        let (text, style) = canvas.fonts.fit(frame.title, PANEL_TITLE, cell.width + GAP.0 - 4.0, 8.0);
        canvas.text(&text, style, (rect.x + rect.width / 2.0, rect.y - layout.panel_head / 2.0), Anchor::Middle, BLACK);
        let outer = (!shared || i % layout.cols == 0, !shared || i + layout.cols >= frames.len());
        draw_degrees(&mut canvas, rect, &degrees[i], layout.overhang, outer);
    }
    let top = layout.cell(0, head).y;
    let bottom = layout.cell(frames.len() - 1, head).bottom();
    key.draw(&mut canvas, layout.key_x, top, bottom - top);
    Ok(canvas.finish())
}

struct Degrees {
    lower: EdgeDegrees,
    left: EdgeDegrees,
}

impl Degrees {
    fn of(geobox: &GeoBox) -> Result<Self, PictureError> {
        Ok(Self { lower: EdgeDegrees::of(geobox, Edge::Lower)?, left: EdgeDegrees::of(geobox, Edge::Left)? })
    }

    fn lower_ticks(&self, fonts: &Fonts, length: f32, overhang: f32) -> Vec<Degree> {
        self.lower.ticks(length, overhang, |l| fonts.width(l, SMALL))
    }

    fn left_ticks(&self, length: f32) -> Vec<Degree> {
        self.left.ticks(length, SMALL.size, |_| SMALL.size * 1.6)
    }
}

/// Height over width of a map as it is drawn: true at its middle.
fn ratio(geobox: &GeoBox) -> f32 {
    let a = geobox.affine;
    let (rows, cols) = (f64::from(float(geobox.shape.rows)), f64::from(float(geobox.shape.cols)));
    let (height, width) = (rows * a.b.hypot(a.e), cols * a.a.hypot(a.d));
    let shrink = if geobox.crs.is_geographic() {
        let middle = a.apply(cols / 2.0, rows / 2.0).1 * geobox.crs.unit_factor();
        middle.cos().clamp(0.05, 1.0)
    } else {
        1.0
    };
    single(height / (width * shrink)).clamp(0.02, 50.0)
}

/// The largest rectangle of this height over width in the middle of `cell`, at its lower edge.
fn inside(cell: Rect, ratio: f32) -> Rect {
    let width = cell.width.min(cell.height / ratio);
    let height = (width * ratio).min(cell.height);
    Rect::new(cell.x + (cell.width - width) / 2.0, cell.bottom() - height, width, height)
}

/// Where everything stands, in points; y counts from under the title.
struct Layout {
    cols: usize,
    panel: (f32, f32),
    left: f32,
    step: (f32, f32),
    panel_head: f32,
    /// How far a longitude may stand out beside its frame: less where another panel follows.
    overhang: f32,
    key_x: f32,
    width: f32,
    height: f32,
}

impl Layout {
    fn new(frames: &[Frame<'_>], fonts: &Fonts, degrees: &[Degrees], shared: bool, key_width: f32) -> Self {
        let tallest = frames.iter().map(|f| ratio(f.geobox)).fold(0.0, f32::max);
        let flattest = frames.iter().map(|f| ratio(f.geobox)).fold(f32::INFINITY, f32::min);
        let (cols, panel) = arrange(frames.len(), (tallest * flattest).sqrt());
        let rows = frames.len().div_ceil(cols);
        let label = |d: &Degrees| {
            d.left_ticks(panel.1).iter().map(|t| fonts.width(&t.label, SMALL)).fold(0.0, f32::max) + TICK + 4.0
        };
        let labels = degrees.iter().map(label).fold(0.0, f32::max);
        let under = if shared { 0.0 } else { DEGREES_UNDER };
        let between = if shared { 0.0 } else { labels };
        let panel_head = if frames.iter().all(|f| f.title.is_empty()) { 0.0 } else { PANEL_HEAD };
        let step = (panel.0 + GAP.0 + between, panel.1 + GAP.1 + panel_head + under);
        let grid = (step.0 * float(cols) - GAP.0 - between, step.1 * float(rows) - GAP.1 - under);
        let inner = labels + grid.0 + if key_width > 0.0 { GAP.0 + key_width } else { 6.0 };
        let width = (inner + 2.0 * MARGIN).max(NARROWEST_PICTURE);
        let left = (width - inner) / 2.0 + labels;
        let overhang = if cols == 1 { GAP.0 + 2.0 } else { GAP.0 / 2.0 - 2.0 };
        let (key_x, height) = (left + grid.0 + GAP.0, grid.1 + DEGREES_UNDER);
        Self { cols, panel, left, step, panel_head, overhang, key_x, width, height }
    }

    /// The place of a panel's map, without title and degrees.
    fn cell(&self, i: usize, head: f32) -> Rect {
        let (row, col) = (float(i / self.cols), float(i % self.cols));
        let (x, y) = (self.left + col * self.step.0, head + self.panel_head + row * self.step.1);
        Rect::new(x, y, self.panel.0, self.panel.1)
    }
}

/// Columns and panel size: as large as possible, with few empty places.
fn arrange(count: usize, ratio: f32) -> (usize, (f32, f32)) {
    let room = if count == 1 { ONE } else { ROOM };
    let size = |cols: usize| {
        let rows = float(count.div_ceil(cols));
        let by_width = (room.0 - GAP.0 * float(cols - 1)) / float(cols);
        let by_height = ((room.1 - GAP.1 * (rows - 1.0)) / rows - PANEL_HEAD) / ratio;
        by_width.min(by_height)
    };
    let score = |cols: usize| size(cols) * (1.0 - 0.04 * float(count.div_ceil(cols) * cols - count));
    let best = (1..=count.min(8)).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(1);
    if size(best) * ratio.sqrt() >= SMALLEST_PANEL || count == 1 {
        return (best, (size(best), size(best) * ratio));
    }
    // Many panels: the picture grows downwards.
    let width = SMALLEST_PANEL / ratio.sqrt();
    let fitting = whole((ROOM.0 + GAP.0) / (width + GAP.0)).clamp(1, count);
    (fitting, (width, width * ratio))
}

/// `labelled` says whether labels stand left and below.
fn draw_degrees(canvas: &mut Canvas, rect: Rect, degrees: &Degrees, overhang: f32, labelled: (bool, bool)) {
    for tick in degrees.lower_ticks(&canvas.fonts, rect.width, overhang) {
        let x = rect.x + tick.at * rect.width;
        canvas.line(&[(x, rect.bottom()), (x, rect.bottom() + TICK)], 0.8, FRAME);
        if labelled.1 {
            canvas.text(&tick.label, SMALL, (x, rect.bottom() + TICK + 7.0), Anchor::Middle, BLACK);
        }
    }
    for tick in degrees.left_ticks(rect.height) {
        let y = rect.y + tick.at * rect.height;
        canvas.line(&[(rect.x - TICK, y), (rect.x, y)], 0.8, FRAME);
        if labelled.0 {
            canvas.text(&tick.label, SMALL, (rect.x - TICK - 3.0, y), Anchor::End, BLACK);
        }
    }
}

/// Which source pixels each of `target` pixels shows: the nearest one where the source is coarser, else all those
/// under it. `turned` reads the source from its end.
pub(crate) fn spans(source: usize, target: usize, turned: bool) -> Vec<Range<usize>> {
    let span = |i: usize| {
        if source <= target {
            let nearest = (2 * i + 1) * source / (2 * target);
            nearest..nearest + 1
        } else {
            let start = i * source / target;
            start..((i + 1) * source / target).max(start + 1)
        }
    };
    let turn = |r: Range<usize>| source - r.end..source - r.start;
    (0..target).map(|i| if turned { turn(span(i)) } else { span(i) }).collect()
}

/// [`spans`] of the rows and columns of a panel that is drawn north up and west left.
pub(crate) fn panel_spans(geobox: &GeoBox, width: usize, height: usize) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (rows, cols) = turned(geobox);
    (spans(geobox.shape.rows, height, rows), spans(geobox.shape.cols, width, cols))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_every_pixel_once() {
        assert_eq!(spans(2, 4, false), [0..1, 0..1, 1..2, 1..2]);
        assert_eq!(spans(2, 4, true), [1..2, 1..2, 0..1, 0..1]);
        assert_eq!(spans(5, 2, false), [0..2, 2..5]);
        assert_eq!(spans(5, 2, true), [3..5, 0..3]);
    }

    #[test]
    fn panels_are_as_large_as_the_room_allows() {
        assert_eq!(arrange(1, 1.0).0, 1);
        assert_eq!(arrange(6, 1.0).0, 3);
        assert_eq!(arrange(4, 3.0).0, 4);
        let (cols, (width, _)) = arrange(100, 1.0);
        assert!(cols == 5 && (width - SMALLEST_PANEL).abs() < 1e-3, "{cols} {width}");
    }

    #[test]
    fn a_map_keeps_its_shape_in_its_cell() {
        assert_eq!(inside(Rect::new(0.0, 0.0, 100.0, 100.0), 0.5), Rect::new(0.0, 50.0, 100.0, 50.0));
        assert_eq!(inside(Rect::new(0.0, 0.0, 100.0, 100.0), 2.0), Rect::new(25.0, 0.0, 50.0, 100.0));
    }
}

//! Time series.

use jiff::Timestamp;

use super::canvas::{Anchor, BLACK, Canvas, FRAME, Marker, PALE, Rect, float, single};
use super::colours::LINES;
use super::dates::{date_ticks, padded};
use super::text::{Fonts, TextStyle};
use super::ticks::Ticks;
use super::{Colour, Picture, PictureError};

/// Values through time: a line with markers and gaps where a value is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    label: String,
    times: Vec<Timestamp>,
    values: Vec<f64>,
    band: Option<(Vec<f64>, Vec<f64>)>,
    markers_only: bool,
}

/// What stands around a time series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesStyle {
    title: String,
    label: String,
    range: Option<(f64, f64)>,
    note: String,
}

impl Series {
    /// Values at times, one each; NaN leaves a gap.
    #[must_use]
    pub fn new(label: &str, times: Vec<Timestamp>, values: Vec<f64>) -> Self {
        Self { label: label.to_owned(), times, values, band: None, markers_only: false }
    }

    /// Shades from `lower` to `upper`, one each a time.
    #[must_use]
    pub fn band(self, lower: Vec<f64>, upper: Vec<f64>) -> Self {
        Self { band: Some((lower, upper)), ..self }
    }

    /// Hollow markers without a line: references, or values that do not belong together.
    #[must_use]
    pub fn markers_only(self) -> Self {
        Self { markers_only: true, ..self }
    }

    fn check(&self) -> Result<(), PictureError> {
        let expected = self.times.len();
        let band = self.band.as_ref().map(|(l, u)| [l.len(), u.len()]);
        for got in band.into_iter().flatten().chain([self.values.len()]) {
            if got != expected {
                let what = format!("values of the series {:?}", self.label);
                return Err(PictureError::Mismatch { what, expected: expected.to_string(), got: got.to_string() });
            }
        }
        Ok(())
    }

    /// Runs of points without a gap, as indices in the order of time.
    fn runs(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.times.len()).collect();
        order.sort_by_key(|i| self.times[*i]);
        order.split(|i| !self.values[*i].is_finite()).filter(|run| !run.is_empty()).map(<[usize]>::to_vec).collect()
    }

    fn all_values(&self) -> impl Iterator<Item = f64> {
        let band = self.band.iter().flat_map(|(l, u)| l.iter().chain(u));
        self.values.iter().chain(band).copied().filter(|v| v.is_finite())
    }
}

impl SeriesStyle {
    /// A title, and what the value axis shows with its units, such as `area (km²)`.
    #[must_use]
    pub fn new(title: &str, label: &str) -> Self {
        Self { title: title.to_owned(), label: label.to_owned(), range: None, note: String::new() }
    }

    /// A remark under the picture, such as what a band is.
    #[must_use]
    pub fn note(self, note: &str) -> Self {
        Self { note: note.to_owned(), ..self }
    }

    /// The ends of the value axis, in place of those that the values ask for.
    #[must_use]
    pub const fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}

const WIDTH: f32 = 760.0;
const HEIGHT: f32 = 380.0;
const TICK: f32 = 4.0;
const TITLE: TextStyle = TextStyle::bold(13.0);
const LABEL: TextStyle = TextStyle::regular(11.0);
const SMALL: TextStyle = TextStyle::regular(10.0);
const NOTE: TextStyle = TextStyle::regular(9.0);
const GREY: Colour = [96, 96, 96];
/// More points than this get no markers.
const MOST_MARKERS: usize = 80;

/// Draws series on one value axis over a time axis (UTC); a legend above them where there are several.
///
/// # Errors
/// Where there is no series with a finite value, or a series has not one value a time.
pub fn time_series(series: &[Series], style: &SeriesStyle) -> Result<Picture, PictureError> {
    series.iter().try_for_each(Series::check)?;
    let (low, high) = value_range(series, style.range)?;
    let (begin, end) = time_range(series)?;
    let fonts = Fonts::new()?;
    let title = fonts.wrap(&style.title, TITLE, WIDTH - 40.0);
    let legend = legend_rows(&fonts, series);
    let title_height = 17.0 * float(title.len());
    let top = 16.0 + title_height + if legend.is_empty() { 6.0 } else { 8.0 + 17.0 * float(legend.len()) };
    let ticks = Ticks::new(low, high, 9);
    let widest = ticks.values.iter().map(|v| fonts.width(&ticks.label(*v), SMALL)).fold(0.0, f32::max);
    let left = 16.0 + LABEL.size + 10.0 + widest + TICK + 5.0;
    let top = if ticks.exponent == 0 { top } else { top + 12.0 };
    let plot = Rect::new(left, top, WIDTH - left - 24.0, HEIGHT - 96.0).snapped();
    let mut canvas = Canvas::new(WIDTH, plot.bottom() + 60.0, fonts)?;

    for (i, line) in title.iter().enumerate() {
        canvas.text(line, TITLE, (plot.x + plot.width / 2.0, 20.0 + 17.0 * float(i)), Anchor::Middle, BLACK);
    }
    draw_legend(&mut canvas, series, &legend, plot, 20.0 + title_height + 2.0);
    let axes = Axes { plot, begin, end, low, high };
    draw_axes(&mut canvas, &axes, &ticks, &style.label, 16.0 + LABEL.size / 2.0);
    for (i, s) in series.iter().enumerate() {
        draw_series(&mut canvas, &axes, s, look(series, i));
    }
    let (note, small) = canvas.fonts.fit(&style.note, NOTE, plot.width / 2.0 - 50.0, 7.0);
    canvas.text(&note, small, (plot.right(), plot.bottom() + 45.0), Anchor::End, GREY);
    canvas.stroke_rect(plot, 0.8, FRAME);
    Ok(canvas.finish())
}

/// Where times and values lie.
struct Axes {
    plot: Rect,
    begin: Timestamp,
    end: Timestamp,
    low: f64,
    high: f64,
}

impl Axes {
    fn x(&self, time: Timestamp) -> f32 {
        let whole = self.end.duration_since(self.begin).as_secs_f64();
        self.plot.x + single(time.duration_since(self.begin).as_secs_f64() / whole) * self.plot.width
    }

    /// Values beyond a given range stand at its end.
    fn y(&self, value: f64) -> f32 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.plot.bottom() - single(share) * self.plot.height
    }
}

fn value_range(series: &[Series], given: Option<(f64, f64)>) -> Result<(f64, f64), PictureError> {
    if let Some((low, high)) = given {
        let good = low.is_finite() && high.is_finite() && low < high;
        return if good { Ok((low, high)) } else { Err(PictureError::BadRange { low, high }) };
    }
    let low = series.iter().flat_map(Series::all_values).fold(f64::INFINITY, f64::min);
    let high = series.iter().flat_map(Series::all_values).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return Err(PictureError::Empty { what: "no series has a value".to_owned() });
    }
    let pad = if high > low { 0.06 * (high - low) } else { (0.05 * high.abs()).max(1e-12) };
    // Amounts that are never negative get no negative axis.
    let bottom = if low >= 0.0 { (low - pad).max(0.0) } else { low - pad };
    Ok((bottom, high + pad))
}

fn time_range(series: &[Series]) -> Result<(Timestamp, Timestamp), PictureError> {
    let times = || series.iter().flat_map(|s| s.times.iter().copied());
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Err(PictureError::Empty { what: "no series has a time".to_owned() });
    };
    Ok(padded(first, last))
}

/// Colour, marker, and whether the marker is hollow.
type Look = (Colour, Marker, bool);

fn look(series: &[Series], i: usize) -> Look {
    let markers = [Marker::Disc, Marker::Diamond, Marker::Square, Marker::Triangle];
    (LINES[i % LINES.len()], markers[i % markers.len()], series[i].markers_only)
}

fn draw_axes(canvas: &mut Canvas, axes: &Axes, ticks: &Ticks, label: &str, label_x: f32) {
    let plot = axes.plot;
    for value in &ticks.values {
        let y = axes.y(*value);
        canvas.line(&[(plot.x, y), (plot.right(), y)], 0.7, PALE);
        canvas.line(&[(plot.x - TICK, y), (plot.x, y)], 0.8, FRAME);
        canvas.text(&ticks.label(*value), SMALL, (plot.x - TICK - 4.0, y), Anchor::End, BLACK);
    }
    if let Some(multiplier) = ticks.multiplier() {
        canvas.text(&multiplier, SMALL, (plot.x, plot.y - 9.0), Anchor::Start, BLACK);
    }
    let dates = date_ticks(axes.begin, axes.end, plot.width, |l| canvas.fonts.width(l, SMALL));
    for tick in dates {
        let x = plot.x + tick.at * plot.width;
        canvas.line(&[(x, plot.y), (x, plot.bottom())], 0.7, PALE);
        canvas.line(&[(x, plot.bottom()), (x, plot.bottom() + TICK)], 0.8, FRAME);
        canvas.text(&tick.label, SMALL, (x, plot.bottom() + 13.0), Anchor::Middle, BLACK);
        if let Some(below) = &tick.below {
            let half = canvas.fonts.width(below, SMALL) / 2.0;
            let x = x.clamp(half + 4.0, WIDTH - half - 4.0);
            canvas.text(below, SMALL, (x, plot.bottom() + 26.0), Anchor::Middle, BLACK);
        }
    }
    canvas.text("time (UTC)", LABEL, (plot.x + plot.width / 2.0, plot.bottom() + 45.0), Anchor::Middle, BLACK);
    let (label, style) = canvas.fonts.fit(label, LABEL, plot.height, 8.0);
    canvas.text_upwards(&label, style, (label_x, plot.y + plot.height / 2.0), Anchor::Middle, BLACK);
}

fn draw_series(canvas: &mut Canvas, axes: &Axes, series: &Series, (colour, marker, hollow): Look) {
    let points = series.times.len();
    for run in series.runs() {
        if let Some((lower, upper)) = &series.band {
            let edge = |values: &[f64], i: usize| {
                let v = if values[i].is_finite() { values[i] } else { series.values[i] };
                (axes.x(series.times[i]), axes.y(v))
            };
            let there = run.iter().map(|i| edge(upper, *i));
            let back = run.iter().rev().map(|i| edge(lower, *i));
            canvas.polygon(&there.chain(back).collect::<Vec<_>>(), colour, 0.18);
        }
        let line: Vec<(f32, f32)> = run.iter().map(|i| (axes.x(series.times[*i]), axes.y(series.values[*i]))).collect();
        if !series.markers_only && line.len() > 1 {
            canvas.line(&line, 1.6, colour);
        }
        let radius = match points <= MOST_MARKERS {
            true => 3.6,
            false if series.markers_only || line.len() == 1 => 2.2,
            false => continue,
        };
        for point in line {
            canvas.marker(marker, point, radius, colour, hollow);
        }
    }
}

const SAMPLE: f32 = 26.0;

fn legend_width(fonts: &Fonts, series: &Series) -> f32 {
    SAMPLE + 6.0 + fonts.width(&series.label, SMALL) + 18.0
}

/// Which series stand in which row of the legend; empty for one series.
fn legend_rows(fonts: &Fonts, series: &[Series]) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut used = f32::INFINITY;
    for (i, s) in series.iter().enumerate().filter(|_| series.len() > 1) {
        let width = legend_width(fonts, s);
        if used + width > WIDTH - 100.0 {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += width;
        if let Some(row) = rows.last_mut() {
            row.push(i);
        }
    }
    rows
}

fn draw_legend(canvas: &mut Canvas, series: &[Series], rows: &[Vec<usize>], plot: Rect, top: f32) {
    for (row, members) in rows.iter().enumerate() {
        let width: f32 = members.iter().map(|i| legend_width(&canvas.fonts, &series[*i])).sum::<f32>() - 18.0;
        let (mut x, y) = (plot.x + (plot.width - width) / 2.0, top + 17.0 * float(row));
        for &i in members {
            let (colour, marker, hollow) = look(series, i);
            if !hollow {
                canvas.line(&[(x, y), (x + SAMPLE, y)], 1.6, colour);
            }
            canvas.marker(marker, (x + SAMPLE / 2.0, y), 3.6, colour, hollow);
            canvas.text(&series[i].label, SMALL, (x + SAMPLE + 6.0, y), Anchor::Start, BLACK);
            x += legend_width(&canvas.fonts, &series[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(n: i64) -> Vec<Timestamp> {
        (0..n).map(|i| Timestamp::from_second(i * 86_400).unwrap()).collect()
    }

    fn count(picture: &Picture, colour: Colour) -> usize {
        picture.pixels.chunks(3).filter(|p| *p == colour).count()
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let style = SeriesStyle::new("t", "v");
        let whole = time_series(&[Series::new("a", days(3), vec![1.0, 1.0, 1.0])], &style).unwrap();
        let broken = time_series(&[Series::new("a", days(3), vec![1.0, f64::NAN, 1.0])], &style).unwrap();
        assert_eq!(whole.width, 1520);
        assert!(count(&whole, LINES[0]) > 1000 && count(&broken, LINES[0]) < count(&whole, LINES[0]) / 4);
    }

    #[test]
    fn bands_and_references_are_drawn_in_their_own_ways() {
        let style = SeriesStyle::new("t", "v").range(0.0, 2.0);
        let line = Series::new("a", days(3), vec![1.0, 1.2, 1.1]).band(vec![0.5; 3], vec![1.5; 3]);
        let truth = Series::new("truth", days(3), vec![1.0, 1.1, 1.2]).markers_only();
        let p = time_series(&[line.clone(), truth], &style).unwrap();
        assert!(count(&p, LINES[1]) > 50, "the reference has markers");
        let alone = time_series(&[line], &style).unwrap();
        assert!(p.height > alone.height, "several series have a legend");
    }

    #[test]
    fn nothing_to_draw_and_uneven_lengths_are_refused() {
        let style = SeriesStyle::new("t", "v");
        assert!(matches!(time_series(&[], &style), Err(PictureError::Empty { .. })));
        let nan = Series::new("a", days(2), vec![f64::NAN; 2]);
        assert!(matches!(time_series(&[nan], &style), Err(PictureError::Empty { .. })));
        let uneven = Series::new("a", days(2), vec![1.0]);
        assert!(time_series(&[uneven], &style).unwrap_err().to_string().contains("\"a\""));
        let one = Series::new("a", days(1), vec![5.0]);
        assert!(time_series(std::slice::from_ref(&one), &style).is_ok());
        assert!(matches!(time_series(&[one], &style.range(2.0, 1.0)), Err(PictureError::BadRange { .. })));
    }

    #[test]
    fn the_same_series_gives_the_same_picture() {
        let draw = || {
            time_series(&[Series::new("a", days(30), (0..30).map(f64::from).collect())], &SeriesStyle::new("t", "v"))
                .unwrap()
        };
        assert_eq!(draw(), draw());
        assert_eq!(draw().at(2, 2), Some([255, 255, 255]));
    }
}

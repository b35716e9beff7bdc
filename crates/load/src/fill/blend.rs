//! All valid pixels count: mean, median, count.

use ndarray::ArrayViewMut2;

use super::first::Scratch;
use super::marks::Provenance;
use super::{Context, Sources};
use crate::plan::Chunk;
use crate::warp::Sample;
use crate::{ChunkSource, Fuse, Hole, LoadError};

/// Bytes of a stack of sources that a median is taken from at once; a chunk with more is done in bands of rows.
pub(crate) const MOST_STACK: usize = 32 << 20;

/// Fills a chunk with the mean or the median of the valid pixels of its sources.
pub(crate) fn fill_blended<S: Sample>(
    context: &Context<'_>,
    chunk: Chunk,
    sources: &[ChunkSource],
    pixels: ArrayViewMut2<'_, f32>,
    _: Option<Provenance<'_>>,
) -> Result<Vec<Hole>, LoadError> {
    if context.plan.fuse == Fuse::Median {
        median::<S>(context, chunk, sources, pixels)
    } else {
        mean::<S>(context, chunk, sources, pixels)
    }
}

/// Fills a chunk with the number of sources that have a valid pixel.
pub(crate) fn fill_counted<S: Sample>(
    context: &Context<'_>,
    chunk: Chunk,
    sources: &[ChunkSource],
    mut pixels: ArrayViewMut2<'_, u16>,
    _: Option<Provenance<'_>>,
) -> Result<Vec<Hole>, LoadError> {
    let mut all = Sources::new(context, chunk)?;
    let mut counts = vec![0_u16; chunk.window.shape().pixels()];
    let mut scratch = Scratch::<S>::free(&all);
    for source in sources {
        if let Some((_, valid)) = scratch.read(&mut all, *source)? {
            // The plan has seen to it that a plane has no more datasets than fit.
            counts.iter_mut().zip(valid).for_each(|(n, valid)| *n += u16::from(valid != 0));
        }
    }
    let fill = <u16 as cube_model::Pixel>::from_f64(all.planned.fill());
    pixels.iter_mut().zip(counts).for_each(|(pixel, n)| *pixel = if n == 0 { fill } else { n });
    Ok(all.holes)
}

fn mean<S: Sample>(
    context: &Context<'_>,
    chunk: Chunk,
    sources: &[ChunkSource],
    mut pixels: ArrayViewMut2<'_, f32>,
) -> Result<Vec<Hole>, LoadError> {
    let mut all = Sources::new(context, chunk)?;
    let mut sums = vec![(0.0_f64, 0_u32); chunk.window.shape().pixels()];
    let mut scratch = Scratch::<S>::free(&all);
    for source in sources {
        let Some((values, valid)) = scratch.read(&mut all, *source)? else { continue };
        for (((sum, n), value), valid) in sums.iter_mut().zip(values).zip(valid) {
            if valid != 0 {
                *sum += value.to_f64();
                *n += 1;
            }
        }
    }
    let (fill, off) = (narrow(all.planned.fill()), all.planned.keep_off::<f32>());
    for (pixel, (sum, n)) in pixels.iter_mut().zip(sums) {
        *pixel = if n == 0 { fill } else { beside(narrow(sum / f64::from(n)), off) };
    }
    Ok(all.holes)
}

/// The middle value; of an even number the mean of the two in the middle.
fn median<S: Sample>(
    context: &Context<'_>,
    chunk: Chunk,
    sources: &[ChunkSource],
    mut pixels: ArrayViewMut2<'_, f32>,
) -> Result<Vec<Hole>, LoadError> {
    let mut holes = Vec::new();
    let row = chunk.window.cols.max(1) * size_of::<Option<S>>() * sources.len().max(1);
    let rows = (MOST_STACK / row).clamp(1, chunk.window.rows.max(1));
    for from in (0..chunk.window.rows).step_by(rows) {
        let n = rows.min(chunk.window.rows - from);
        let window = cube_geo::Window::new(chunk.window.row + from, chunk.window.col, n, chunk.window.cols);
        let band: Vec<ChunkSource> = sources
            .iter()
            .filter_map(|s| Some(ChunkSource { dst_window: s.dst_window.intersection(window)?, ..*s }))
            .collect();
        let mut all = Sources::new(context, Chunk { window, ..chunk })?;
        let mut stack: Vec<Vec<Option<S>>> = Vec::with_capacity(band.len());
        let mut scratch = Scratch::<S>::free(&all);
        for source in &band {
            if let Some((values, valid)) = scratch.read(&mut all, *source)? {
                stack.push(values.iter().zip(valid).map(|(value, valid)| (valid != 0).then_some(*value)).collect());
            }
        }
        let (fill, off) = (narrow(all.planned.fill()), all.planned.keep_off::<f32>());
        let mut seen: Vec<f64> = Vec::with_capacity(stack.len());
        let mut part = pixels.slice_mut(ndarray::s![from..from + n, ..]);
        for (i, pixel) in part.iter_mut().enumerate() {
            seen.clear();
            seen.extend(
                stack.iter().filter_map(|plane| plane.get(i).copied().flatten()).map(cube_model::Pixel::to_f64),
            );
            *pixel = middle(&mut seen).map_or(fill, |value| beside(narrow(value), off));
        }
        holes.append(&mut all.holes);
    }
    Ok(holes)
}

fn middle(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (low, middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 {
        return Some(middle);
    }
    let below = low.iter().copied().max_by(f64::total_cmp)?;
    Some(f64::midpoint(below, middle))
}

fn narrow(value: f64) -> f32 {
    f32::rounded(value)
}

fn beside(value: f32, off: Option<f32>) -> f32 {
    if off == Some(value) { value.beside() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(middle(&mut []), None);
        assert_eq!(middle(&mut [7.0]), Some(7.0));
        assert_eq!(middle(&mut [9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(middle(&mut [9.0, 1.0, 4.0, 5.0]), Some(4.5));
    }

    #[test]
    fn blended_value_keeps_off_the_fill_value() {
        assert!(beside(-999.0, Some(-999.0)) < -999.0);
        assert!((beside(3.0, Some(-999.0)) - 3.0).abs() < f32::EPSILON);
    }
}

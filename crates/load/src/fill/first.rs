//! One valid pixel wins: the first in fuse order (or the last), the smallest or the largest.

use ndarray::ArrayViewMut2;

use super::marks::{Provenance, Winners};
use super::{Context, Sources};
use crate::plan::Chunk;
use crate::target::Target;
use crate::warp::Sample;
use crate::{ChunkSource, Fuse, Hole, LoadError};

/// Fills a chunk with pixels of its sources as they are.
pub(crate) fn fill_kept<T: Sample>(
    context: &Context<'_>,
    chunk: Chunk,
    sources: &[ChunkSource],
    mut pixels: ArrayViewMut2<'_, T>,
    provenance: Option<Provenance<'_>>,
) -> Result<Vec<Hole>, LoadError> {
    let mut all = Sources::new(context, chunk)?;
    let fill = T::from_f64(all.planned.fill());
    pixels.fill(fill);
    if sources.is_empty() {
        if let Some(provenance) = provenance {
            provenance.nothing();
        }
        return Ok(Vec::new());
    }
    let mut winners = provenance.map(|p| Winners::new(chunk.window, p));
    match (context.fuse_with, context.plan.fuse) {
        (Some(function), _) => custom(&mut all, sources, &mut pixels, function)?,
        (None, Fuse::Min) => best(&mut all, sources, &mut pixels, winners.as_mut(), |new, old| new < old)?,
        (None, Fuse::Max) => best(&mut all, sources, &mut pixels, winners.as_mut(), |new, old| new > old)?,
        _ => first(&mut all, sources, &mut pixels, winners.as_mut())?,
    }
    if let Some(winners) = winners {
        winners.publish();
    }
    Ok(all.holes)
}

/// Each source fills what those before it left; what is full is not read for any more.
fn first<T: Sample>(
    all: &mut Sources<'_, '_>,
    sources: &[ChunkSource],
    pixels: &mut ArrayViewMut2<'_, T>,
    mut winners: Option<&mut Winners<'_>>,
) -> Result<(), LoadError> {
    let mut target = Target::new(all.chunk.window, pixels.view_mut(), all.planned.keep_off());
    for source in sources {
        // Where a part is filled already, the rest is looked at in bands: a slanted edge between two scenes leaves a
        // triangle, and the blocks under its other half need not be read.
        for part in target.unfilled_parts(source.dst_window) {
            all.fill(*source, part, &mut target)?;
        }
        if let Some(winners) = &mut winners {
            winners.filled(&target.filled, source.dataset);
        }
    }
    Ok(())
}

/// Every source is asked; the pixel that beats those before it wins, of equals the first.
fn best<T: Sample>(
    all: &mut Sources<'_, '_>,
    sources: &[ChunkSource],
    pixels: &mut ArrayViewMut2<'_, T>,
    mut winners: Option<&mut Winners<'_>>,
    beats: impl Fn(T, T) -> bool,
) -> Result<(), LoadError> {
    let window = all.chunk.window;
    let mut taken = vec![0_u8; window.shape().pixels()];
    let mut scratch = Scratch::new(all);
    for source in sources {
        let Some((values, valid)) = scratch.read(all, *source)? else { continue };
        let marks = valid.iter().zip(&mut taken).enumerate();
        for ((i, (valid, taken)), (value, pixel)) in marks.zip(values.iter().zip(pixels.iter_mut())) {
            if *valid != 0 && (*taken == 0 || beats(*value, *pixel)) {
                *pixel = *value;
                *taken = 1;
                if let Some(winners) = &mut winners {
                    winners.set(i, source.dataset);
                }
            }
        }
    }
    Ok(())
}

/// The caller's function, called as ODC calls a `fuse_func`: the first source is there as it is, and each that follows
/// is handed in with nodata where it has nothing.
fn custom<T: Sample>(
    all: &mut Sources<'_, '_>,
    sources: &[ChunkSource],
    pixels: &mut ArrayViewMut2<'_, T>,
    function: &crate::FuseFunction<'_>,
) -> Result<(), LoadError> {
    let mut scratch = Scratch::<T>::new(all);
    let mut fused: Option<ndarray::ArrayD<T>> = None;
    for source in sources {
        let Some((values, _)) = scratch.read(all, *source)? else { continue };
        let shape = vec![all.chunk.window.rows, all.chunk.window.cols];
        let Ok(values) = ndarray::ArrayD::from_shape_vec(shape.clone(), values.to_vec()) else { continue };
        fused = Some(match fused {
            None => values,
            Some(before) => {
                let mut destination = T::wrap(before);
                function(all.planned, &mut destination, &T::wrap(values));
                let unlike = || LoadError::FuseFunction {
                    measurement: all.planned.name.clone(),
                    expected: T::DTYPE,
                    rows: shape[0],
                    cols: shape[1],
                };
                let kept = T::view(&destination).filter(|a| a.shape() == shape).ok_or_else(unlike)?;
                kept.clone()
            }
        });
    }
    if let Some(fused) = fused {
        pixels.iter_mut().zip(&fused).for_each(|(pixel, value)| *pixel = *value);
    }
    Ok(())
}

/// Pixels of a source, and 0 where one is not valid.
type Read<'s, T> = (&'s [T], Vec<u8>);

/// One source at a time, resampled by itself.
pub(super) struct Scratch<T> {
    pixels: ndarray::Array2<T>,
    fill: T,
    keep_off: Option<T>,
}

impl<T: Sample> Scratch<T> {
    /// Filled as the output is, so that a computed value keeps off its nodata too.
    pub(super) fn new(all: &Sources<'_, '_>) -> Self {
        let fill = T::from_f64(all.planned.fill());
        let shape = (all.chunk.window.rows, all.chunk.window.cols);
        Self { pixels: ndarray::Array2::from_elem(shape, fill), fill, keep_off: all.planned.keep_off() }
    }

    /// For what is blended: marks alone tell what is valid.
    pub(super) fn free(all: &Sources<'_, '_>) -> Self {
        let shape = (all.chunk.window.rows, all.chunk.window.cols);
        Self { pixels: ndarray::Array2::default(shape), fill: T::default(), keep_off: None }
    }

    /// The pixels of a source on the chunk's window, row-major, and which of them are valid; `None` where it cannot be
    /// read and may be skipped.
    pub(super) fn read(
        &mut self,
        all: &mut Sources<'_, '_>,
        source: ChunkSource,
    ) -> Result<Option<Read<'_, T>>, LoadError> {
        self.pixels.fill(self.fill);
        let mut target = Target::new(all.chunk.window, self.pixels.view_mut(), self.keep_off);
        let read = all.fill(source, source.dst_window, &mut target)?;
        let filled = target.filled;
        Ok(self.pixels.as_slice().filter(|_| read).map(|pixels| (pixels, filled)))
    }
}

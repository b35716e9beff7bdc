//! Arrays in memory, cut into the pieces that chunks fill.

use cube_geo::Shape;
use cube_model::{DataType, Pixel, Pixels};
use ndarray::{ArrayD, ArrayViewMut2, Axis};

use super::queue::Task;
use super::{Visitor, no_measurement, visit};
use crate::fill::{Fill, Provenance};
use crate::plan::Chunk;
use crate::warp::Sample;
use crate::{LoadError, LoadPlan};

/// A piece of an array that waits for its chunk.
type Piece<'a> = Box<dyn FnOnce(Chunk, Option<Provenance<'a>>) -> Task<'a> + 'a>;

/// The work of each chunk, in the plan's order, each with its own piece of the arrays.
pub(super) fn tasks<'a>(plan: &LoadPlan, arrays: &'a mut [Pixels]) -> Result<Vec<(Chunk, Task<'a>)>, LoadError> {
    let n = plan.measurements.len();
    let (data, beside) = arrays.split_at_mut_checked(n).ok_or_else(bad)?;
    // Per measurement, the pieces of its planes in order; then dealt out by plane.
    let mut pieces = Vec::with_capacity(n);
    for (pixels, planned) in data.iter_mut().zip(&plan.measurements) {
        pieces.push(visit(planned, plan.fuse, Typed { pixels, chunk: plan.chunk })??.into_iter());
    }
    let mut provenance = Vec::with_capacity(beside.len());
    for pixels in beside {
        provenance.push(numbers(pixels, plan.chunk)?.into_iter());
    }
    plan.chunks()
        .map(|chunk| {
            let piece = pieces.get_mut(chunk.measurement).and_then(Iterator::next).ok_or_else(bad)?;
            let beside = match provenance.get_mut(chunk.measurement) {
                Some(pieces) => Some(pieces.next().ok_or_else(bad)?),
                None => None,
            };
            Ok((chunk, piece(chunk, beside)))
        })
        .collect()
}

fn bad() -> LoadError {
    LoadError::BadPlan { reason: "its chunks do not account for its arrays".to_owned() }
}

/// The pieces of one measurement's array.
struct Typed<'a> {
    pixels: &'a mut Pixels,
    chunk: Shape,
}

impl<'a> Visitor for Typed<'a> {
    type Output = Result<Vec<Piece<'a>>, LoadError>;

    fn visit<T: Sample>(self, fill: Fill<T>) -> Self::Output {
        let array = T::view_mut(self.pixels).ok_or_else(no_measurement)?;
        let pieces = cut(array, self.chunk)?.into_iter().map(|piece| -> Piece<'a> {
            Box::new(move |chunk, provenance| {
                Box::new(move |context, sources| fill(context, chunk, sources, piece, provenance))
            })
        });
        Ok(pieces.collect())
    }
}

fn numbers(pixels: &mut Pixels, chunk: Shape) -> Result<Vec<Provenance<'_>>, LoadError> {
    if pixels.dtype() == DataType::UInt16 {
        let array = u16::view_mut(pixels).ok_or_else(bad)?;
        Ok(cut(array, chunk)?.into_iter().map(Provenance::Short).collect())
    } else {
        let array = u32::view_mut(pixels).ok_or_else(bad)?;
        Ok(cut(array, chunk)?.into_iter().map(Provenance::Long).collect())
    }
}

/// An array in pieces, plane by plane, each plane in pieces of `chunk`, row-major: as the plan's chunks.
fn cut<T>(array: &mut ArrayD<T>, chunk: Shape) -> Result<Vec<ArrayViewMut2<'_, T>>, LoadError> {
    let shape = array.shape().to_vec();
    let [outer @ .., rows, cols] = &shape[..] else { return Err(bad()) };
    let planes = (outer.iter().product::<usize>(), *rows, *cols);
    let mut rest = array.view_mut().into_shape_with_order(planes).map_err(|_| bad())?;
    let mut out = Vec::new();
    while rest.len_of(Axis(0)) > 0 {
        let (plane, after) = rest.split_at(Axis(0), 1);
        rest = after;
        let mut below = plane.index_axis_move(Axis(0), 0);
        while below.nrows() > 0 {
            let rows = chunk.rows.min(below.nrows());
            let (mut band, after) = below.split_at(Axis(0), rows);
            below = after;
            while band.ncols() > 0 {
                let cols = chunk.cols.min(band.ncols());
                let (piece, right) = band.split_at(Axis(1), cols);
                out.push(piece);
                band = right;
            }
        }
    }
    Ok(out)
}

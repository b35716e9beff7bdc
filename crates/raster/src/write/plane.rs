//! The pixels of a piece as plain values.

use cube_geo::Shape;
use cube_model::{Pixel, Pixels};

/// The values of a piece, row-major; without a copy where it owns them in that order. Empty where it is of another type.
pub(crate) fn into_values<T: Pixel>(mut pixels: Pixels) -> Vec<T> {
    let Some(array) = T::view_mut(&mut pixels) else { return Vec::new() };
    let array = std::mem::take(array);
    if !array.is_standard_layout() {
        return array.iter().copied().collect();
    }
    let length = array.len();
    let (values, first) = array.into_raw_vec_and_offset();
    match first {
        None | Some(0) if values.len() == length => values,
        first => values.into_iter().skip(first.unwrap_or(0)).take(length).collect(),
    }
}

/// The values of a piece as a whole tile: what lies beyond an edge is `fill`. Without a copy where it is whole.
pub(crate) fn whole_tile<T: Pixel>(pixels: Pixels, tile: Shape, fill: T) -> Vec<T> {
    let cols = pixels.shape().last().copied().unwrap_or(0);
    let values = into_values::<T>(pixels);
    if values.len() == tile.pixels() && cols == tile.cols {
        return values;
    }
    let mut whole = vec![fill; tile.pixels()];
    for (out, row) in whole.chunks_mut(tile.cols.max(1)).zip(values.chunks(cols.max(1))) {
        for (out, value) in out.iter_mut().zip(row) {
            *out = *value;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_piece_at_the_edge_is_filled_up() {
        let piece = Pixels::UInt8(array![[1, 2], [3, 4]].into_dyn());
        assert_eq!(whole_tile::<u8>(piece.clone(), Shape::new(3, 3), 9), [1, 2, 9, 3, 4, 9, 9, 9, 9]);
        assert_eq!(whole_tile::<u8>(piece, Shape::new(2, 2), 9), [1, 2, 3, 4]);
    }

    #[test]
    fn values_are_row_major_whatever_lies_in_memory() {
        let turned = array![[1_i16, 2], [3, 4]].reversed_axes();
        assert_eq!(into_values::<i16>(Pixels::Int16(turned.into_dyn())), [1, 3, 2, 4]);
        let mut cut = array![[1_i16, 2], [3, 4]];
        cut.slice_collapse(ndarray::s![1.., ..]);
        assert_eq!(into_values::<i16>(Pixels::Int16(cut.into_dyn())), [3, 4]);
    }
}

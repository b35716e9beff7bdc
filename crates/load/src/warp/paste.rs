//! Copying without resampling.

use super::{Row, Sample, Validity};

/// Copies the valid pixels of `source`, whose first one has `index` in the validity's counting, one by one.
#[expect(clippy::needless_bitwise_bool, reason = "without a jump the loop becomes vector code")]
pub(crate) fn paste_row<T: Sample>(source: &[T], index: usize, valid: &impl Validity<T>, row: &mut Row<'_, T>) {
    for (i, ((&value, pixel), filled)) in source.iter().zip(&mut *row.pixels).zip(&mut *row.filled).enumerate() {
        let take = valid.holds(index + i, value) & (*filled == 0);
        *pixel = if take { value } else { *pixel };
        *filled |= u8::from(take);
    }
}

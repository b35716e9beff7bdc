//! Running sums of a row of small integers, wrapping: where most of the time of the horizontal predictor goes.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "SSE2, which every x86-64 has, asks for it"))]

/// Replaces each sample by the sum of all up to it.
pub(super) fn sum_u8(row: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of every x86-64.
    unsafe {
        sse2::sum_u8(row);
    }
    #[cfg(not(target_arch = "x86_64"))]
    row.iter_mut().fold(0_u8, |sum, sample| {
        *sample = sample.wrapping_add(sum);
        *sample
    });
}

/// As [`sum_u8`].
pub(super) fn sum_u16(row: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of every x86-64.
    unsafe {
        sse2::sum_u16(row);
    }
    #[cfg(not(target_arch = "x86_64"))]
    row.iter_mut().fold(0_u16, |sum, sample| {
        *sample = sample.wrapping_add(sum);
        *sample
    });
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_add_epi16, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi32, _mm_shufflehi_epi16,
        _mm_slli_si128,
    };

    /// Sixteen sums in four steps: each adds the register to itself, moved by 1, 2, 4 and 8 samples.
    #[target_feature(enable = "sse2")]
    pub(super) fn sum_u8(row: &mut [u8]) {
        let (chunks, rest) = row.as_chunks_mut::<16>();
        let mut last = 0_u8;
        for chunk in chunks {
            let mut v: __m128i = bytemuck::cast(*chunk);
            v = _mm_add_epi8(v, _mm_slli_si128::<1>(v));
            v = _mm_add_epi8(v, _mm_slli_si128::<2>(v));
            v = _mm_add_epi8(v, _mm_slli_si128::<4>(v));
            v = _mm_add_epi8(v, _mm_slli_si128::<8>(v));
            v = _mm_add_epi8(v, _mm_set1_epi8(last.cast_signed()));
            *chunk = bytemuck::cast(v);
            last = chunk[15];
        }
        for sample in rest {
            last = last.wrapping_add(*sample);
            *sample = last;
        }
    }

    /// Eight sums in three steps.
    #[target_feature(enable = "sse2")]
    pub(super) fn sum_u16(row: &mut [u16]) {
        let (chunks, rest) = row.as_chunks_mut::<8>();
        let mut carry = _mm_setzero_si128();
        for chunk in chunks {
            let mut v: __m128i = bytemuck::cast(*chunk);
            v = _mm_add_epi16(v, _mm_slli_si128::<2>(v));
            v = _mm_add_epi16(v, _mm_slli_si128::<4>(v));
            v = _mm_add_epi16(v, _mm_slli_si128::<8>(v));
            v = _mm_add_epi16(v, carry);
            // The last sum in all places: to the upper half, then to all of it.
            carry = _mm_shuffle_epi32::<0b1111_1111>(_mm_shufflehi_epi16::<0b1111_1111>(v));
            *chunk = bytemuck::cast(v);
        }
        let [mut last, ..]: [u16; 8] = bytemuck::cast(carry);
        for sample in rest {
            last = last.wrapping_add(*sample);
            *sample = last;
        }
    }
}

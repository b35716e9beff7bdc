//! Which dataset gave a pixel.

use cube_geo::Window;
use ndarray::ArrayViewMut2;

/// A chunk's window of a provenance array: 0 where nothing was measured, else the number of the dataset in the plan,
/// counted from 1.
#[derive(Debug)]
pub(crate) enum Provenance<'a> {
    /// Up to 65,535 datasets.
    Short(ArrayViewMut2<'a, u16>),
    /// More.
    Long(ArrayViewMut2<'a, u32>),
}

impl Provenance<'_> {
    /// A chunk without sources.
    pub(super) fn nothing(self) {
        match self {
            Self::Short(mut array) => array.fill(0),
            Self::Long(mut array) => array.fill(0),
        }
    }
}

/// The datasets that the pixels of a chunk came from, so far.
pub(super) struct Winners<'a> {
    numbers: Vec<u32>,
    out: Provenance<'a>,
}

impl<'a> Winners<'a> {
    pub(super) fn new(window: Window, out: Provenance<'a>) -> Self {
        Self { numbers: vec![0; window.shape().pixels()], out }
    }

    /// Those pixels that are filled and nobody's yet are this dataset's.
    pub(super) fn filled(&mut self, filled: &[u8], dataset: usize) {
        let number = number(dataset);
        for (n, filled) in self.numbers.iter_mut().zip(filled) {
            if *n == 0 && *filled != 0 {
                *n = number;
            }
        }
    }

    pub(super) fn set(&mut self, pixel: usize, dataset: usize) {
        if let Some(n) = self.numbers.get_mut(pixel) {
            *n = number(dataset);
        }
    }

    pub(super) fn publish(self) {
        match self.out {
            Provenance::Short(mut array) => array
                .iter_mut()
                .zip(&self.numbers)
                .for_each(|(pixel, n)| *pixel = u16::try_from(*n).unwrap_or(u16::MAX)),
            Provenance::Long(mut array) => array.iter_mut().zip(&self.numbers).for_each(|(pixel, n)| *pixel = *n),
        }
    }
}

fn number(dataset: usize) -> u32 {
    u32::try_from(dataset + 1).unwrap_or(u32::MAX)
}

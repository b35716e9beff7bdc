//! What the tests of several kernels share.

use proptest::prelude::*;

use super::area::Corners;
use super::{Masked, Present, Row, Sample, SourceWindow, Unlike, Validity};
use crate::files::count;

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

/// A row of destination pixels over a small window of a source, at random: shrunk, stretched or turned, with parts outside,
/// positions on edges, missing pixels, and pixels that are filled.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    rows: usize,
    cols: usize,
    pixels: usize,
    scale: (f64, f64),
    turn: f64,
    start: (f64, f64),
    /// Positions on multiples of 1/4, where edges coincide.
    round: bool,
    /// One of so many pixels is missing.
    holes: u32,
    seam: bool,
    seed: u32,
}

/// Columns and rows of positions.
type Line = (Vec<f64>, Vec<f64>);
/// One way to do a row.
pub(super) type Way<'w, T> = &'w dyn Fn(&mut Row<'_, T>);

pub(super) fn scenes() -> impl Strategy<Value = Scene> {
    let size = (1..20_usize, 1..160_usize, 1..200_usize);
    let place = ((-6.0..6.0, -6.0..6.0), -0.3..0.3, (-20.0..80.0, -4.0..12.0));
    let kind = (any::<bool>(), prop_oneof![Just(2_u32), Just(60), Just(100_000)], proptest::bool::weighted(0.1));
    // Most are near the scales at which blocks are used.
    let near = prop_oneof![Just(0.25), Just(0.5), Just(1.0)];
    (size, place, kind, near, any::<u32>()).prop_map(|(size, place, kind, near, seed)| Scene {
        rows: size.0,
        cols: size.1,
        pixels: size.2,
        scale: (place.0.0 * near, place.0.1 * near),
        turn: place.1,
        start: place.2,
        round: kind.0,
        holes: kind.1,
        seam: kind.2,
        seed,
    })
}

impl Scene {
    fn random(&self) -> impl FnMut() -> u32 {
        let mut state = self.seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        }
    }

    /// Pixels, some of them NaN or infinite where that can be, and 0 where one is missing.
    fn image<T: Sample>(&self) -> (Vec<T>, Vec<u8>) {
        let mut random = self.random();
        let mut value = || match random() % 500 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            n => f64::from(n) * 0.7 - 100.0,
        };
        let pixels: Vec<T> = (0..self.rows * self.cols).map(|_| T::from_f64(value())).collect();
        let mut random = self.random();
        let mask = pixels.iter().map(|_| u8::from(!random().is_multiple_of(self.holes))).collect();
        (pixels, mask)
    }

    fn check_type<T: Sample, P: Property>(&self) {
        let (image, mask) = self.image::<T>();
        let source = SourceWindow { pixels: &image, rows: self.rows, cols: self.cols, first: (3.0, 1000.0) };
        P::check(self, source, &Present);
        P::check(self, source, &Unlike(image[image.len() / 2]));
        P::check(self, source, &Masked(&mask));
    }

    /// Checks a property with the three kinds of types (unsigned, signed, floating) and all kinds of validity.
    pub(super) fn check_few<P: Property>(&self) {
        self.check_type::<u16, P>();
        self.check_type::<i16, P>();
        self.check_type::<f32, P>();
    }

    /// The same with types of other sizes too.
    pub(super) fn check<P: Property>(&self) {
        self.check_few::<P>();
        self.check_type::<u8, P>();
        self.check_type::<i32, P>();
        self.check_type::<u64, P>();
        self.check_type::<f64, P>();
    }

    /// Of the row at height `y`: `n` positions, a few of them NaN.
    fn line(&self, y: f64, n: usize) -> Line {
        let mut random = self.random();
        let (sin, cos) = self.turn.sin_cos();
        (0..n)
            .map(|i| {
                let (across, down) = (count(i) * self.scale.0, y * self.scale.1);
                let x = cos * across - sin * down + self.start.0 + 1000.0;
                let y = sin * across + cos * down + self.start.1 + 3.0;
                let (x, y) = if self.round { ((x * 4.0).round() / 4.0, (y * 4.0).round() / 4.0) } else { (x, y) };
                if random().is_multiple_of(97) { (f64::NAN, f64::NAN) } else { (x, y) }
            })
            .unzip()
    }

    /// Upper and lower corners.
    pub(super) fn corners(&self) -> (Line, Line) {
        (self.line(0.0, self.pixels + 1), self.line(1.0, self.pixels + 1))
    }

    pub(super) fn centres(&self) -> Line {
        self.line(0.5, self.pixels)
    }

    pub(super) fn torn(&self) -> f64 {
        if self.seam { 2.0 } else { f64::INFINITY }
    }

    /// Marks of what is filled before: nothing, or every third pixel or so.
    fn filled(&self) -> Vec<u8> {
        let mut random = self.random();
        let some = self.seed.is_multiple_of(2);
        (0..self.pixels).map(|_| u8::from(some && random().is_multiple_of(3))).collect()
    }
}

/// What must be so of a kernel in each scene.
pub(super) trait Property {
    fn check<T: Sample, V: Validity<T>>(scene: &Scene, source: SourceWindow<'_, T>, valid: &V);
}

/// Asserts that other ways make of a row what the first one makes of it, to the last bit.
pub(super) fn same_bits<T: Sample>(scene: &Scene, one: impl Fn(&mut Row<'_, T>), others: &[Way<'_, T>]) {
    let before = scene.filled();
    let nodata = Some(T::from_f64(66.0));
    let run = |way: Way<'_, T>| {
        let (mut pixels, mut filled) = (vec![T::from_f64(77.0); before.len()], before.clone());
        way(&mut Row { pixels: &mut pixels, filled: &mut filled, nodata });
        let bits = pixels.iter().map(|p| if p.is_nan() { 1 } else { p.to_f64().to_bits() });
        bits.zip(filled).collect::<Vec<_>>()
    };
    let right = run(&one);
    for other in others {
        for (i, (got, right)) in run(other).iter().zip(&right).enumerate() {
            assert_eq!(got, right, "pixel {i} of {}", before.len());
        }
    }
}

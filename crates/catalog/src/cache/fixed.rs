//! Boxes in whole ten-millionths of a degree, and times in whole minutes.
//!
//! Four 32-bit integers hold a box to about a centimetre. Unlike 32-bit floats they hold the decimal fractions of a
//! degree that grids are made of exactly, so that a search along the edges of tiles is decided without the database.

use cube_geo::BoundingBox;

/// A degree.
const UNITS: f64 = 1e7;
const MINUTE: i64 = 60_000_000;

/// A box in units of 1e-7 degrees, rounded outwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FixedBox {
    pub(crate) west: i32,
    pub(crate) south: i32,
    pub(crate) east: i32,
    pub(crate) north: i32,
}

impl FixedBox {
    /// Touches nothing, and grows to what it is joined with.
    pub(super) const EMPTY: Self = Self { west: i32::MAX, south: i32::MAX, east: i32::MIN, north: i32::MIN };

    /// The smallest one around a box in degrees. Past ±214.7 it ends.
    pub(crate) fn around(b: BoundingBox) -> Self {
        Self { west: down(b.left), south: down(b.bottom), east: up(b.right), north: up(b.top) }
    }

    /// In degrees.
    pub(super) fn degrees(self) -> BoundingBox {
        BoundingBox::new(degrees(self.west), degrees(self.south), degrees(self.east), degrees(self.north))
    }

    /// One unit smaller on each side: the box that it was rounded from is not smaller. `None` where nothing is left.
    pub(super) fn inside(self) -> Option<Self> {
        let inner = Self { west: self.west + 1, south: self.south + 1, east: self.east - 1, north: self.north - 1 };
        (inner.west <= inner.east && inner.south <= inner.north).then_some(inner)
    }

    /// True where both share a point, edges counted.
    pub(super) const fn touches(self, other: Self) -> bool {
        self.west <= other.east && other.west <= self.east && self.south <= other.north && other.south <= self.north
    }

    /// The smallest box around both.
    pub(super) fn join(self, other: Self) -> Self {
        Self {
            west: self.west.min(other.west),
            south: self.south.min(other.south),
            east: self.east.max(other.east),
            north: self.north.max(other.north),
        }
    }

    /// Width and height in units.
    pub(crate) fn size(self) -> (f64, f64) {
        (f64::from(self.east) - f64::from(self.west), f64::from(self.north) - f64::from(self.south))
    }
}

/// A longitude or latitude in units, with a fraction.
pub(crate) fn units(degrees: f64) -> f64 {
    degrees * UNITS
}

fn degrees(units: i32) -> f64 {
    f64::from(units) / UNITS
}

/// The greatest whole unit not above.
#[expect(clippy::cast_possible_truncation, reason = "it saturates, past the Earth")]
fn down(x: f64) -> i32 {
    let near = units(x).round() as i32;
    // The product is rounded too: what the unit stands for decides.
    if degrees(near) > x { near.saturating_sub(1) } else { near }
}

/// The least whole unit not below.
fn up(x: f64) -> i32 {
    down(-x).saturating_neg()
}

/// The whole minutes since 1970 not after an instant in microseconds.
pub(super) fn minutes_down(micros: i64) -> i32 {
    let minutes = micros.div_euclid(MINUTE);
    i32::try_from(minutes).unwrap_or(if minutes < 0 { i32::MIN } else { i32::MAX })
}

/// The whole minutes since 1970 not before an instant in microseconds.
pub(super) fn minutes_up(micros: i64) -> i32 {
    minutes_down(micros.saturating_add(MINUTE - 1))
}

/// The instant in microseconds of a whole minute.
pub(super) fn micros(minutes: i32) -> i64 {
    if minutes == i32::MIN { i64::MIN } else { i64::from(minutes) * MINUTE }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounding_is_outwards_and_less_than_a_unit(x in -180.0_f64..=180.0) {
            prop_assert!(degrees(down(x)) <= x && x <= degrees(up(x)));
            prop_assert!(up(x) - down(x) <= 1);
        }

        #[test]
        fn minutes_hold_their_instant(t in -3_000_000_000_000_000_i64..3_000_000_000_000_000) {
            prop_assert!(micros(minutes_down(t)) <= t && t <= micros(minutes_up(t)));
            prop_assert!(minutes_up(t) - minutes_down(t) <= 1);
        }

        #[test]
        fn seven_digits_are_exact(n in -1_800_000_000_i32..=1_800_000_000) {
            let x: f64 = format!("{n}e-7").parse().unwrap();
            prop_assert_eq!((down(x), up(x)), (n, n));
        }
    }

    #[test]
    fn what_is_too_great_saturates() {
        assert_eq!((down(-1e6), up(1e6)), (i32::MIN, i32::MAX));
        assert_eq!((minutes_down(i64::MIN), minutes_up(i64::MAX)), (i32::MIN, i32::MAX));
    }
}

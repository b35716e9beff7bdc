//! Which cell a place lies in, and the numbers of cells.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, PI};

use super::{Healpix, HealpixOrder};

/// Where the rings begin to have fewer cells, as sine of the latitude.
pub(super) const CAP: f64 = 2.0 / 3.0;
/// In the rings this close to a pole (radians) the sine of the colatitude is better than its cosine.
const NEAR_POLE: f64 = 0.01;
/// Rings from the north pole to the lowest corner of each face, in sides, and quarters of half a turn to it.
const RINGS: [i64; 12] = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
const QUARTERS: [i64; 12] = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];

/// A cell by its face and its place on it, counted from the southern corner to the north-east (x) and north-west (y).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OnFace {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) face: u32,
}

/// Colatitude and longitude in radians.
pub(super) fn radians(lon: f64, lat: f64) -> (f64, f64) {
    (FRAC_PI_2 - lat.to_radians(), lon.to_radians())
}

/// Quarters of a turn, from 0 to below 4.
pub(super) fn quarters(phi: f64) -> f64 {
    let tt = phi * FRAC_2_PI;
    let tt = tt - (tt / 4.0).floor() * 4.0;
    if tt < 4.0 { tt } else { 0.0 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 or more, and far below 2^32; NaN is 0")]
fn whole(value: f64) -> u32 {
    value as u32
}

impl Healpix {
    /// What stands for "no cell" among the numbers of cells.
    pub const NOWHERE: u32 = u32::MAX;

    /// The cells that places lie in, one a place: degrees, any longitude, latitudes from −90 to 90.
    /// [`Healpix::NOWHERE`] for NaN and for latitudes past the poles.
    pub fn cells_at(self, lons: &[f64], lats: &[f64], cells: &mut [u32]) {
        let places = lons.iter().zip(lats).zip(cells);
        match self.order {
            HealpixOrder::Ring => places.for_each(|((lon, lat), cell)| *cell = self.at(*lon, *lat, Self::ring)),
            HealpixOrder::Nested => places.for_each(|((lon, lat), cell)| *cell = self.at(*lon, *lat, Self::nested)),
        }
    }

    /// The cell that a place lies in; `None` for NaN and for latitudes past the poles.
    #[must_use]
    pub fn cell(self, lon: f64, lat: f64) -> Option<u32> {
        let mut cell = [0];
        self.cells_at(&[lon], &[lat], &mut cell);
        Some(cell[0]).filter(|cell| *cell != Self::NOWHERE)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the inside of a loop over millions of pixels")]
    fn at(self, lon: f64, lat: f64, number: impl Fn(Self, f64, f64, f64) -> u32) -> u32 {
        let (theta, phi) = radians(lon, lat);
        let z = theta.cos();
        let sine = if (NEAR_POLE..=PI - NEAR_POLE).contains(&theta) { 0.0 } else { theta.sin() };
        let cell = number(self, z, sine, quarters(phi));
        // Comparisons with NaN are false.
        if lat.abs() <= 90.0 && phi.is_finite() { cell } else { Self::NOWHERE }
    }

    /// Rings from the nearer pole, as a fraction.
    #[inline]
    fn rings_to_pole(self, z: f64, sine: f64) -> f64 {
        let (n, za) = (f64::from(self.nside), z.abs());
        if za < 0.99 || sine <= 0.0 { n * (3.0 * (1.0 - za)).sqrt() } else { n * sine / ((1.0 + za) / 3.0).sqrt() }
    }

    /// The number in rings of the cell at a sine of latitude and quarters of a turn.
    #[inline]
    fn ring(self, z: f64, sine: f64, tt: f64) -> u32 {
        let n = self.nside;
        if z.abs() <= CAP {
            let (up, down) = self.lines(z, tt);
            // From 1 to 2n + 1, counted from the edge of the northern cap.
            let ring = n + 1 + up - down;
            let shift = 1 - (ring & 1);
            let along = (up + down + 7 * n + shift + 1) >> 1;
            let along = if n.is_power_of_two() { along & (4 * n - 1) } else { along % (4 * n) };
            return 2 * n * (n - 1) + (ring - 1) * 4 * n + along;
        }
        let tp = tt - tt.floor();
        let rings = self.rings_to_pole(z, sine);
        let ring = whole(tp * rings) + whole((1.0 - tp) * rings) + 1;
        let along = whole(tt * f64::from(ring)).min(4 * ring - 1);
        if z > 0.0 { 2 * ring * (ring - 1) + along } else { self.count() - 2 * ring * (ring + 1) + along }
    }

    /// The same, nested.
    #[inline]
    fn nested(self, z: f64, sine: f64, tt: f64) -> u32 {
        let n = self.nside;
        if z.abs() <= CAP {
            let (up, down) = self.lines(z, tt);
            return self.number(self.on_lines(up, down));
        }
        let tp = tt - tt.floor();
        let rings = self.rings_to_pole(z, sine);
        let quarter = whole(tt).min(3);
        let (up, down) = (whole(tp * rings).min(n - 1), whole((1.0 - tp) * rings).min(n - 1));
        self.number(if z >= 0.0 {
            OnFace { x: n - down - 1, y: n - up - 1, face: quarter }
        } else {
            OnFace { x: up, y: down, face: quarter + 8 }
        })
    }

    /// Which of the lines that rise and fall to the east a place between the caps is past.
    #[inline]
    fn lines(self, z: f64, tt: f64) -> (u32, u32) {
        let n = f64::from(self.nside);
        let (middle, height) = (n * (0.5 + tt), n * z * 0.75);
        (whole(middle - height), whole(middle + height))
    }

    /// The cell between lines.
    pub(super) fn on_lines(self, up: u32, down: u32) -> OnFace {
        let n = self.nside;
        let (rising, falling) = (up / n, down / n);
        let face = match rising.cmp(&falling) {
            std::cmp::Ordering::Equal => rising & 3 | 4,
            std::cmp::Ordering::Less => rising,
            std::cmp::Ordering::Greater => falling + 8,
        };
        OnFace { x: down % n, y: n - up % n - 1, face }
    }

    /// The number of a cell of a face.
    pub(super) fn number(self, cell: OnFace) -> u32 {
        match self.order {
            HealpixOrder::Nested => cell.face * self.nside * self.nside + spread(cell.x) + (spread(cell.y) << 1),
            HealpixOrder::Ring => {
                let n = i64::from(self.nside);
                let face = (cell.face as usize).min(11);
                let (x, y) = (i64::from(cell.x), i64::from(cell.y));
                let ring = RINGS[face] * n - x - y - 1;
                let info = self.ring_info(u32::try_from(ring).unwrap_or(1));
                let along = (QUARTERS[face] * i64::from(info.cells / 4) + x - y + 1 + i64::from(!info.shifted)) / 2;
                let along = if along < 1 { along + 4 * n } else { along };
                info.first + u32::try_from(along - 1).unwrap_or(0)
            }
        }
    }

    /// The nested number of a cell whose number in rings is known.
    pub(super) fn nested_of_ring(self, cell: u32) -> u32 {
        let n = i64::from(self.nside);
        let all = i64::from(self.count());
        let cap = 2 * n * (n - 1);
        let pix = i64::from(cell);
        let (ring, along, shift, quarter, face);
        if pix < cap {
            ring = (1 + root(1 + 2 * pix)) >> 1;
            along = pix + 1 - 2 * ring * (ring - 1);
            (shift, quarter) = (0, ring);
            face = (along - 1) / quarter;
        } else if pix < all - cap {
            let past = (pix - cap) / (4 * n);
            ring = past + n;
            along = pix - cap - past * 4 * n + 1;
            (shift, quarter) = ((ring + n) & 1, n);
            let falling = (along - (past + 1) / 2 + n - 1) / n;
            let rising = (along - (2 * n + 1 - past) / 2 + n - 1) / n;
            face = match rising.cmp(&falling) {
                std::cmp::Ordering::Equal => rising & 3 | 4,
                std::cmp::Ordering::Less => rising,
                std::cmp::Ordering::Greater => falling + 8,
            };
        } else {
            let left = all - pix;
            let from_south = (1 + root(2 * left - 1)) >> 1;
            along = 4 * from_south + 1 - (left - 2 * from_south * (from_south - 1));
            (shift, quarter) = (0, from_south);
            ring = 4 * n - from_south;
            face = 8 + (along - 1) / quarter;
        }
        let at = usize::try_from(face).unwrap_or(0).min(11);
        let down = ring - RINGS[at] * n + 1;
        let across = 2 * along - QUARTERS[at] * quarter - shift - 1;
        let across = if across >= 2 * n { across - 8 * n } else { across };
        let side = |v: i64| u32::try_from(v >> 1).unwrap_or(0);
        let face = u32::try_from(face).unwrap_or(0);
        Self { order: HealpixOrder::Nested, ..self }.number(OnFace {
            x: side(across - down),
            y: side(-across - down),
            face,
        })
    }
}

/// A ring of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ring {
    /// The number (in rings) of its first cell.
    pub(super) first: u32,
    pub(super) cells: u32,
    /// Whether the first cell's centre is half a cell past longitude 0.
    pub(super) shifted: bool,
}

impl Healpix {
    /// The ring of a number from 1 (at the north pole) to `4·nside − 1`.
    pub(super) fn ring_info(self, ring: u32) -> Ring {
        let n = self.nside;
        if ring < n {
            Ring { first: 2 * ring * ring.saturating_sub(1), cells: 4 * ring, shifted: true }
        } else if ring <= 3 * n {
            let first = 2 * n * (n - 1) + (ring - n) * 4 * n;
            Ring { first, cells: 4 * n, shifted: (ring - n).is_multiple_of(2) }
        } else {
            let from_south = (4 * n).saturating_sub(ring);
            Ring { first: self.count() - 2 * from_south * (from_south + 1), cells: 4 * from_south, shifted: true }
        }
    }

    /// The colatitude of a ring's centres, in radians.
    pub(super) fn ring_theta(self, ring: u32) -> f64 {
        let n = self.nside;
        let northern = if ring > 2 * n { 4 * n - ring } else { ring };
        let share = 4.0 / f64::from(self.count());
        let theta = if northern < n {
            let height = f64::from(northern) * f64::from(northern) * share;
            (height * (2.0 - height)).sqrt().atan2(1.0 - height)
        } else {
            (f64::from(2 * n - northern) * (f64::from(2 * n) * share)).acos()
        };
        if northern == ring { theta } else { PI - theta }
    }

    /// The ring whose centres are at or above a sine of latitude; 0 above the first.
    pub(super) fn ring_above(self, z: f64) -> u32 {
        let (n, za) = (f64::from(self.nside), z.abs());
        if za <= CAP {
            return whole(n * (2.0 - 1.5 * z));
        }
        let ring = whole(n * (3.0 * (1.0 - za)).sqrt());
        if z > 0.0 { ring } else { 4 * self.nside - ring - 1 }
    }
}

/// The largest whole number whose square is not above `value`.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "below 2^33")]
fn root(value: i64) -> i64 {
    (value as f64 + 0.5).sqrt() as i64
}

/// A zero bit after each bit of a number of up to 13 bits.
fn spread(n: u32) -> u32 {
    let n = (n | n << 8) & 0x00ff_00ff;
    let n = (n | n << 4) & 0x0f0f_0f0f;
    let n = (n | n << 2) & 0x3333_3333;
    (n | n << 1) & 0x5555_5555
}

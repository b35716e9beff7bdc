//! Deterministic noise: the same seed gives the same field on every machine.

/// A random number in [0, 1) for integer coordinates and a seed: the finaliser of `SplitMix64` (Steele, Lea,
/// Flood 2014) over the packed coordinates.
#[must_use]
pub(crate) fn hash(x: i64, y: i64, seed: u64) -> f64 {
    let mut z = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(x.cast_unsigned().wrapping_mul(0xd6e8_feb8_6659_fd93))
        .wrapping_add(y.cast_unsigned().wrapping_mul(0xa076_1d64_78bd_642f));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    // 53 bits are what a double holds exactly.
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// Smooth gradient noise (Perlin 2002) in [0, 1] with features of about one unit: a random slope at each lattice point,
/// joined by a quintic. 0.5 at the lattice points.
#[must_use]
pub(crate) fn smooth(x: f64, y: f64, seed: u64) -> f64 {
    let (column, row) = (x.floor(), y.floor());
    let (right, up) = (x - column, y - row);
    let quintic = |t: f64| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    // The plane through a lattice point, 0 there, with a random slope.
    let plane = |di: u8, dj: u8| {
        let (di, dj) = (f64::from(di), f64::from(dj));
        let (i, j) = ((column + di) as i64, (row + dj) as i64);
        let (east, north) = (2.0 * hash(i, j, seed) - 1.0, 2.0 * hash(i, j, seed ^ 0x33) - 1.0);
        east * (right - di) + north * (up - dj)
    };
    let between = |a: f64, b: f64, share: f64| a * (1.0 - share) + b * share;
    let lower = between(plane(0, 0), plane(1, 0), quintic(right));
    let upper = between(plane(0, 1), plane(1, 1), quintic(right));
    (0.5 + between(lower, upper, quintic(up))).clamp(0.0, 1.0)
}

/// Fractal noise in [0, 1], mean about 0.5: `octaves` layers of [`smooth`], each at twice the frequency and
/// half the weight of the one before, turned so that their lattices do not line up.
#[must_use]
pub(crate) fn fractal(x: f64, y: f64, octaves: u32, seed: u64) -> f64 {
    let (mut x, mut y) = (x, y);
    let (mut sum, mut weight, mut total) = (0.0, 1.0, 0.0);
    for octave in 0..octaves {
        // A turn by 37 degrees, whose sine and cosine are 0.6 and 0.8, and twice the frequency.
        (x, y) = (1.6 * x + 1.2 * y, 1.6 * y - 1.2 * x);
        sum += weight * smooth(x / 2.0, y / 2.0, seed.wrapping_add(u64::from(octave) * 101));
        total += weight;
        weight *= 0.5;
    }
    sum / total
}

/// 0 below `low`, 1 above `high`, a smooth cubic between.
#[must_use]
pub(crate) fn step(low: f64, high: f64, value: f64) -> f64 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// `value` rounded to a multiple of one `parts`-th.
#[must_use]
pub(crate) fn in_steps(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

/// The cell of an irregular mosaic (Voronoi cells of jittered lattice points, Worley 1996) that holds a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// A random number in [0, 1) that names the cell.
    pub(crate) name: f64,
    /// How far the border to the next cell is, in lattice units (half the difference of the two nearest
    /// distances).
    pub(crate) border: f64,
}

/// The mosaic cell at (x, y); cells are about one unit wide.
#[must_use]
pub(crate) fn cell(x: f64, y: f64, seed: u64) -> Cell {
    let (column, row) = (x.floor() as i64, y.floor() as i64);
    let (mut nearest, mut second, mut name) = (f64::INFINITY, f64::INFINITY, 0.0);
    for j in row - 1..=row + 1 {
        for i in column - 1..=column + 1 {
            let east = i as f64 + 0.15 + 0.7 * hash(i, j, seed) - x;
            let north = j as f64 + 0.15 + 0.7 * hash(i, j, seed ^ 0x55) - y;
            // The fourth-power norm makes cells with straight sides and corners, as fields have.
            let distance = (east.powi(4) + north.powi(4)).sqrt().sqrt();
            if distance < nearest {
                second = nearest;
                nearest = distance;
                name = hash(i, j, seed ^ 0xaa);
            } else if distance < second {
                second = distance;
            }
        }
    }
    Cell { name, border: (second - nearest) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_stays_between_zero_and_one_and_varies() {
        let values: Vec<f64> = (0..2000).map(|i| fractal(f64::from(i) * 0.37, f64::from(i) * 0.11, 4, 7)).collect();
        assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
        let mean = values.iter().sum::<f64>() / 2000.0;
        assert!((0.4..0.6).contains(&mean), "mean {mean}");
        assert!(values.iter().any(|v| *v < 0.4) && values.iter().any(|v| *v > 0.6));
    }

    #[test]
    fn smooth_noise_has_no_jumps_at_lattice_lines() {
        for i in -3..4 {
            let x = f64::from(i);
            assert!((smooth(x - 1e-9, 0.3, 1) - smooth(x + 1e-9, 0.3, 1)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_cell_has_one_name_and_a_border_that_vanishes_between_cells() {
        let cells: Vec<Cell> = (0..5000).map(|i| cell(f64::from(i) * 0.002, 0.5, 3)).collect();
        for pair in cells.windows(2) {
            if pair[0].name.to_bits() != pair[1].name.to_bits() {
                assert!(pair[0].border < 0.01, "border {}", pair[0].border);
            }
        }
    }
}

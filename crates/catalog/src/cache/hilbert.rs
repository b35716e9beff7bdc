//! A curve through a cube that keeps neighbours together.

/// Bits of each coordinate.
const BITS: u32 = 16;

/// How far along the Hilbert curve a cell of a cube of 65,536 cells a side lies (Skilling, *Programming the Hilbert
/// curve*, 2004).
pub(super) fn along([mut x, mut y, mut z]: [u16; 3]) -> u64 {
    let mut bit = 1_u16 << (BITS - 1);
    while bit > 1 {
        let below = bit - 1;
        // With the bit set, the lower bits of x are turned over; without it, they change places with x's.
        if x & bit != 0 {
            x ^= below;
        }
        for other in [&mut y, &mut z] {
            if *other & bit != 0 {
                x ^= below;
            } else {
                let swap = (x ^ *other) & below;
                x ^= swap;
                *other ^= swap;
            }
        }
        bit >>= 1;
    }
    // Gray code.
    y ^= x;
    z ^= y;
    let mut turn = 0;
    let mut bit = 1_u16 << (BITS - 1);
    while bit > 1 {
        if z & bit != 0 {
            turn ^= bit - 1;
        }
        bit >>= 1;
    }
    (spread(x ^ turn) << 2) | (spread(y ^ turn) << 1) | spread(z ^ turn)
}

/// The bits with two free places after each.
fn spread(bits: u16) -> u64 {
    let mut v = u64::from(bits);
    v = (v | (v << 16)) & 0x0000_0000_ff00_00ff;
    v = (v | (v << 8)) & 0x0000_00f0_0f00_f00f;
    v = (v | (v << 4)) & 0x0000_0c30_c30c_30c3;
    (v | (v << 2)) & 0x0000_2492_4924_9249
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_along_the_curve_goes_to_a_neighbour() {
        // All cells of a cube of 16 a side, at the curve's beginning: a Hilbert curve fills it before it leaves.
        let side = 16_u16;
        let mut cells = Vec::new();
        for x in 0..side {
            for y in 0..side {
                for z in 0..side {
                    cells.push((along([x, y, z]), [x, y, z]));
                }
            }
        }
        cells.sort_unstable();
        let places: Vec<u64> = cells.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, (0..u64::from(side).pow(3)).collect::<Vec<_>>(), "each place once");
        for pair in cells.windows(2) {
            let steps: u16 = (0..3).map(|i| pair[0].1[i].abs_diff(pair[1].1[i])).sum();
            assert_eq!(steps, 1, "{pair:?}");
        }
    }

    #[test]
    fn bits_are_spread_in_order() {
        assert_eq!(spread(0xffff), 0o1_111_111_111_111_111);
        assert_eq!(spread(0x8001), (1 << 45) | 1);
    }
}

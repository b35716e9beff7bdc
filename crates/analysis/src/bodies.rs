//! Connected bodies of pixels.

use ndarray::{ArrayView2, ArrayViewMut2};

/// Which pixels touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connectivity {
    /// Those that share an edge.
    Four,
    /// Those that share an edge or a corner (the default: a narrow arm of a lake runs along corners).
    #[default]
    Eight,
}

/// Sets every body of `inside` pixels with fewer than `smallest` pixels to `outside`. A body that touches the edge of
/// the plane or a pixel that is neither (unknown) may go on there, and is kept whatever its size. Returns how many
/// pixels changed. `plane` is `[y, x]`.
pub fn remove_small_bodies<T: Copy + PartialEq>(
    mut plane: ArrayViewMut2<'_, T>,
    inside: T,
    outside: T,
    smallest: usize,
    connectivity: Connectivity,
) -> usize {
    if smallest < 2 {
        return 0;
    }
    let mut forest = Forest::new(plane.len());
    join_neighbours(&plane.view(), inside, connectivity, &mut forest);
    let open = open_bodies(&plane.view(), inside, outside, connectivity, &mut forest);
    let cols = plane.ncols();
    let mut changed = 0;
    for ((row, col), pixel) in plane.indexed_iter_mut() {
        let root = forest.root(row * cols + col);
        if *pixel == inside && forest.size[root] < smallest && !open[root] {
            *pixel = outside;
            changed += 1;
        }
    }
    changed
}

/// Disjoint sets with union by size and path halving.
struct Forest {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Forest {
    fn new(n: usize) -> Self {
        Self { parent: (0..n).collect(), size: vec![1; n] }
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (small, large) = if self.size[a] < self.size[b] { (a, b) } else { (b, a) };
        self.parent[small] = large;
        self.size[large] += self.size[small];
    }
}

/// Neighbours before a pixel in C order, as (rows up, columns left or right).
fn earlier(connectivity: Connectivity) -> &'static [(usize, isize)] {
    match connectivity {
        Connectivity::Four => &[(0, -1), (1, 0)],
        Connectivity::Eight => &[(0, -1), (1, -1), (1, 0), (1, 1)],
    }
}

fn neighbours_before(
    (row, col): (usize, usize),
    cols: usize,
    connectivity: Connectivity,
) -> impl Iterator<Item = (usize, usize)> {
    earlier(connectivity).iter().filter_map(move |&(up, along)| {
        let (r, c) = (row.checked_sub(up)?, col.checked_add_signed(along)?);
        (c < cols).then_some((r, c))
    })
}

fn join_neighbours<T: Copy + PartialEq>(
    plane: &ArrayView2<'_, T>,
    inside: T,
    connectivity: Connectivity,
    forest: &mut Forest,
) {
    let cols = plane.ncols();
    for ((row, col), pixel) in plane.indexed_iter() {
        if *pixel != inside {
            continue;
        }
        for (r, c) in neighbours_before((row, col), cols, connectivity) {
            if plane[[r, c]] == inside {
                forest.join(row * cols + col, r * cols + c);
            }
        }
    }
}

/// By root: true where the body touches the edge of the plane or an unknown pixel.
fn open_bodies<T: Copy + PartialEq>(
    plane: &ArrayView2<'_, T>,
    inside: T,
    outside: T,
    connectivity: Connectivity,
    forest: &mut Forest,
) -> Vec<bool> {
    let (rows, cols) = plane.dim();
    let mut open = vec![false; plane.len()];
    for ((row, col), pixel) in plane.indexed_iter() {
        let here = row * cols + col;
        if *pixel == inside && (row == 0 || col == 0 || row + 1 == rows || col + 1 == cols) {
            open[forest.root(here)] = true;
        }
        for (r, c) in neighbours_before((row, col), cols, connectivity) {
            let other = &plane[[r, c]];
            let unknown = |p: &T| *p != inside && *p != outside;
            if *pixel == inside && unknown(other) {
                open[forest.root(here)] = true;
            } else if unknown(pixel) && *other == inside {
                open[forest.root(r * cols + c)] = true;
            }
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;

    /// `#` is inside, `.` outside, `?` unknown.
    fn plane(rows: &[&str]) -> Array2<u8> {
        Array2::from_shape_fn((rows.len(), rows[0].len()), |(r, c)| rows[r].as_bytes()[c])
    }

    fn cleaned(rows: &[&str], smallest: usize, connectivity: Connectivity) -> Array2<u8> {
        let mut p = plane(rows);
        remove_small_bodies(p.view_mut(), b'#', b'.', smallest, connectivity);
        p
    }

    #[test]
    fn specks_go_and_bodies_stay() {
        let rows = [".......", ".#..##.", "....##.", ".......", "..#....", "...#...", "......."];
        let four = [".......", "....##.", "....##.", ".......", ".......", ".......", "......."];
        let eight = [".......", "....##.", "....##.", ".......", "..#....", "...#...", "......."];
        assert_eq!(cleaned(&rows, 2, Connectivity::Four), plane(&four));
        assert_eq!(cleaned(&rows, 2, Connectivity::Eight), plane(&eight));
        assert_eq!(cleaned(&rows, 1, Connectivity::Four), plane(&rows));
    }

    #[test]
    fn bodies_that_may_go_on_are_kept() {
        let rows = ["#....", "..?..", "...#.", ".#...", "....."];
        let kept = ["#....", "..?..", "...#.", ".....", "....."];
        assert_eq!(cleaned(&rows, 9, Connectivity::Eight), plane(&kept));
        let without_corners = ["#....", "..?..", ".....", ".....", "....."];
        assert_eq!(cleaned(&rows, 9, Connectivity::Four), plane(&without_corners));
    }

    #[test]
    fn a_spiral_is_one_body() {
        let rows = [".......", ".#####.", ".#...#.", ".#.#.#.", ".#.###.", ".#.....", "......."];
        assert_eq!(cleaned(&rows, 15, Connectivity::Four), plane(&rows));
        assert!(cleaned(&rows, 16, Connectivity::Four).iter().all(|p| *p == b'.'));
    }

    proptest! {
        #[test]
        fn size_is_what_a_flood_fill_counts(cells in prop::collection::vec(prop::bool::weighted(0.5), 81), smallest in 2_usize..12) {
            let mut p = Array2::from_shape_fn((11, 11), |(r, c)| {
                (1..10).contains(&r) && (1..10).contains(&c) && cells[(r - 1) * 9 + c - 1]
            });
            let before = p.clone();
            remove_small_bodies(p.view_mut(), true, false, smallest, Connectivity::Four);
            for ((r, c), inside) in before.indexed_iter() {
                let mut seen = Array2::from_elem((11, 11), false);
                let mut todo = if *inside { vec![(r, c)] } else { vec![] };
                while let Some((r, c)) = todo.pop() {
                    if before[[r, c]] && !seen[[r, c]] {
                        seen[[r, c]] = true;
                        todo.extend([(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]);
                    }
                }
                let size = seen.iter().filter(|s| **s).count();
                prop_assert_eq!(p[[r, c]], *inside && size >= smallest);
            }
        }
    }
}

//! Axis-aligned boxes.

use serde::{Deserialize, Serialize};

/// An axis-aligned box in some CRS: x from `left` to `right`, y from `bottom` to `top`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// Smallest x.
    pub left: f64,
    /// Smallest y.
    pub bottom: f64,
    /// Largest x.
    pub right: f64,
    /// Largest y.
    pub top: f64,
}

impl BoundingBox {
    /// The box of these edges, in the order west, south, east, north.
    #[must_use]
    pub const fn new(left: f64, bottom: f64, right: f64, top: f64) -> Self {
        Self { left, bottom, right, top }
    }

    /// The smallest box around `points`, skipping points that are not finite; `None` without any.
    #[must_use]
    pub fn around(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).fold(None, |acc, (x, y)| {
            let point = Self::new(x, y, x, y);
            Some(acc.map_or(point, |b: Self| b.union(point)))
        })
    }

    /// The smallest box around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            bottom: self.bottom.min(other.bottom),
            right: self.right.max(other.right),
            top: self.top.max(other.top),
        }
    }

    /// True where the boxes share a point, edges counted.
    #[must_use]
    pub fn touches(self, other: Self) -> bool {
        self.left <= other.right && other.left <= self.right && self.bottom <= other.top && other.bottom <= self.top
    }

    /// Extent along x.
    #[must_use]
    pub fn width(self) -> f64 {
        self.right - self.left
    }

    /// Extent along y.
    #[must_use]
    pub fn height(self) -> f64 {
        self.top - self.bottom
    }
}

impl std::fmt::Display for BoundingBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{},{}", self.left, self.bottom, self.right, self.top)
    }
}

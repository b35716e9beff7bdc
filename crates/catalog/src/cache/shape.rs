//! What an entry knows of its footprint, in 32 bits.

/// Where the outline is, and two marks: archived, and whether the box is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape(u32);

impl Shape {
    const ARCHIVED: u32 = 1 << 31;
    const EXACT: u32 = 1 << 30;
    const AT: u32 = Self::EXACT - 1;
    const UNKNOWN: u32 = 0;
    const WHOLE: u32 = 1;
    /// The first number that is a place.
    const FIRST: u32 = 2;
    /// Outlines begin at multiples of so many words.
    const STEP: usize = 2;

    /// A footprint without outline.
    pub(super) const fn new(archived: bool, exact: bool) -> Self {
        Self(Self::UNKNOWN | if archived { Self::ARCHIVED } else { 0 } | if exact { Self::EXACT } else { 0 })
    }

    /// The same with another outline.
    const fn at(self, at: u32) -> Self {
        Self((self.0 & !Self::AT) | at)
    }

    /// One that fills its box.
    pub(super) const fn whole(self) -> Self {
        self.at(Self::WHOLE)
    }

    /// One whose outline is put at the end of these.
    pub(super) fn put(self, words: &[u16], outlines: &mut Vec<u16>) -> Self {
        let place = u32::try_from(outlines.len() / Self::STEP).ok().and_then(|at| at.checked_add(Self::FIRST));
        // Past four gigabytes of outlines, the database is asked.
        let Some(place) = place.filter(|place| *place < Self::AT) else { return self.at(Self::UNKNOWN) };
        outlines.extend_from_slice(words);
        outlines.resize(outlines.len().next_multiple_of(Self::STEP), 0);
        self.at(place)
    }

    /// The same outline as another's.
    pub(super) const fn shared(self, other: Self) -> Self {
        self.at(other.0 & Self::AT)
    }

    /// What begins with its outline.
    pub(super) fn outline(self, outlines: &[u16]) -> Option<&[u16]> {
        let place = (self.0 & Self::AT).checked_sub(Self::FIRST)?;
        outlines.get(place as usize * Self::STEP..)
    }

    pub(super) const fn is_archived(self) -> bool {
        self.0 & Self::ARCHIVED != 0
    }

    /// Whether the box is the footprint's own, not rounded.
    pub(super) const fn is_exact(self) -> bool {
        self.0 & Self::EXACT != 0
    }

    pub(super) const fn is_whole(self) -> bool {
        self.0 & Self::AT == Self::WHOLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_outlines_do_not_mix() {
        let mut outlines = Vec::new();
        let first = Shape::new(true, false).put(&[1, 2, 3], &mut outlines);
        let second = Shape::new(false, true).put(&[4, 5], &mut outlines);
        assert!(first.is_archived() && !first.is_exact() && !first.is_whole());
        assert!(!second.is_archived() && second.is_exact());
        assert_eq!(first.outline(&outlines), Some(&[1, 2, 3, 0, 4, 5][..]));
        assert_eq!(second.outline(&outlines), Some(&[4, 5][..]));
        assert_eq!(Shape::new(false, false).shared(second).outline(&outlines), Some(&[4, 5][..]));
        let whole = Shape::new(true, true).whole();
        assert!(whole.is_whole() && whole.is_archived() && whole.is_exact());
        assert_eq!(whole.outline(&outlines), None);
        assert_eq!(Shape::new(false, false).outline(&outlines), None);
    }
}

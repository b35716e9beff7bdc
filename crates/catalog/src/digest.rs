//! What a document's source text is told by, so that indexing it again need not parse it.

/// A digest of a document's text and the place it stands for. Two documents of one digest are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceDigest([u8; 16]);

impl SourceDigest {
    /// The digest of a text whose relative paths start at `location`: the first half of BLAKE3 over both and the length
    /// of the first.
    #[must_use]
    pub fn of(location: &str, text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(location.len() as u64).to_le_bytes());
        hasher.update(location.as_bytes());
        hasher.update(text.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(half)
    }

    /// The digest of stored bytes; `None` where they are none.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As stored.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_text_both_count_and_do_not_run_into_each_other() {
        let digest = SourceDigest::of("/a", "b");
        assert_eq!(SourceDigest::of("/a", "b"), digest);
        assert_ne!(SourceDigest::of("/a", "c"), digest);
        assert_ne!(SourceDigest::of("/", "ab"), digest);
        assert_eq!(SourceDigest::of_bytes(digest.as_bytes()), Some(digest));
        assert_eq!(SourceDigest::of_bytes(b"short"), None);
    }
}

//! What tells one version of an object from the next.

use object_store::ObjectMeta;

/// What a server says of an object: all ranges that are put together must say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    etag: Option<String>,
    /// Milliseconds of the time of its last change; 0 where the server does not tell.
    modified: i64,
    /// Bytes of the whole object.
    pub(super) size: u64,
}

impl Identity {
    pub(super) fn of(meta: &ObjectMeta) -> Self {
        Self { etag: meta.e_tag.clone(), modified: meta.last_modified.timestamp_millis(), size: meta.size }
    }

    /// The ETag that a request may be bound to. Weak ones tell nothing of bytes, and `If-Match` never matches them.
    pub(super) fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/"))
    }

    /// The ETag, weak or strong.
    pub(super) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// True where both are the same bytes, as far as the server tells. Two servers behind one name may differ in the second
    /// at which they got a file: where there is a strong ETag it decides.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.size == other.size
            && match (self.strong(), other.strong()) {
                (Some(one), Some(two)) => one == two,
                _ => self.etag == other.etag && self.modified == other.modified,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_etag_size_or_time_is_another_version() {
        let version = |etag: Option<&str>, modified, size| Identity { etag: etag.map(str::to_owned), modified, size };
        let one = version(Some("\"a\""), 1, 10);
        assert!(one.is(&version(Some("\"a\""), 2, 10)));
        assert!(!one.is(&version(Some("\"b\""), 1, 10)) && !one.is(&version(None, 1, 10)));
        assert!(!one.is(&version(Some("\"a\""), 1, 11)));
        let weak = version(Some("W/\"a\""), 1, 10);
        assert!(weak.is(&weak.clone()) && !weak.is(&version(Some("W/\"a\""), 2, 10)));
        assert_eq!(weak.strong(), None);
    }
}

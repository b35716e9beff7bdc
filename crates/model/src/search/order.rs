//! The order of what a search finds.

/// One field to order by. Datasets without a value come last, whichever way it goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderBy {
    /// A search field, a field that every dataset has, or the dotted path of a value in the document.
    pub field: String,
    /// True for the greatest first.
    pub descending: bool,
}

/// `cloud_cover`, or `-cloud_cover` for the greatest first.
impl From<&str> for OrderBy {
    fn from(text: &str) -> Self {
        let (field, descending) = text.strip_prefix('-').map_or((text, false), |field| (field, true));
        Self { field: field.trim().to_owned(), descending }
    }
}

impl std::fmt::Display for OrderBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minus_in_front_turns_the_order_round() {
        assert_eq!(OrderBy::from("time"), OrderBy { field: "time".to_owned(), descending: false });
        assert_eq!(OrderBy::from("-eo:gsd").to_string(), "-eo:gsd");
        assert!(OrderBy::from("-time").descending);
    }
}

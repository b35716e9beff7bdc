//! Well-known text of the first kind as a tree, for its numbers and names.

/// `KEYWORD[…]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Node {
    pub(super) keyword: String,
    /// The texts and numbers in it, in order.
    pub(super) values: Vec<String>,
    pub(super) children: Vec<Self>,
}

impl Node {
    /// Parses a text; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let node = Self::next(&mut rest, 0)?;
        rest.trim().is_empty().then_some(node)
    }

    fn next(rest: &mut &str, depth: usize) -> Option<Self> {
        const DEEPEST: usize = 16;
        if depth > DEEPEST {
            return None;
        }
        let (keyword, inside) = rest.split_once('[')?;
        *rest = inside;
        let mut node = Self { keyword: keyword.trim().to_owned(), ..Self::default() };
        loop {
            *rest = rest.trim_start();
            if let Some(quoted) = rest.strip_prefix('"') {
                let (value, after) = quoted.split_once('"')?;
                node.values.push(value.to_owned());
                *rest = after;
            } else {
                let end = rest.find(['[', ',', ']'])?;
                let (word, after) = rest.split_at(end);
                if after.starts_with('[') {
                    node.children.push(Self::next(rest, depth + 1)?);
                } else {
                    node.values.push(word.trim().to_owned());
                    *rest = after;
                }
            }
            *rest = rest.trim_start();
            let is_end = rest.starts_with(']');
            *rest = rest.strip_prefix([',', ']'])?;
            if is_end {
                return Some(node);
            }
        }
    }

    pub(super) fn child(&self, keyword: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.keyword == keyword)
    }

    /// The first text.
    pub(super) fn name(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }

    /// The number at this place among the texts and numbers.
    pub(super) fn number(&self, place: usize) -> Option<f64> {
        self.values.get(place)?.parse().ok()
    }

    /// The number of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<f64> {
        self.children.iter().find(|c| c.keyword == "PARAMETER" && c.name() == name)?.number(1)
    }

    /// The EPSG code that it says of itself.
    pub(super) fn epsg(&self) -> Option<u16> {
        let authority = self.child("AUTHORITY").filter(|authority| authority.name() == "EPSG")?;
        authority.values.get(1)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_tree() {
        let node = Node::parse(
            r#"PROJCS["a, [b]",GEOGCS["g",AUTHORITY["EPSG","4326"]],PROJECTION["Sinusoidal"], PARAMETER["x",-1.5],AXIS["E",EAST]]"#,
        )
        .unwrap();
        assert_eq!((node.keyword.as_str(), node.name()), ("PROJCS", "a, [b]"));
        assert_eq!(node.child("GEOGCS").unwrap().epsg(), Some(4326));
        assert_eq!((node.parameter("x"), node.parameter("y")), (Some(-1.5), None));
        for broken in ["", "A", "A[", "A[\"b]", "A[B[]", "A[1]]", &"A[".repeat(100)] {
            assert_eq!(Node::parse(broken), None, "{broken}");
        }
    }
}

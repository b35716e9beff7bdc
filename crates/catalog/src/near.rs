//! Names that a mistyped name may have meant.

/// Up to five of `known` that `name` may have meant, nearest first: the same but for case, a part of one another, or
/// a few typing errors apart.
pub(crate) fn near_names<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let far = wanted.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|k| {
            let other = k.to_lowercase();
            let errors = edits(&wanted, &other);
            let part = wanted.len() >= 3 && (other.contains(&wanted) || (other.len() >= 3 && wanted.contains(&other)));
            (errors <= far || part).then_some((errors, k))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(5).map(|(_, k)| k.to_owned()).collect()
}

/// How many insertions, deletions and replacements of a character lead from `a` to `b` (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// `: did you mean a or b?`, or what there is where nothing is near.
pub(crate) fn suggestion(near: &[String], nothing_near: &str) -> String {
    match near {
        [] => nothing_near.to_owned(),
        [one] => format!("did you mean {one}?"),
        [first @ .., last] => format!("did you mean {} or {last}?", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_case_and_parts_are_near_and_others_not() {
        let known = ["sentinel2_l2a", "landsat8_c2_l2", "era5_t2m"];
        assert_eq!(near_names("sentinel2_l2", known), ["sentinel2_l2a"]);
        assert_eq!(near_names("Landsat8_C2_L2", known), ["landsat8_c2_l2"]);
        assert_eq!(near_names("era5", known), ["era5_t2m"]);
        assert!(near_names("water", known).is_empty());
    }

    #[test]
    fn edits_counts_single_changes() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("äöü", "äöu"), 1);
    }
}

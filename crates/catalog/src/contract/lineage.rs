//! Lineage: trees, external lineage, homes.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{fill, with_product};
use crate::samples::Sample;
use crate::{Below, Catalog, CatalogError, Direction, Lineage, LineageEdge, LineageTree, MergeOptions, MergeReport};

pub(super) async fn run(open: &impl AsyncFn() -> Catalog) {
    trees_are_read_both_ways_to_a_depth(open().await).await;
    a_diamond_is_drawn_once(open().await).await;
    circles_end(open().await).await;
    external_lineage_is_consistent(open().await).await;
    new_lineage_closes_no_circle(open().await).await;
    a_merge_lands_whole_or_not_at_all(open().await).await;
    lineage_is_removed_by_direction_and_depth(open().await).await;
    external_lineage_outlives_its_datasets(open().await).await;
    homes_are_set_kept_and_cleared(open().await).await;
    a_wide_lineage_is_read(open().await).await;
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn edge(derived: u128, classifier: &str, source: u128) -> LineageEdge {
    LineageEdge { derived: id(derived), classifier: classifier.to_owned(), source: id(source) }
}

fn lineage(edges: &[(u128, &str, u128)]) -> Lineage {
    Lineage { edges: edges.iter().map(|(d, c, s)| edge(*d, c, *s)).collect(), homes: BTreeMap::new() }
}

async fn add(catalog: &Catalog, edges: &[(u128, &str, u128)]) -> MergeReport {
    catalog.merge_lineage(&lineage(edges), MergeOptions::default()).await.unwrap()
}

/// A tree as text: `1(a:2(b:3),a:4)`.
fn drawn(tree: &LineageTree) -> String {
    let mark = match tree.below {
        Below::Everything => "",
        Below::Deeper => "…",
        Below::Elsewhere => "^",
        Below::Circle => "@",
    };
    let children: Vec<String> = tree
        .children
        .iter()
        .flat_map(|(name, trees)| trees.iter().map(move |child| format!("{name}:{}", drawn(child))))
        .collect();
    let below = if children.is_empty() { String::new() } else { format!("({})", children.join(",")) };
    format!("{}{mark}{below}", tree.id.as_u128())
}

async fn sources(catalog: &Catalog, root: u128, depth: Option<usize>) -> String {
    drawn(&catalog.lineage_tree(id(root), Direction::Sources, depth).await.unwrap())
}

async fn derived(catalog: &Catalog, root: u128, depth: Option<usize>) -> String {
    drawn(&catalog.lineage_tree(id(root), Direction::Derived, depth).await.unwrap())
}

async fn trees_are_read_both_ways_to_a_depth(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let mut samples: Vec<_> = (0..3).map(|n| Sample::new("lake", n)).collect();
    for (n, sample) in (1..).zip(&mut samples) {
        sample.id = id(n);
    }
    samples[1].sources = vec![id(1)];
    samples[2].sources = vec![id(2)];
    fill(&catalog, &samples).await;
    add(&catalog, &[(1, "raw", 9), (1, "raw", 8), (2, "dem", 7)]).await;

    let tree = catalog.lineage_tree(id(3), Direction::Sources, None).await.unwrap();
    assert_eq!(drawn(&tree), "3(level1:2(dem:7,level1:1(raw:8,raw:9)))");
    assert_eq!(tree.product.as_deref(), Some("lake"));
    assert_eq!(tree.children["level1"][0].children["dem"][0].product, None, "it is not in this catalog");
    assert_eq!(sources(&catalog, 3, Some(0)).await, "3…");
    assert_eq!(sources(&catalog, 3, Some(1)).await, "3(level1:2…)");
    assert_eq!(sources(&catalog, 3, Some(2)).await, "3(level1:2(dem:7,level1:1…))");
    assert_eq!(sources(&catalog, 3, Some(3)).await, sources(&catalog, 3, None).await);
    assert_eq!(derived(&catalog, 9, None).await, "9(raw:1(level1:2(level1:3)))");
    assert_eq!(derived(&catalog, 9, Some(1)).await, "9(raw:1…)");
    assert_eq!(derived(&catalog, 3, None).await, "3");
    assert_eq!(sources(&catalog, 77, None).await, "77", "nobody knows it");

    catalog.archive(&[id(2)]).await.unwrap();
    let tree = catalog.lineage_tree(id(3), Direction::Sources, None).await.unwrap();
    assert!(tree.children["level1"][0].archived && !tree.archived);
    let edges = catalog.lineage_edges(&[id(2), id(1)], Direction::Sources).await.unwrap();
    assert_eq!(edges, [edge(1, "raw", 8), edge(1, "raw", 9), edge(2, "dem", 7), edge(2, "level1", 1)]);
    let edges = catalog.lineage_edges(&[id(2)], Direction::Derived).await.unwrap();
    assert_eq!(edges, [edge(3, "level1", 2)]);
}

async fn a_diamond_is_drawn_once(catalog: Catalog) {
    add(&catalog, &[(1, "a", 2), (1, "b", 3), (2, "x", 4), (3, "x", 4), (4, "y", 5), (1, "c", 5)]).await;
    assert_eq!(sources(&catalog, 1, None).await, "1(a:2(x:4(y:5)),b:3(x:4^),c:5)", "a leaf has nothing elsewhere");
    assert_eq!(sources(&catalog, 1, Some(2)).await, "1(a:2(x:4…),b:3(x:4…),c:5)");
    assert_eq!(derived(&catalog, 5, None).await, "5(c:1,y:4(x:2(a:1),x:3(b:1)))");
}

async fn circles_end(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    // No merge closes a circle, but documents may say one.
    let mut samples: Vec<_> = (0..3).map(|n| Sample::new("lake", n)).collect();
    for (n, sample) in (1..).zip(&mut samples) {
        sample.id = id(n);
        sample.sources = vec![id(n % 3 + 1)];
    }
    fill(&catalog, &samples).await;
    assert_eq!(sources(&catalog, 1, None).await, "1(level1:2(level1:3(level1:1@)))");
    assert_eq!(derived(&catalog, 1, None).await, "1(level1:3(level1:2(level1:1@)))");
    // An edge elsewhere is none of that circle.
    add(&catalog, &[(7, "a", 1), (3, "a", 8)]).await;
    assert_eq!(sources(&catalog, 7, None).await, "7(a:1(level1:2(level1:3(a:8,level1:1@))))");
}

async fn external_lineage_is_consistent(catalog: Catalog) {
    assert_eq!(add(&catalog, &[(1, "a", 2), (1, "a", 3)]).await.added, 2);
    let again = add(&catalog, &[(1, "a", 2), (1, "b", 4)]).await;
    assert_eq!(again, MergeReport { added: 1, present: 1, ..MergeReport::default() });
    let other = lineage(&[(1, "z", 2), (1, "a", 5)]);
    let error = catalog.merge_lineage(&other, MergeOptions::default()).await.unwrap_err();
    assert!(
        matches!(&error, CatalogError::LineageDiffers { there, given, .. } if there == "a" && given == "z"),
        "{error}"
    );
    assert!(error.to_string().contains("--allow-updates"), "{error}");
    assert_eq!(sources(&catalog, 1, None).await, "1(a:2,a:3,b:4)", "nothing of it was written");
    let dry = MergeOptions { allow_updates: true, dry_run: true };
    assert_eq!(catalog.merge_lineage(&other, dry).await.unwrap().changed, 1);
    assert_eq!(sources(&catalog, 1, None).await, "1(a:2,a:3,b:4)");
    let allowed = MergeOptions { allow_updates: true, dry_run: false };
    let report = catalog.merge_lineage(&other, allowed).await.unwrap();
    assert_eq!((report.changed, report.added), (1, 1));
    assert_eq!(sources(&catalog, 1, None).await, "1(a:3,a:5,b:4,z:2)");
}

async fn new_lineage_closes_no_circle(catalog: Catalog) {
    add(&catalog, &[(1, "a", 2), (2, "a", 3), (3, "a", 4)]).await;
    for edges in [&[(4, "a", 1)][..], &[(2, "a", 1)], &[(5, "a", 1), (4, "a", 5)], &[(9, "a", 9)]] {
        for allow_updates in [false, true] {
            let options = MergeOptions { allow_updates, dry_run: false };
            let error = catalog.merge_lineage(&lineage(edges), options).await.unwrap_err();
            assert!(matches!(error, CatalogError::LineageCircle { .. }), "{edges:?}: {error}");
        }
    }
    assert_eq!(add(&catalog, &[(1, "b", 4), (5, "a", 1)]).await.added, 2, "a diamond is no circle");
}

async fn a_merge_lands_whole_or_not_at_all(catalog: Catalog) {
    let mut given = lineage(&[(1, "a", 2)]);
    given.homes.insert(id(2), "north".to_owned());
    let report = catalog.merge_lineage(&given, MergeOptions::default()).await.unwrap();
    assert_eq!((report.added, report.homes), (1, 1));
    let mut other = lineage(&[(1, "a", 3)]);
    other.homes.insert(id(2), "south".to_owned());
    let error = catalog.merge_lineage(&other, MergeOptions::default()).await.unwrap_err();
    assert!(matches!(error, CatalogError::HomeDiffers { .. }), "{error}");
    assert_eq!(sources(&catalog, 1, None).await, "1(a:2)");
    let allowed = MergeOptions { allow_updates: true, dry_run: false };
    assert_eq!(catalog.merge_lineage(&other, allowed).await.unwrap().homes, 1);
    let tree = catalog.lineage_tree(id(1), Direction::Sources, None).await.unwrap();
    assert_eq!(tree.children["a"][0].home.as_deref(), Some("south"));

    // What was read as a tree is there as a whole when it is written again elsewhere.
    let said = tree.lineage(Direction::Sources, None);
    let report = catalog.merge_lineage(&said, MergeOptions::default()).await.unwrap();
    assert_eq!(report, MergeReport { present: 2, ..MergeReport::default() });
}

async fn lineage_is_removed_by_direction_and_depth(catalog: Catalog) {
    let edges = [(1, "a", 2), (2, "a", 3), (3, "a", 4), (5, "a", 2)];
    add(&catalog, &edges).await;
    assert_eq!(catalog.remove_lineage(id(1), Direction::Sources, Some(2)).await.unwrap(), 2);
    assert_eq!(sources(&catalog, 1, None).await, "1");
    assert_eq!(sources(&catalog, 3, None).await, "3(a:4)");
    assert_eq!(sources(&catalog, 5, None).await, "5(a:2)");
    add(&catalog, &edges).await;
    assert_eq!(catalog.remove_lineage(id(2), Direction::Derived, None).await.unwrap(), 2);
    assert_eq!(sources(&catalog, 2, None).await, "2(a:3(a:4))");
    assert_eq!(catalog.remove_lineage(id(2), Direction::Derived, None).await.unwrap(), 0);
    let single = [edge(2, "a", 3), edge(2, "b", 3), edge(8, "a", 9)];
    assert_eq!(catalog.remove_lineage_edges(&single).await.unwrap(), 1, "those that are not there do not count");
    assert_eq!(sources(&catalog, 2, None).await, "2");
}

async fn external_lineage_outlives_its_datasets(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let (level1, mut level2) = (Sample::new("lake", 0), Sample::new("lake", 1));
    level2.sources = vec![level1.id];
    fill(&catalog, &[level1.clone(), level2.clone()]).await;
    let external = LineageEdge { derived: level2.id, classifier: "dem".to_owned(), source: id(5) };
    let given = Lineage { edges: vec![external.clone()], homes: BTreeMap::new() };
    catalog.merge_lineage(&given, MergeOptions::default()).await.unwrap();
    assert_eq!(catalog.sources(level2.id).await.unwrap().len(), 2);
    catalog.purge(&[level2.id], true).await.unwrap();
    let left = catalog.lineage_edges(&[level2.id], Direction::Sources).await.unwrap();
    assert_eq!(left, [external], "what the document said went with it");
}

async fn homes_are_set_kept_and_cleared(catalog: Catalog) {
    let ids = [id(1), id(2), id(3)];
    assert_eq!(catalog.set_home("north", &ids[..2], false).await.unwrap(), 2);
    assert_eq!(catalog.set_home("north", &ids, false).await.unwrap(), 1, "two had it");
    let error = catalog.set_home("south", &[id(9), id(2)], false).await.unwrap_err();
    assert!(matches!(&error, CatalogError::HomeDiffers { there, .. } if there == "north"), "{error}");
    assert!(catalog.homes(&[id(9)]).await.unwrap().is_empty(), "all or none");
    assert_eq!(catalog.set_home("south", &[id(9), id(2)], true).await.unwrap(), 2);
    let homes = catalog.homes(&[id(1), id(2), id(9), id(77)]).await.unwrap();
    let expected = [(1, "north"), (2, "south"), (9, "south")].map(|(n, home)| (id(n), home.to_owned()));
    assert_eq!(homes, BTreeMap::from(expected));
    assert_eq!(catalog.clear_home(&[id(1), id(77)]).await.unwrap(), 1);
    assert_eq!(catalog.homes(&ids).await.unwrap().len(), 2);
    assert!(catalog.set_home("", &ids, true).await.is_err());
    let hostile = "'; DROP TABLE dataset_home; --\\\"";
    catalog.set_home(hostile, &[id(1)], false).await.unwrap();
    assert_eq!(catalog.homes(&[id(1)]).await.unwrap()[&id(1)], hostile);
}

async fn a_wide_lineage_is_read(catalog: Catalog) {
    let edges: Vec<(u128, &str, u128)> = (1..=3000).map(|n| (n, "a", 100_000)).collect();
    assert_eq!(add(&catalog, &edges).await.added, 3000);
    let tree = catalog.lineage_tree(id(100_000), Direction::Derived, None).await.unwrap();
    assert_eq!(tree.children["a"].len(), 3000);
    let tops: Vec<(u128, &str, u128)> = (1..=3000).map(|n| (200_000, "b", n)).collect();
    add(&catalog, &tops).await;
    let tree = catalog.lineage_tree(id(200_000), Direction::Sources, None).await.unwrap();
    assert_eq!(tree.ids().len(), 3002);
    assert_eq!(catalog.remove_lineage(id(200_000), Direction::Sources, None).await.unwrap(), 6000);
}

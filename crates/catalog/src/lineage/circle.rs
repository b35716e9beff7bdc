//! Whether new edges close a circle.

use std::collections::HashMap;

use uuid::Uuid;

use crate::rows::LineageRow;

/// The first of the new edges that lies on a circle of new and old ones. A circle of old edges alone does not count:
/// documents may say one.
///
/// An edge lies on a circle where both its ends are in one strongly connected component (Tarjan 1972, here without
/// recursion).
pub(super) fn closed_by<'a>(new: &'a [LineageRow], old: &[LineageRow]) -> Option<&'a LineageRow> {
    let mut numbers: HashMap<Uuid, usize> = HashMap::new();
    let mut sources: Vec<Vec<usize>> = Vec::new();
    for edge in new.iter().chain(old) {
        let [derived, source] = [edge.derived, edge.source].map(|id| {
            *numbers.entry(id).or_insert_with(|| {
                sources.push(Vec::new());
                sources.len() - 1
            })
        });
        sources[derived].push(source);
    }
    let components = components(&sources);
    let component = |id: &Uuid| numbers.get(id).map(|number| components[*number]);
    new.iter().find(|edge| component(&edge.derived) == component(&edge.source))
}

/// The number of the strongly connected component of each node.
fn components(next: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let mut order = vec![UNSEEN; next.len()];
    let mut low = vec![UNSEEN; next.len()];
    let mut component = vec![UNSEEN; next.len()];
    let mut open = Vec::new();
    let (mut visited, mut found) = (0, 0);
    for start in 0..next.len() {
        if order[start] != UNSEEN {
            continue;
        }
        // Each node on the way with the number of its edges that were followed.
        let mut way = vec![(start, 0)];
        while let Some((node, followed)) = way.last_mut() {
            let node = *node;
            if *followed == 0 {
                order[node] = visited;
                low[node] = visited;
                visited += 1;
                open.push(node);
            }
            if let Some(&to) = next[node].get(*followed) {
                *followed += 1;
                if order[to] == UNSEEN {
                    way.push((to, 0));
                } else if component[to] == UNSEEN {
                    low[node] = low[node].min(order[to]);
                }
                continue;
            }
            if low[node] == order[node] {
                while let Some(member) = open.pop() {
                    component[member] = found;
                    if member == node {
                        break;
                    }
                }
                found += 1;
            }
            way.pop();
            if let Some((above, _)) = way.last() {
                low[*above] = low[*above].min(low[node]);
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(u128, u128)]) -> Vec<LineageRow> {
        let edge = |(derived, source): &(u128, u128)| LineageRow {
            derived: Uuid::from_u128(*derived),
            classifier: "a".to_owned(),
            source: Uuid::from_u128(*source),
        };
        pairs.iter().map(edge).collect()
    }

    fn closes(new: &[(u128, u128)], old: &[(u128, u128)]) -> bool {
        closed_by(&edges(new), &edges(old)).is_some()
    }

    #[test]
    fn a_new_edge_on_a_circle_is_told() {
        assert!(closes(&[(1, 1)], &[]), "a dataset from itself");
        assert!(closes(&[(1, 2), (2, 1)], &[]));
        assert!(closes(&[(1, 2)], &[(2, 3), (3, 4), (4, 1)]));
        assert!(closes(&[(9, 8), (3, 1)], &[(1, 2), (2, 3)]), "one of several");
    }

    #[test]
    fn diamonds_and_circles_of_others_are_none() {
        assert!(!closes(&[], &[]));
        assert!(!closes(&[(1, 2), (1, 3), (2, 4), (3, 4)], &[]), "a diamond");
        assert!(!closes(&[(1, 2)], &[(2, 3), (3, 2)]), "the circle was there before");
        assert!(!closes(&[(3, 4)], &[(1, 2), (2, 1), (2, 3), (4, 5), (5, 6), (6, 5)]), "between two old circles");
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let chain: Vec<(u128, u128)> = (0..100_000).map(|n| (n, n + 1)).collect();
        assert!(!closes(&chain, &[]));
        assert!(closes(&chain, &[(100_000, 0)]));
    }

    #[test]
    fn components_equal_those_of_mutual_reachability() {
        // All graphs of four nodes without loops: 2^12.
        for graph in 0..4096_u32 {
            let mut next = vec![Vec::new(); 4];
            let mut reach = [[false; 4]; 4];
            let pairs = (0..4).flat_map(|a| (0..4).filter(move |b| *b != a).map(move |b| (a, b)));
            for (bit, (a, b)) in pairs.enumerate() {
                if graph >> bit & 1 == 1 {
                    next[a].push(b);
                    reach[a][b] = true;
                }
            }
            for (via, a, b) in (0..4).flat_map(|v| (0..4).flat_map(move |a| (0..4).map(move |b| (v, a, b)))) {
                reach[a][b] |= reach[a][via] && reach[via][b];
            }
            let components = components(&next);
            for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
                let same = a == b || (reach[a][b] && reach[b][a]);
                assert_eq!(components[a] == components[b], same, "graph {graph:b}: {a}, {b}");
            }
        }
    }
}

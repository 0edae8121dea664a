//! Which resources a plan is about: `--target` and `--exclude`.

use crate::{Address, Graph};

/// What a person chose.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these, and what they need.
    pub targets: Vec<Address>,
    /// Not these, nor what needs them.
    pub excludes: Vec<Address>,
    /// To be replaced whatever the difference.
    pub replace: Vec<Address>,
}

impl Selection {
    /// Whether an address is chosen by one of the patterns: itself, or below it (`compute` chooses
    /// `compute.service.api`).
    pub(crate) fn hits(patterns: &[Address], address: &Address) -> bool {
        patterns.iter().any(|pattern| {
            let rest = address.as_str().strip_prefix(pattern.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// By node: whether it takes part.
    pub(crate) fn nodes(&self, graph: &Graph) -> Vec<bool> {
        let all = self.targets.is_empty();
        let mut chosen: Vec<bool> =
            graph.nodes.iter().map(|node| all || Self::hits(&self.targets, &node.address)).collect();
        // Against the order: a chosen one's needs are chosen.
        for &node in graph.order.iter().rev() {
            if chosen[node] {
                graph.edges[node].iter().for_each(|edge| chosen[edge.to] = true);
            }
        }
        let mut left_out: Vec<bool> =
            graph.nodes.iter().map(|node| Self::hits(&self.excludes, &node.address)).collect();
        for &node in &graph.order {
            left_out[node] |= graph.edges[node].iter().any(|edge| left_out[edge.to]);
        }
        chosen.iter().zip(&left_out).map(|(chosen, left_out)| *chosen && !left_out).collect()
    }

    /// Whether something that is not declared any more takes part.
    pub(crate) fn orphan(&self, address: &Address) -> bool {
        (self.targets.is_empty() || Self::hits(&self.targets, address)) && !Self::hits(&self.excludes, address)
    }

    /// Chosen patterns that fit nothing.
    pub fn misses<'a>(&'a self, known: &[&Address]) -> Vec<&'a Address> {
        let all = self.targets.iter().chain(&self.excludes).chain(&self.replace);
        all.filter(|pattern| !known.iter().any(|address| Self::hits(std::slice::from_ref(pattern), address))).collect()
    }
}

//! The trees by which a collective RPC or an incast variable spreads over a group: `crt_tree.c` and the three
//! topologies beside it.
//!
//! A tree is over *positions*, `0..size`, in the sorted list of the ranks that take part. Its root is any of
//! them: the tree is shaped for position 0 and then turned, so that position `p` stands where
//! `(p - root) mod size` stood. Nothing is stored; every node works out its own parent and children, and all
//! agree as long as their lists do.

use core::fmt;
use core::iter;

/// The shape of a tree: `enum crt_tree_type` with the ratio that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topology {
    /// `CRT_TREE_FLAT`: everybody is a child of the root.
    Flat,
    /// `CRT_TREE_KARY`: every node has up to as many children as the ratio says; levels are filled in order.
    Kary(Ratio),
    /// `CRT_TREE_KNOMIAL`: the parent of a position is that position with its last digit that is not zero, in the
    /// base that the ratio gives, set to zero.
    Knomial(Ratio),
}

/// The ratio of a tree, from [`Ratio::MIN`] to [`Ratio::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ratio(u8);

impl Ratio {
    /// `CRT_TREE_MIN_RATIO`.
    pub const MIN: u32 = abi::CRT_TREE_MIN_RATIO;
    /// `CRT_TREE_MAX_RATIO`.
    pub const MAX: u32 = abi::CRT_TREE_MAX_RATIO;

    /// A ratio, if the number is one.
    pub fn new(ratio: u32) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&ratio).then_some(Ratio(ratio as u8))
    }

    /// As a number.
    pub fn get(self) -> u32 {
        self.0.into()
    }
}

/// A number that `crt_tree_topo()` did not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTopology(i32);

impl fmt::Display for InvalidTopology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, ratio) = (self.0 >> TYPE_SHIFT, self.0 & RATIO_MASK);
        write!(
            f,
            "tree topology {:#x} has type {kind} and ratio {ratio}; types are 1 (flat), 2 (k-ary) and 3 (k-nomial), \
             ratios {} to {}",
            self.0,
            Ratio::MIN,
            Ratio::MAX
        )
    }
}

impl core::error::Error for InvalidTopology {}

const TYPE_SHIFT: u32 = abi::CRT_TREE_TYPE_SHIFT;
const RATIO_MASK: i32 = (1 << TYPE_SHIFT) - 1;

impl TryFrom<i32> for Topology {
    type Error = InvalidTopology;

    /// From what `crt_tree_topo()` makes of type and ratio. A flat tree's ratio is not looked at.
    fn try_from(topo: i32) -> Result<Self, InvalidTopology> {
        let ratio = || Ratio::new((topo & RATIO_MASK) as u32).ok_or(InvalidTopology(topo));
        // What is negative becomes a large number, which is no type.
        match (topo >> TYPE_SHIFT) as u32 {
            abi::CRT_TREE_FLAT => Ok(Topology::Flat),
            abi::CRT_TREE_KARY => Ok(Topology::Kary(ratio()?)),
            abi::CRT_TREE_KNOMIAL => Ok(Topology::Knomial(ratio()?)),
            _ => Err(InvalidTopology(topo)),
        }
    }
}

impl From<Topology> for i32 {
    /// `crt_tree_topo()`.
    fn from(topology: Topology) -> i32 {
        let (kind, ratio) = match topology {
            Topology::Flat => (abi::CRT_TREE_FLAT, 0),
            Topology::Kary(ratio) => (abi::CRT_TREE_KARY, ratio.get()),
            Topology::Knomial(ratio) => (abi::CRT_TREE_KNOMIAL, ratio.get()),
        };
        (kind << TYPE_SHIFT | ratio) as i32
    }
}

/// A tree over the positions `0..size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    topology: Topology,
    size: u32,
    root: u32,
}

impl Tree {
    /// A tree of `size` positions with its root at `root`; none without positions or with a root beyond them.
    pub fn new(topology: Topology, size: u32, root: u32) -> Option<Self> {
        (root < size).then_some(Tree { topology, size, root })
    }

    /// The parent of a position; none for the root. The position must be one of the tree's.
    pub fn parent(&self, position: u32) -> Option<u32> {
        let node = self.turned(position);
        if node == 0 {
            return None;
        }
        let parent = match self.topology {
            Topology::Flat => 0,
            Topology::Kary(ratio) => (node - 1) / ratio.get(),
            Topology::Knomial(ratio) => node - last_digit(node, ratio.get()),
        };
        Some(self.position(parent))
    }

    /// The children of a position, in the order in which CaRT sends to them. The position must be one of the
    /// tree's.
    pub fn children(&self, position: u32) -> impl Iterator<Item = u32> + use<> {
        let tree = *self;
        let node = tree.turned(position);
        // Each is an arithmetic sequence, or one for each digit that a node of a k-nomial tree may set.
        let (all, base) = match tree.topology {
            // As positions, not turned.
            Topology::Flat => (if node == 0 { 0..u64::from(tree.size) } else { 0..0 }, 0),
            Topology::Kary(ratio) => {
                let first = u64::from(node) * u64::from(ratio.get()) + 1;
                (first..first + u64::from(ratio.get()), 0)
            }
            Topology::Knomial(ratio) => (0..0, ratio.get()),
        };
        let flat = tree.topology == Topology::Flat;
        all.chain(knomial_children(node, base))
            .take_while(move |&child| child < u64::from(tree.size))
            .map(move |child| if flat { child as u32 } else { tree.position(child as u32) })
            .filter(move |&child| child != tree.root)
    }

    /// Where a position stands in the tree that is not turned.
    fn turned(self, position: u32) -> u32 {
        debug_assert!(position < self.size, "position {position} of a tree of {}", self.size);
        if position >= self.root { position - self.root } else { position + (self.size - self.root) }
    }

    fn position(self, node: u32) -> u32 {
        let room = self.size - self.root;
        if node < room { node + self.root } else { node - room }
    }
}

/// What follows `node` in a k-nomial tree without end, ascending: `node` with one of its trailing zeros in base
/// `base` set to another digit. Base 0 stands for no such tree.
fn knomial_children(node: u32, base: u32) -> impl Iterator<Item = u64> {
    let end = match (base, node) {
        (0, _) => 0,
        (_, 0) => u64::MAX,
        _ => weight_of_last_digit(node, base).into(),
    };
    let base = u64::from(base);
    iter::successors(Some(1), move |weight: &u64| weight.checked_mul(base))
        .take_while(move |&weight| weight < end)
        .flat_map(move |weight| (1..base).map(move |digit| u64::from(node) + digit * weight))
}

/// The last digit of `number` in `base` that is not zero, with its weight: 300 for 1,300 in base 10. `number` is
/// not 0.
fn last_digit(number: u32, base: u32) -> u32 {
    let weight = weight_of_last_digit(number, base);
    number / weight % base * weight
}

/// The weight of that digit: 100 for 1,300 in base 10.
fn weight_of_last_digit(number: u32, base: u32) -> u32 {
    let mut weight = 1;
    while (number / weight).is_multiple_of(base) {
        weight *= base;
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn topologies() -> impl Strategy<Value = Topology> {
        let ratio = || (Ratio::MIN..=Ratio::MAX).prop_map(|ratio| Ratio::new(ratio).unwrap());
        prop_oneof![
            Just(Topology::Flat),
            ratio().prop_map(Topology::Kary),
            ratio().prop_map(Topology::Knomial),
        ]
    }

    fn trees() -> impl Strategy<Value = Tree> {
        (topologies(), 1..600u32).prop_flat_map(|(topology, size)| {
            (0..size).prop_map(move |root| Tree::new(topology, size, root).unwrap())
        })
    }

    /// The rules of the three topologies, said once more in another way: by digits, not by weights.
    fn parent_by_the_book(topology: Topology, node: u32) -> u32 {
        match topology {
            Topology::Flat => 0,
            Topology::Kary(ratio) => {
                // Level by level: each node takes the next children.
                let mut next = 1;
                (0..)
                    .find(|_| {
                        next += ratio.get();
                        node < next
                    })
                    .unwrap()
            }
            Topology::Knomial(ratio) => {
                let mut digits = Vec::new();
                let mut rest = node;
                while rest > 0 {
                    digits.push(rest % ratio.get());
                    rest /= ratio.get();
                }
                *digits.iter_mut().find(|digit| **digit != 0).unwrap() = 0;
                digits.iter().rev().fold(0, |number, digit| number * ratio.get() + digit)
            }
        }
    }

    proptest! {
        #[test]
        fn a_parent_is_where_the_rule_says(tree in trees()) {
            for position in 0..tree.size {
                let node = (position + tree.size - tree.root) % tree.size;
                let expected = (node != 0).then(|| (parent_by_the_book(tree.topology, node) + tree.root) % tree.size);
                prop_assert_eq!(tree.parent(position), expected);
            }
        }

        #[test]
        fn children_are_those_whose_parent_it_is_in_their_order(tree in trees()) {
            let mut expected = vec![Vec::new(); tree.size as usize];
            // A flat tree's order is that of the list; the others' begins at the root.
            let first = if tree.topology == Topology::Flat { 0 } else { tree.root };
            for child in (first..tree.size).chain(0..first).filter(|&child| child != tree.root) {
                expected[tree.parent(child).unwrap() as usize].push(child);
            }
            for position in 0..tree.size {
                let children: Vec<_> = tree.children(position).collect();
                prop_assert_eq!(&children, &expected[position as usize]);
            }
        }

        #[test]
        fn everybody_is_reached_from_the_root(tree in trees()) {
            for mut position in 0..tree.size {
                let mut hops = 0;
                while let Some(parent) = tree.parent(position) {
                    position = parent;
                    hops += 1;
                    prop_assert!(hops < tree.size);
                }
                prop_assert_eq!(position, tree.root);
            }
        }

        #[test]
        fn a_topology_survives_the_way_through_c(topology in topologies()) {
            prop_assert_eq!(Topology::try_from(i32::from(topology)), Ok(topology));
        }
    }

    #[test]
    fn a_knomial_tree_is_as_deep_as_its_size_has_digits() {
        for (ratio, depth) in [(4, 7), (32, 3)] {
            let tree = Tree::new(Topology::Knomial(Ratio::new(ratio).unwrap()), 10_000, 1234).unwrap();
            let hops = |position| iter::successors(Some(position), |&at| tree.parent(at)).count() - 1;
            assert_eq!((0..10_000).map(hops).max(), Some(depth), "ratio {ratio}");
        }
    }

    #[test]
    fn the_largest_trees_do_not_overflow() {
        let size = u32::MAX;
        for topology in [2, 64].into_iter().flat_map(|ratio| {
            let ratio = Ratio::new(ratio).unwrap();
            [Topology::Kary(ratio), Topology::Knomial(ratio)]
        }) {
            let tree = Tree::new(topology, size, size - 1).unwrap();
            for position in [0, 1, size / 2, size - 2] {
                assert!(tree.children(position).all(|child| tree.parent(child) == Some(position)));
            }
        }
    }

    #[test]
    fn numbers_that_are_no_topology_are_refused() {
        for topo in [0, 0x1_ffff + 0x2_0001, 0x2_0000 + 65, 0x3_0000, 0x4_0002, -1] {
            assert!(Topology::try_from(topo).is_err(), "{topo:#x}");
        }
        assert_eq!(Tree::new(Topology::Flat, 0, 0), None);
        assert_eq!(Tree::new(Topology::Flat, 3, 3), None);
    }
}

//! The machine as far as the number of xstreams depends on it.

/// Cores and NUMA nodes, by their logical indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Number of cores, at least 1.
    pub cores: u32,
    /// The cores of each NUMA node, ascending; at least one node. A core that is near to several is in all of them.
    pub nodes: Vec<Vec<u32>>,
}

impl Machine {
    /// Number of NUMA nodes.
    pub fn node_count(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Number of cores of `node`; 0 if there is no such node.
    pub fn cores_of(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(0, |cores| cores.len() as u32)
    }
}

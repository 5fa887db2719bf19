//! What each xstream is for, told by its id: the numbering that modules and control tools rely on.

use core::fmt;

use crate::inline::Layout;

/// The xstream of SWIM.
pub const SWIM: u32 = 1;

/// Which kind of work an xstream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// System services, SWIM, or the dRPC listener.
    System,
    /// The I/O of one target.
    Main,
    /// Work that targets hand off.
    Offload,
}

/// Everything that the id of an xstream determines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// The id: `dx_xs_id`.
    pub xs_id: u32,
    /// The kind.
    pub kind: Kind,
    /// The target it works for: `dx_tgt_id`; none for system xstreams and for helpers of all targets.
    pub target: Option<u32>,
    /// Its network context: `dx_ctx_id`. DAOS creates contexts in the order in which xstreams start, so the
    /// numbers are the same whether there is a network or not.
    pub context: Option<u32>,
    /// Which keys have thread-local data here: `dx_tag`, `DAOS_*_TAG`.
    pub tag: u32,
    /// Whether targets forward I/O to it: `dx_iofw`.
    pub forwards_io: bool,
}

impl Role {
    /// The role of xstream `xs_id`, which is below `layout.xstreams()`.
    pub fn new(xs_id: u32, layout: &Layout) -> Self {
        debug_assert!(xs_id < layout.xstreams());
        let (kind, target) = Self::place(xs_id, layout);
        Role {
            xs_id,
            kind,
            target,
            context: Self::context(xs_id, kind, target, layout),
            tag: Self::tag(xs_id, kind),
            forwards_io: kind == Kind::Offload || (kind == Kind::Main && layout.offload == 0),
        }
    }

    /// Kind and target (`dss_xs2tgt`).
    fn place(xs_id: u32, layout: &Layout) -> (Kind, Option<u32>) {
        let Some(index) = xs_id.checked_sub(layout.system) else { return (Kind::System, None) };
        if layout.helper_pool {
            return if index < layout.targets { (Kind::Main, Some(index)) } else { (Kind::Offload, None) };
        }
        let per_target = layout.offload_per_target() + 1;
        let kind = if index % per_target == 0 { Kind::Main } else { Kind::Offload };
        (kind, Some(index / per_target))
    }

    /// System and SWIM have the first two contexts, the dRPC xstream none; then come the targets, then their
    /// first offload xstreams. A second offload xstream of a target only computes.
    fn context(xs_id: u32, kind: Kind, target: Option<u32>, layout: &Layout) -> Option<u32> {
        let first_target = abi::DAOS_TGT0_OFFSET;
        let first_offload = first_target + layout.targets;
        match (kind, target) {
            (Kind::System, _) => (xs_id < first_target).then_some(xs_id),
            (Kind::Main, target) => target.map(|target| first_target + target),
            (Kind::Offload, Some(target)) => {
                (xs_id == layout.main_xstream(target) + 1).then_some(first_offload + target)
            }
            (Kind::Offload, None) => {
                let helper = xs_id - layout.system - layout.targets;
                (helper < layout.targets).then_some(first_offload + helper)
            }
        }
    }

    /// The first system xstream has the keys of all but targets, the others of neither targets nor RDB.
    fn tag(xs_id: u32, kind: Kind) -> u32 {
        match kind {
            Kind::System if xs_id == 0 => abi::DAOS_SERVER_TAG - abi::DAOS_TGT_TAG,
            Kind::System => abi::DAOS_SERVER_TAG - abi::DAOS_TGT_TAG - abi::DAOS_RDB_TAG,
            Kind::Main => abi::DAOS_SERVER_TAG,
            Kind::Offload => abi::DAOS_OFF_TAG,
        }
    }

    /// Whether it runs the chores that targets hand off.
    pub fn has_chores(&self) -> bool {
        self.forwards_io && self.kind != Kind::Main
    }

    /// The ids of all xstreams in the order in which they start: system, targets, offload.
    pub fn start_order(layout: &Layout) -> Vec<u32> {
        let kind = |xs_id: &u32| Self::place(*xs_id, layout).0;
        let mut order: Vec<u32> = (0..layout.xstreams()).collect();
        // Stable: within a kind the ids ascend.
        order.sort_by_key(|xs_id| kind(xs_id) as u8);
        order
    }
}

impl fmt::Display for Role {
    /// The name: `dx_name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.target) {
            (Kind::System, _) => write!(f, "daos_sys_{}", self.xs_id),
            (Kind::Main, Some(target)) => write!(f, "daos_io_{target}"),
            _ => write!(f, "daos_off_{}", self.xs_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every engine with up to 6 targets and 0 to 2 helpers a target, as `dss_tgt_nr_check` configures it.
    fn layouts() -> impl Iterator<Item = Layout> {
        (1..=6).flat_map(|targets| {
            (0..=2 * targets).map(move |offload| Layout {
                system: 3,
                targets,
                offload,
                helper_pool: offload % targets != 0,
            })
        })
    }

    fn roles(layout: &Layout) -> Vec<Role> {
        (0..layout.xstreams()).map(|xs_id| Role::new(xs_id, layout)).collect()
    }

    /// One line an xstream: id, name, target, context, tag, I/O forwarding.
    fn table(layout: &Layout) -> Vec<String> {
        let shown = |number: Option<u32>| number.map_or("-".into(), |number| number.to_string());
        roles(layout)
            .iter()
            .map(|role| {
                let forwards = if role.forwards_io { " iofw" } else { "" };
                let (target, context) = (shown(role.target), shown(role.context));
                format!("{} {role} {target} {context} {:02x}{forwards}", role.xs_id, role.tag)
            })
            .collect()
    }

    #[test]
    fn two_targets_with_one_helper_each() {
        let layout = Layout { system: 3, targets: 2, offload: 2, helper_pool: false };
        assert_eq!(
            table(&layout),
            [
                "0 daos_sys_0 - 0 fd",
                "1 daos_sys_1 - 1 f9",
                "2 daos_sys_2 - - f9",
                "3 daos_io_0 0 2 ff",
                "4 daos_off_4 0 4 08 iofw",
                "5 daos_io_1 1 3 ff",
                "6 daos_off_6 1 5 08 iofw",
            ]
        );
        assert_eq!(Role::start_order(&layout), [0, 1, 2, 3, 5, 4, 6]);
        assert_eq!(layout.contexts(), 6);
    }

    #[test]
    fn two_targets_with_two_helpers_each() {
        let layout = Layout { system: 3, targets: 2, offload: 4, helper_pool: false };
        assert_eq!(
            table(&layout)[3..],
            [
                "3 daos_io_0 0 2 ff",
                "4 daos_off_4 0 4 08 iofw",
                "5 daos_off_5 0 - 08 iofw",
                "6 daos_io_1 1 3 ff",
                "7 daos_off_7 1 5 08 iofw",
                "8 daos_off_8 1 - 08 iofw",
            ]
        );
    }

    #[test]
    fn two_targets_share_a_pool_of_three_helpers() {
        let layout = Layout { system: 3, targets: 2, offload: 3, helper_pool: true };
        assert_eq!(
            table(&layout)[3..],
            [
                "3 daos_io_0 0 2 ff",
                "4 daos_io_1 1 3 ff",
                "5 daos_off_5 - 4 08 iofw",
                "6 daos_off_6 - 5 08 iofw",
                "7 daos_off_7 - - 08 iofw",
            ]
        );
    }

    #[test]
    fn without_helpers_targets_forward_io_to_each_other() {
        let layout = Layout { system: 3, targets: 1, offload: 0, helper_pool: false };
        assert_eq!(table(&layout)[3..], ["3 daos_io_0 0 2 ff iofw"]);
        assert!(roles(&layout).iter().all(|role| !role.has_chores()));
    }

    #[test]
    fn every_target_has_one_main_xstream_which_the_layout_finds() {
        for layout in layouts() {
            let mains: Vec<Role> =
                roles(&layout).into_iter().filter(|role| role.kind == Kind::Main).collect();
            assert_eq!(mains.len(), layout.targets as usize, "{layout:?}");
            for (target, role) in mains.iter().enumerate() {
                assert_eq!(role.target, Some(target as u32), "{layout:?}");
                assert_eq!(layout.main_xstream(target as u32), role.xs_id, "{layout:?}");
            }
        }
    }

    #[test]
    fn contexts_are_numbered_in_the_order_of_the_start() {
        for layout in layouts() {
            let contexts: Vec<u32> = Role::start_order(&layout)
                .into_iter()
                .filter_map(|xs_id| Role::new(xs_id, &layout).context)
                .collect();
            assert_eq!(contexts, (0..layout.contexts()).collect::<Vec<_>>(), "{layout:?}");
        }
    }

    #[test]
    fn names_are_unique_and_fit_a_thread_name() {
        for layout in layouts() {
            let mut names: Vec<String> = roles(&layout).iter().map(Role::to_string).collect();
            assert!(names.iter().all(|name| name.len() < 16));
            names.sort();
            names.dedup();
            assert_eq!(names.len(), layout.xstreams() as usize, "{layout:?}");
        }
    }
}

//! Which xstream runs what: the rules of `sched_ult2xs` (ult.c), as a pure function.

use core::ffi::c_int;

use abi::{DSS_XS_DRPC, DSS_XS_IOFW, DSS_XS_OFFLOAD, DSS_XS_SELF, DSS_XS_SWIM, DSS_XS_SYS, DSS_XS_VOS};

use crate::inline::Layout;

/// Id of the system xstream, which serves management and dRPC handlers.
const SYSTEM: u32 = 0;
/// Id of the xstream of SWIM.
const SWIM: u32 = 1;
/// Id of the xstream of the dRPC listener.
const DRPC: u32 = 2;

/// What a new ULT is for, which decides where it runs: `enum dss_xs_type`, with the target where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `DSS_XS_SELF`: go on where the caller is.
    Own,
    /// `DSS_XS_VOS`: use the storage of a target.
    Storage(u32),
    /// `DSS_XS_IOFW`: send parts of a target's request to other ranks.
    Forward(u32),
    /// `DSS_XS_OFFLOAD`: compute something for a target.
    Offload(u32),
    /// `DSS_XS_SYS`.
    System,
    /// `DSS_XS_SWIM`.
    Swim,
    /// `DSS_XS_DRPC`.
    Drpc,
}

/// Why there is no place for a ULT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// No member of `enum dss_xs_type`.
    UnknownType,
    /// The type needs a target, and this is none.
    UnknownTarget,
}

impl Purpose {
    /// Reads the arguments `xs_type` and `tgt_id` of the C functions; `tgt_id` counts only for types that need
    /// a target, of which there are `targets`.
    pub fn new(xs_type: c_int, tgt_id: c_int, targets: u32) -> Result<Self, Misplaced> {
        let target = || u32::try_from(tgt_id).ok().filter(|&t| t < targets).ok_or(Misplaced::UnknownTarget);
        Ok(match xs_type {
            DSS_XS_SELF => Purpose::Own,
            DSS_XS_VOS => Purpose::Storage(target()?),
            DSS_XS_IOFW => Purpose::Forward(target()?),
            DSS_XS_OFFLOAD => Purpose::Offload(target()?),
            DSS_XS_SYS => Purpose::System,
            DSS_XS_SWIM => Purpose::Swim,
            DSS_XS_DRPC => Purpose::Drpc,
            _ => return Err(Misplaced::UnknownType),
        })
    }
}

/// Where a ULT runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the caller's xstream.
    Own,
    /// On the xstream with this id.
    Xstream(u32),
}

/// How an engine on several sockets spreads its targets, `dss_numa_nr` > 1: evenly, as its offload xstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// Targets on each socket, at least 1: `dss_tgt_per_numa_nr`.
    pub targets: u32,
    /// Offload xstreams on each socket: `dss_offload_per_numa_nr`.
    pub offload: u32,
    /// Without offload xstreams, requests are forwarded by another target of the socket instead of the own one:
    /// `dss_forward_neighbor`.
    pub forward_neighbor: bool,
}

/// Finds the place of a ULT in `layout`; with `sockets` on an engine on several of them.
///
/// Where any xstream of several will do, `pick(n)` chooses one of them by a number below `n`.
pub fn place(
    layout: &Layout,
    sockets: Option<&Sockets>,
    purpose: Purpose,
    pick: impl FnOnce(u32) -> u32,
) -> Place {
    match purpose {
        Purpose::Own => Place::Own,
        Purpose::System => Place::Xstream(SYSTEM),
        Purpose::Swim => Place::Xstream(SWIM),
        Purpose::Drpc => Place::Xstream(DRPC),
        Purpose::Storage(target) => Place::Xstream(layout.main_xstream(target)),
        Purpose::Forward(target) => match sockets {
            Some(sockets) if layout.offload == 0 => on_own_socket(layout, sockets, target, pick),
            _ => Place::Xstream(forwarder(layout, sockets, target, pick)),
        },
        Purpose::Offload(target) => match sockets {
            Some(_) if layout.offload == 0 => Place::Own,
            _ => Place::Xstream(offloader(layout, sockets, target, pick)),
        },
    }
}

/// Forwarding on several sockets without offload xstreams: some target of the socket of `target`, or the caller
/// itself.
fn on_own_socket(layout: &Layout, sockets: &Sockets, target: u32, pick: impl FnOnce(u32) -> u32) -> Place {
    if !sockets.forward_neighbor {
        return Place::Own;
    }
    let first = target / sockets.targets * sockets.targets;
    Place::Xstream(layout.main_xstream(first + pick(sockets.targets)))
}

/// The xstream that forwards requests of `target`: a target's own first offload xstream, or one of the pool
/// that has a network context, or, without any, the main xstream of the next target.
fn forwarder(layout: &Layout, sockets: Option<&Sockets>, target: u32, pick: impl FnOnce(u32) -> u32) -> u32 {
    if layout.offload == 0 {
        return neighbor(layout, target);
    }
    if !layout.helper_pool {
        return layout.main_xstream(target) + 1;
    }
    let with_context = layout.offload.min(layout.targets);
    let (first, end) = match sockets.map(|sockets| pool_of_socket(sockets, target)) {
        Some((first, end)) if first < with_context => (first, end.min(with_context)),
        _ => (0, with_context),
    };
    pool_start(layout) + first + pick(end - first)
}

/// The xstream that computes for `target`: a target's own last offload xstream, or one of the pool, those
/// without a network context first, or, without any, the main xstream of the next target.
fn offloader(layout: &Layout, sockets: Option<&Sockets>, target: u32, pick: impl FnOnce(u32) -> u32) -> u32 {
    if layout.offload == 0 {
        return neighbor(layout, target);
    }
    if !layout.helper_pool {
        return layout.main_xstream(target) + layout.offload_per_target();
    }
    let helper = match sockets {
        Some(sockets) => {
            let (first, end) = pool_of_socket(sockets, target);
            first + pick(end - first)
        }
        None if layout.offload > layout.targets => {
            layout.targets + target % (layout.offload - layout.targets)
        }
        None => target % layout.offload,
    };
    pool_start(layout) + helper
}

/// The main xstream of the target after `target`; with one target its own.
fn neighbor(layout: &Layout, target: u32) -> u32 {
    layout.main_xstream((target + 1) % layout.targets)
}

/// Id of the first xstream of the helper pool.
fn pool_start(layout: &Layout) -> u32 {
    layout.system + layout.targets
}

/// The part of the helper pool, from and to, that is on the socket of `target`.
fn pool_of_socket(sockets: &Sockets, target: u32) -> (u32, u32) {
    let first = target / sockets.targets * sockets.offload;
    (first, first + sockets.offload)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an xstream is, by its id: another statement of the numbering, made by listing the xstreams in the
    /// order of their ids.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Role {
        System,
        Main {
            target: u32,
        },
        /// The `nth` offload xstream of a target, from 1.
        Helper {
            target: u32,
            nth: u32,
        },
        /// An offload xstream of the pool; it can send RPCs if it has a network context.
        Pooled {
            socket: u32,
            context: bool,
        },
    }

    struct Engine {
        layout: Layout,
        sockets: Option<Sockets>,
        roles: Vec<Role>,
    }

    impl Engine {
        fn new(targets: u32, offload: u32, socket_nr: u32, forward_neighbor: bool) -> Self {
            let layout =
                Layout { system: 3, targets, offload, helper_pool: !offload.is_multiple_of(targets) };
            let sockets = (socket_nr > 1).then(|| Sockets {
                targets: targets / socket_nr,
                offload: offload / socket_nr,
                forward_neighbor,
            });
            let mut roles = vec![Role::System; 3];
            if layout.helper_pool {
                roles.extend((0..targets).map(|target| Role::Main { target }));
                roles.extend(
                    (0..offload)
                        .map(|n| Role::Pooled { socket: n / (offload / socket_nr), context: n < targets }),
                );
            } else {
                for target in 0..targets {
                    roles.push(Role::Main { target });
                    roles.extend((1..=offload / targets).map(|nth| Role::Helper { target, nth }));
                }
            }
            Engine { layout, sockets, roles }
        }

        fn socket_of(&self, target: u32) -> u32 {
            self.sockets.map_or(0, |s| target / s.targets)
        }

        /// All places that `purpose` may get, whatever is picked.
        fn places(&self, purpose: Purpose) -> Vec<Place> {
            let mut choices = 1;
            let mut places = Vec::new();
            let mut choice = 0;
            while choice < choices {
                places.push(place(&self.layout, self.sockets.as_ref(), purpose, |n| {
                    assert!(n > 0, "no xstream to pick");
                    choices = n;
                    choice
                }));
                choice += 1;
            }
            places
        }

        fn roles_of(&self, purpose: Purpose) -> Vec<Role> {
            let role = |place| match place {
                Place::Xstream(id) => self.roles[id as usize],
                Place::Own => panic!("{purpose:?} stays with the caller"),
            };
            self.places(purpose).into_iter().map(role).collect()
        }
    }

    /// Every valid configuration with up to 12 targets on up to 4 sockets.
    fn engines() -> impl Iterator<Item = Engine> {
        (1..=12u32).flat_map(|targets| {
            (0..=2 * targets).flat_map(move |offload| {
                (1..=4u32).filter(move |sockets| targets % sockets == 0 && offload % sockets == 0).flat_map(
                    move |sockets| {
                        [false, true].map(|forward| Engine::new(targets, offload, sockets, forward))
                    },
                )
            })
        })
    }

    /// Runs `check` for each target of each configuration of interest.
    fn for_targets(interest: impl Fn(&Engine) -> bool, check: impl Fn(&Engine, u32)) {
        let mut seen = 0;
        for engine in engines().filter(interest) {
            (0..engine.layout.targets).for_each(|target| check(&engine, target));
            seen += 1;
        }
        assert!(seen > 10, "only {seen} configurations");
    }

    #[test]
    fn types_that_need_no_target_ignore_it() {
        for engine in engines() {
            for target in [-5, 0, 100] {
                let at = |ty| engine.places(Purpose::new(ty, target, engine.layout.targets).unwrap());
                assert_eq!(at(DSS_XS_SELF), [Place::Own]);
                assert_eq!(at(DSS_XS_SYS), [Place::Xstream(0)]);
                assert_eq!(at(DSS_XS_SWIM), [Place::Xstream(1)]);
                assert_eq!(at(DSS_XS_DRPC), [Place::Xstream(2)]);
            }
        }
    }

    #[test]
    fn bad_types_and_targets_are_told_apart() {
        for ty in [DSS_XS_VOS, DSS_XS_IOFW, DSS_XS_OFFLOAD] {
            for target in [-1, 4, c_int::MAX, c_int::MIN] {
                assert_eq!(Purpose::new(ty, target, 4), Err(Misplaced::UnknownTarget));
            }
            assert_eq!(Purpose::new(ty, 0, 0), Err(Misplaced::UnknownTarget));
            assert!(Purpose::new(ty, 3, 4).is_ok());
        }
        for ty in [-2, 6, c_int::MAX] {
            assert_eq!(Purpose::new(ty, 0, 4), Err(Misplaced::UnknownType));
        }
    }

    #[test]
    fn storage_is_used_on_the_main_xstream_of_its_target() {
        for_targets(
            |_| true,
            |engine, target| assert_eq!(engine.roles_of(Purpose::Storage(target)), [Role::Main { target }]),
        );
    }

    #[test]
    fn own_helpers_forward_first_and_compute_last() {
        for_targets(
            |engine| engine.layout.offload > 0 && !engine.layout.helper_pool,
            |engine, target| {
                let last = engine.layout.offload / engine.layout.targets;
                assert_eq!(engine.roles_of(Purpose::Forward(target)), [Role::Helper { target, nth: 1 }]);
                assert_eq!(engine.roles_of(Purpose::Offload(target)), [Role::Helper { target, nth: last }]);
            },
        );
    }

    #[test]
    fn without_helpers_the_next_target_helps() {
        for_targets(
            |engine| engine.layout.offload == 0 && engine.sockets.is_none(),
            |engine, target| {
                let next = Role::Main { target: (target + 1) % engine.layout.targets };
                assert_eq!(engine.roles_of(Purpose::Forward(target)), [next]);
                assert_eq!(engine.roles_of(Purpose::Offload(target)), [next]);
            },
        );
    }

    #[test]
    fn without_helpers_nothing_leaves_a_socket() {
        for_targets(
            |engine| engine.layout.offload == 0 && engine.sockets.is_some(),
            |engine, target| {
                assert_eq!(engine.places(Purpose::Offload(target)), [Place::Own]);
                let sockets = engine.sockets.unwrap();
                if !sockets.forward_neighbor {
                    assert_eq!(engine.places(Purpose::Forward(target)), [Place::Own]);
                    return;
                }
                let socket = engine.socket_of(target);
                let all: Vec<_> = (0..engine.layout.targets)
                    .filter(|&t| engine.socket_of(t) == socket)
                    .map(|target| Role::Main { target })
                    .collect();
                assert_eq!(engine.roles_of(Purpose::Forward(target)), all);
            },
        );
    }

    #[test]
    fn a_pool_forwards_from_any_helper_with_a_network_context() {
        for_targets(
            |engine| engine.layout.helper_pool && engine.sockets.is_none(),
            |engine, target| {
                let roles = engine.roles_of(Purpose::Forward(target));
                assert!(
                    roles.iter().all(|role| matches!(role, Role::Pooled { context: true, .. })),
                    "{roles:?}"
                );
                let able = engine.layout.targets.min(engine.layout.offload);
                assert_eq!(roles.len(), able as usize, "each of them may be picked");
            },
        );
    }

    #[test]
    fn a_pool_computes_on_one_helper_a_target_and_spares_those_that_forward() {
        for_targets(
            |engine| engine.layout.helper_pool && engine.sockets.is_none(),
            |engine, target| {
                let roles = engine.roles_of(Purpose::Offload(target));
                let [Role::Pooled { context, .. }] = roles[..] else { panic!("{roles:?}") };
                assert_eq!(context, engine.layout.offload <= engine.layout.targets);
            },
        );
        // Targets share the helpers evenly.
        for engine in engines().filter(|e| e.layout.helper_pool && e.sockets.is_none()) {
            let mut load = vec![0; engine.roles.len()];
            for target in 0..engine.layout.targets {
                let Place::Xstream(id) = engine.places(Purpose::Offload(target))[0] else { unreachable!() };
                load[id as usize] += 1;
            }
            let used: Vec<u32> = load.into_iter().filter(|&n| n > 0).collect();
            assert!(used.iter().max().unwrap() - used.iter().min().unwrap() <= 1, "{used:?}");
        }
    }

    #[test]
    fn a_pool_on_several_sockets_keeps_to_the_socket_of_the_target() {
        for_targets(
            |engine| engine.layout.helper_pool && engine.sockets.is_some(),
            |engine, target| {
                let own = engine.socket_of(target);
                for role in engine.roles_of(Purpose::Offload(target)) {
                    assert!(matches!(role, Role::Pooled { socket, .. } if socket == own), "{role:?}");
                }
                let able =
                    |role: &Role| matches!(role, Role::Pooled { socket, context: true } if *socket == own);
                let near = engine.roles.iter().any(able);
                for role in engine.roles_of(Purpose::Forward(target)) {
                    assert!(matches!(role, Role::Pooled { context: true, .. }), "{role:?}");
                    assert!(!near || able(&role), "{role:?} is not on socket {own}");
                }
            },
        );
    }
}

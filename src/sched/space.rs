//! Space of pools: what VOS is asked for, and what comes of it.

use std::rc::Rc;

use gurt_client::{Der, Facility, error, info};

use super::pool::{Pool, PoolId, Space};
use super::scheduler::Scheduler;
use super::throttle::{Medium, Pressure};
use crate::storage;

/// A pool's UUID as it is logged.
struct Uuid(PoolId);

impl core::fmt::Display for Uuid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// What clients may take of a medium: what is free but for the part that is kept for the system. `None` when there
/// is no such medium.
fn medium(total: u64, free: u64, system: u64) -> Option<Medium> {
    (total > 0).then(|| Medium { total, left: free.saturating_sub(system) })
}

/// The media of a pool with VOS's numbers.
fn media(space: &abi::vos_pool_space) -> Space {
    let of = |index: abi::daos_media_type_t| {
        let index = index as usize;
        medium(space.vps_space.s_total[index], space.vps_space.s_free[index], space.vps_space_sys[index])
    };
    Space::Media {
        scm: of(abi::DAOS_MEDIA_SCM).unwrap_or(Medium { total: 0, left: 0 }),
        nvme: of(abi::DAOS_MEDIA_NVME),
        non_evictable: medium(space.vps_ne_total, space.vps_ne_free, 0),
    }
}

/// Asks VOS for the space of pool `id` on this xstream.
fn query(id: &PoolId) -> Space {
    let Some(query) = storage::pool_query_space() else { return Space::NoStorage };
    let (mut id, mut space) = (*id, abi::vos_pool_space::default());
    // SAFETY: reads a UUID and writes one structure.
    let rc = unsafe { query(id.as_mut_ptr(), &raw mut space) };
    match Der::check(rc) {
        Ok(_) => media(&space),
        Err(err) if err == Der::new(abi::DER_NONEXIST.into()) => Space::NoPool,
        Err(err) => {
            error!(Facility::SERVER, "cannot query the space of pool {}: {err}", Uuid(id));
            Space::Unknown
        }
    }
}

/// How long after a change space may be freed, in milliseconds: what VOS waits before it aggregates, and ten
/// seconds for doing it.
fn gc_delay() -> u64 {
    // SAFETY: takes no argument.
    let gap = storage::agg_gap().map_or(0, |gap| unsafe { gap() });
    (u64::from(gap) + 10) * 1000
}

impl Scheduler {
    /// Begins a cycle for the pools: looks at those of whose space too little is known.
    pub(super) fn look_at_pools(&self) {
        let pools = self.queues.borrow_mut().begin_cycle(self.now());
        // What VOS keeps for this xstream goes when that stops.
        if pools.is_empty() || self.stopping.get() {
            return;
        }
        self.gc_delay.set(gc_delay());
        pools.into_iter().for_each(|pool| self.look_at_pool(pool));
        self.queues.borrow_mut().schedule_look();
    }

    fn look_at_pool(&self, pool: Rc<Pool>) {
        // VOS may call back, so nothing is borrowed meanwhile.
        let (id, space) = (pool.id, query(&pool.id));
        let changed = self.queues.borrow_mut().note_space(pool, &space, self.now());
        if let Some(pressure) = changed {
            info!(
                Facility::SERVER,
                "pool {} is under space pressure {} of 5: {space}",
                Uuid(id),
                pressure.number()
            );
        }
    }

    /// The space pressure of a pool, by what VOS has said in the last two seconds.
    pub fn pressure_of(&self, pool: &Rc<Pool>) -> Pressure {
        if !self.stopping.get() && pool.is_stale(self.now()) {
            self.look_at_pool(pool.clone());
        }
        pool.pressure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_may_take_what_is_free_but_for_the_part_of_the_system() {
        let mut space = abi::vos_pool_space::default();
        space.vps_space.s_total = [1000, 0];
        space.vps_space.s_free = [400, 0];
        space.vps_space_sys = [100, 0];
        let scm = Medium { total: 1000, left: 300 };
        assert_eq!(media(&space), Space::Media { scm, nvme: None, non_evictable: None });

        space.vps_space.s_total[1] = 5000;
        space.vps_space.s_free[1] = 50;
        space.vps_space_sys[1] = 60;
        (space.vps_ne_total, space.vps_ne_free) = (70, 7);
        let nvme = Some(Medium { total: 5000, left: 0 });
        let non_evictable = Some(Medium { total: 70, left: 7 });
        assert_eq!(media(&space), Space::Media { scm, nvme, non_evictable });
    }

    #[test]
    fn uuids_are_logged_as_uuids() {
        let bytes = core::array::from_fn(|index| index as u8);
        assert_eq!(Uuid(bytes).to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}

//! What the environment says about xstreams: the first half of `dss_xstreams_init`.

use core::ffi::c_uint;

use gurt_client::{Facility, env, info, warn};

/// The variables that scheduler and chore queues read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `DAOS_SCHED_PRIO_DISABLED`.
    pub prio_disabled: bool,
    /// `DAOS_SCHED_RELAX_INTVL`, 1 to 100 ms.
    pub relax_interval: c_uint,
    /// `DAOS_SCHED_RELAX_MODE`.
    pub relax_mode: c_uint,
    /// `DAOS_SCHED_UNIT_RUNTIME_MAX`, in ms.
    pub unit_runtime_max: c_uint,
    /// `DAOS_SCHED_WATCHDOG_ALL`.
    pub watchdog_all: bool,
    /// `DAOS_SCHED_INACTIVE_MAX`, in ms.
    pub inactive_max: c_uint,
    /// `DAOS_SCHED_MONITOR_KILL`.
    pub monitor_kill: bool,
    /// `DAOS_IO_CHORE_CREDITS`.
    pub chore_credits: u32,
}

impl Settings {
    /// The settings in force, changed by the environment; what it says wrongly is reported and left out.
    pub fn from_environment() -> Self {
        let mut settings = Self::in_force();
        settings.prio_disabled = env::flag(c"DAOS_SCHED_PRIO_DISABLED").unwrap_or(settings.prio_disabled);
        settings.relax_interval = env::number(c"DAOS_SCHED_RELAX_INTVL").unwrap_or(settings.relax_interval);
        if let Some(mode) = env::text(c"DAOS_SCHED_RELAX_MODE") {
            settings.relax_mode = relax_mode(&mode);
        }
        settings.unit_runtime_max =
            env::number(c"DAOS_SCHED_UNIT_RUNTIME_MAX").unwrap_or(settings.unit_runtime_max);
        settings.watchdog_all = env::flag(c"DAOS_SCHED_WATCHDOG_ALL").unwrap_or(settings.watchdog_all);
        settings.inactive_max = env::number(c"DAOS_SCHED_INACTIVE_MAX").unwrap_or(settings.inactive_max);
        settings.monitor_kill = env::flag(c"DAOS_SCHED_MONITOR_KILL").unwrap_or(settings.monitor_kill);
        settings.chore_credits = abi::DSS_CHORE_CREDITS_DEF;
        settings.chore_credits = env::number(c"DAOS_IO_CHORE_CREDITS").unwrap_or(settings.chore_credits);
        settings.checked()
    }

    fn in_force() -> Self {
        // SAFETY: the variables of sched.c and ult.c, which change only while no xstream runs.
        unsafe {
            Settings {
                prio_disabled: (&raw const abi::sched_prio_disabled).read(),
                relax_interval: (&raw const abi::sched_relax_intvl).read(),
                relax_mode: (&raw const abi::sched_relax_mode).read(),
                unit_runtime_max: (&raw const abi::sched_unit_runtime_max).read(),
                watchdog_all: (&raw const abi::sched_watchdog_all).read(),
                inactive_max: (&raw const abi::sched_inactive_max).read(),
                monitor_kill: (&raw const abi::sched_monitor_kill).read(),
                chore_credits: (&raw const abi::dss_chore_credits).read(),
            }
        }
    }

    /// Replaces values out of range by the defaults.
    fn checked(mut self) -> Self {
        if !(1..=abi::SCHED_RELAX_INTVL_MAX).contains(&self.relax_interval) {
            warn!(
                Facility::SERVER,
                "DAOS_SCHED_RELAX_INTVL={} is not within 1 to {} ms: using {}",
                self.relax_interval,
                abi::SCHED_RELAX_INTVL_MAX,
                abi::SCHED_RELAX_INTVL_DEFAULT
            );
            self.relax_interval = abi::SCHED_RELAX_INTVL_DEFAULT;
        }
        if self.relax_mode >= abi::SCHED_RELAX_MODE_INVALID {
            warn!(Facility::SERVER, "DAOS_SCHED_RELAX_MODE is not net, sleep or disabled: using net");
            self.relax_mode = abi::SCHED_RELAX_MODE_NET;
        }
        if self.chore_credits < abi::DSS_CHORE_CREDITS_MIN {
            warn!(
                Facility::SERVER,
                "DAOS_IO_CHORE_CREDITS={} is below {}: using {}",
                self.chore_credits,
                abi::DSS_CHORE_CREDITS_MIN,
                abi::DSS_CHORE_CREDITS_DEF
            );
            self.chore_credits = abi::DSS_CHORE_CREDITS_DEF;
        }
        self
    }

    /// Puts the settings in force.
    pub fn apply(&self) {
        // SAFETY: as in `in_force`.
        unsafe {
            (&raw mut abi::sched_prio_disabled).write(self.prio_disabled);
            (&raw mut abi::sched_relax_intvl).write(self.relax_interval);
            (&raw mut abi::sched_relax_mode).write(self.relax_mode);
            (&raw mut abi::sched_unit_runtime_max).write(self.unit_runtime_max);
            (&raw mut abi::sched_watchdog_all).write(self.watchdog_all);
            (&raw mut abi::sched_inactive_max).write(self.inactive_max);
            (&raw mut abi::sched_monitor_kill).write(self.monitor_kill);
            (&raw mut abi::dss_chore_credits).write(self.chore_credits);
        }
        info!(Facility::SERVER, "{self:?}");
    }
}

/// `sched_relax_str2mode`.
fn relax_mode(name: &str) -> c_uint {
    [
        ("sleep", abi::SCHED_RELAX_MODE_SLEEP),
        ("net", abi::SCHED_RELAX_MODE_NET),
        ("disabled", abi::SCHED_RELAX_MODE_DISABLED),
    ]
    .into_iter()
    .find(|(known, _)| name.eq_ignore_ascii_case(known))
    .map_or(abi::SCHED_RELAX_MODE_INVALID, |(_, mode)| mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Settings {
        Settings {
            prio_disabled: false,
            relax_interval: 1,
            relax_mode: abi::SCHED_RELAX_MODE_NET,
            unit_runtime_max: 32,
            watchdog_all: false,
            inactive_max: 300_000,
            monitor_kill: true,
            chore_credits: 4096,
        }
    }

    #[test]
    fn values_within_their_range_are_kept() {
        let settings = Settings {
            relax_interval: 100,
            relax_mode: abi::SCHED_RELAX_MODE_DISABLED,
            chore_credits: 1024,
            ..defaults()
        };
        assert_eq!(settings.clone().checked(), settings);
    }

    #[test]
    fn values_out_of_range_become_the_defaults() {
        for relax_interval in [0, 101] {
            let settings = Settings {
                relax_interval,
                relax_mode: abi::SCHED_RELAX_MODE_INVALID,
                chore_credits: 1023,
                ..defaults()
            };
            assert_eq!(settings.checked(), defaults());
        }
    }

    #[test]
    fn relax_modes_are_known_by_name() {
        assert_eq!(relax_mode("Sleep"), abi::SCHED_RELAX_MODE_SLEEP);
        assert_eq!(relax_mode("NET"), abi::SCHED_RELAX_MODE_NET);
        assert_eq!(relax_mode("disabled"), abi::SCHED_RELAX_MODE_DISABLED);
        assert_eq!(relax_mode("never"), abi::SCHED_RELAX_MODE_INVALID);
    }
}

//! How one module comes up and goes down: its callbacks and registrations in DAOS's order.

use core::ffi::c_int;
use core::fmt;

use abi::DER_INVAL;
use gurt_client::{Der, Result};

/// One module, as far as its life goes: the callbacks of a `struct dss_module`, and where it is registered.
pub trait Module {
    /// `sm_init`: 0, or the module's error.
    fn init(&mut self) -> c_int;
    /// `sm_fini`: 0, or the module's error.
    fn fini(&mut self) -> c_int;
    /// Registers `sm_key`, if there is one.
    fn register_key(&mut self) -> Result;
    /// Takes `sm_key` back.
    fn unregister_key(&mut self);
    /// How many RPC protocols it has.
    fn protocols(&self) -> usize;
    /// Registers one of them.
    fn register_protocol(&mut self, index: usize) -> Result;
    /// Takes it back.
    fn unregister_protocol(&mut self, index: usize);
    /// How many dRPC handlers it has.
    fn handlers(&self) -> usize;
    /// Registers one of them.
    fn register_handler(&mut self, index: usize) -> Result;
    /// Takes it back.
    fn unregister_handler(&mut self, index: usize);
    /// Makes `dss_module_get` forget the module.
    fn withdraw(&mut self);
}

/// The step at which a module failed to come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `sm_init`, and what it returned.
    Init(c_int),
    /// The TLS key.
    Key,
    /// The RPC protocol with this index.
    Protocol(usize),
    /// The dRPC handler with this index.
    Handler(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Init(rc) => write!(f, "its sm_init returned {rc}"),
            Step::Key => write!(f, "its TLS key cannot be registered"),
            Step::Protocol(index) => write!(f, "its RPC protocol {index} cannot be registered"),
            Step::Handler(index) => write!(f, "its dRPC handler {index} cannot be registered"),
        }
    }
}

/// Brings a module up: initialises it, then registers its key, protocols and dRPC handlers.
///
/// When a step fails, those before it are taken back in reverse, `dss_module_get` forgets the module, and the
/// error is what the C function returns: -DER_INVAL for a failed `sm_init`, else that of the registration.
pub fn start(module: &mut impl Module) -> core::result::Result<(), (Step, Der)> {
    let rc = module.init();
    if rc != 0 {
        module.withdraw();
        return Err((Step::Init(rc), Der::new(DER_INVAL.into())));
    }
    register(module).inspect_err(|_| {
        module.withdraw();
        module.fini();
    })
}

/// The registrations of a module: all of them or none.
fn register(module: &mut impl Module) -> core::result::Result<(), (Step, Der)> {
    module.register_key().map_err(|err| (Step::Key, err))?;
    for index in 0..module.protocols() {
        if let Err(err) = module.register_protocol(index) {
            unregister(module, index, 0);
            return Err((Step::Protocol(index), err));
        }
    }
    for index in 0..module.handlers() {
        if let Err(err) = module.register_handler(index) {
            unregister(module, module.protocols(), index);
            return Err((Step::Handler(index), err));
        }
    }
    Ok(())
}

/// Takes back the first so many registrations of each kind, and the key.
fn unregister(module: &mut impl Module, protocols: usize, handlers: usize) {
    (0..handlers).rev().for_each(|index| module.unregister_handler(index));
    (0..protocols).rev().for_each(|index| module.unregister_protocol(index));
    module.unregister_key();
}

/// Brings a module down that is up: takes its registrations back, makes `dss_module_get` forget it, and
/// finalises it. Returns what `sm_fini` returned.
pub fn stop(module: &mut impl Module) -> c_int {
    unregister(module, module.protocols(), module.handlers());
    module.withdraw();
    module.fini()
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::{DER_EXIST, DER_NOSPACE};

    /// A module with two protocols and two handlers that records what happens to it; one event fails.
    #[derive(Default)]
    struct Fake {
        events: Vec<String>,
        failing: &'static str,
    }

    impl Fake {
        fn failing(failing: &'static str) -> Self {
            Fake { failing, ..Default::default() }
        }

        fn event(&mut self, event: String, err: i64) -> Result {
            let failed = event == self.failing;
            self.events.push(event);
            if failed { Err(Der::new(err)) } else { Ok(()) }
        }
    }

    impl Module for Fake {
        fn init(&mut self) -> c_int {
            self.event("init".into(), 77).map_or(-77, |()| 0)
        }
        fn fini(&mut self) -> c_int {
            self.event("fini".into(), 78).map_or(-78, |()| 0)
        }
        fn register_key(&mut self) -> Result {
            self.event("key".into(), DER_NOSPACE.into())
        }
        fn unregister_key(&mut self) {
            self.events.push("-key".into());
        }
        fn protocols(&self) -> usize {
            2
        }
        fn register_protocol(&mut self, index: usize) -> Result {
            self.event(format!("rpc{index}"), DER_EXIST.into())
        }
        fn unregister_protocol(&mut self, index: usize) {
            self.events.push(format!("-rpc{index}"));
        }
        fn handlers(&self) -> usize {
            2
        }
        fn register_handler(&mut self, index: usize) -> Result {
            self.event(format!("drpc{index}"), DER_EXIST.into())
        }
        fn unregister_handler(&mut self, index: usize) {
            self.events.push(format!("-drpc{index}"));
        }
        fn withdraw(&mut self) {
            self.events.push("-table".into());
        }
    }

    const UP: [&str; 6] = ["init", "key", "rpc0", "rpc1", "drpc0", "drpc1"];

    #[test]
    fn a_module_comes_up_and_goes_down_in_order() {
        let mut module = Fake::default();
        assert_eq!(start(&mut module), Ok(()));
        assert_eq!(module.events, UP);
        module.events.clear();
        assert_eq!(stop(&mut module), 0);
        assert_eq!(module.events, ["-drpc1", "-drpc0", "-rpc1", "-rpc0", "-key", "-table", "fini"]);
    }

    #[test]
    fn a_failed_init_leaves_nothing_to_take_back() {
        let mut module = Fake::failing("init");
        assert_eq!(start(&mut module), Err((Step::Init(-77), Der::new(DER_INVAL.into()))));
        assert_eq!(module.events, ["init", "-table"]);
    }

    #[test]
    fn a_failed_step_takes_back_those_before_it_in_reverse() {
        for (failing, step, undone) in [
            ("key", Step::Key, &["-table", "fini"][..]),
            ("rpc0", Step::Protocol(0), &["-key", "-table", "fini"]),
            ("rpc1", Step::Protocol(1), &["-rpc0", "-key", "-table", "fini"]),
            ("drpc0", Step::Handler(0), &["-rpc1", "-rpc0", "-key", "-table", "fini"]),
            ("drpc1", Step::Handler(1), &["-drpc0", "-rpc1", "-rpc0", "-key", "-table", "fini"]),
        ] {
            let mut module = Fake::failing(failing);
            assert_eq!(start(&mut module).unwrap_err().0, step);
            let done = UP.iter().position(|&step| step == failing).unwrap() + 1;
            assert_eq!(module.events[..done], UP[..done]);
            assert_eq!(module.events[done..], *undone, "after {failing}");
        }
    }

    #[test]
    fn a_failed_fini_is_reported_and_everything_is_taken_back_all_the_same() {
        let mut module = Fake::failing("fini");
        assert_eq!(stop(&mut module), -78);
        assert_eq!(module.events.len(), 7);
    }
}

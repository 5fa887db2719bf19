//! `cart/swim.h`: the failure detector, over callbacks of who keeps the members.

use core::ffi::{c_int, c_uint, c_void};

/// Number of a member.
pub type swim_id_t = u64;

/// It answers.
pub const SWIM_MEMBER_ALIVE: swim_member_status = 0;
/// It has not answered, and has yet to say that it is alive.
pub const SWIM_MEMBER_SUSPECT: swim_member_status = 1;
/// It has not answered for too long.
pub const SWIM_MEMBER_DEAD: swim_member_status = 2;
/// It has not been heard of yet.
pub const SWIM_MEMBER_INACTIVE: swim_member_status = 3;

/// What is known of a member.
pub type swim_member_status = c_uint;

/// What is known of a member, and when.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct swim_member_state {
    /// Which life of the member this is about: its HLC time.
    pub sms_incarnation: u64,
    /// Its status.
    pub sms_status: swim_member_status,
    /// How long a message takes to it, in milliseconds.
    pub sms_delay: u32,
}

/// The news of a member.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct swim_member_update {
    /// The member.
    pub smu_id: u64,
    /// Its state.
    pub smu_state: swim_member_state,
}

/// A detector.
#[repr(C)]
pub struct swim_context {
    _opaque: [u8; 0],
}

/// What a detector asks of who keeps the members.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct swim_ops {
    /// Pings `to`, or asks it to ping `id`, with `nupds` news, which are now the callee's. 0 or `-DER_*`.
    pub send_request: Option<
        unsafe extern "C" fn(
            ctx: *mut swim_context,
            id: swim_id_t,
            to: swim_id_t,
            upds: *mut swim_member_update,
            nupds: usize,
        ) -> c_int,
    >,
    /// Answers `from`, who asked for a ping of `to`, with `rc`. 0 or `-DER_*`.
    pub send_reply: Option<
        unsafe extern "C" fn(
            ctx: *mut swim_context,
            from: swim_id_t,
            to: swim_id_t,
            rc: c_int,
            args: *mut c_void,
        ) -> c_int,
    >,
    /// The next member to ping, or `SWIM_ID_INVALID`; all get their turn.
    pub get_dping_target: Option<unsafe extern "C" fn(ctx: *mut swim_context) -> swim_id_t>,
    /// A member to ask for a ping, or `SWIM_ID_INVALID`.
    pub get_iping_target: Option<unsafe extern "C" fn(ctx: *mut swim_context) -> swim_id_t>,
    /// Stores the state of a member. 0 or `-DER_NONEXIST`.
    pub get_member_state: Option<
        unsafe extern "C" fn(ctx: *mut swim_context, id: swim_id_t, state: *mut swim_member_state) -> c_int,
    >,
    /// Takes over the state of a member. 0 or `-DER_*`.
    pub set_member_state: Option<
        unsafe extern "C" fn(ctx: *mut swim_context, id: swim_id_t, state: *mut swim_member_state) -> c_int,
    >,
    /// Puts a new incarnation into the state of a member, who is ourselves.
    pub new_incarnation:
        Option<unsafe extern "C" fn(ctx: *mut swim_context, id: swim_id_t, state: *mut swim_member_state)>,
}

unsafe extern "C" {
    /// Makes a detector for the member `self_id`; null when memory is short.
    pub fn swim_init(self_id: swim_id_t, swim_ops: *mut swim_ops, data: *mut c_void) -> *mut swim_context;
    /// Ends a detector.
    pub fn swim_fini(ctx: *mut swim_context);
    /// The pointer that `swim_init` was given.
    pub fn swim_data(ctx: *mut swim_context) -> *mut c_void;
    /// The member that a detector runs for, or `SWIM_ID_INVALID`.
    pub fn swim_self_get(ctx: *mut swim_context) -> swim_id_t;
    /// Sets it.
    pub fn swim_self_set(ctx: *mut swim_context, self_id: swim_id_t);
    /// Takes in the news of a message about `id` from `from`. 0 or `-DER_*`.
    pub fn swim_updates_parse(
        ctx: *mut swim_context,
        from: swim_id_t,
        id: swim_id_t,
        upds: *mut swim_member_update,
        nupds: usize,
    ) -> c_int;
    /// Stores at `pupds` the news for a message about `id` to `to`, to be freed by `D_FREE`. 0 or `-DER_*`.
    pub fn swim_updates_prepare(
        ctx: *mut swim_context,
        id: swim_id_t,
        to: swim_id_t,
        pupds: *mut *mut swim_member_update,
        pnupds: *mut usize,
    ) -> c_int;
    /// Answers a message while the detector does not know itself yet: takes the news of `self_id` as those of
    /// `self_incarnation`, and stores the news for the answer as above. 0 or `-DER_*`.
    pub fn swim_updates_short(
        ctx: *mut swim_context,
        self_id: swim_id_t,
        self_incarnation: u64,
        from_id: swim_id_t,
        id: swim_id_t,
        upds_in: *mut swim_member_update,
        nupds_in: usize,
        upds_out: *mut *mut swim_member_update,
        nupds_out: *mut usize,
    ) -> c_int;
    /// Sends a message about `id` to `to`. 0 or `-DER_*`.
    pub fn swim_updates_send(ctx: *mut swim_context, id: swim_id_t, to: swim_id_t) -> c_int;
    /// Notes that `from_id` waits for a ping of `to_id`; `args` goes to the answer. 0, or `-DER_ALREADY` if it
    /// waits already.
    pub fn swim_ipings_suspend(
        ctx: *mut swim_context,
        from_id: swim_id_t,
        to_id: swim_id_t,
        args: *mut c_void,
    ) -> c_int;
    /// Answers those who wait for a ping of `from_id` with `ret_rc`. 0 or `-DER_*`.
    pub fn swim_ipings_reply(ctx: *mut swim_context, from_id: swim_id_t, ret_rc: c_int) -> c_int;
    /// Does what is due, for at most `timeout` milliseconds. 0 or `-DER_*`: `-DER_TIMEDOUT` when the time is up, or
    /// `-DER_CANCELED` when nothing is due for more than 100 ms.
    pub fn swim_progress(ctx: *mut swim_context, timeout: i64) -> c_int;
    /// Moves the deadlines of `id` by `delay` milliseconds, in which the network did not work. 0 or `-DER_*`.
    pub fn swim_net_glitch_update(ctx: *mut swim_context, id: swim_id_t, delay: u64) -> c_int;
    /// Forgets a member.
    pub fn swim_member_del(ctx: *mut swim_context, id: swim_id_t);
}

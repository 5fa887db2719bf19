//! An engine as a process (`main` of init.c), and as a guest in somebody else's.

use super::engine::{self, Engine, Failure};
use super::options::{self, Command, Refusal};
use super::signals::{self, Attention, Ended};
use core::ffi::c_int;
use gurt_client::{Der, Facility, Result, env, error, info};
use std::cell::Cell;
use std::mem::ManuallyDrop;

/// Runs an engine with the command line `words` (the program's name first) until a signal ends it. The exit
/// status of the process.
pub fn run(words: &[&str]) -> c_int {
    let options = match understand(words) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => {
            super::print(format_args!("{}", options::help(program(words)).trim_end()));
            return libc::EXIT_SUCCESS;
        }
        Err(refusal) => {
            refuse(program(words), &refusal);
            return libc::EXIT_FAILURE;
        }
    };
    if let Err(err) = signals::block_all() {
        eprintln!("{}: cannot block signals: {err}", program(words));
        return libc::EXIT_FAILURE;
    }
    // SAFETY: takes a flag, then nothing. A fault prints its backtrace before the process dies.
    unsafe {
        abi::d_signal_stack_enable(true);
        abi::d_signal_register();
    }
    let attention = Attention::of_process();
    match Engine::start(&options, &attention) {
        Ok(engine) => serve(engine, &attention),
        Err(Failure::Stopped(signal)) => status_after(signal),
        Err(failure) => {
            eprintln!("{}: {failure}", program(words));
            libc::EXIT_FAILURE
        }
    }
}

/// Lets the engine run until a signal asks it to stop.
fn serve(engine: Engine, attention: &Attention) -> c_int {
    let Ended::Signal(signal) = attention.until(|| false) else { unreachable!("waits for signals only") };
    info!(Facility::SERVER, "got signal {signal}, stopping");
    drop(engine);
    status_after(signal)
}

/// Broken memory is no regular end.
fn status_after(signal: c_int) -> c_int {
    if signal == libc::SIGBUS {
        error!(Facility::SERVER, "stopped because of SIGBUS: the kernel reports broken memory");
        return libc::EXIT_FAILURE;
    }
    libc::EXIT_SUCCESS
}

fn program<'a>(words: &[&'a str]) -> &'a str {
    words.first().copied().unwrap_or("daos_engine")
}

fn understand(words: &[&str]) -> core::result::Result<Command, Refusal> {
    let pipeline = env::flag(c"DAOS_PIPELINE").unwrap_or(false);
    let command = options::parse(words.get(1..).unwrap_or_default(), pipeline)?;
    if let Command::Run(options) = &command {
        for remark in &options.remarks {
            super::print(format_args!("{}: {remark}", program(words)));
        }
    }
    Ok(command)
}

fn refuse(program: &str, refusal: &Refusal) {
    eprintln!("{program}: {refusal}");
    if let Refusal::Form(_) = refusal {
        eprint!("{}", options::help(program));
    }
}

thread_local! {
    /// The engine that this thread has started in somebody else's process. Not stopped when the thread ends:
    /// the thread is its primary ULT, and what is left of it then is no place to run from.
    static GUEST: Cell<Option<ManuallyDrop<Engine>>> = const { Cell::new(None) };
}

/// Starts an engine in this process, see [`abi::daos_engine_start`].
pub fn start(words: &[&str]) -> Result {
    let options = match understand(words) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => return Err(Der::new(abi::DER_INVAL.into())),
        Err(refusal) => {
            eprintln!("{}: {refusal}", program(words));
            return Err(Der::new(abi::DER_INVAL.into()));
        }
    };
    let engine = Engine::start(&options, &Attention::none()).map_err(|failure| {
        eprintln!("{}: {failure}", program(words));
        failure.error()
    })?;
    GUEST.set(Some(ManuallyDrop::new(engine)));
    Ok(())
}

/// Stops the engine that this thread has started, see [`abi::daos_engine_stop`].
pub fn stop() -> Result {
    match GUEST.take() {
        Some(engine) => drop(ManuallyDrop::into_inner(engine)),
        None if engine::is_running() => return Err(Der::new(abi::DER_NO_PERM.into())),
        None => return Err(Der::new(abi::DER_UNINIT.into())),
    }
    Ok(())
}

//! The symbols of `ult.c`.

mod argobots;
mod chore;
mod collective;
mod create;
mod memory;
mod vos;

//! The local cloud: one loopback HTTP port that answers AWS API calls, in front of two emulators that it installs and starts itself.
//!
//! A call passes, from outside in: record, faults, protocol, time, rollouts, repairs, emulator. Each layer is one module, touches only
//! the operations that it names, and hands everything else on unread.

mod call;
mod cloud;
mod connection;
mod control;
mod emulators;
mod error;
pub mod faults;
mod forward;
mod install;
mod protocol;
mod record;
mod repairs;
mod reply;
mod rollouts;
mod routes;
mod running;
mod serve;
mod time;
mod trail;
mod xml;

pub use control::{injected, reset, set_faults, start, status, stop};
pub use error::Error;
pub use running::{EmulatorProcess, Running, Settings};
pub use serve::serve;

//! From the `[networking]` section to resources.

mod wiring;

pub use wiring::{
    Balancer, FlowLogTarget, Health, Inputs, Listen, Outputs, Store, Subnets, Workload, WorkloadNetwork,
};

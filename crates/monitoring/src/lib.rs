//! Logs, metrics filters, alarms and dashboards of CloudWatch, and the alarms' part of the health check.

mod inputs;
pub mod settings;

pub use inputs::{
    Balanced, Cache, Database, FlowLogs, Inputs, LoadBalancer, LogInputs, LogOutput, Logs, Outputs, Service,
};
pub use settings::Settings;

//! Log groups, metric filters, alarms and dashboards of CloudWatch, and the alarms' part of the health check.

pub mod alarm;
mod cloudwatch;
pub mod composite_alarm;
mod composites;
pub mod connections;
mod custom;
pub mod dashboard;
mod filters;
pub mod health;
mod inputs;
pub mod log_group;
pub mod metric_filter;
pub mod metrics;
mod module;
mod page;
pub mod settings;
mod standard;
mod widgets;

use cloud::Catalogue;

pub use inputs::{
    Balanced, Cache, Database, FlowLogs, Inputs, LoadBalancer, LogInputs, LogOutput, Logs, Outputs, Service,
};
pub use module::{declare, log_groups};
pub use settings::Settings;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    engine::catalogue!(catalogue;
        alarm::Alarm,
        composite_alarm::CompositeAlarm,
        dashboard::Dashboard,
        log_group::LogGroup,
        metric_filter::MetricFilter,
    );
}

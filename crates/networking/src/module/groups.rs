//! Security groups: one for each workload, store and load balancer, and who may reach whom.

use std::collections::BTreeMap;

use cloud::{Handle, Stack};

use super::names;
use super::subnets::{ANYWHERE, Network};
use super::wiring::{Inputs, Store, Workload};
use crate::security_group::{Egress, SecurityGroup};
use crate::security_group_ingress::SecurityGroupIngress;

/// The security groups of workloads and stores, by name.
#[derive(Default)]
pub(super) struct Groups {
    pub workloads: BTreeMap<String, Handle>,
    pub stores: BTreeMap<String, Handle>,
}

/// A group from which nothing goes out, and into which only rules of their own let someone.
pub(super) fn group(name: &str, description: &str, network: &Network) -> SecurityGroup {
    SecurityGroup {
        group_name: Some(name.to_owned()),
        group_description: Some(description.to_owned()),
        vpc_id: Some(network.vpc.id()),
        security_group_egress: Some(vec![Egress::nowhere()]),
        security_group_ingress: Some(Vec::new()),
        tags: names::tags(name),
    }
}

/// A rule that lets someone in at a TCP port; who, is to be filled in.
pub(super) fn tcp(group: &Handle, port: u16) -> SecurityGroupIngress {
    SecurityGroupIngress {
        group_id: Some(group.get("GroupId")),
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(i64::from(port)),
        to_port: Some(i64::from(port)),
        ..SecurityGroupIngress::default()
    }
}

/// Declares the groups of workloads and stores, and the rules between them.
pub(super) fn declare(inputs: &Inputs, network: &Network, stack: &mut Stack) -> Groups {
    let mut groups = Groups::default();
    for store in &inputs.stores {
        let name = format!("{}-{}", inputs.prefix, names::store(&store.name));
        stack.section(&format!("storage.{}", store.name));
        let group = group(&name, &format!("The store {}", store.name), network);
        let handle = stack.add(format!("networking.security-group.{}", store.name), group);
        groups.stores.insert(store.name.clone(), handle);
    }
    for workload in &inputs.workloads {
        stack.section(&workload.key);
        let name = format!("{}-{}", inputs.prefix, workload.name);
        let mut group = group(&name, &format!("The workload {}", workload.name), network);
        let all =
            Egress { cidr_ip: Some(ANYWHERE.to_owned()), ip_protocol: Some("-1".to_owned()), ..Egress::default() };
        group.security_group_egress = Some(vec![all]);
        let handle = stack.add(format!("networking.security-group.service.{}", workload.name), group);
        groups.workloads.insert(workload.name.clone(), handle);
    }
    for workload in &inputs.workloads {
        for (index, used) in workload.uses.iter().enumerate() {
            stack.section(&workload.key);
            match inputs.stores.iter().find(|store| store.name == *used) {
                Some(store) => let_in(workload, store, &groups, stack),
                None => unknown_store(workload, index, used, inputs, stack),
            }
        }
    }
    groups
}

fn let_in(workload: &Workload, store: &Store, groups: &Groups, stack: &mut Stack) {
    let (Some(from), Some(to)) = (groups.workloads.get(&workload.name), groups.stores.get(&store.name)) else { return };
    let rule = SecurityGroupIngress {
        source_security_group_id: Some(from.get("GroupId")),
        description: Some(format!("From the workload {}", workload.name)),
        ..tcp(to, store.port)
    };
    stack.add(format!("{}.from-{}", to.address(), workload.name), rule);
}

fn unknown_store(workload: &Workload, index: usize, used: &str, inputs: &Inputs, stack: &mut Stack) {
    let names: Vec<&str> = inputs.stores.iter().map(|store| store.name.as_str()).collect();
    let hint = match (schema::closest(used, names.iter().copied()), names.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "there are no stores: add `[storage.postgres.main]`, or leave it out".to_owned(),
        (None, names) => format!("there are: {}", names.join(", ")),
    };
    let key = format!("{}.uses.{index}", workload.key);
    stack.findings.error("unknown-store", key, format!("there is no store `{used}`")).hint(hint);
}

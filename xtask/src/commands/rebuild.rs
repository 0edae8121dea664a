//! `state rebuild`: the state, made again from the tags and names of what is there.

use std::collections::BTreeMap;

use engine::event::Events;
use engine::rebuild::{self, Listed, Rebuilt, Sources};
use engine::session::{Purpose, SessionError};
use engine::state::Record;
use engine::store::StoreError;
use engine::store::file::{aside, private_dir};
use engine::{Graph, Session, State, Surroundings};
use serde_json::{Value, json};

use super::restore_state::UNKNOWN;
use crate::app::{App, Place, pseudo};
use crate::cli::{CloudName, RebuildArgs};
use crate::display::table::Columns;
use crate::display::words::count;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};
use crate::state_home::At;
use crate::tagged;

/// Finds again what damaged records told of, before anything is planned from the state that is left. The lock is held.
pub async fn mend(app: &App, place: &Place, session: &mut Session) -> Result<()> {
    let Some(damaged) = session.state.damaged.clone() else { return Ok(()) };
    talk(format_args!("{damaged}\nRecords are missing: what they told of is looked for by tags and names."));
    let rebuilt = find(app, place, &session.state).await?;
    for entry in rebuilt.found.iter().chain(&rebuilt.deposed) {
        talk(format_args!("    {}: found again: {}", entry.address, entry.id));
    }
    Ok(session.record(&rebuilt.records()).await?)
}

/// What is there and a state does not know, by tags and names.
pub async fn find(app: &App, place: &Place, state: &State) -> Result<Rebuilt> {
    found(app, &declaration(app)?, place, state, &RebuildArgs::default()).await
}

/// What the environment's file says, if there is one.
struct Declaration {
    name: String,
    graph: Graph,
    outputs: BTreeMap<String, Value>,
    region: String,
    account: Option<String>,
}

/// Makes the state again.
pub async fn run(app: &App, args: &RebuildArgs) -> Result<()> {
    let declaration = declaration(app)?;
    let name = &declaration.name;
    let place = app.connect(&declaration.region, declaration.account.as_deref()).await?;
    let unknown = environment::choose(&app.root, Some(name)).err().filter(|_| !app.state_dir(name).is_dir());
    if let Some(findings) = unknown {
        // A name of nothing is a slip of the pen, unless something carries it.
        let rebuilt = found(app, &declaration, &place, &State::default(), args).await?;
        if rebuilt.is_empty() {
            return Err(Error::Findings(findings));
        }
        if args.dry_run {
            show(app, name, &place, &State::default(), &rebuilt, true);
            return Ok(());
        }
    }
    if !args.dry_run {
        private_dir(&app.state_dir(name))?;
        app.lock(name, "state rebuild").await?;
    }
    let mut session = open(app, name, &place, args.dry_run).await?;
    let before = session.as_ref().map_or_else(State::default, |session| session.state.clone());

    let rebuilt = found(app, &declaration, &place, &before, args).await?;
    show(app, name, &place, &before, &rebuilt, args.dry_run);
    let Some(session) = session.as_mut().filter(|_| !args.dry_run) else { return Ok(()) };
    if rebuilt.is_empty() {
        if session.state.damaged.is_some() {
            // Nothing that damaged records told of is there: that is known now, too.
            session.record(&rebuilt.records()).await?;
        }
        return Ok(());
    }
    let found = rebuilt.found.len() + rebuilt.deposed.len();
    // A local cloud holds nothing dear.
    if app.global.cloud == CloudName::Aws
        && !app.confirm(&format!("Put {} into the state of {name}?", count(found, "resource")))?
    {
        return Err(Error::told("nothing was done"));
    }
    let time = jiff::Timestamp::now().to_string();
    let command = "state rebuild".to_owned();
    let mut records = vec![Record::Began { time, command, cloud: place.id.clone() }];
    records.extend(rebuilt.records());
    if session.state.is_empty() {
        // No plan made from the state that was lost must fit this one by chance.
        session.state.serial += UNKNOWN;
    }
    session.record(&records).await?;
    if !app.global.json {
        talk(format_args!("{} put into the state. What differs: cargo xtask plan", count(found, "resource")));
    }
    Ok(())
}

/// What is there beyond a state, by tags and names.
async fn found(
    app: &App,
    declaration: &Declaration,
    place: &Place,
    state: &State,
    args: &RebuildArgs,
) -> Result<Rebuilt> {
    let surroundings = app.surroundings(&declaration.name, place);
    let listed = listed(app, declaration, state, args, &surroundings).await?;
    let sources = Sources {
        graph: &declaration.graph,
        outputs: &declaration.outputs,
        pseudo: &pseudo(&place.account, &declaration.region),
        listed: &listed,
        regions: &args.region,
    };
    Ok(rebuild::rebuild(&surroundings, state, &sources).await.map_err(SessionError::from)?)
}

/// What is declared. Without a file all that is found counts as not declared any more; a file with errors is none that
/// could be believed.
fn declaration(app: &App) -> Result<Declaration> {
    let missing = environment::choose(&app.root, app.global.env.as_deref()).err();
    if let (Some(_), Some(name)) = (missing, app.global.env.as_deref().filter(|name| crate::app::is_plain(name))) {
        talk(format_args!("{name} has no file: what is found counts as not declared any more"));
        let graph =
            Graph::build(Vec::new(), &environment::catalogue()).map_err(|_| Error::told("an empty graph is whole"))?;
        let region = tagged::GLOBAL.to_owned();
        return Ok(Declaration { name: name.to_owned(), graph, outputs: BTreeMap::new(), region, account: None });
    }
    let loaded = app.load()?;
    let graph = app.graph(&loaded, &environment::catalogue())?;
    let (region, account) = (loaded.settings.region.clone(), loaded.settings.account.clone());
    Ok(Declaration { name: loaded.name.clone(), graph, outputs: loaded.outputs.clone(), region, account })
}

/// The state as far as it can be read. What cannot is set aside, never deleted; `None`: there is none to write to.
async fn open(app: &App, name: &str, place: &Place, dry_run: bool) -> Result<Option<Session>> {
    let home = app.state_home(name).await?;
    if let Err(StoreError::Damaged { path, why }) = home.state().await {
        talk(format_args!("{}: it is damaged: {why}", path.display()));
        if dry_run {
            return Ok(None);
        }
        let kept = aside(&path);
        home.set_damaged_aside()?;
        match &home.at {
            At::Disk => talk(format_args!("It is kept as {}.", kept.display())),
            At::S3 { .. } => talk(format_args!("It stays among the versions that the bucket keeps.")),
        }
        app.replace_state(name, &State { cloud: place.id.clone(), ..State::default() }).await?;
    }
    let purpose = if dry_run { Purpose::Look } else { Purpose::Write };
    app.session(name, place, Events::default(), purpose).await.map(Some)
}

/// All that carries the environment's tags, in each of its regions.
async fn listed(
    app: &App,
    declaration: &Declaration,
    state: &State,
    args: &RebuildArgs,
    surroundings: &Surroundings,
) -> Result<Vec<Listed>> {
    let declared = declaration.graph.nodes.iter().map(|node| node.region.clone());
    let own = std::iter::once(declaration.region.clone());
    let regions = tagged::regions(app, state, declared.chain(args.region.iter().cloned()).chain(own));
    Ok(tagged::listed(surroundings, &regions).await?)
}

fn show(app: &App, name: &str, place: &Place, before: &State, rebuilt: &Rebuilt, dry_run: bool) {
    if app.global.json {
        let found: Vec<Value> = rebuilt.found.iter().map(|entry| {
            let declared = !rebuilt.undeclared.contains(&entry.address);
            json!({ "address": entry.address, "type": entry.type_name, "region": entry.region, "id": entry.id, "declared": declared })
        }).collect();
        let deposed: Vec<Value> = rebuilt
            .deposed
            .iter()
            .map(|entry| json!({ "address": entry.address, "type": entry.type_name, "id": entry.id }))
            .collect();
        print_json(&json!({
            "environment": name,
            "cloud": place.id,
            "dry_run": dry_run,
            "kept": before.entries.len(),
            "found": found,
            "replaced": deposed,
            "missing": rebuilt.missing,
            "others": rebuilt.others,
            "not_ready": rebuilt.unready,
        }));
        return;
    }
    talk(format_args!("{name} on {}", place.id));
    if !before.entries.is_empty() {
        talk(format_args!("{} in the state already: left as they are.", count(before.entries.len(), "resource")));
    }
    let mut table = Columns::new(&["address", "type", "id", ""]);
    let note = |entry: &engine::state::Entry| match rebuilt.unready.get(&entry.address) {
        _ if rebuilt.undeclared.contains(&entry.address) => "not declared any more".to_owned(),
        Some(what) => format!("not ready: {what}"),
        None => String::new(),
    };
    for entry in &rebuilt.found {
        table.row([entry.address.to_string(), entry.type_name.clone(), entry.id.clone(), note(entry)]);
    }
    for entry in &rebuilt.deposed {
        let note = "another has taken its place".to_owned();
        table.row([entry.address.to_string(), entry.type_name.clone(), entry.id.clone(), note]);
    }
    if !rebuilt.is_empty() {
        data(table.text());
    }
    if !rebuilt.missing.is_empty() {
        let mut table = Columns::new(&["declared, and not found", "type", "why"]);
        for missing in &rebuilt.missing {
            table.row([missing.address.to_string(), missing.type_name.clone(), missing.why.clone()]);
        }
        data(table.text());
    }
    if !rebuilt.others.is_empty() {
        let mut table = Columns::new(&["left alone", "address", "why"]);
        for other in &rebuilt.others {
            table.row([other.what.clone(), other.address.clone().unwrap_or_default(), other.why.clone()]);
        }
        data(table.text());
    }
    if rebuilt.is_empty() {
        match rebuilt.missing.is_empty() {
            true => talk(format_args!("The state has all that is there.")),
            false => talk(format_args!("Nothing more is there.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::Address;

    use super::*;

    /// What an ARN of the listing names, in the words of all types. Types that must ask the cloud are left out.
    #[tokio::test]
    async fn an_arn_tells_type_and_id() {
        const ALARMS: &[&str] = &["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];
        // Account and region are put between; an id of `=` is the whole ARN.
        let cases: &[(&str, &str, &[&str], &str)] = &[
            ("acm", "certificate/1-2", &["AWS::CertificateManager::Certificate"], "="),
            ("cloudwatch", "alarm:p-cpu", ALARMS, "p-cpu"),
            ("cloudwatch", "dashboard/p", &["AWS::CloudWatch::Dashboard"], "p"),
            ("ec2", "flow-log/fl-1", &[], ""),
            ("ec2", "internet-gateway/igw-1", &["AWS::EC2::InternetGateway"], "igw-1"),
            ("ec2", "natgateway/nat-1", &["AWS::EC2::NatGateway"], "nat-1"),
            ("ec2", "network-acl/acl-1", &["AWS::EC2::NetworkAcl"], "acl-1"),
            ("ec2", "network-interface/eni-1", &[], ""),
            ("ec2", "route-table/rtb-1", &["AWS::EC2::RouteTable"], "rtb-1"),
            ("ec2", "security-group/sg-1", &["AWS::EC2::SecurityGroup"], "sg-1"),
            ("ec2", "subnet/subnet-1", &["AWS::EC2::Subnet"], "subnet-1"),
            ("ec2", "vpc/vpc-1", &["AWS::EC2::VPC"], "vpc-1"),
            ("ec2", "vpc-endpoint/vpce-1", &["AWS::EC2::VPCEndpoint"], "vpce-1"),
            ("ec2", "vpc-flow-log/fl-1", &["AWS::EC2::FlowLog"], "fl-1"),
            ("ecr", "repository/p/api", &["AWS::ECR::Repository"], "p/api"),
            ("ecs", "cluster/p", &["AWS::ECS::Cluster"], "p"),
            ("ecs", "service/p/api", &["AWS::ECS::Service"], "="),
            ("ecs", "task/p/0123", &[], ""),
            ("ecs", "task-definition/api:7", &["AWS::ECS::TaskDefinition"], "="),
            ("elasticache", "cluster:r-001", &[], ""),
            ("elasticache", "parametergroup:r", &["AWS::ElastiCache::ParameterGroup"], "r"),
            ("elasticache", "replicationgroup:r", &["AWS::ElastiCache::ReplicationGroup"], "r"),
            ("elasticache", "subnetgroup:r", &["AWS::ElastiCache::SubnetGroup"], "r"),
            ("elasticloadbalancing", "listener/app/b/1/2", &["AWS::ElasticLoadBalancingV2::Listener"], "="),
            ("elasticloadbalancing", "listener-rule/app/b/1/2/3", &["AWS::ElasticLoadBalancingV2::ListenerRule"], "="),
            ("elasticloadbalancing", "loadbalancer/app/b/1", &["AWS::ElasticLoadBalancingV2::LoadBalancer"], "="),
            ("elasticloadbalancing", "targetgroup/t/1", &["AWS::ElasticLoadBalancingV2::TargetGroup"], "="),
            ("iam", "policy/path/p", &["AWS::IAM::ManagedPolicy"], "="),
            ("iam", "role/path/r", &["AWS::IAM::Role"], "r"),
            ("logs", "log-group:/ecs/api", &["AWS::Logs::LogGroup"], "/ecs/api"),
            ("rds", "db:p", &["AWS::RDS::DBInstance"], "p"),
            ("rds", "pg:p", &["AWS::RDS::DBParameterGroup"], "p"),
            ("rds", "snapshot:p-final", &[], ""),
            ("rds", "subgrp:p", &["AWS::RDS::DBSubnetGroup"], "p"),
            ("secretsmanager", "secret:p/db-AbCdEf", &["AWS::SecretsManager::Secret"], "="),
            ("sns", "alerts", &["AWS::SNS::Topic"], "="),
            ("sns", "alerts:8a21d249", &[], ""),
        ];
        let surroundings = Surroundings {
            environment: "freeside/staging".into(),
            catalogue: Arc::new(environment::catalogue()),
            services: Arc::new(()),
            time_scale: 0.0,
            between_looks: std::time::Duration::ZERO,
        };
        let cx = surroundings.context(&Address::of("a.b"), "us-east-1", "");
        for (service, thing, types, id) in cases {
            let arn = format!("arn:aws:{service}:us-east-1:123456789012:{thing}");
            let mut named = Vec::new();
            for type_name in surroundings.catalogue.types() {
                let handler = surroundings.catalogue.get(type_name).unwrap();
                if let Some(found) = handler.of_arn(&arn, &cx).await.unwrap() {
                    assert_eq!(found, if *id == "=" { arn.as_str() } else { id }, "{type_name}");
                    named.push(type_name);
                }
            }
            assert_eq!(named, *types, "{arn}");
        }
    }
}

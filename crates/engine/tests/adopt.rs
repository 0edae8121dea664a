//! Adopting what was made elsewhere, on a fake cloud.

#![allow(missing_docs)]

mod fake;

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::adopt::{self, By, Candidate, Refusal, Request, Survey};
use engine::event::Events;
use engine::plan::{Selection, Verb};
use engine::session::{Declared, Purpose};
use engine::store::FileStore;
use engine::{Catalogue, Failure, FailureKind, Graph, Session, Stack, Surroundings};
use fake::*;
use serde_json::{Value, json};

const VPC: &str = "AWS::EC2::VPC";
const SUBNET: &str = "AWS::EC2::Subnet";
const TABLE: &str = "AWS::EC2::RouteTable";
const ASSOCIATION: &str = "AWS::EC2::SubnetRouteTableAssociation";
const LOG_GROUP: &str = "AWS::Logs::LogGroup";
const DATABASE: &str = "AWS::RDS::DBInstance";
const CACHE: &str = "AWS::ElastiCache::ReplicationGroup";
const TASK: &str = "AWS::ECS::TaskDefinition";
const RULE: &str = "AWS::EC2::SecurityGroupIngress";
const GATEWAY: &str = "AWS::EC2::InternetGateway";
const ADDRESS: &str = "AWS::EC2::EIP";
const NAT: &str = "AWS::EC2::NatGateway";

fn types() -> Catalogue {
    let mut types = catalogue();
    let new = [
        (TABLE, None),
        (ASSOCIATION, None),
        (RULE, None),
        (TASK, None),
        (GATEWAY, None),
        (ADDRESS, None),
        (NAT, None),
        (LOG_GROUP, Some("LogGroupName")),
        (CACHE, Some("ReplicationGroupId")),
    ];
    for (type_name, name) in new {
        types.insert(Arc::new(FakeHandler { type_name, facts: FACTS, name }));
    }
    types
}

struct Elsewhere {
    world: World,
    graph: Graph,
    pseudo: BTreeMap<String, String>,
}

impl Elsewhere {
    /// A cloud with these things, of type, id and properties, and an environment that declares these resources.
    fn new(things: &[(&str, &str, Value)], stack: Stack) -> Self {
        let world = World::default();
        for (type_name, id, properties) in things {
            let thing = Thing {
                type_name: (*type_name).into(),
                address: String::new(),
                token: String::new(),
                properties: properties.clone(),
            };
            world.cloud.things.lock().unwrap().insert((*id).into(), thing);
        }
        Self { world, graph: Graph::build(stack.finish().0, &types()).unwrap(), pseudo: BTreeMap::new() }
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings { catalogue: Arc::new(types()), ..self.world.surroundings() }
    }

    async fn open(&self) -> Session {
        let store = Arc::new(FileStore::new(self.world.dir.path()));
        Session::open(store, self.surroundings(), "fake", Events::default(), Purpose::Write).await.unwrap()
    }

    /// Surveys all things of the cloud, and what else is offered.
    async fn survey(&self, more: &[(&str, &str)]) -> Survey {
        let things: Vec<(String, String)> = self
            .world
            .cloud
            .things
            .lock()
            .unwrap()
            .iter()
            .map(|(id, thing)| (thing.type_name.clone(), id.clone()))
            .collect();
        let more = more.iter().map(|(type_name, id)| ((*type_name).to_owned(), (*id).to_owned()));
        let candidate = |(type_name, id): (String, String)| Candidate {
            type_name,
            region: "r".into(),
            label: format!("was.{id}"),
            id,
            implied: false,
        };
        let session = self.open().await;
        let surroundings = self.surroundings();
        let request =
            Request { graph: &self.graph, state: &session.state, pseudo: &self.pseudo, surroundings: &surroundings };
        adopt::survey(request, things.into_iter().chain(more).map(candidate).collect()).await
    }

    async fn adopt(&self, survey: &Survey) -> adopt::Adopted {
        let mut session = self.open().await;
        adopt::carry_out(&mut session, &self.graph, &self.surroundings(), &survey.matched, "import").await.unwrap()
    }

    async fn one(&self, address: &str, id: &str) -> Result<adopt::Match, Refusal> {
        let session = self.open().await;
        let surroundings = self.surroundings();
        let request =
            Request { graph: &self.graph, state: &session.state, pseudo: &self.pseudo, surroundings: &surroundings };
        adopt::one(request, address, id).await
    }

    /// The plan's changes: verb, address, and where.
    async fn plan(&self) -> Vec<String> {
        let declared = Declared {
            graph: &self.graph,
            outputs: &BTreeMap::new(),
            pseudo: &self.pseudo,
            selection: &Selection::default(),
            refresh: true,
        };
        let plan = self.open().await.plan(&declared).await.unwrap();
        let changes = plan.actions.iter().filter(|action| action.verb != Verb::NoOp);
        let places =
            |action: &engine::plan::Action| action.changes.iter().map(|c| c.place()).collect::<Vec<_>>().join(",");
        changes.map(|action| format!("{:?} {} {}", action.verb, action.address, places(action))).collect()
    }

    fn properties(&self, id: &str) -> Value {
        self.world.cloud.things.lock().unwrap()[id].properties.clone()
    }
}

fn found(survey: &Survey) -> Vec<(String, String, By)> {
    survey.matched.iter().map(|one| (one.address.to_string(), one.candidate.id.clone(), one.by.clone())).collect()
}

fn why<'a>(survey: &'a Survey, id: &str) -> &'a str {
    &survey.unmatched.iter().find(|one| one.candidate.id == id).unwrap().why
}

/// Two subnets, each with a route table of its own that nothing but its association tells apart.
fn network() -> Stack {
    let mut stack = stack();
    let vpc = stack.add_value("n.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16", "EnableDnsSupport": true }));
    for (name, cidr) in [("a", "10.0.1.0/24"), ("b", "10.0.2.0/24")] {
        let table = stack.add_value(format!("n.table.{name}"), TABLE, json!({ "VpcId": vpc.id() }));
        let subnet =
            stack.add_value(format!("n.subnet.{name}"), SUBNET, json!({ "VpcId": vpc.id(), "CidrBlock": cidr }));
        let joined = json!({ "SubnetId": subnet.id(), "RouteTableId": table.id() });
        stack.add_value(format!("n.association.{name}"), ASSOCIATION, joined);
    }
    stack.add_value("m.logs", LOG_GROUP, json!({ "LogGroupName": "/app", "RetentionInDays": 7 }));
    stack
}

fn network_there() -> Vec<(&'static str, &'static str, Value)> {
    let tags = json!([{ "Key": "ManagedBy", "Value": "terraform" }]);
    vec![
        (
            VPC,
            "vpc-1",
            json!({ "CidrBlock": "10.0.0.0/16", "EnableDnsSupport": false, "Tags": tags, "InstanceTenancy": "default" }),
        ),
        (SUBNET, "subnet-1", json!({ "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24" })),
        (SUBNET, "subnet-2", json!({ "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24" })),
        (SUBNET, "subnet-9", json!({ "VpcId": "vpc-1", "CidrBlock": "10.0.9.0/24" })),
        // In the other order, so that nothing but the associations tells.
        (TABLE, "rtb-1", json!({ "VpcId": "vpc-1" })),
        (TABLE, "rtb-2", json!({ "VpcId": "vpc-1" })),
        (ASSOCIATION, "assoc-1", json!({ "SubnetId": "subnet-1", "RouteTableId": "rtb-2" })),
        (ASSOCIATION, "assoc-2", json!({ "SubnetId": "subnet-2", "RouteTableId": "rtb-1" })),
        (LOG_GROUP, "/app", json!({ "LogGroupName": "/app", "RetentionInDays": 7 })),
    ]
}

#[tokio::test]
async fn everything_is_recognised_in_one_read_a_type() {
    let there = Elsewhere::new(&network_there(), network());
    let survey = there.survey(&[(TABLE, "rtb-gone")]).await;
    let mut is = found(&survey);
    is.sort_by(|a, b| a.0.cmp(&b.0));
    let by = |address: &str| By::Referrer(address.into());
    let expected = [
        ("m.logs", "/app", By::Id),
        ("n.association.a", "assoc-1", By::Properties),
        ("n.association.b", "assoc-2", By::Properties),
        ("n.subnet.a", "subnet-1", By::Properties),
        ("n.subnet.b", "subnet-2", By::Properties),
        ("n.table.a", "rtb-2", by("n.association.a")),
        ("n.table.b", "rtb-1", by("n.association.b")),
        ("n.vpc", "vpc-1", By::Properties),
    ];
    assert_eq!(is, expected.map(|(address, id, by)| (address.to_owned(), id.to_owned(), by)));
    assert!(survey.missing.is_empty(), "{:?}", survey.missing);
    assert_eq!(why(&survey, "rtb-gone"), "it is gone: AWS does not know it");
    let nearest = why(&survey, "subnet-9");
    assert!(nearest.contains("CidrBlock is 10.0.9.0/24, declared 10.0."), "{nearest}");
    let reads = there.world.cloud.calls().iter().filter(|call| call.starts_with("read")).count();
    assert_eq!(reads, 5, "one for each of five types");
}

#[tokio::test]
async fn after_an_adoption_the_plan_shows_only_what_differs() {
    let there = Elsewhere::new(&network_there(), network());
    let adopted = there.adopt(&there.survey(&[]).await).await;
    assert_eq!((adopted.done.len(), adopted.unmarked.len()), (8, 0));
    assert_eq!(there.plan().await, ["Update n.vpc EnableDnsSupport"]);

    let vpc = there.properties("vpc-1");
    let tag = |key: &str| {
        vpc["Tags"].as_array().unwrap().iter().find(|tag| tag["Key"] == key).map(|tag| tag["Value"].clone())
    };
    assert_eq!(tag("groundplan:environment"), Some(json!("test/test")));
    assert_eq!(tag("groundplan:address"), Some(json!("n.vpc")));
    assert_eq!(tag("ManagedBy"), Some(json!("terraform")), "another's tag is left alone");
    assert_eq!(
        (&vpc["EnableDnsSupport"], &vpc["InstanceTenancy"]),
        (&json!(false), &json!("default")),
        "nothing else is changed"
    );

    let again = there.survey(&[]).await;
    assert_eq!((again.matched.len(), again.already.len()), (0, 8));
    assert_eq!(again.unmatched.len(), 1, "{:?}", again.unmatched);
}

#[tokio::test]
async fn what_fits_equally_is_never_guessed() {
    let mut declared = stack();
    let vpc = declared.add_value("n.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    declared.add_value("n.table", TABLE, json!({ "VpcId": vpc.id() }));
    let things = [
        (VPC, "vpc-1", json!({ "CidrBlock": "10.0.0.0/16" })),
        (TABLE, "rtb-1", json!({ "VpcId": "vpc-1" })),
        (TABLE, "rtb-2", json!({ "VpcId": "vpc-1" })),
    ];
    let there = Elsewhere::new(&things, declared);
    let survey = there.survey(&[]).await;
    assert_eq!(found(&survey).len(), 1);
    assert_eq!(why(&survey, "rtb-1"), "n.table could be any of was.rtb-1 (rtb-1), was.rtb-2 (rtb-2)");
    assert!(survey.missing[0].why.starts_with("two or more fit equally"), "{}", survey.missing[0].why);

    // Once one of the two is taken, the other is still no match for anything else.
    let chosen = there.one("n.table", "rtb-2").await.unwrap();
    there.adopt(&Survey { matched: vec![chosen], ..Survey::default() }).await;
    let survey = there.survey(&[]).await;
    assert_eq!(found(&survey).iter().map(|(address, ..)| address.as_str()).collect::<Vec<_>>(), ["n.vpc"]);
    assert_eq!(why(&survey, "rtb-1"), "n.table is another already");
}

fn name(name: &str) -> Value {
    json!([{ "Key": "Name", "Value": name }])
}

#[tokio::test]
async fn that_nothing_speaks_against_a_thing_is_no_sign() {
    let mut declared = stack();
    let team = json!([{ "Key": "Team", "Value": "core" }]);
    let vpc = declared.add_value("n.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    declared.add_value("n.gateway", GATEWAY, json!({ "Tags": team }));
    let address = declared.add_value("n.address", ADDRESS, json!({ "Domain": "vpc", "Tags": team }));
    let subnet = json!({ "VpcId": vpc.id(), "CidrBlock": "10.0.1.0/24" });
    let subnet = declared.add_value("n.subnet", SUBNET, subnet);
    let nat = json!({ "SubnetId": subnet.id(), "AllocationId": address.id(), "ConnectivityType": "public" });
    declared.add_value("n.nat", NAT, nat);
    let others = [
        (VPC, "vpc-9", json!({ "CidrBlock": "10.9.0.0/16" })),
        (GATEWAY, "igw-9", json!({ "Tags": team })),
        (ADDRESS, "192.0.2.9", json!({ "Domain": "vpc", "Tags": name("bastion") })),
        // In a network that was refused, and in one of which nothing is known.
        (SUBNET, "subnet-9", json!({ "VpcId": "vpc-9", "CidrBlock": "10.0.1.0/24" })),
        (NAT, "nat-9", json!({ "SubnetId": "subnet-404", "AllocationId": "192.0.2.8", "ConnectivityType": "public" })),
    ];
    let there = Elsewhere::new(&others, declared);
    let survey = there.survey(&[]).await;
    assert!(found(&survey).is_empty(), "{:?}", found(&survey));
    assert_eq!(why(&survey, "igw-9"), "nothing tells whether it is n.gateway or another's");
    assert_eq!(why(&survey, "subnet-9"), "nothing tells whether it is n.subnet or another's");
    assert!(why(&survey, "vpc-9").contains("CidrBlock is 10.9.0.0/16"), "{}", why(&survey, "vpc-9"));

    // What is really ours is found beside them: by its range, what it is in, and what refers to it.
    let ours = [
        (VPC, "vpc-1", json!({ "CidrBlock": "10.0.0.0/16" })),
        (ADDRESS, "192.0.2.1", json!({ "Domain": "vpc" })),
        (SUBNET, "subnet-1", json!({ "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24" })),
        (NAT, "nat-1", json!({ "SubnetId": "subnet-1", "AllocationId": "192.0.2.1", "ConnectivityType": "public" })),
    ];
    let there = Elsewhere { world: Elsewhere::new(&[&others[..], &ours[..]].concat(), stack()).world, ..there };
    let mut is: Vec<String> = there.survey(&[]).await.matched.into_iter().map(|one| one.candidate.id).collect();
    is.sort();
    assert_eq!(is, ["192.0.2.1", "nat-1", "subnet-1", "vpc-1"]);
}

#[tokio::test]
async fn a_name_tells_and_another_name_speaks_against() {
    let mut declared = stack();
    let vpc = json!({ "CidrBlock": "10.0.0.0/16", "Tags": name("core") });
    let vpc = declared.add_value("n.vpc", VPC, vpc);
    declared.add_value("n.gateway", GATEWAY, json!({ "Tags": name("core") }));
    let subnet = json!({ "VpcId": vpc.id(), "CidrBlock": "10.0.1.0/24", "Tags": name("core-a") });
    declared.add_value("n.subnet", SUBNET, subnet);
    let network = |vpc: &str| {
        [
            (VPC, "vpc-1", json!({ "CidrBlock": "10.0.0.0/16", "Tags": name(vpc) })),
            (GATEWAY, "igw-1", json!({ "Tags": name(vpc) })),
            (SUBNET, "subnet-1", json!({ "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "Tags": name("private-1") })),
        ]
    };
    let there = Elsewhere::new(&network("legacy"), declared);
    assert!(found(&there.survey(&[]).await).is_empty());
    let there = Elsewhere { world: Elsewhere::new(&network("core"), stack()).world, ..there };
    // The one subnet of this range in this network is the one, whatever it is called.
    assert_eq!(there.survey(&[]).await.matched.len(), 3);
}

#[tokio::test]
async fn a_name_says_nothing_of_what_another_uses() {
    let mut declared = stack();
    let vpc = declared.add_value("n.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    let address = declared.add_value("n.address", ADDRESS, json!({ "Domain": "vpc", "Tags": name("nat") }));
    let subnet = json!({ "VpcId": vpc.id(), "CidrBlock": "10.0.1.0/24" });
    let subnet = declared.add_value("n.subnet", SUBNET, subnet);
    let nat = json!({ "SubnetId": subnet.id(), "AllocationId": address.id() });
    declared.add_value("n.nat", NAT, nat);
    let things = |subnet: &str| {
        vec![
            (VPC, "vpc-1", json!({ "CidrBlock": "10.0.0.0/16" })),
            (SUBNET, "subnet-1", json!({ "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24" })),
            (SUBNET, "subnet-9", json!({ "VpcId": "vpc-9", "CidrBlock": "10.0.1.0/24" })),
            (ADDRESS, "192.0.2.9", json!({ "Domain": "vpc", "Tags": name("nat") })),
            (NAT, "nat-9", json!({ "SubnetId": subnet, "AllocationId": "192.0.2.9" })),
        ]
    };
    let there = Elsewhere::new(&things("subnet-9"), declared);
    assert_eq!(there.survey(&[]).await.matched.len(), 2);
    // Of one that nothing uses the name tells.
    let unused = &things("subnet-9")[..4];
    let there = Elsewhere { world: Elsewhere::new(unused, stack()).world, ..there };
    assert_eq!(there.survey(&[]).await.matched.len(), 3);
    let there = Elsewhere { world: Elsewhere::new(&things("subnet-1"), stack()).world, ..there };
    assert_eq!(there.survey(&[]).await.matched.len(), 4);
}

#[tokio::test]
async fn one_candidate_for_two_declared_is_reported() {
    let mut declared = stack();
    let vpc = declared.add_value("n.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    declared.add_value("n.table.a", TABLE, json!({ "VpcId": vpc.id() }));
    declared.add_value("n.table.b", TABLE, json!({ "VpcId": vpc.id() }));
    let things = [(VPC, "vpc-1", json!({ "CidrBlock": "10.0.0.0/16" })), (TABLE, "rtb-1", json!({ "VpcId": "vpc-1" }))];
    let survey = Elsewhere::new(&things, declared).survey(&[]).await;
    assert_eq!(why(&survey, "rtb-1"), "it could be any of n.table.a, n.table.b");
    assert_eq!(survey.missing.len(), 2);
}

#[tokio::test]
async fn tags_tell_before_all_else_and_another_environments_are_respected() {
    let tags = |environment: &str, address: &str| json!([{ "Key": "groundplan:environment", "Value": environment }, { "Key": "groundplan:address", "Value": address }]);
    let mut declared = stack();
    declared.add_value("n.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    let things = [
        (VPC, "vpc-1", json!({ "CidrBlock": "10.0.0.0/16", "Tags": tags("other/production", "n.vpc") })),
        (VPC, "vpc-2", json!({ "CidrBlock": "10.7.0.0/16", "Tags": tags("test/test", "n.vpc") })),
    ];
    let there = Elsewhere::new(&things, declared);
    let survey = there.survey(&[]).await;
    assert_eq!(found(&survey), [("n.vpc".into(), "vpc-2".into(), By::Tags)]);
    assert_eq!(survey.matched[0].differs[0].place(), "CidrBlock");
    assert_eq!(why(&survey, "vpc-1"), "it belongs to other/production (n.vpc), as its tags say");
    assert!(
        matches!(there.one("n.vpc", "vpc-1").await, Err(Refusal::Foreign { environment, .. }) if environment == "other/production")
    );
}

#[tokio::test]
async fn whose_a_thing_without_a_property_for_tags_is_is_asked_for() {
    let mut declared = stack();
    let rule = json!({ "GroupId": "sg-1", "CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443 });
    declared.add_value("n.rule", RULE, rule.clone());
    let there = Elsewhere::new(&[(RULE, "sgr-1", rule)], declared);
    let tags = |environment: &str| {
        let tags = [("groundplan:environment", environment), ("groundplan:address", "n.rule")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        there.world.cloud.carried.lock().unwrap().insert("sgr-1".into(), tags);
    };
    tags("test/production");
    let survey = there.survey(&[]).await;
    assert!(survey.matched.is_empty(), "{:?}", found(&survey));
    assert_eq!(why(&survey, "sgr-1"), "it belongs to test/production (n.rule), as its tags say");
    assert!(matches!(there.one("n.rule", "sgr-1").await, Err(Refusal::Foreign { .. })));
    tags("test/test");
    assert_eq!(found(&there.survey(&[]).await), [("n.rule".into(), "sgr-1".into(), By::Tags)]);
}

#[tokio::test]
async fn a_thing_has_one_id_however_it_is_asked_for() {
    let there = Elsewhere::new(&network_there(), network());
    let survey = there.survey(&[(VPC, "also:vpc-1")]).await;
    let vpc = survey.matched.iter().find(|one| one.address.as_str() == "n.vpc").unwrap();
    assert_eq!(vpc.candidate.id, "vpc-1");
    assert_eq!(survey.unmatched.last().unwrap().why, "it is the same as was.vpc-1 (vpc-1)");

    let one = there.one("n.vpc", "also:vpc-1").await.unwrap();
    assert_eq!(one.candidate.id, "vpc-1");
    there.adopt(&Survey { matched: vec![one], ..Survey::default() }).await;
    assert_eq!(there.open().await.state.entries["n.vpc"].id, "vpc-1");
    let survey = there.survey(&[(VPC, "also:vpc-1")]).await;
    assert_eq!(survey.already.len(), 2);
    // Also where another address is asked for.
    let mut more = network();
    more.add_value("n.other", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    let there = Elsewhere { graph: Graph::build(more.finish().0, &types()).unwrap(), ..there };
    let refused = there.one("n.other", "also:vpc-1").await.unwrap_err();
    assert_eq!(refused.to_string(), "`n.vpc` is `vpc-1` in the state already");
}

#[tokio::test]
async fn what_is_tagged_as_another_of_ours_is_that_one_or_none() {
    let tags = json!([{ "Key": "groundplan:environment", "Value": "test/test" }, { "Key": "groundplan:address", "Value": "n.other" }]);
    let mut declared = stack();
    declared.add_value("n.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    declared.add_value("n.other", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    let things = [
        (VPC, "vpc-1", json!({ "CidrBlock": "10.0.0.0/16", "Tags": tags })),
        (VPC, "vpc-2", json!({ "CidrBlock": "10.0.0.0/16", "Tags": tags })),
    ];
    let survey = Elsewhere::new(&things, declared).survey(&[]).await;
    assert!(survey.matched.is_empty(), "{:?}", found(&survey));
    assert!(why(&survey, "vpc-1").contains("n.other could be any of"), "{}", why(&survey, "vpc-1"));
}

#[tokio::test]
async fn a_password_is_taken_as_declared_and_not_set_anew() {
    let mut declared = stack();
    let password = "{{resolve:secretsmanager:db:SecretString:password}}";
    let database = json!({ "DBInstanceIdentifier": "main", "MultiAZ": false, "MasterUserPassword": password });
    declared.add_value("s.main", DATABASE, database);
    let things = [(DATABASE, "main", json!({ "DBInstanceIdentifier": "main", "MultiAZ": true, "Port": "5432" }))];
    let there = Elsewhere::new(&things, declared);
    let survey = there.survey(&[]).await;
    assert_eq!(survey.matched[0].unread, ["MasterUserPassword"]);
    there.adopt(&survey).await;
    assert_eq!(there.plan().await, ["Update s.main MultiAZ"]);
}

#[tokio::test]
async fn an_open_text_that_nobody_declared_is_not_kept() {
    let task = |environment: Value| json!({ "Family": "api", "ContainerDefinitions": [{ "Name": "api", "Image": "api:1", "Environment": environment }] });
    let port = json!({ "Name": "PORT", "Value": "3000" });
    let password = json!({ "Name": "DB_PASSWORD", "Value": "hunter2-plain" });
    let mut declared = stack();
    declared.add_value("c.task", TASK, task(json!([port])));
    let there = Elsewhere::new(&[(TASK, "task-1", task(json!([port, password])))], declared);
    let one = there.one("c.task", "task-1").await.unwrap();
    there.adopt(&Survey { matched: vec![one], ..Survey::default() }).await;
    assert_eq!(there.plan().await, ["Replace c.task ContainerDefinitions"]);
    let entry = there.open().await.state.entries["c.task"].clone();
    assert!(entry.properties.to_string().contains("3000"), "{}", entry.properties);
    for file in std::fs::read_dir(there.world.dir.path()).unwrap().flatten() {
        let written = std::fs::read(file.path()).unwrap_or_default();
        let written = String::from_utf8_lossy(&written).into_owned();
        assert!(!written.contains("hunter2-plain"), "{} has it", file.path().display());
    }
}

#[tokio::test]
async fn what_a_schema_calls_unreadable_counts_where_it_is_read() {
    // The schema of a replication group calls these write-only; handlers read them.
    let cases = [
        (json!({ "EngineVersion": "7.1" }), json!({ "EngineVersion": "7.1.0" }), vec![], vec![]),
        (json!({ "SecurityGroupIds": ["a", "b"] }), json!({ "SecurityGroupIds": ["b", "a"] }), vec![], vec![]),
        (json!({ "EngineVersion": "7.1" }), json!({ "EngineVersion": "7.0" }), vec!["EngineVersion"], vec![]),
        (json!({ "AuthToken": "{{resolve:x}}" }), json!({}), vec![], vec!["AuthToken"]),
    ];
    for (mut declared, mut is, differs, unread) in cases {
        declared["ReplicationGroupId"] = json!("cache");
        is["ReplicationGroupId"] = json!("cache");
        let mut stack = stack();
        stack.add_value("s.cache", CACHE, declared.clone());
        let there = Elsewhere::new(&[(CACHE, "cache", is)], stack);
        let survey = there.survey(&[]).await;
        let places: Vec<String> = survey.matched[0].differs.iter().map(|change| change.place()).collect();
        assert_eq!(
            (places, &survey.matched[0].unread[..]),
            (
                differs.iter().map(|s| s.to_string()).collect(),
                &unread.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..]
            ),
            "{declared}"
        );
        there.adopt(&survey).await;
        assert_eq!(there.plan().await.len(), differs.len(), "{declared}");
    }
}

#[tokio::test]
async fn what_a_list_holds_is_no_difference_where_it_is_matched_by_itself() {
    let declared = |own: &str| {
        let mut stack = stack();
        let group = json!({ "GroupName": "web", "GroupDescription": "web", "SecurityGroupIngress": [{ "CidrIp": "10.0.0.0/8", "IpProtocol": "-1" }] });
        let group = stack.add_value("n.group", "AWS::EC2::SecurityGroup", group);
        let rule = json!({ "GroupId": group.id(), "CidrIp": own, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443 });
        stack.add_value("n.rule", RULE, rule);
        stack
    };
    let rule = json!({ "CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443 });
    let inline = json!([{ "CidrIp": "10.0.0.0/8", "IpProtocol": "-1" }, rule]);
    let mut own = rule.clone();
    own["GroupId"] = json!("sg-1");
    let group = json!({ "GroupName": "web", "GroupDescription": "web", "SecurityGroupIngress": inline });
    for (cidr, differing) in [("0.0.0.0/0", 0), ("192.0.2.0/24", 1)] {
        let things = [("AWS::EC2::SecurityGroup", "sg-1", group.clone()), (RULE, "sgr-1", own.clone())];
        let survey = Elsewhere::new(&things, declared(cidr)).survey(&[]).await;
        let group = survey.matched.iter().find(|one| one.address.as_str() == "n.group").unwrap();
        assert_eq!(group.differs.len(), differing, "{:?}", group.differs);
    }
}

#[tokio::test]
async fn what_was_cut_off_is_finished_by_the_same_again() {
    let there = Elsewhere::new(&network_there(), network());
    let denied = Failure::new(FailureKind::Denied, "not allowed to tag");
    there.world.cloud.fail.lock().unwrap().push(("update:n.vpc".into(), denied));
    let survey = there.survey(&[]).await;
    let adopted = there.adopt(&survey).await;
    assert_eq!((adopted.done.len(), adopted.unmarked.len()), (7, 1));
    // It is in the state all the same, so nothing is made twice.
    assert!(there.open().await.state.entries["n.vpc"].incomplete);

    let again = there.survey(&[]).await;
    assert_eq!(found(&again), [("n.vpc".into(), "vpc-1".into(), By::State)]);

    // It is remembered what was left, though nobody offers it any more: a deploy finishes it first.
    let mut session = there.open().await;
    let finished = adopt::finish(&mut session, &there.graph, &there.pseudo, &there.surroundings()).await.unwrap();
    assert_eq!(finished.done.iter().map(|address| address.as_str()).collect::<Vec<_>>(), ["n.vpc"]);
    let again = adopt::finish(&mut session, &there.graph, &there.pseudo, &there.surroundings()).await.unwrap();
    assert!(again.done.is_empty());
    drop(session);
    assert_eq!(there.plan().await, ["Update n.vpc EnableDnsSupport"]);
}

#[tokio::test]
async fn a_deploy_that_was_cut_off_is_not_taken_for_an_adoption() {
    let there = Elsewhere::new(&network_there(), network());
    there.adopt(&there.survey(&[]).await).await;
    let mut session = there.open().await;
    let mut entry = session.state.entries["n.vpc"].clone();
    (entry.incomplete, entry.token) = (true, "0123".into());
    session.record(&[engine::state::Record::Adopted(Box::new(entry))]).await.unwrap();
    let finished = adopt::finish(&mut session, &there.graph, &there.pseudo, &there.surroundings()).await.unwrap();
    assert!(finished.done.is_empty() && session.state.entries["n.vpc"].incomplete);
}

#[tokio::test]
async fn one_resource_by_hand_says_what_is_wrong() {
    let there = Elsewhere::new(&network_there(), network());
    let refused = there.one("n.vcp", "vpc-1").await.unwrap_err();
    assert!(matches!(&refused, Refusal::Undeclared { near: Some(near), .. } if near.as_str() == "n.vpc"), "{refused}");
    let refused = there.one("n.vpc", "vpc-404").await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no AWS::EC2::VPC `vpc-404` in r");
    let one = there.one("n.vpc", "vpc-1").await.unwrap();
    assert_eq!((one.by.clone(), one.differs.len()), (By::Asked, 1));
    there.adopt(&Survey { matched: vec![one], ..Survey::default() }).await;
    for (address, id) in [("n.vpc", "vpc-1"), ("n.vpc", "vpc-2")] {
        let refused = there.one(address, id).await.unwrap_err();
        assert_eq!(refused.to_string(), "`n.vpc` is `vpc-1` in the state already");
    }
}

#[tokio::test]
async fn a_thousand_are_matched_in_a_moment() {
    let mut declared = stack();
    let group = json!({ "GroupName": "web", "GroupDescription": "web" });
    let group = declared.add_value("n.group", "AWS::EC2::SecurityGroup", group);
    let mut things =
        vec![("AWS::EC2::SecurityGroup", "sg-1".to_owned(), json!({ "GroupName": "web", "GroupDescription": "web" }))];
    for n in 0..1_000 {
        let cidr = format!("10.{}.{}.0/24", n / 250, n % 250);
        let rule =
            json!({ "GroupId": group.id(), "CidrIp": cidr, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443 });
        declared.add_value(format!("n.rule.r{n}"), RULE, rule);
        let there = json!({ "GroupId": "sg-1", "CidrIp": cidr, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443 });
        things.push((RULE, format!("sgr-{n}"), there));
    }
    let things: Vec<(&str, &str, Value)> =
        things.iter().map(|(name, id, value)| (*name, id.as_str(), value.clone())).collect();
    let there = Elsewhere::new(&things, declared);
    let began = std::time::Instant::now();
    let survey = there.survey(&[]).await;
    assert_eq!(survey.matched.len(), 1_001);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

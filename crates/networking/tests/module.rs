//! The documented network through its whole life: deployed, planned empty, changed, shrunk, destroyed.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::apply::{Interrupt, OnFailure, Options};
use engine::event::Events;
use engine::plan::{Plan, Selection, Verb};
use engine::session::Declared;
use engine::store::FileStore;
use engine::{Catalogue, Graph, Session, Stack, Surroundings};
use lifecycle::TestCloud;
use networking::module::{self, FlowLogTarget, Inputs, Listen, Store, Workload};
use serde_json::{Value, json};

const LOG_GROUP: &str = "/vpc/arrakis-production/flow-logs";

fn settings(change: Value) -> Value {
    let mut settings = json!({
        "cidr": "10.0.0.0/16",
        "private": ["10.0.1.0/24", "10.0.2.0/24"],
        "public": ["10.0.101.0/24", "10.0.102.0/24"],
        "nat": "single",
        "endpoints": ["s3", "ecr", "logs"],
        "flow-logs": { "traffic": "all" },
        "load-balancer": { "main": { "certificate": { "domain": "arrakis.example.com" }, "protected": true } }
    });
    settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    settings
}

fn service(name: &str, port: u16, path: &str) -> Workload {
    Workload {
        name: name.into(),
        key: format!("compute.service.{name}"),
        port: Some(port),
        load_balancer: Some(Listen { balancer: "main".into(), path: Some(path.into()), ..Listen::default() }),
        uses: vec!["postgres.main".into(), "redis.cache".into()],
        public: false,
    }
}

fn inputs(mut workloads: Vec<Workload>) -> Inputs {
    workloads.push(Workload { port: None, load_balancer: None, ..service("worker", 1, "") });
    Inputs {
        prefix: "arrakis-production".into(),
        flow_logs: Some(FlowLogTarget {
            log_group_name: LOG_GROUP.into(),
            role_arn: "arn:aws:iam::123456789012:role/flow-logs".into(),
        }),
        workloads,
        stores: vec![
            Store { name: "postgres.main".into(), port: 5432 },
            Store { name: "redis.cache".into(), port: 6379 },
        ],
    }
}

struct Deployment {
    cloud: TestCloud,
    catalogue: Arc<Catalogue>,
    dir: tempfile::TempDir,
}

impl Deployment {
    async fn session(&self) -> Session {
        let surroundings = Surroundings {
            environment: "freeside/production".into(),
            catalogue: self.catalogue.clone(),
            services: self.cloud.context("networking").services,
            time_scale: 0.0,
            between_looks: std::time::Duration::ZERO,
        };
        let store = Arc::new(FileStore::new(self.dir.path()));
        Session::open(store, surroundings, "local", Events::default(), engine::session::Purpose::Write).await.unwrap()
    }

    async fn plan(&self, session: &mut Session, declared: Option<(Value, Inputs)>) -> Plan {
        let mut stack = Stack::new("freeside/production", "us-east-1", &[]);
        if let Some((settings, inputs)) = declared {
            module::declare(&serde_json::from_value(settings).unwrap(), &inputs, &mut stack);
        }
        let (nodes, findings) = stack.finish();
        assert_eq!(findings, []);
        let graph = Graph::build(nodes, &self.catalogue).unwrap();
        let declared = Declared {
            graph: &graph,
            outputs: &BTreeMap::new(),
            pseudo: &BTreeMap::new(),
            selection: &Selection::default(),
            refresh: true,
        };
        session.plan(&declared).await.unwrap()
    }

    /// Plans, applies, and holds that nothing is left to do; answers what was done.
    async fn deploy(&self, declared: Option<(Value, Inputs)>) -> Vec<String> {
        let mut session = self.session().await;
        let plan = self.plan(&mut session, declared.clone()).await;
        let interrupt = tokio::sync::watch::Sender::new(Interrupt::None);
        let options = Options {
            on_failure: OnFailure::Stop,
            lift_protection: declared.is_none(),
            at_once: 16,
            interrupt: interrupt.subscribe(),
        };
        let outcome = session.apply(&plan, "deploy", options).await.unwrap();
        assert!(outcome.is_complete(), "{:#?}", outcome.failed);
        let again = self.plan(&mut self.session().await, declared).await;
        let left: Vec<_> = again.changes().map(|action| (&action.address, action.verb, &action.changes)).collect();
        assert!(left.is_empty(), "{left:#?}");
        verbs(&plan)
    }
}

fn verbs(plan: &Plan) -> Vec<String> {
    let verb = |verb, delete_first| match (verb, delete_first) {
        (Verb::Create, _) => "create",
        (Verb::Update, _) => "update",
        (Verb::Replace, false) => "replace",
        (Verb::Replace, true) => "replace, delete first",
        (Verb::Delete, _) => "delete",
        (Verb::NoOp, _) => "no-op",
    };
    let word = |action: &engine::plan::Action| format!("{} {}", verb(action.verb, action.delete_first), action.address);
    let mut words: Vec<String> = plan.changes().map(word).collect();
    words.sort();
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_network_lives_its_life() {
    let mut catalogue = Catalogue::default();
    networking::register(&mut catalogue);
    let cloud = TestCloud::start().await;
    cloud.json_call("logs", "Logs_20140328.CreateLogGroup", &json!({ "logGroupName": LOG_GROUP }));
    let deployment = Deployment { cloud, catalogue: Arc::new(catalogue), dir: tempfile::tempdir().unwrap() };

    let made = deployment.deploy(Some((settings(json!({})), inputs(vec![service("api", 3000, "/*")])))).await;
    assert!(made.iter().all(|word| word.starts_with("create")), "{made:#?}");

    // Another port: the target group is made anew before the listener leaves the old one.
    let ports = deployment.deploy(Some((settings(json!({})), inputs(vec![service("api", 3001, "/*")])))).await;
    let expected = [
        "replace networking.security-group.service.api.from-load-balancer-main",
        "replace networking.target-group.api",
        "update networking.listener.main-https",
        "update networking.security-group.load-balancer.main",
    ];
    assert_eq!(ports, expected);

    let more = vec![service("api", 3001, "/*"), service("web", 8080, "/static/*")];
    let wider = json!({
        "nat": "per-zone",
        "load-balancer": { "main": {
            "certificate": { "domain": "arrakis.example.com" }, "idle-timeout": 120, "http": "forward", "protected": true
        } }
    });
    let grown = deployment.deploy(Some((settings(wider), inputs(more)))).await;
    for word in [
        "create networking.listener-rule.main-web-http",
        "create networking.nat-gateway.b",
        "create networking.target-group.web",
        "update networking.listener.main-http",
        "update networking.load-balancer.main",
    ] {
        assert!(grown.iter().any(|there| there == word), "{word} is not in {grown:#?}");
    }

    let shrunk = deployment.deploy(Some((settings(json!({})), inputs(vec![service("api", 3001, "/*")])))).await;
    assert!(shrunk.iter().any(|word| word == "delete networking.target-group.web"), "{shrunk:#?}");
    let gone = deployment.deploy(None).await;
    assert!(gone.iter().all(|word| word.starts_with("delete")), "{gone:#?}");
    assert!(deployment.session().await.state.is_empty());
}

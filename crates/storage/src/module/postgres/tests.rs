use engine::{Finding, Node, Severity};
use serde_json::{Value, json};

use super::super::{Outputs, declare};
use super::*;
use crate::Settings;

fn inputs() -> Inputs {
    Inputs {
        prefix: "arrakis-production".into(),
        subnet_ids: vec!["subnet-a".into(), "subnet-b".into()],
        security_groups: [("postgres.main".to_owned(), "sg-0a1b2c3d".to_owned())].into(),
        secrets: [("db-credentials".to_owned(), Handle::to("security.secret.db-credentials").id())].into(),
    }
}

fn run(database: Value) -> (Outputs, Vec<Node>, Vec<Finding>) {
    let mut all = json!({ "version": "15.18", "class": "db.t3.small", "credentials": "db-credentials" });
    for (key, value) in database.as_object().unwrap() {
        all[key] = value.clone();
    }
    let settings: Settings = serde_json::from_value(json!({ "postgres": { "main": all } })).unwrap();
    let mut stack = Stack::new("freeside/production", "us-east-1", &[("system".into(), "freeside".into())]);
    let outputs = declare(&settings, &inputs(), &mut stack);
    let (nodes, findings) = stack.finish();
    (outputs, nodes, findings)
}

fn valid(nodes: &[Node]) {
    for node in nodes {
        let violations = schema::validate(&node.type_name, &node.properties);
        assert!(violations.is_empty(), "{}: {violations:?}", node.address);
    }
}

#[test]
fn a_database_has_its_subnet_and_parameter_groups() {
    let (outputs, nodes, findings) = run(json!({ "backups": 7 }));
    assert!(findings.is_empty(), "{findings:?}");
    valid(&nodes);
    let said: Vec<_> = nodes.iter().map(|node| (node.address.as_str(), node.type_name.as_str())).collect();
    assert_eq!(
        said,
        [
            ("storage.postgres.main.subnet-group", "AWS::RDS::DBSubnetGroup"),
            ("storage.postgres.main.parameter-group", "AWS::RDS::DBParameterGroup"),
            ("storage.postgres.main", "AWS::RDS::DBInstance"),
        ]
    );
    assert_eq!(nodes[1].properties["DBParameterGroupName"], "arrakis-production-postgres-15");
    assert_eq!(nodes[1].properties["Family"], "postgres15");
    assert_eq!(nodes[1].properties["Parameters"], json!({ "rds.force_ssl": "1" }));
    let database = &nodes[2];
    assert!(database.protected);
    assert_eq!(database.origin.as_deref(), Some("storage.postgres.main"));
    let mut properties = database.properties.clone();
    properties.as_object_mut().unwrap().remove("Tags");
    assert_eq!(
        properties,
        json!({
            "AllocatedStorage": "20",
            "AutoMinorVersionUpgrade": false,
            "BackupRetentionPeriod": 7,
            "CopyTagsToSnapshot": true,
            "DBInstanceClass": "db.t3.small",
            "DBInstanceIdentifier": "arrakis-production-postgres",
            "DBParameterGroupName": { "Ref": "storage.postgres.main.parameter-group" },
            "DBSubnetGroupName": { "Ref": "storage.postgres.main.subnet-group" },
            "DeletionProtection": true,
            "EnableIAMDatabaseAuthentication": false,
            "EnablePerformanceInsights": true,
            "Engine": "postgres",
            "EngineVersion": "15.18",
            "MasterUserPassword": { "Fn::Join": ["", [
                "{{resolve:secretsmanager:",
                { "Ref": "security.secret.db-credentials" },
                ":SecretString:password}}",
            ]] },
            "MasterUsername": "postgres",
            "MultiAZ": false,
            "PerformanceInsightsRetentionPeriod": 7,
            "Port": "5432",
            "PubliclyAccessible": false,
            "StorageEncrypted": true,
            "StorageType": "gp3",
            "VPCSecurityGroups": ["sg-0a1b2c3d"],
        })
    );
    let store = &outputs.stores["postgres.main"];
    assert_eq!(store.name, "arrakis-production-postgres");
    assert_eq!((store.port, store.database.as_str()), (5432, "postgres"));
    assert_eq!(store.host, Handle::to("storage.postgres.main").get("Endpoint.Address"));
}

#[test]
fn everything_that_can_be_set_is_valid() {
    let (_, nodes, findings) = run(json!({
        "storage": 400, "max-storage": 1000, "storage-type": "gp3", "iops": 12000, "backups": 35,
        "backup-window": "03:00-04:00", "maintenance-window": "Sun:05:00-Sun:06:00", "multi-az": true,
        "protected": false, "force-tls": false, "public": true, "database": "arrakis", "username": "arrakis",
        "port": 5433, "performance-insights": false, "log-exports": ["upgrade", "postgresql"],
        "parameters": { "log_min_duration_statement": 500, "autovacuum": true, "work_mem": "8192" },
        "minor-upgrades": true, "major-upgrades": true, "iam-authentication": true,
        "certificate-authority": "rds-ca-rsa2048-g1",
    }));
    assert!(findings.is_empty(), "{findings:?}");
    valid(&nodes);
    assert_eq!(nodes[1].properties["Parameters"]["autovacuum"], "1");
    let database = &nodes[2];
    assert_eq!(database.properties["EnableCloudwatchLogsExports"], json!(["postgresql", "upgrade"]));
    assert_eq!(database.properties["PreferredMaintenanceWindow"], "sun:05:00-sun:06:00");
    assert_eq!(database.owned[0].property, "AllocatedStorage");
    assert!(!database.protected);
}

#[test]
fn without_parameters_there_is_no_parameter_group() {
    let (_, nodes, _) = run(json!({ "force-tls": false }));
    assert_eq!(nodes.len(), 2);
    assert!(nodes[1].properties.get("DBParameterGroupName").is_none());
}

#[test]
fn what_is_kept_at_the_end_travels_as_tags() {
    let cases = [
        (json!({}), ("true", None)),
        (json!({ "protected": false }), ("false", None)),
        (json!({ "protected": false, "final-snapshot": true }), ("true", None)),
        (json!({ "final-snapshot": false }), ("false", None)),
        (json!({ "final-snapshot": "Last-One", "keep-backups": true }), ("last-one", Some("true"))),
    ];
    for (database, (snapshot, backups)) in cases {
        let (_, nodes, findings) = run(database.clone());
        assert!(findings.is_empty(), "{findings:?}");
        let tags = nodes.last().unwrap().properties["Tags"].as_array().unwrap();
        let tag = |key: &str| tags.iter().find(|tag| tag["Key"] == key).and_then(|tag| tag["Value"].as_str());
        assert_eq!(tag("groundplan:final-snapshot"), Some(snapshot), "{database}");
        assert_eq!(tag("groundplan:keep-backups"), backups, "{database}");
    }
}

#[test]
fn bad_values_are_found_at_their_keys() {
    let cases = [
        (json!({ "class": "db.t3.smal" }), "class", "there is no instance class for PostgreSQL `db.t3.smal`"),
        (json!({ "version": "15.99" }), "version", "there is no PostgreSQL `15.99` on RDS"),
        (json!({ "version": "15" }), "version", "`15` has no minor version"),
        (json!({ "credentials": "db-credential" }), "credentials", "there is no secret `db-credential`"),
        (json!({ "storage": 10 }), "storage", "the storage is 10 GiB"),
        (json!({ "storage-type": "io1", "storage": 100 }), "storage-type", "io1 storage needs `iops`"),
        (json!({ "storage-type": "gp2", "iops": 3000 }), "iops", "gp2 storage has no `iops`: they follow its size"),
        (json!({ "max-storage": 21 }), "max-storage", "`max-storage` leaves no room to grow beyond 20 GiB"),
        (json!({ "backups": 36 }), "backups", "`backups` is 36 days"),
        (json!({ "backup-window": "3-4" }), "backup-window", "`3-4` is no window"),
        (json!({ "backup-window": "03:00-03:10" }), "backup-window", "`03:00-03:10` is 10 minutes long"),
        (
            json!({ "backup-window": "05:30-06:30", "maintenance-window": "sun:05:00-sun:06:00" }),
            "maintenance-window",
            "`backup-window` and `maintenance-window` overlap",
        ),
        (json!({ "log-exports": ["postgresql", "slow"] }), "log-exports.1", "PostgreSQL has no log `slow`"),
        (json!({ "username": "admin" }), "username", "the user name `admin` is reserved"),
        (json!({ "database": "my-db" }), "database", "`my-db` is no database name"),
        (json!({ "port": 22 }), "port", "`port` is 22"),
        (json!({ "final-snapshot": "last--one" }), "final-snapshot", "`last--one` is no name of a snapshot"),
        (json!({ "final-snapshot": "true" }), "final-snapshot", "`true` is no name of a snapshot"),
        (
            json!({ "parameters": { "rds.force_ssl": 0 } }),
            "parameters.rds.force_ssl",
            "`force-tls` is on, and the parameter `rds.force_ssl` is not",
        ),
    ];
    for (settings, key, message) in cases {
        let (_, _, findings) = run(settings.clone());
        let said: Vec<_> = findings.iter().map(|f| (f.key.as_deref().unwrap(), f.message.as_str())).collect();
        assert_eq!(said, [(format!("storage.postgres.main.{key}").as_str(), message)], "{settings}");
        assert!(findings[0].hint.is_some() && findings[0].severity == Severity::Error, "{findings:?}");
    }
}

#[test]
fn hints_name_what_there_is() {
    let hint = |settings: Value| run(settings).2[0].hint.clone().unwrap();
    assert!(hint(json!({ "class": "db.t3.smal" })).contains("db.t3.small"));
    assert!(hint(json!({ "version": "15.99" })).starts_with("the newest 15 is `15."));
    assert_eq!(hint(json!({ "credentials": "db-credential" })), "did you mean `db-credentials`?");
    assert_eq!(hint(json!({ "credentials": "x" })), "declare it: `[security.secret.x]`");
}

#[test]
fn a_deprecated_version_is_a_warning() {
    let (_, _, findings) = run(json!({ "version": "15.10" }));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Warning);
    assert_eq!(findings[0].rule, "engine-version-deprecated");
}

#[test]
fn one_subnet_is_too_few() {
    let settings: Settings = serde_json::from_value(json!({ "postgres": { "main": {
        "version": "15.18", "class": "db.t3.small", "credentials": "db-credentials" } } }))
    .unwrap();
    let mut stack = Stack::new("e/e", "us-east-1", &[]);
    declare(&settings, &Inputs { subnet_ids: vec!["subnet-a".into()], ..inputs() }, &mut stack);
    let (_, findings) = stack.finish();
    assert_eq!(findings[0].rule, "too-few-subnets");
}

#[test]
fn names_tell_databases_apart() {
    assert_eq!(physical("p", "postgres", "main", "main"), "p-postgres");
    assert_eq!(physical("p", "postgres", "main", "reports"), "p-postgres-reports");
}

#[test]
fn a_prefix_that_is_too_long_is_found() {
    let settings: Settings =
        serde_json::from_value(json!({ "redis": { "cache": { "node": "cache.t3.micro" } } })).unwrap();
    let mut stack = Stack::new("e/e", "us-east-1", &[]);
    declare(&settings, &Inputs { prefix: "x".repeat(40), ..inputs() }, &mut stack);
    let (_, findings) = stack.finish();
    assert_eq!((findings[0].rule.as_str(), findings[0].key.as_deref()), ("store-name", Some("storage.redis.cache")));
}

//! Each type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

mod support;

use cloud::{Catalogue, FailureKind};
use engine::health::Status;
use security::value::{self, Change, SecretText};
use serde_json::{Value, json};
use support::{Life, TestCloud, tags};

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    security::register(&mut catalogue);
    catalogue
}

fn document(action: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "A", "Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::a+b/%20*" }],
    })
}

fn trust(service: &str) -> Value {
    security::policy::trust(service)
}

#[tokio::test(flavor = "multi_thread")]
async fn lives() {
    let test = TestCloud::start().await;
    let catalogue = catalogue();
    roles(&test, &catalogue).await;
    many_roles(&test, &catalogue).await;
    managed_policy(&test, &catalogue).await;
    secret(&test, &catalogue).await;
    many_secrets(&test, &catalogue).await;
    taken_over(&test, &catalogue).await;
    anothers(&test, &catalogue).await;
    attachment(&test, &catalogue).await;
}

async fn roles(test: &TestCloud, catalogue: &Catalogue) {
    let address = "security.role.api-task";
    let life = Life { test, catalogue, type_name: "AWS::IAM::Role", address, write_only: &[], owned: true };
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let declared = json!({
        "RoleName": "t-api-task",
        "Description": "for the test",
        "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com"),
        "MaxSessionDuration": 7200,
        "PermissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess",
        "ManagedPolicyArns": [read_only],
        "Policies": [
            { "PolicyName": "one", "PolicyDocument": document("s3:GetObject") },
            { "PolicyName": "two", "PolicyDocument": document("s3:PutObject") },
        ],
        "Tags": tags(address, &[("team", "core")]),
    });
    let id = life.begin(&declared, 1).await;
    assert_eq!(id, "t-api-task");
    let changed = json!({
        "RoleName": "t-api-task",
        "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"],
        "Policies": [
            { "PolicyName": "two", "PolicyDocument": document("s3:DeleteObject") },
            { "PolicyName": "three", "PolicyDocument": document("s3:PutObject") },
        ],
        "Tags": tags(address, &[("stage", "test")]),
    });
    life.change(&id, &changed, 2).await;

    let inline = Life { type_name: "AWS::IAM::RolePolicy", address: "security.role-policy.a", owned: false, ..life };
    let policy = |action: &str| json!({ "PolicyName": "p", "RoleName": id, "PolicyDocument": document(action) });
    let policy_id = inline.begin(&policy("s3:GetObject"), 3).await;
    inline.change(&policy_id, &policy("s3:PutObject"), 4).await;
    inline.end(&policy_id).await;

    let life = Life { type_name: "AWS::IAM::Role", address, owned: true, ..inline };
    life.end(&id).await;
}

/// Many roles are read in two listings, and read as one alone is.
async fn many_roles(test: &TestCloud, catalogue: &Catalogue) {
    let handler = catalogue.get("AWS::IAM::Role").unwrap();
    let mut ids = Vec::new();
    for at in 0..5 {
        let address = format!("security.role.many-{at}");
        let declared = json!({
            "RoleName": format!("t-many-{at}"),
            "Description": format!("number {at}"),
            "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com"),
            "Policies": [{ "PolicyName": "one", "PolicyDocument": document("s3:GetObject") }],
            "Tags": tags(&address, &[]),
        });
        let cx = test.context(&address, 10 + at);
        let made = handler.create(&declared, &cx).await.unwrap();
        handler.sync(&declared, &made.id, None, &cx).await.unwrap();
        ids.push(made.id);
    }
    ids.push("t-not-there".to_owned());
    let cx = test.refresh("security.role.many-0");
    let together = handler.read(&ids, &cx).await.unwrap();
    assert!(together[5].is_none());
    for (at, id) in ids[..5].iter().enumerate() {
        let alone = handler.read(std::slice::from_ref(id), &cx).await.unwrap().remove(0);
        assert_eq!(together[at], alone);
        assert_eq!(together[at].as_ref().unwrap().0["Description"], format!("number {at}"));
        handler.delete(id, &cx).await.unwrap();
    }
}

async fn managed_policy(test: &TestCloud, catalogue: &Catalogue) {
    let roles = catalogue.get("AWS::IAM::Role").unwrap();
    let role = json!({ "RoleName": "t-holder", "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com") });
    let cx = test.context("security.role.holder", 20);
    roles.create(&role, &cx).await.unwrap();
    let address = "security.policy.shared";
    let life = Life { test, catalogue, type_name: "AWS::IAM::ManagedPolicy", address, write_only: &[], owned: true };
    let declared = |action: &str, roles: Value| {
        let mut declared = json!({ "ManagedPolicyName": "t-shared", "PolicyDocument": document(action) });
        if !roles.is_null() {
            declared["Roles"] = roles;
        }
        declared
    };
    let id = life.begin(&declared("s3:GetObject", json!(["t-holder"])), 21).await;
    // More changes than IAM keeps versions.
    for at in 0..6 {
        life.change(&id, &declared(&format!("s3:Get{at}"), Value::Null), 22 + at).await;
    }
    life.change(&id, &declared("s3:GetObject", json!(["t-holder"])), 30).await;
    life.end(&id).await;
    roles.delete("t-holder", &cx).await.unwrap();
}

async fn secret_object(test: &TestCloud, id: &str) -> Value {
    let cx = test.context("security.secret.x", 0);
    value::get(id, &cx).await.unwrap().and_then(|value| value.object()).map_or(Value::Null, Value::Object)
}

fn generated(name: &str, username: &str, address: &str) -> Value {
    json!({
        "Name": name,
        "Description": "for the test",
        "GenerateSecretString": {
            "SecretStringTemplate": json!({ "username": username }).to_string(),
            "GenerateStringKey": "password",
            "PasswordLength": 40,
            "ExcludePunctuation": true,
        },
        "Tags": tags(address, &[("team", "core")]),
    })
}

const SECRET: &str = "AWS::SecretsManager::Secret";

async fn secret(test: &TestCloud, catalogue: &Catalogue) {
    let address = "security.secret.db";
    let write_only = &["GenerateSecretString", "SecretString"];
    let life = Life { test, catalogue, type_name: SECRET, address, write_only, owned: true };
    let id = life.begin(&generated("t/db", "arrakis", address), 40).await;
    assert!(id.starts_with("arn:"));
    let first = secret_object(test, &id).await;
    assert_eq!(first["username"], "arrakis");
    assert_eq!(first["password"].as_str().unwrap().len(), 40);

    // A change keeps the password, whatever it says of its making.
    let mut changed = generated("t/db", "caladan", address);
    changed["GenerateSecretString"]["PasswordLength"] = json!(20);
    changed["Tags"] = tags(address, &[("stage", "test")]);
    changed["Description"] = json!("another");
    life.change(&id, &changed, 41).await;
    let second = secret_object(test, &id).await;
    assert_eq!(second["username"], "caladan");
    assert_eq!(second["password"], first["password"]);

    // A text that refers to another secret is resolved where it is put.
    let derived = "security.secret.derived";
    let reference = cloud::dynamic::secret_reference(&id, "password");
    let text = |more: &str| json!({ "Name": "t/derived", "SecretString": format!("{{\"copy\":\"{reference}\",\"more\":\"{more}\"}}"), "Tags": tags(derived, &[]) });
    let other = Life { address: derived, ..life };
    let derived_id = other.begin(&text("a"), 42).await;
    assert_eq!(secret_object(test, &derived_id).await, json!({ "copy": first["password"], "more": "a" }));
    other.change(&derived_id, &text("b"), 43).await;
    assert_eq!(secret_object(test, &derived_id).await, json!({ "copy": first["password"], "more": "b" }));
    other.end(&derived_id).await;

    // Set by hand: one key, and then the whole.
    let key = Change::Keys(vec![("note".to_owned(), SecretText::new("kept"))]);
    value::set(&test.cloud, "us-east-1", &id, key).await.unwrap();
    let third = secret_object(test, &id).await;
    assert_eq!((&third["note"], &third["password"]), (&json!("kept"), &first["password"]));
    value::set(&test.cloud, "us-east-1", &id, Change::Whole(SecretText::new("plain"))).await.unwrap();
    let key = Change::Keys(vec![("note".to_owned(), SecretText::new("kept"))]);
    assert_eq!(value::set(&test.cloud, "us-east-1", &id, key).await.unwrap_err().kind, FailureKind::Invalid);
    // The engine tells what was applied of what cannot be read: nothing changed there, so nothing is written.
    let handler = catalogue.get(SECRET).unwrap();
    let cx = test.context(address, 44);
    let (mut live, _) = handler.read(std::slice::from_ref(&id), &cx).await.unwrap().remove(0).unwrap();
    live["GenerateSecretString"] = changed["GenerateSecretString"].clone();
    changed["Description"] = json!("a third");
    handler.sync(&changed, &id, Some(&live), &cx).await.unwrap();
    let by_hand = value::get(&id, &cx).await.unwrap();
    assert!(by_hand == Some(SecretText::new("plain")));
    let life = Life { address, ..other };
    life.expect(&id, &changed).await;
    life.end(&id).await;
}

/// Many secrets are read in one listing, and read as one alone is; those without a value are not well.
async fn many_secrets(test: &TestCloud, catalogue: &Catalogue) {
    let handler = catalogue.get(SECRET).unwrap();
    let mut resources = Vec::new();
    for at in 0..4 {
        let address = format!("security.secret.many-{at}");
        let mut declared = generated(&format!("t/many-{at}"), "u", &address);
        if at == 0 {
            declared.as_object_mut().unwrap().remove("GenerateSecretString");
        }
        let made = handler.create(&declared, &test.context(&address, 50 + at)).await.unwrap();
        resources.push((address.as_str().into(), SECRET.to_owned(), made.id, json!({})));
    }
    let ids: Vec<String> = resources.iter().map(|(_, _, id, _)| id.clone()).collect();
    let cx = test.refresh("security.secret.many-0");
    let together = handler.read(&ids, &cx).await.unwrap();
    for (at, id) in ids.iter().enumerate() {
        let alone = handler.read(std::slice::from_ref(id), &cx).await.unwrap().remove(0);
        assert!(alone.is_some());
        assert_eq!(together[at], alone);
    }
    let well: Vec<Status> =
        security::health::check(&resources, &cx).await.into_iter().map(|check| check.status).collect();
    assert_eq!(well, [Status::Unknown, Status::Healthy, Status::Healthy, Status::Healthy]);
    for id in &ids {
        handler.delete(id, &cx).await.unwrap();
    }
    let gone = security::health::check(&resources[..1], &test.refresh("security.secret.many-0")).await;
    assert_eq!(gone[0].status, Status::Unhealthy);
}

/// A destroyed environment is deployed again: its secrets wait for their deletion, and come back.
async fn taken_over(test: &TestCloud, catalogue: &Catalogue) {
    let address = "security.secret.again";
    let handler = catalogue.get(SECRET).unwrap();
    let declared = generated("t/again", "u", address);
    let id = handler.create(&declared, &test.context(address, 60)).await.unwrap().id;
    let first = secret_object(test, &id).await;
    handler.delete(&id, &test.context(address, 61)).await.unwrap();
    let mut changed = declared.clone();
    changed["Description"] = json!("made again");
    let cx = test.context(address, 62);
    let again = handler.create(&changed, &cx).await.unwrap();
    assert_eq!(again.id, id);
    assert_eq!(secret_object(test, &id).await, first);
    assert_eq!(handler.find(&changed, &cx).await.unwrap().unwrap(), again);
    let write_only = &["GenerateSecretString"];
    let life = Life { test, catalogue, type_name: SECRET, address, write_only, owned: true };
    life.expect(&id, &changed).await;
    // An interrupted taking over: the secret is there again, without this operation's mark.
    let after_crash = handler.create(&changed, &test.context(address, 63)).await.unwrap();
    assert_eq!(after_crash.id, id);

    // Gone at once where the tag says so; the name is free.
    let mut at_once = changed.clone();
    at_once["Tags"] = tags(address, &[("groundplan:recovery-days", "0")]);
    life.change(&id, &at_once, 64).await;
    life.end(&id).await;
    let anew = handler.create(&declared, &test.context(address, 65)).await.unwrap();
    assert_ne!(anew.id, id);
    handler.delete(&anew.id, &test.context(address, 66)).await.unwrap();
}

/// What has the name and not our tags is never touched.
async fn anothers(test: &TestCloud, catalogue: &Catalogue) {
    let handler = catalogue.get(SECRET).unwrap();
    let theirs = generated("t/theirs", "u", "security.secret.of-another");
    let id = handler.create(&theirs, &test.context("security.secret.of-another", 70)).await.unwrap().id;
    let address = "security.secret.ours";
    let ours = generated("t/theirs", "u", address);
    for _ in ["there", "waiting for its deletion"] {
        let refused = handler.create(&ours, &test.context(address, 71)).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::AlreadyExists, "{refused}");
        assert!(handler.find(&ours, &test.context(address, 71)).await.unwrap().is_none());
        handler.delete(&id, &test.context(address, 72)).await.unwrap();
    }
    let roles = catalogue.get("AWS::IAM::Role").unwrap();
    let role = json!({ "RoleName": "t-theirs", "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com") });
    roles.create(&role, &test.context("security.role.theirs", 73)).await.unwrap();
    let refused = roles.create(&role, &test.context("security.role.ours", 74)).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::AlreadyExists);
    roles.delete("t-theirs", &test.context("security.role.theirs", 75)).await.unwrap();
}

async fn attachment(test: &TestCloud, catalogue: &Catalogue) {
    let secrets = catalogue.get(SECRET).unwrap();
    let cx = test.context("security.secret.attached", 80);
    let secret = generated("t/attached", "arrakis", "security.secret.attached");
    let arn = secrets.create(&secret, &cx).await.unwrap().id;
    let first = secret_object(test, &arn).await;
    let address = "security.attachment.attached";
    let type_name = "Groundplan::SecretsManager::Attachment";
    let life = Life { test, catalogue, type_name, address, write_only: &[], owned: false };
    let declared = json!({
        "SecretId": arn,
        "Values": { "engine": "postgres", "host": "db.example.com", "port": "5432", "dbname": "arrakis" },
        "UrlTemplate": "postgres://{username}:{password}@{host}:{port}/{dbname}?sslmode=require",
    });
    let id = life.begin(&declared, 81).await;
    let object = secret_object(test, &arn).await;
    let password = first["password"].as_str().unwrap();
    assert_eq!(object["url"], format!("postgres://arrakis:{password}@db.example.com:5432/arrakis?sslmode=require"));

    // The password is rotated by hand: it shows, is not shown, and the next deployment puts it right.
    let key = Change::Keys(vec![("password".to_owned(), SecretText::new("ro/tated"))]);
    value::set(&test.cloud, "us-east-1", &arn, key).await.unwrap();
    let handler = catalogue.get(type_name).unwrap();
    let (live, _) = handler.read(std::slice::from_ref(&id), &cx).await.unwrap().remove(0).unwrap();
    assert_eq!(live["UrlTemplate"], "postgres://{username}:(changed)@{host}:{port}/{dbname}?sslmode=require");
    life.change(&id, &declared, 82).await;
    let url = secret_object(test, &arn).await["url"].clone();
    assert_eq!(url, "postgres://arrakis:ro%2Ftated@db.example.com:5432/arrakis?sslmode=require");

    let less = json!({ "SecretId": arn, "Values": { "host": "db2.example.com" } });
    life.change(&id, &less, 83).await;
    // The secret's own changes leave the attachment's keys alone.
    let (live, _) = secrets.read(std::slice::from_ref(&arn), &cx).await.unwrap().remove(0).unwrap();
    secrets
        .sync(&generated("t/attached", "caladan", "security.secret.attached"), &arn, Some(&live), &cx)
        .await
        .unwrap();
    let expected = json!({ "username": "caladan", "password": "ro/tated", "host": "db2.example.com" });
    assert_eq!(secret_object(test, &arn).await, expected);
    life.end(&id).await;
    assert_eq!(secret_object(test, &arn).await, json!({ "username": "caladan", "password": "ro/tated" }));

    // A secret without a value takes the keys; one that is gone has no attachment.
    secrets.delete(&arn, &cx).await.unwrap();
    assert!(handler.read(std::slice::from_ref(&arn), &cx).await.unwrap()[0].is_none());
    handler.delete(&arn, &cx).await.unwrap();
}

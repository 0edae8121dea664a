//! Each type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

use cloud::FailureKind;
use engine::health::Status;
use lifecycle::{Except, TestCloud, World, tags};
use security::value::{self, Change, SecretText};
use serde_json::{Value, json};

const ROLE: &str = "AWS::IAM::Role";
const SECRET: &str = "AWS::SecretsManager::Secret";

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
    let mut world = World::new(security::register).await;
    roles(&mut world).await;
    many_roles(&mut world).await;
    managed_policy(&mut world).await;
    secret(&mut world).await;
    many_secrets(&world).await;
    taken_over(&mut world).await;
    anothers(&world).await;
    attachment(&mut world).await;
    world.end_all().await;
}

async fn roles(world: &mut World) {
    let address = "security.role.api-task";
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
    // What is declared no more has IAM's default again.
    let except = &[Except::Default("MaxSessionDuration")];
    let id = world.make_except(except, address, ROLE, declared).await.id;
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
    world.change(address, changed).await;

    let inline = "security.role-policy.a";
    let policy = |action: &str| json!({ "PolicyName": "p", "RoleName": id, "PolicyDocument": document(action) });
    world.make(inline, "AWS::IAM::RolePolicy", policy("s3:GetObject")).await;
    world.change(inline, policy("s3:PutObject")).await;
    world.end(inline).await;
    world.end(address).await;
}

/// Many roles are read in two listings, and read as one alone is.
async fn many_roles(world: &mut World) {
    for at in 0..5 {
        let address = format!("security.role.many-{at}");
        let declared = json!({
            "RoleName": format!("t-many-{at}"),
            "Description": format!("number {at}"),
            "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com"),
            "Policies": [{ "PolicyName": "one", "PolicyDocument": document("s3:GetObject") }],
            "Tags": tags(&address, &[]),
        });
        world.make(&address, ROLE, declared).await;
    }
    world.refresh(&[(ROLE, "t-not-there")]).await;
    world.end_all().await;
}

async fn managed_policy(world: &mut World) {
    let role = json!({
        "RoleName": "t-holder",
        "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com"),
        "Tags": tags("security.role.holder", &[]),
    });
    world.make("security.role.holder", ROLE, role).await;
    let address = "security.policy.shared";
    let declared = |action: &str, roles: Value| {
        let mut declared = json!({ "ManagedPolicyName": "t-shared", "PolicyDocument": document(action) });
        if !roles.is_null() {
            declared["Roles"] = roles;
        }
        declared
    };
    world.make(address, "AWS::IAM::ManagedPolicy", declared("s3:GetObject", json!(["t-holder"]))).await;
    // It carries the operation's tag, though CloudFormation gives it no others.
    world.assert_not_anothers(address).await;
    world.assert_not_anothers_without_token(address).await;
    // More changes than IAM keeps versions.
    for at in 0..6 {
        world.change(address, declared(&format!("s3:Get{at}"), Value::Null)).await;
    }
    world.change(address, declared("s3:GetObject", json!(["t-holder"]))).await;
    world.end_all().await;
}

async fn secret_object(cloud: &TestCloud, id: &str) -> Value {
    let cx = cloud.context("security.secret.x");
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

async fn secret(world: &mut World) {
    let address = "security.secret.db";
    let id = world.make(address, SECRET, generated("t/db", "arrakis", address)).await.id;
    assert!(id.starts_with("arn:"));
    let first = secret_object(&world.cloud, &id).await;
    assert_eq!(first["username"], "arrakis");
    assert_eq!(first["password"].as_str().unwrap().len(), 40);

    // A change keeps the password, whatever it says of its making.
    let mut changed = generated("t/db", "caladan", address);
    changed["GenerateSecretString"]["PasswordLength"] = json!(20);
    changed["Tags"] = tags(address, &[("stage", "test")]);
    changed["Description"] = json!("another");
    world.change(address, &changed).await;
    let second = secret_object(&world.cloud, &id).await;
    assert_eq!(second["username"], "caladan");
    assert_eq!(second["password"], first["password"]);

    // A text that refers to another secret is resolved where it is put.
    let derived = "security.secret.derived";
    let reference = cloud::dynamic::secret_reference(&id, "password");
    let text = |more: &str| json!({ "Name": "t/derived", "SecretString": format!("{{\"copy\":\"{reference}\",\"more\":\"{more}\"}}"), "Tags": tags(derived, &[]) });
    let derived_id = world.make(derived, SECRET, text("a")).await.id;
    assert_eq!(secret_object(&world.cloud, &derived_id).await, json!({ "copy": first["password"], "more": "a" }));
    world.change(derived, text("b")).await;
    assert_eq!(secret_object(&world.cloud, &derived_id).await, json!({ "copy": first["password"], "more": "b" }));
    world.end(derived).await;

    // Set by hand: one key, and then the whole.
    let key = Change::Keys(vec![("note".to_owned(), SecretText::new("kept"))]);
    value::set(&world.cloud.connection, "us-east-1", &id, key).await.unwrap();
    let third = secret_object(&world.cloud, &id).await;
    assert_eq!((&third["note"], &third["password"]), (&json!("kept"), &first["password"]));
    value::set(&world.cloud.connection, "us-east-1", &id, Change::Whole(SecretText::new("plain"))).await.unwrap();
    let key = Change::Keys(vec![("note".to_owned(), SecretText::new("kept"))]);
    assert_eq!(
        value::set(&world.cloud.connection, "us-east-1", &id, key).await.unwrap_err().kind,
        FailureKind::Invalid
    );
    // The engine tells what was applied of what cannot be read: nothing changed there, so nothing is written.
    changed["Description"] = json!("a third");
    world.change(address, &changed).await;
    let by_hand = value::get(&id, &world.cloud.context(address)).await.unwrap();
    assert!(by_hand == Some(SecretText::new("plain")));
    world.end(address).await;
}

/// Many secrets are read in one listing, and read as one alone is; those without a value are not well.
async fn many_secrets(world: &World) {
    let handler = world.handler(SECRET);
    let mut resources = Vec::new();
    for at in 0..4 {
        let address = format!("security.secret.many-{at}");
        let mut declared = generated(&format!("t/many-{at}"), "u", &address);
        if at == 0 {
            declared.as_object_mut().unwrap().remove("GenerateSecretString");
        }
        let made = handler.create(&declared, &world.cloud.context(&address)).await.unwrap();
        resources.push((address.as_str().into(), SECRET.to_owned(), made.id, json!({})));
    }
    let ids: Vec<String> = resources.iter().map(|(_, _, id, _)| id.clone()).collect();
    let cx = world.cloud.refresh("security.secret.many-0");
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
    let gone = security::health::check(&resources[..1], &world.cloud.refresh("security.secret.many-0")).await;
    assert_eq!(gone[0].status, Status::Unhealthy);
}

/// A destroyed environment is deployed again: its secrets wait for their deletion, and come back.
async fn taken_over(world: &mut World) {
    let address = "security.secret.again";
    let handler = world.handler(SECRET);
    let declared = generated("t/again", "u", address);
    let id = handler.create(&declared, &world.cloud.context(address)).await.unwrap().id;
    let first = secret_object(&world.cloud, &id).await;
    handler.delete(&id, &world.cloud.context(address)).await.unwrap();
    let mut changed = declared.clone();
    changed["Description"] = json!("made again");
    let cx = world.cloud.context(address);
    let again = handler.create(&changed, &cx).await.unwrap();
    assert_eq!(again.id, id);
    assert_eq!(secret_object(&world.cloud, &id).await, first);
    assert_eq!(handler.find(&changed, &cx).await.unwrap().unwrap(), again);
    world.hold(address, SECRET, &id, &changed);
    world.expect(address, &changed).await;
    // An interrupted taking over: the secret is there again, without this operation's mark.
    let after_crash = handler.create(&changed, &world.cloud.context(address)).await.unwrap();
    assert_eq!(after_crash.id, id);

    // Gone at once where the tag says so; the name is free.
    let mut at_once = changed.clone();
    at_once["Tags"] = tags(address, &[("groundplan:recovery-days", "0")]);
    world.change(address, at_once).await;
    world.end(address).await;
    let anew = handler.create(&declared, &world.cloud.context(address)).await.unwrap();
    assert_ne!(anew.id, id);
    handler.delete(&anew.id, &world.cloud.context(address)).await.unwrap();
}

/// What has the name and not our tags is never touched.
async fn anothers(world: &World) {
    let handler = world.handler(SECRET);
    let theirs = generated("t/theirs", "u", "security.secret.of-another");
    let id = handler.create(&theirs, &world.cloud.context("security.secret.of-another")).await.unwrap().id;
    let address = "security.secret.ours";
    let ours = generated("t/theirs", "u", address);
    let cx = world.cloud.context(address);
    for _ in ["there", "waiting for its deletion"] {
        let refused = handler.create(&ours, &cx).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::AlreadyExists, "{refused}");
        assert!(handler.find(&ours, &cx).await.unwrap().is_none());
        handler.delete(&id, &world.cloud.context(address)).await.unwrap();
    }
    let roles = world.handler(ROLE);
    let role = json!({ "RoleName": "t-theirs", "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com") });
    roles.create(&role, &world.cloud.context("security.role.theirs")).await.unwrap();
    let refused = roles.create(&role, &world.cloud.context("security.role.ours")).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::AlreadyExists);
    roles.delete("t-theirs", &world.cloud.context("security.role.theirs")).await.unwrap();
}

async fn attachment(world: &mut World) {
    let secrets = world.handler(SECRET);
    let cx = world.cloud.context("security.secret.attached");
    let secret = generated("t/attached", "arrakis", "security.secret.attached");
    let arn = secrets.create(&secret, &cx).await.unwrap().id;
    let first = secret_object(&world.cloud, &arn).await;
    let address = "security.attachment.attached";
    let type_name = "Groundplan::SecretsManager::Attachment";
    let declared = json!({
        "SecretId": arn,
        "Values": { "engine": "postgres", "host": "db.example.com", "port": "5432", "dbname": "arrakis" },
        "UrlTemplate": "postgres://{username}:{password}@{host}:{port}/{dbname}?sslmode=require",
    });
    world.make(address, type_name, &declared).await;
    let object = secret_object(&world.cloud, &arn).await;
    let password = first["password"].as_str().unwrap();
    assert_eq!(object["url"], format!("postgres://arrakis:{password}@db.example.com:5432/arrakis?sslmode=require"));

    // The password is rotated by hand: it shows, is not shown, and the next deployment puts it right.
    let key = Change::Keys(vec![("password".to_owned(), SecretText::new("ro/tated"))]);
    value::set(&world.cloud.connection, "us-east-1", &arn, key).await.unwrap();
    let (live, _) = world.read(address).await.unwrap();
    assert_eq!(live["UrlTemplate"], "postgres://{username}:(changed)@{host}:{port}/{dbname}?sslmode=require");
    world.change(address, &declared).await;
    let url = secret_object(&world.cloud, &arn).await["url"].clone();
    assert_eq!(url, "postgres://arrakis:ro%2Ftated@db.example.com:5432/arrakis?sslmode=require");

    let less = json!({ "SecretId": arn, "Values": { "host": "db2.example.com" } });
    world.change(address, less).await;
    // The secret's own changes leave the attachment's keys alone.
    let (live, _) = secrets.read(std::slice::from_ref(&arn), &cx).await.unwrap().remove(0).unwrap();
    secrets
        .sync(&generated("t/attached", "caladan", "security.secret.attached"), &arn, Some(&live), &cx)
        .await
        .unwrap();
    let expected = json!({ "username": "caladan", "password": "ro/tated", "host": "db2.example.com" });
    assert_eq!(secret_object(&world.cloud, &arn).await, expected);
    world.end(address).await;
    assert_eq!(secret_object(&world.cloud, &arn).await, json!({ "username": "caladan", "password": "ro/tated" }));

    // A secret without a value takes the keys; one that is gone has no attachment.
    secrets.delete(&arn, &cx).await.unwrap();
    let handler = world.handler(type_name);
    assert!(handler.read(std::slice::from_ref(&arn), &cx).await.unwrap()[0].is_none());
    handler.delete(&arn, &cx).await.unwrap();
}

//! Resource Groups Tagging: `GetResources` over both emulators, and over kinds that neither of them lists.
//! <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::emulators::{ACCOUNT, Emulator};
use crate::forward;
use crate::reply::Reply;
use crate::xml::Element;

/// Tags by ARN.
type Found = BTreeMap<String, BTreeMap<String, String>>;

/// Kinds of EC2 that moto tags and does not list, and their part of an ARN.
const EC2_UNLISTED: &[(&str, &str)] = &[
    ("network-acl", "network-acl"),
    ("security-group-rule", "security-group-rule"),
    ("vpc-elastic-ip", "elastic-ip"),
    ("vpc-endpoint", "vpc-endpoint"),
];

pub(super) async fn around(cloud: &Cloud, call: Call) -> Reply {
    if call.operation != "GetResources" {
        return forward::send(cloud, call).await;
    }
    let (region, body) = (call.region.clone(), call.body());
    let mut found = Found::new();
    for emulator in [Emulator::Moto, Emulator::Ministack] {
        listed(cloud, emulator, &region, &mut found).await;
    }
    ec2(cloud, &region, &mut found).await;
    rds(cloud, &region, &mut found).await;
    alarms_and_dashboards(cloud, &region, &mut found).await;
    repositories(cloud, &region, &mut found).await;
    let chosen: Vec<Value> = found
        .iter()
        .filter(|(arn, tags)| !tags.is_empty() && wanted(&body, arn, tags))
        .map(|(arn, tags)| {
            let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            json!({"ResourceARN": arn, "Tags": tags})
        })
        .collect();
    let answer = page(&body, chosen);
    Reply::new(StatusCode::OK, "application/x-amz-json-1.1", answer.to_string().into())
}

/// One page; its token is the place of the next.
fn page(body: &Value, all: Vec<Value>) -> Value {
    let size = body["ResourcesPerPage"].as_u64().unwrap_or(100).clamp(1, 100);
    let start = body["PaginationToken"].as_str().and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
    let end = start.saturating_add(usize::try_from(size).unwrap_or(100)).min(all.len());
    let token = if end < all.len() { end.to_string() } else { String::new() };
    json!({"ResourceTagMappingList": all.get(start..end).unwrap_or_default(), "PaginationToken": token})
}

/// Whether a resource passes the filters: all tag filters, one of the types, one of the ARNs.
fn wanted(body: &Value, arn: &str, tags: &BTreeMap<String, String>) -> bool {
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let tagged = body["TagFilters"].as_array().into_iter().flatten().all(|filter| {
        let value = filter["Key"].as_str().and_then(|key| tags.get(key));
        let values = list(&filter["Values"]);
        value.is_some_and(|value| values.is_empty() || values.contains(value))
    });
    let (types, arns) = (list(&body["ResourceTypeFilters"]), list(&body["ResourceARNList"]));
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default();
    let resource = parts.nth(2).unwrap_or_default();
    let kind = resource.split(['/', ':']).next().unwrap_or_default();
    let typed = types.iter().any(|name| match name.split_once(':') {
        Some((of, rest)) => of == service && rest.split('/').next() == Some(kind),
        None => name == service,
    });
    tagged && (types.is_empty() || typed) && (arns.is_empty() || arns.iter().any(|one| one == arn))
}

fn pairs(tags: &Value) -> BTreeMap<String, String> {
    let entries = tags.as_array().into_iter().flatten();
    entries.filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned()))).collect()
}

fn xml_pairs(root: &Element) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    root.each("Tag", &mut |tag| {
        tags.extend(tag.get("Key").map(|key| (key, tag.get("Value").unwrap_or_default())));
    });
    tags
}

/// What an emulator lists itself, page by page.
async fn listed(cloud: &Cloud, emulator: Emulator, region: &str, found: &mut Found) {
    let mut token = String::new();
    loop {
        let body = if token.is_empty() { json!({}) } else { json!({"PaginationToken": token}) };
        let call = Call::json("tagging", region, "ResourceGroupsTaggingAPI_20170126.GetResources", &body);
        let answer = forward::to(cloud, emulator, call).await.whole().await.json();
        for mapping in answer["ResourceTagMappingList"].as_array().into_iter().flatten() {
            if let Some(arn) = mapping["ResourceARN"].as_str() {
                let arn = arn.replacen(":flow-logs/", ":vpc-flow-log/", 1);
                found.insert(arn, pairs(&mapping["Tags"]));
            }
        }
        match answer["PaginationToken"].as_str() {
            Some(next) if !next.is_empty() && next != token => next.clone_into(&mut token),
            _ => return,
        }
    }
}

async fn ask(cloud: &Cloud, service: &str, region: &str, operation: &str, fields: &[(&str, &str)]) -> Option<Element> {
    let version = if service == "ec2" { "2016-11-15" } else { "2014-10-31" };
    let reply = forward::send(cloud, Call::query(service, region, operation, version, fields)).await.whole().await;
    reply.xml().filter(|_| reply.status.is_success())
}

async fn ec2(cloud: &Cloud, region: &str, found: &mut Found) {
    let Some(root) = ask(cloud, "ec2", region, "DescribeTags", &[]).await else { return };
    for item in root.child("tagSet").into_iter().flat_map(|set| &set.children) {
        let text = |name: &str| item.get(name).unwrap_or_default();
        let kind = EC2_UNLISTED.iter().find(|(moto, _)| *moto == text("resourceType"));
        if let Some((_, kind)) = kind {
            let arn = format!("arn:aws:ec2:{region}:{ACCOUNT}:{kind}/{}", text("resourceId"));
            found.entry(arn).or_default().insert(text("key"), text("value"));
        }
    }
}

async fn rds(cloud: &Cloud, region: &str, found: &mut Found) {
    let kinds = [
        ("DescribeDBInstances", "DBInstance", "DBInstanceArn"),
        ("DescribeDBClusters", "DBCluster", "DBClusterArn"),
        ("DescribeDBSubnetGroups", "DBSubnetGroup", "DBSubnetGroupArn"),
        ("DescribeDBParameterGroups", "DBParameterGroup", "DBParameterGroupArn"),
        ("DescribeDBSnapshots", "DBSnapshot", "DBSnapshotArn"),
    ];
    for (operation, item, name) in kinds {
        let mut arns = Vec::new();
        if let Some(root) = ask(cloud, "rds", region, operation, &[]).await {
            root.each(item, &mut |element| arns.extend(element.get(name)));
        }
        for arn in arns {
            if let Some(tags) = ask(cloud, "rds", region, "ListTagsForResource", &[("ResourceName", &arn)]).await {
                found.insert(arn, xml_pairs(&tags));
            }
        }
    }
}

async fn alarms_and_dashboards(cloud: &Cloud, region: &str, found: &mut Found) {
    let call = |operation: &str, body: &Value| {
        Call::json("monitoring", region, &format!("GraniteServiceVersion20100801.{operation}"), body)
    };
    let all = json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100});
    let answer = forward::send(cloud, call("DescribeAlarms", &all)).await.whole().await.json();
    let boards = forward::send(cloud, call("ListDashboards", &json!({}))).await.whole().await.json();
    let lists = [&answer["MetricAlarms"], &answer["CompositeAlarms"], &boards["DashboardEntries"]];
    let arn = |entry: &Value| entry["AlarmArn"].as_str().or(entry["DashboardArn"].as_str()).map(str::to_owned);
    for arn in lists.into_iter().filter_map(Value::as_array).flatten().filter_map(arn) {
        let tags = call("ListTagsForResource", &json!({"ResourceARN": arn}));
        let tags = forward::send(cloud, tags).await.whole().await.json();
        found.insert(arn, pairs(&tags["Tags"]));
    }
}

async fn repositories(cloud: &Cloud, region: &str, found: &mut Found) {
    let call = |operation: &str, body: &Value| {
        Call::json("ecr", region, &format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), body)
    };
    let answer = forward::send(cloud, call("DescribeRepositories", &json!({}))).await.whole().await.json();
    for repository in answer["repositories"].as_array().into_iter().flatten() {
        if let Some(arn) = repository["repositoryArn"].as_str() {
            let tags = call("ListTagsForResource", &json!({"resourceArn": arn}));
            let tags = forward::send(cloud, tags).await.whole().await.json();
            found.insert(arn.to_owned(), pairs(&tags["tags"]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_pages() {
        let tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
        let subnet = "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1";
        for (body, expected) in [
            (json!({}), true),
            (json!({"TagFilters": [{"Key": "env", "Values": ["prod", "dev"]}]}), true),
            (json!({"TagFilters": [{"Key": "env"}]}), true),
            (json!({"TagFilters": [{"Key": "env", "Values": ["dev"]}]}), false),
            (json!({"TagFilters": [{"Key": "env"}, {"Key": "other"}]}), false),
            (json!({"ResourceTypeFilters": ["ec2:subnet"]}), true),
            (json!({"ResourceTypeFilters": ["ec2"]}), true),
            (json!({"ResourceTypeFilters": ["ec2:vpc", "rds"]}), false),
            (json!({"ResourceARNList": [subnet]}), true),
            (json!({"ResourceARNList": ["arn:other"]}), false),
        ] {
            assert_eq!(wanted(&body, subnet, &tags), expected, "{body}");
        }
        let all: Vec<Value> = (0..5).map(Value::from).collect();
        let first = page(&json!({"ResourcesPerPage": 3}), all.clone());
        assert_eq!(first, json!({"ResourceTagMappingList": [0, 1, 2], "PaginationToken": "3"}));
        let last = page(&json!({"ResourcesPerPage": 3, "PaginationToken": "3"}), all);
        assert_eq!(last, json!({"ResourceTagMappingList": [3, 4], "PaginationToken": ""}));
    }
}
